import type { Choosing } from "./choosing.ts";
import { choosing } from "./choosing.ts";
import type { ReceivedCommand } from "./command.ts";

/** What the operator offers, and nothing else: each costs money. */
export function modelChoice(models: readonly string[]): Choosing {
  return {
    name: "model",
    what: { zh: "模型", en: "model" },
    options: models.map((model) => ({ value: model, names: [model] })),
  };
}

export const model: ReceivedCommand = {
  when: "received",
  names: ["model", "models", "模型"],
  aliases: [],
  summary: { zh: "看看、选一个模型", en: "show or choose the model" },
  usage: { zh: "[序号或名字] [全群]", en: "[NUMBER or NAME] [group]" },
  run: (chat, argument) => choosing(chat, argument, modelChoice(chat.models)),
};
