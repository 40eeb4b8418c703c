/**
 * What the model is told: the persona, where it is and who speaks, the time, and what was said. Small on purpose.
 */
import type { ModelMessage } from "ai";
import type { IncomingMessage, Scene } from "../event.ts";

/** Something said earlier, oldest first in a list of them. */
export type Utterance = { role: "user"; message: IncomingMessage } | { role: "assistant"; text: string };

export interface PromptInput {
  persona: string;
  scene: Scene;
  nowMs: number;
  history: readonly Utterance[];
  /** The messages that this turn answers, oldest first. */
  messages: readonly IncomingMessage[];
}

const TIME = new Intl.DateTimeFormat("zh-CN", { dateStyle: "full", timeStyle: "short", timeZone: "Asia/Shanghai" });

export function instructions({ persona, scene, nowMs }: PromptInput): string {
  const place =
    scene === "group" ? "你在一个 QQ 群里,每条消息前的方括号里是说话的人;只回答最后说话的人。" : "你在和一个人私聊。";
  return `${persona}\n${place}\n现在是 ${TIME.format(nowMs)}(北京时间)。`;
}

export function promptMessages({ scene, history, messages }: PromptInput): ModelMessage[] {
  const said: Utterance[] = [...history, ...messages.map((message) => ({ role: "user" as const, message }))];
  return said.map((utterance) =>
    utterance.role === "assistant"
      ? { role: "assistant", content: utterance.text }
      : { role: "user", content: spoken(utterance.message, scene) },
  );
}

/**
 * In a group the model has to tell people apart: a name cannot close its bracket and go on, and a line of a message cannot
 * look like the beginning of another.
 */
function spoken({ sender, text }: IncomingMessage, scene: Scene): string {
  if (scene !== "group") return text || "(空消息)";
  const name = (sender.name ?? `成员${sender.id.slice(-4)}`).replace(/[[\]\r\n]/g, " ");
  return `[${name}] ${text.replaceAll("\n", "\n  ") || "(空消息)"}`;
}
