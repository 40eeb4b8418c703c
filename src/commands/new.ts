import { type ReceivedCommand, text } from "./command.ts";

/** What was said before stays stored, but the model sees it no more. */
export const newCommand: ReceivedCommand = {
  when: "received",
  names: ["new", "reset", "clear", "新对话"],
  aliases: ["新对话", "重新开始", "清空对话"],
  summary: { zh: "开始新的对话,忘掉之前说的", en: "start anew, forgetting what was said" },
  usage: { zh: "[新的问题]", en: "[a new question]" },
  run({ stop, forget, ask }, question) {
    stop();
    forget();
    if (question === "") return text("好的,我们重新开始。", "All right, a fresh start.");
    ask(question);
    return undefined;
  },
};
