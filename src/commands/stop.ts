import type { ChatCommand } from "./command.ts";

/** Its reply is the answer of the messages that it stopped, too. In groups only the asker or an admin stops an answer. */
export const stop: ChatCommand = {
  name: "stop",
  aliases: ["停止", "停"],
  summary: { zh: "停止正在进行的回答", en: "stop the answer under way" },
  immediate: true,
  run({ stop }) {
    const text = stop() > 0 ? "已停止。/ Stopped." : "现在没有你能停止的回答。/ There is no answer of yours to stop.";
    return { kind: "text", text };
  },
};
