/**
 * What people choose of the bot, and for whom it counts: what a person chose before what the chat chose, that before what the
 * owner chose for all chats, and that before what the settings say of the bot.
 */

/** Names are stored: change none. */
export const CHOICES = ["model", "persona", "thinking", "language"] as const;
export type ChoiceName = (typeof CHOICES)[number];

export type Scope = "person" | "chat";

/** What the bot's owner has chosen for all chats. */
export interface Defaults {
  /** Rises with every change: a chat keeps the newest that it has heard of. */
  n: number;
  values: Readonly<Partial<Record<ChoiceName, string | undefined>>>;
}

/** What counts here for somebody, and who has chosen it. */
export interface ChoiceView {
  /** Undefined: as the settings say. */
  value: string | undefined;
  from: Scope | "owner" | "settings";
  /** The operator has fixed it (`LOCKED_CHOICES`). */
  isLocked: boolean;
}

/** How much a model thinks before it answers, as the AI SDK's packages name it. */
export const THINKING = ["none", "low", "medium", "high"] as const;
export type Thinking = (typeof THINKING)[number];

/** Languages of answers. */
export const LANGUAGES: Readonly<Record<string, { zh: string; en: string }>> = {
  zh: { zh: "中文", en: "Chinese" },
  en: { zh: "英文", en: "English" },
  ja: { zh: "日文", en: "Japanese" },
  ko: { zh: "韩文", en: "Korean" },
};

/** Personas to choose from: a name that people type, and what the model is told. */
export const PERSONAS: Readonly<Record<string, { title: string; text: string }>> = {
  assistant: {
    title: "助手",
    text: "你是 QQ 里的 AI 助手。先给结论,简洁、友善、诚实;不知道就说不知道。需要时可以用 Markdown,少用表格。",
  },
  teacher: {
    title: "老师",
    text: "你是一位耐心的老师。先弄清对方懂多少,用例子一步一步讲,一次只讲一件事,最后问一个小问题看看懂了没有。",
  },
  translator: {
    title: "翻译",
    text: "你是翻译。中文译成英文,其他语言译成中文;只给译文,不解释。拿不准的词在译文后用括号注明。",
  },
  coder: {
    title: "程序员",
    text: "你是资深程序员。先给能运行的代码,再用两三句话说明为什么;指出边界情况,不确定的地方直说。",
  },
  writer: {
    title: "文案",
    text: "你是中文写作者。语言干净、具体,不用套话;按对方要的篇幅和语气写,写完不加评论。",
  },
  cat: { title: "猫娘", text: "你是一只会说话的猫娘,活泼、有点傲娇,句尾偶尔带「喵」;正事照样认真回答,不编造。" },
};
