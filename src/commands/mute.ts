import { type ReceivedCommand, text } from "./command.ts";

const DEFAULT_MINUTES = 60;
/** A month. */
const MOST_MINUTES = 30 * 24 * 60;

export const mute: ReceivedCommand = {
  when: "received",
  names: ["mute", "静音", "闭嘴"],
  aliases: [],
  summary: { zh: "让我在这里安静一会儿(群里要管理员)", en: "keep me quiet here for a while (in groups: admins)" },
  usage: { zh: "[分钟] | off", en: "[minutes] | off" },
  run({ mute, speaksForChat, nowMs }, argument) {
    if (!speaksForChat) return text("群里只有管理员能让我安静。", "In a group only its admins can do that.");
    if (/^(off|关|关闭|取消)$/i.test(argument)) {
      mute(undefined);
      return text("好的,我又能说话了。", "I talk again.");
    }
    const minutes = argument === "" ? DEFAULT_MINUTES : Number(/^(\d{1,6})\s*(?:min|m|分钟?)?$/i.exec(argument)?.[1]);
    if (!(minutes >= 1 && minutes <= MOST_MINUTES))
      return text(
        `分钟数应在 1 到 ${MOST_MINUTES} 之间,例如 /mute 30。`,
        `Minutes from 1 to ${MOST_MINUTES}, such as /mute 30.`,
      );
    mute(nowMs + minutes * 60_000);
    return text(
      `好的,我安静 ${minutes} 分钟;命令照样有用,/mute off 提前结束。`,
      `Quiet for ${minutes} minutes; commands still work, /mute off ends it.`,
    );
  },
};
