/** What /model, /persona, /think and /language have in common: showing what there is, and choosing it for somebody. */

import type { ChoiceName, ChoiceView, Scope } from "../choice.ts";
import { isPrivate } from "../event.ts";
import type { Reply } from "../reply.ts";
import { type ChatContext, text, type Words } from "./command.ts";

export interface Option {
  value: string;
  /** What people may type for it, besides its number; the first is shown. */
  names: readonly [string, ...string[]];
}

export interface Choosing {
  name: ChoiceName;
  /** What is chosen, such as 模型. */
  what: Words;
  options: readonly Option[];
  /** Takes what is none of the options. Undefined: nothing else is taken. */
  readOwn?: (argument: string) => { value: string } | { why: Reply } | undefined;
}

/** Behind a choice: for the whole group. */
const FOR_CHAT = /(?:^|\s)(?:-g|group|全群|本群|群里?)$/i;
const RESET = /^(?:default|reset|默认|重置|恢复|恢复默认)$/i;

export function choosing(chat: ChatContext, argument: string, choice: Choosing): Reply {
  const view = chat.choices()[choice.name];
  const command = COMMAND_OF[choice.name];
  if (argument === "") return shown(choice, view, command);
  if (view.isLocked) return lockedWords(choice);

  const { wanted, scope } = readScope(chat, argument);
  if (!mayChooseFor(chat, scope)) return ADMINS_ONLY;
  const done = (value: string | undefined) => chosen(chat, choice, nameOf(choice, value), scope);
  if (isReset(wanted)) {
    chat.choose(choice.name, undefined, scope);
    return done(chat.choices()[choice.name].value);
  }
  const picked = pick(choice, wanted);
  if (picked === undefined) return shown(choice, view, command, wanted);
  if ("why" in picked) return picked.why;
  chat.choose(choice.name, picked.value, scope);
  return done(picked.value);
}

/** What somebody has typed to choose it, or why it cannot be chosen. Undefined: there is no such thing. */
export function pick({ options, readOwn }: Choosing, wanted: string): { value: string } | { why: Reply } | undefined {
  const option = find(options, wanted);
  return option ? { value: option.value } : readOwn?.(wanted);
}

export function lockedWords({ what }: Choosing): Reply {
  return text(`${what.zh}由管理员定,不能改。`, `The operator has fixed the ${what.en}.`);
}

/** What is typed behind a command, and for whom: in private there is only the person. */
export function readScope({ message }: ChatContext, argument: string): { wanted: string; scope: Scope } {
  const isForChat = !isPrivate(message.chat) && FOR_CHAT.test(argument);
  return { wanted: argument.replace(FOR_CHAT, "").trim(), scope: isForChat ? "chat" : "person" };
}

export function mayChooseFor({ speaksForChat }: ChatContext, scope: Scope): boolean {
  return scope === "person" || speaksForChat;
}

export const ADMINS_ONLY = text("给全群选的只能是管理员。", "Only the group's admins choose for all of it.");

export function isReset(wanted: string): boolean {
  return RESET.test(wanted);
}

/** By number, by name, or by a part of one name alone. */
export function find(options: readonly Option[], wanted: string): Option | undefined {
  const word = wanted.toLowerCase();
  const byNumber = /^\d{1,2}$/.test(word) ? options[Number(word) - 1] : undefined;
  const names = ({ value, names }: Option) => [value, ...names].map((name) => name.toLowerCase());
  const exact = byNumber ?? options.find((option) => names(option).includes(word));
  if (exact) return exact;
  const partly = options.filter((option) => names(option).some((name) => name.includes(word)));
  return partly.length === 1 ? partly[0] : undefined;
}

/** What a value is called. */
export function nameOf({ options }: Pick<Choosing, "options">, value: string | undefined): Words {
  if (value === undefined) return { zh: "默认", en: "the default" };
  const [name = brief(value)] = options.find((option) => option.value === value)?.names ?? [];
  return { zh: name, en: name };
}

const LONGEST_SHOWN = 40;

function brief(value: string): string {
  const line = value.replace(/\s+/g, " ");
  return line.length > LONGEST_SHOWN ? `${line.slice(0, LONGEST_SHOWN)}…` : line;
}

function chosen({ message }: ChatContext, { what }: Choosing, { zh, en }: Words, scope: Scope): Reply {
  const own = isPrivate(message.chat) ? ["这里", "this chat"] : ["你", "you"];
  const [whomZh, whomEn] = scope === "chat" ? ["全群", "the group"] : own;
  return text(`好的,${whomZh}的${what.zh}:${zh}。`, `Done: the ${what.en} for ${whomEn} is ${en}.`);
}

const FROM: Record<ChoiceView["from"], Words> = {
  person: { zh: "你选的", en: "your choice" },
  chat: { zh: "全群的", en: "the group's" },
  owner: { zh: "主人给所有人选的", en: "the owner's, for all" },
  settings: { zh: "默认", en: "default" },
};

/** A choice in a line. */
export function viewed(choice: Pick<Choosing, "what" | "options">, { value, from, isLocked }: ChoiceView): Words {
  const { zh, en } = nameOf(choice, value);
  const [lockZh, lockEn] = isLocked ? [",已锁定", ", locked"] : ["", ""];
  return {
    zh: `${choice.what.zh}:${zh}(${FROM[from].zh}${lockZh})`,
    en: `${choice.what.en}: ${en} (${FROM[from].en}${lockEn})`,
  };
}

/**
 * What there is to choose, and what counts.
 *
 * @param command what to type before a choice, without its slash.
 */
export function shown(choice: Choosing, view: ChoiceView, command: string, unknown?: string): Reply {
  const { options } = choice;
  const now = viewed(choice, view);
  const list = options.map(({ names }, n) => `${n + 1}. ${names[0]}`);
  return {
    ...text(
      [
        ...(unknown === undefined ? [] : [`没有「${brief(unknown)}」这一项。`]),
        now.zh,
        ...list,
        `发送「/${command} 序号或名字」来选,「/${command} 默认」恢复。`,
      ].join("\n"),
      `${now.en}\nSend “/${command} NUMBER or NAME” to choose, “/${command} default” to go back.`,
    ),
    buttons: options.map(({ names }, n) => ({ label: names[0], command: `/${command} ${n + 1}` })),
  };
}

/** The command by which each is chosen. */
export const COMMAND_OF: Record<ChoiceName, string> = {
  model: "model",
  persona: "persona",
  thinking: "think",
  language: "lang",
};
