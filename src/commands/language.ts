import { LANGUAGES } from "../choice.ts";
import { type Choosing, choosing } from "./choosing.ts";
import type { ReceivedCommand } from "./command.ts";

export const languageChoice: Choosing = {
  name: "language",
  what: { zh: "回答的语言", en: "language of answers" },
  options: Object.entries(LANGUAGES).map(([value, { zh, en }]) => ({ value, names: [zh, en] })),
};

export const language: ReceivedCommand = {
  when: "received",
  names: ["lang", "language", "语言"],
  aliases: [],
  summary: { zh: "用什么语言回答", en: "in which language to answer" },
  usage: { zh: "[中文|英文|日文|韩文] [全群]", en: "[Chinese|English|Japanese|Korean] [group]" },
  run: (chat, argument) => choosing(chat, argument, languageChoice),
};
