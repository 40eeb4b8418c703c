import type { QueuedCommand } from "./command.ts";

/** Gives what did not fit or did not arrive. With nothing kept, the model goes on from what it sees in the history. */
export const continueCommand: QueuedCommand = {
  when: "queued",
  names: ["continue", "more"],
  aliases: ["继续"],
  summary: { zh: "接着发没发完的内容", en: "send what is left of an answer" },
  run: ({ takeKept }) => takeKept(),
};
