/**
 * What the model is told: the persona, where it is and who speaks, the time, and what was said. Small on purpose.
 */
import type { LanguageModelV4Message, LanguageModelV4Prompt } from "@ai-sdk/provider";
import type { Attachment, IncomingMessage, Quote, Scene } from "../event.ts";

/** Something said earlier, oldest first in a list of them. */
export type Utterance = { role: "user"; message: IncomingMessage } | { role: "assistant"; text: string };

export interface PromptInput {
  persona: string;
  scene: Scene;
  nowMs: number;
  history: readonly Utterance[];
  /** The messages that this turn answers, oldest first. */
  messages: readonly IncomingMessage[];
  /** In which to answer, as the model is told. Undefined: in that of the question. */
  language?: string | undefined;
  /** Names the conversation since it was last begun anew, for a model that remembers by itself. */
  session?: string | undefined;
}

const TIME = new Intl.DateTimeFormat("zh-CN", { dateStyle: "full", timeStyle: "short", timeZone: "Asia/Shanghai" });

const MANY = "每条消息前的方括号里是说话的人;只回答最后说话的人。";
const ALONE = "你在和一个人私聊。";
const PLACES: Record<Scene, string> = {
  c2c: ALONE,
  group: `你在一个 QQ 群里,${MANY}`,
  guildChannel: `你在一个 QQ 频道里,${MANY}`,
  guildDm: ALONE,
};

const ATTACHMENTS: Record<Attachment["kind"], string> = { image: "图片", voice: "语音", video: "视频", file: "文件" };

/** However Unicode ends a line. */
const LINE_END = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/g;

const QUOTE_MARK = /(^|[\n\r\v\f\u0085\u2028\u2029])[^\S\n\r\v\f\u0085\u2028\u2029]*>/g;

export function instructions({ persona, scene, nowMs, language }: PromptInput): string {
  const inWhich = language ? `\n用${language}回答。` : "";
  return `${persona}\n${PLACES[scene]}\n现在是 ${TIME.format(nowMs)}(北京时间)。${inWhich}`;
}

/** All that the model is told; one that remembers by itself knows the rest. */
export function promptOf(input: PromptInput, { remembers = false } = {}): LanguageModelV4Prompt {
  if (remembers) return promptMessages({ ...input, history: [] });
  return [{ role: "system", content: instructions(input) }, ...promptMessages(input)];
}

export function promptMessages({ scene, history, messages }: PromptInput): LanguageModelV4Message[] {
  const said: Utterance[] = [...history, ...messages.map((message) => ({ role: "user" as const, message }))];
  return said.map((utterance) => {
    const text = utterance.role === "assistant" ? utterance.text : spoken(utterance.message, scene);
    return { role: utterance.role, content: [{ type: "text", text }] };
  });
}

/** All that the model reads of a message: what it answers to, its own words, and what is attached. */
export function wordsOf({ text, quote, attachments = [] }: IncomingMessage): string {
  return (
    [quote && quoted(quote), quote ? unquoted(unframed(text)) : unframed(text), ...attachments.map(attached)]
      .filter(Boolean)
      .join("\n") || "(空消息)"
  );
}

/**
 * Where several people talk the model has to tell them apart: a name cannot close its bracket and go on, and a line of a
 * message cannot look like the beginning of another.
 */
function spoken(message: IncomingMessage, scene: Scene): string {
  if (PLACES[scene] === ALONE) return wordsOf(message);
  const { sender } = message;
  return `[${inBrackets(sender.name ?? `成员${sender.id.slice(-4)}`)}] ${wordsOf(message).replace(LINE_END, "\n  ")}`;
}

/** Every line of it is marked, so that nothing in it can pass for what the speaker said. */
function quoted({ text, name }: Quote): string {
  const whose = name ? ` ${inBrackets(name)} 的` : "";
  if (text === "") return `[引用了${whose}一条消息,QQ 没有给出内容]`;
  return `[引用${whose || "的"}消息]\n> ${unframed(text).replace(LINE_END, "\n> ")}`;
}

function attached({ kind, name, transcript }: Attachment): string {
  const what = ATTACHMENTS[kind];
  if (transcript) return `[${what},QQ 识别为:${inBrackets(transcript)}]`;
  return `[${what}${name ? ` ${inBrackets(name)}` : ""}: 尚不能查看]`;
}

/** Nobody can write what looks like a quote. */
function unframed(text: string): string {
  return text.replaceAll("[引用", "［引用");
}

/** Below a quote, nobody's own words can look like more of it. */
function unquoted(text: string): string {
  return text.replace(QUOTE_MARK, "$1＞");
}

function inBrackets(text: string): string {
  return text.replace(LINE_END, " ").replace(/[[\]]/g, " ");
}
