import { type Choosing, choosing } from "./choosing.ts";
import type { ReceivedCommand } from "./command.ts";

export const thinkingChoice: Choosing = {
  name: "thinking",
  what: { zh: "思考程度", en: "thinking" },
  options: [
    { value: "none", names: ["关 off", "off", "none", "关", "不", "不思考"] },
    { value: "low", names: ["少 low", "low", "minimal", "少", "低"] },
    { value: "medium", names: ["中 medium", "medium", "mid", "on", "中", "开"] },
    { value: "high", names: ["多 high", "high", "max", "多", "高"] },
  ],
};

/** How much the model thinks before it answers, where it can. */
export const think: ReceivedCommand = {
  when: "received",
  names: ["think", "thinking", "reasoning", "思考"],
  aliases: [],
  summary: { zh: "回答前想多少(模型支持的话)", en: "how much to think first, where the model can" },
  usage: { zh: "[关|少|中|多] [全群]", en: "[off|low|medium|high] [group]" },
  run: (chat, argument) => choosing(chat, argument, thinkingChoice),
};
