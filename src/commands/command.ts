/**
 * What a command is. It sees the chat and the bot only through what it is given: whatever it may do there is a function.
 */

import type { ChoiceName, ChoiceView, Defaults, Scope } from "../choice.ts";
import type { IncomingMessage } from "../event.ts";
import type { Reply } from "../reply.ts";
import type { Spent } from "../spending.ts";

interface Named {
  /** Typed behind a slash; the first is its own, and is shown. */
  names: readonly [string, ...string[]];
  /** Typed alone, as the whole message. */
  aliases: readonly string[];
  summary: Words;
  /** What may be typed behind it, as it is shown. Absent: nothing. */
  usage?: Words;
  /** For the bot's owner, in their own chat. */
  isOwners?: true;
}

export interface Words {
  zh: string;
  en: string;
}

/** Acts when its message is stored and does not wait behind the queue. Needs no network. */
export interface ReceivedCommand extends Named {
  when: "received";
  /** Undefined where it has let something be asked: that has an answer of its own. */
  run(chat: ChatContext, argument: string): Reply | undefined;
}

/** Asks the bot as a whole; waits for that alone. May be asked twice for one message. */
export interface AskingCommand extends Named {
  when: "asking";
  ask(desk: Desk, argument: string, asked: Asked): Promise<Reply>;
}

/** Waits its turn behind the answers before it. */
export interface QueuedCommand extends Named {
  when: "queued";
  /** The answer, or undefined to let the model answer. */
  run(context: QueueContext): Reply | undefined;
}

export type Command = ReceivedCommand | AskingCommand | QueuedCommand;

/** The chat in which a command is typed. */
export interface ChatContext {
  message: IncomingMessage;
  nowMs: number;
  /** It is the owner's own chat. */
  isOwner: boolean;
  /** Whether this person speaks for the chat: in private always, in a group as one of its admins. */
  speaksForChat: boolean;
  /** Ends every open turn that this person may end; returns how many messages that concerned. */
  stop(): number;
  /** The model sees nothing of what was said before. */
  forget(): void;
  /** Asks the model in place of the command. */
  ask(text: string): void;
  /** Asks the model this person's last question anew. */
  askAgain(): "asked" | "nothing" | "running";
  /** Until when the bot says nothing here but the answers of commands; undefined: it talks again. */
  mute(untilMs: number | undefined): void;
  choices(): Record<ChoiceName, ChoiceView>;
  /** Undefined takes a choice back. */
  choose(name: ChoiceName, value: string | undefined, scope: Scope): void;
  /** The models that the operator offers, the default one first. */
  models: readonly string[];
  status(): ChatStatus;
}

export interface ChatStatus {
  /** Messages that wait or are being answered. */
  open: number;
  /** What the model would see of what was said before. */
  remembered: { messages: number; tokens: number };
  mutedUntilMs: number | undefined;
}

/** A message with a command that asks. */
export interface Asked {
  message: IncomingMessage;
  /** When it was stored. */
  storedAtMs: number;
  nowMs: number;
}

/** What a queued command may take. */
export interface QueueContext {
  /** Takes the words that could not be delivered to this person, so that they are delivered once. */
  takeKept(): Reply | undefined;
}

/** The bot as a whole: who may talk to it. Everything here may be asked twice for one command. */
export interface Desk {
  claim(code: string): Promise<"claimed" | "yours" | "taken" | "wrong" | "locked">;
  /** This chat's own code, for the owner to approve, if there is one yet. Undefined where the chat needs none. */
  ownCode(): Promise<{ code: string; hasOwner: boolean } | undefined>;
  /** What counts in all chats where nobody has chosen, after `changes`. Undefined unless this chat is the owner's. */
  choose(changes?: Defaults["values"]): Promise<ForAll | undefined>;
  /** Undefined unless this chat is the owner's. */
  whoWaits(): Promise<readonly { code: string; who: string }[] | undefined>;
  /** `bot` for the owner's chat alone; it is behind by what chats have not told yet. */
  usage(sender: string): Promise<{ person: Spent; all: Spent; bot?: Spent | undefined }>;
  /** Gives somebody, named by code or `scene:openid`, a standing. */
  decide(subject: string, standing: "allowed" | "denied"): Promise<Decision>;
}

export interface ForAll {
  chosen: Defaults["values"];
  /** The models that the operator offers, the default one first. */
  models: readonly string[];
  /** What the settings alone say. */
  locked: readonly ChoiceName[];
}

export type Decision =
  | { kind: "decided"; who: string }
  /** No such code, or it is older than an hour. */
  | { kind: "unknown" }
  /** The owner cannot be denied. */
  | { kind: "owner" }
  | { kind: "notOwner" };

export const text = (zh: string, en: string): Reply => ({ kind: "text", text: `${zh}\n${en}` });
