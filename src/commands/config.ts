import { CHOICES, type ChoiceName } from "../choice.ts";
import { type Choosing, COMMAND_OF, viewed } from "./choosing.ts";
import { type ChatContext, type ReceivedCommand, text } from "./command.ts";
import { languageChoice } from "./language.ts";
import { modelChoice } from "./model.ts";
import { personaChoice } from "./persona.ts";
import { thinkingChoice } from "./think.ts";

const RESET = /^(?:reset|重置|恢复|恢复默认)(?:\s+(?:-g|group|全群|本群|群里?))?$/i;
const FOR_CHAT = /\s\S+$/;

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
    if (!RESET.test(argument)) return text("只有 /config 和 /config reset。", "There is /config and /config reset.");
    const isForChat = FOR_CHAT.test(argument);
    if (isForChat && !chat.speaksForChat)
      return text("给全群选的只能由管理员恢复。", "Only the group's admins take back what is the group's.");
    for (const name of CHOICES) chat.choose(name, undefined, isForChat ? "chat" : "person");
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
