import { type AskingCommand, text } from "./command.ts";

/** The way of this very message. QQ tells its time to the second only. */
export const ping: AskingCommand = {
  when: "asking",
  names: ["ping", "bot-ping"],
  aliases: [],
  summary: { zh: "消息在路上用了多久", en: "how long a message takes" },
  async ask(_, __, { message: { sentAtMs, receivedAtMs }, storedAtMs, nowMs }) {
    const fromQQ = Math.max(0, receivedAtMs - sentAtMs);
    const [stored, sent] = [storedAtMs - receivedAtMs, nowMs - storedAtMs].map((ms) => Math.max(0, Math.round(ms)));
    return text(
      `pong!QQ → 我:约 ${Math.round(fromQQ)} ms(QQ 的时间只到秒);存下:${stored} ms;到发出:${sent} ms。`,
      `pong! QQ → me: about ${Math.round(fromQQ)} ms (QQ's clock shows seconds); stored: ${stored} ms; until sent: ${sent} ms.`,
    );
  },
};
