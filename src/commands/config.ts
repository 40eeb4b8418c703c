import { CHOICES, type ChoiceName, type ChoiceView } from "../choice.ts";
import { ADMINS_ONLY, type Choosing, COMMAND_OF, isReset, mayChooseFor, readScope, viewed } from "./choosing.ts";
import { type ReceivedCommand, text } from "./command.ts";
import { languageChoice } from "./language.ts";
import { modelChoice } from "./model.ts";
import { personaChoice } from "./persona.ts";
import { thinkingChoice } from "./think.ts";

/** All that can be chosen here, and by whom it was. */
export const config: ReceivedCommand = {
  when: "received",
  names: ["config", "settings", "设置", "配置"],
  aliases: [],
  summary: { zh: "看看选了什么;reset 全部恢复", en: "what is chosen; reset takes it all back" },
  usage: { zh: "[reset [全群]]", en: "[reset [group]]" },
  run(chat, argument) {
    const [zh, en] = viewedAll(chat.models, chat.choices());
    const how = CHOICES.map((name) => `/${COMMAND_OF[name]}`).join(" ");
    if (argument === "") {
      return text(
        [...zh, `用 ${how} 来选,/config reset 全部恢复。`].join("\n"),
        [...en, `${how} choose, /config reset takes it back.`].join("\n"),
      );
    }
    const { wanted, scope } = readScope(chat, argument);
    if (!isReset(wanted)) return text("只有 /config 和 /config reset。", "There is /config and /config reset.");
    if (!mayChooseFor(chat, scope)) return ADMINS_ONLY;
    for (const name of CHOICES) chat.choose(name, undefined, scope);
    const [nowZh, nowEn] = viewedAll(chat.models, chat.choices());
    return text(["已恢复。", ...nowZh].join("\n"), ["Taken back.", ...nowEn].join("\n"));
  },
};

/** A line for each choice, in both languages. */
export function viewedAll(
  models: readonly string[],
  views: Readonly<Record<ChoiceName, ChoiceView>>,
): [zh: string[], en: string[]] {
  const kinds = choosable(models);
  const lines = CHOICES.map((name) => viewed(kinds[name], views[name]));
  return [lines.map(({ zh }) => zh), lines.map(({ en }) => en)];
}

/** All that can be chosen. */
export function choosable(models: readonly string[]): Record<ChoiceName, Choosing> {
  return { model: modelChoice(models), persona: personaChoice, thinking: thinkingChoice, language: languageChoice };
}
