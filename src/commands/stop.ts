import { type ReceivedCommand, text } from "./command.ts";

/** Its reply is the answer of the messages that it stopped, too. In groups only the asker or an admin stops an answer. */
export const stop: ReceivedCommand = {
  when: "received",
  names: ["stop"],
  aliases: ["停止", "停"],
  summary: { zh: "停止正在进行的回答", en: "stop the answer under way" },
  run: ({ stop }) =>
    stop() > 0
      ? text("已停止。", "Stopped.")
      : text("现在没有你能停止的回答。", "There is no answer of yours to stop."),
};
