import { type ReceivedCommand, text } from "./command.ts";

/** The answer before is not shown to the model: it would say it again. */
export const retry: ReceivedCommand = {
  when: "received",
  names: ["retry", "again", "重试", "重答"],
  aliases: ["重试", "重新回答"],
  summary: { zh: "把上一个问题再问一遍", en: "ask your last question again" },
  run({ askAgain }) {
    switch (askAgain()) {
      case "asked":
        return undefined;
      case "running":
        return text(
          "上一个问题还在回答。不想等的话,先发 /stop。",
          "Your last question is being answered; /stop ends that.",
        );
      case "nothing":
        return text("没有可以重问的问题。", "There is no question to ask again.");
    }
  },
};
