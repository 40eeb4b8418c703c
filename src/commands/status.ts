import { type ReceivedCommand, text } from "./command.ts";
import { viewedAll } from "./config.ts";

export const status: ReceivedCommand = {
  when: "received",
  names: ["status", "状态"],
  aliases: [],
  summary: { zh: "现在的情况", en: "how things are" },
  run(chat) {
    const { open, remembered, mutedUntilMs } = chat.status();
    const minutes = mutedUntilMs === undefined ? 0 : Math.ceil((mutedUntilMs - chat.nowMs) / 60_000);
    const [zh, en] = viewedAll(chat.models, chat.choices());
    return text(
      [
        open > 0 ? `正在处理 ${open} 条消息。` : "没有消息在等。",
        `这次对话记得 ${remembered.messages} 条,约 ${remembered.tokens} token。`,
        ...(minutes > 0 ? [`安静中,还有 ${minutes} 分钟。`] : []),
        ...zh,
      ].join("\n"),
      [
        open > 0 ? `${open} message(s) in work.` : "Nothing waits.",
        `This conversation remembers ${remembered.messages}, about ${remembered.tokens} tokens.`,
        ...(minutes > 0 ? [`Quiet for another ${minutes} minutes.`] : []),
        ...en,
      ].join("\n"),
    );
  },
};
