import { isPrivate } from "../event.ts";
import { type AskingCommand, type Spent, text, type Words } from "./command.ts";

/** What models were asked: by this person, in this chat, and, for the owner, by everybody. */
export const usage: AskingCommand = {
  when: "asking",
  names: ["usage", "cost", "用量"],
  aliases: ["用量"],
  summary: { zh: "今天和这个月用了多少", en: "what was used today and this month" },
  async ask(desk, _, { message: { sender, chat } }) {
    const { person, all, bot } = await desk.usage(sender.id);
    const lines: [Words, Spent][] = [
      [{ zh: "你", en: "you" }, person],
      ...(isPrivate(chat) ? [] : [[{ zh: "这里所有人", en: "everybody here" }, all] as [Words, Spent]]),
      ...(bot ? [[{ zh: "整个机器人(约)", en: "the whole bot (about)" }, bot] as [Words, Spent]] : []),
    ];
    return text(
      lines.map(([{ zh }, { today, month }]) => `${zh}:今天 ${count(today)},本月 ${count(month)} token`).join("\n"),
      lines
        .map(([{ en }, { today, month }]) => `${en}: ${count(today)} tokens today, ${count(month)} this month`)
        .join("\n"),
    );
  },
};

function count(tokens: number): string {
  return Math.round(tokens).toLocaleString("en");
}
