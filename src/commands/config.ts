import { CHOICES, type ChoiceName } from "../choice.ts";
import { ADMINS_ONLY, type Choosing, COMMAND_OF, isReset, mayChooseFor, readScope, viewed } from "./choosing.ts";
import { type ChatContext, type ReceivedCommand, text } from "./command.ts";
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
    const [zh, en] = shownChoices(chat);
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
    const [nowZh, nowEn] = shownChoices(chat);
    return text(["已恢复。", ...nowZh].join("\n"), ["Taken back.", ...nowEn].join("\n"));
  },
};

/** A line for each choice, in both languages. */
export function shownChoices(chat: ChatContext): [zh: string[], en: string[]] {
  const kinds: Record<ChoiceName, Pick<Choosing, "what" | "options">> = {
    model: modelChoice(chat.models),
    persona: personaChoice,
    thinking: thinkingChoice,
    language: languageChoice,
  };
  const views = chat.choices();
  const lines = CHOICES.map((name) => viewed(kinds[name], views[name]));
  return [lines.map(({ zh }) => zh), lines.map(({ en }) => en)];
}
