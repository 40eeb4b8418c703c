import { CHOICES, type ChoiceName, type ChoiceView } from "../choice.ts";
import { COMMAND_OF, find, isReset, lockedWords, nameOf, pick, shown } from "./choosing.ts";
import { type AskingCommand, type ForAll, text } from "./command.ts";
import { choosable, viewedAll } from "./config.ts";
import { language } from "./language.ts";
import { model } from "./model.ts";
import { persona } from "./persona.ts";
import { think } from "./think.ts";

/** What counts for everybody who has chosen nothing: the owner's word, without a new deployment. */
export const defaults: AskingCommand = {
  when: "asking",
  names: ["default", "defaults", "默认"],
  aliases: [],
  summary: { zh: "给所有聊天选模型、人设等", en: "choose model, persona and more for all chats" },
  usage: { zh: "[model|persona|think|lang 要选的] | reset", en: "[model|persona|think|lang CHOICE] | reset" },
  isOwners: true,
  async ask(desk, argument) {
    const forAll = await desk.choose();
    if (!forAll) return text("只有主人能给所有聊天选。", "Only the owner chooses for all chats.");
    if (argument === "") return shownAll(forAll);
    if (isReset(argument)) {
      const changed = await desk.choose(Object.fromEntries(CHOICES.map((name) => [name, undefined])));
      return shownAll(changed ?? forAll, "已恢复。", "Taken back.");
    }

    const kinds = choosable(forAll.models);
    const { name, wanted } = readKind(argument, kinds);
    if (!name) {
      const options = CHOICES.map((one) => `/default ${COMMAND_OF[one]}`).join(" ");
      return text(`先写选什么:${options}`, `Say first what to choose: ${options}`);
    }
    const kind = kinds[name];
    const command = `default ${COMMAND_OF[name]}`;
    if (wanted === "") return shown(kind, viewOf(forAll, name), command);
    if (forAll.locked.includes(name)) return lockedWords(kind);
    const picked = isReset(wanted) ? { value: undefined } : pick(kind, wanted);
    if (picked === undefined) return shown(kind, viewOf(forAll, name), command, wanted);
    if ("why" in picked) return picked.why;
    await desk.choose({ [name]: picked.value });
    const { zh, en } = nameOf(kind, picked.value);
    return text(
      `好的,所有聊天的${kind.what.zh}:${zh}。自己或本群选过的照旧。`,
      `Done: the ${kind.what.en} for all chats is ${en}, where nobody has chosen otherwise.`,
    );
  },
};

const KINDS: Record<ChoiceName, readonly string[]> = {
  model: model.names,
  persona: persona.names,
  thinking: think.names,
  language: language.names,
};

/** `model 2`, `/model 2`, or a choice alone that only one kind has. */
function readKind(
  argument: string,
  kinds: ReturnType<typeof choosable>,
): { name?: ChoiceName | undefined; wanted: string } {
  const [, word = "", wanted = ""] = /^[/\uff0f]?(\S+)\s*([\s\S]*)$/.exec(argument) ?? [];
  const named = CHOICES.find((name) => KINDS[name].includes(word.toLowerCase()));
  if (named) return { name: named, wanted };
  const isNumber = /^\d+$/.test(argument);
  const having = isNumber ? [] : CHOICES.filter((name) => find(kinds[name].options, argument));
  return { name: having.length === 1 ? having[0] : undefined, wanted: argument };
}

function shownAll(forAll: ForAll, ...before: [zh: string, en: string] | []) {
  const views = Object.fromEntries(CHOICES.map((name) => [name, viewOf(forAll, name)]));
  const [zh, en] = viewedAll(forAll.models, views as Record<ChoiceName, ChoiceView>); // each of CHOICES
  const [beforeZh, beforeEn] = before;
  return text(
    [beforeZh, "所有聊天:", ...zh, "用 /default model 名字 这样来选,/default reset 全部恢复。"]
      .filter(Boolean)
      .join("\n"),
    [beforeEn, "All chats:", ...en, "“/default model NAME” and so on choose, “/default reset” takes it back."]
      .filter(Boolean)
      .join("\n"),
  );
}

function viewOf({ chosen, locked }: ForAll, name: ChoiceName): ChoiceView {
  const [value, isLocked] = [chosen[name], locked.includes(name)];
  return isLocked || value === undefined
    ? { value: undefined, from: "settings", isLocked }
    : { value, from: "owner", isLocked };
}
