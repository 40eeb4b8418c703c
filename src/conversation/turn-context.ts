/**
 * What a turn reaches outside its own rows. Given by `conversation.ts`, replaced in tests.
 */
import type { StepLimits, StepText } from "../agent/agent.ts";
import type { Utterance } from "../agent/prompt.ts";
import type { Failure } from "../bot/failures.ts";
import type { Desk } from "../commands/command.ts";
import type { AccessMode, DailyAllowances } from "../config.ts";
import type { Capability } from "../errors.ts";
import type { Chat, IncomingMessage } from "../event.ts";
import type { Price } from "../prices.ts";
import type { ReplySlot } from "../qq/encode.ts";
import type { Reply } from "../reply.ts";
import type { Batch } from "../spending.ts";
import type { Choices, Terms } from "./choices.ts";
import type { CrashPoint } from "./crash-point.ts";
import type { Draft } from "./draft.ts";
import type { AskForLease } from "./lease.ts";
import type { Storage } from "./storage.ts";

export interface Question {
  history: readonly Utterance[];
  messages: readonly IncomingMessage[];
  /** Of whoever asks. */
  choices: Choices;
  /** The turn from which on the model sees the chat: rises with every new conversation. */
  since: number;
  /** An allowance is spent: the model for that answers. */
  onSpare: boolean;
}

export interface Collaborators {
  storage: Storage;
  now(): number;
  /** A short random reference that a person can quote. */
  newReference(): string;
  /** Resolves after `ms`, or as soon as `signal` says so. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** `onAsk` hears of each model as it is asked, as `<provider>/<model id>`; `onText`, the text so far whenever it grows. */
  generate(
    question: Question,
    options: {
      limits: StepLimits;
      signal: AbortSignal;
      onAsk: (model: string) => void;
      onText: (text: string) => void;
    },
  ): Promise<StepText>;
  send(chat: Chat, reply: Reply, slot: ReplySlot, token: string): Promise<unknown>;
  sendTyping(chat: Chat, slot: ReplySlot, token: string): Promise<void>;
  askForLease: AskForLease;
  /** Who may talk here, unless there is a rule about this chat. */
  access: AccessMode;
  /** Answers where an allowance is spent, as `<provider>/<model id>`; undefined: nobody. */
  spareModel: string | undefined;
  /** By `<provider>/<model id>`. */
  prices: Readonly<Record<string, Price>>;
  /** What people may choose. */
  terms: Terms;
  /** What may be spent in a day. */
  daily: DailyAllowances;
  /** Tells the Bot what was spent here. Returns until when no more may be spent, if so. */
  reportSpending(batches: readonly Batch[]): Promise<number | undefined>;
  /** The bot as a whole, asked on behalf of this chat. */
  desk: Desk;
  reportFailures(failures: readonly Failure[]): Promise<void>;
  /** Tells the Bot what QQ does not let it do in this scene. May be lost: other chats find out for themselves. */
  reportForbidden(capability: Capability): void;
  /** The platform's allowance for this invocation is nearly used up: begin nothing new. */
  isExhausted(): boolean;
  crashPoint(name: CrashPoint): Promise<void>;
}

/** The collaborators, and what one invocation remembers. None of it is needed after a crash. */
export interface TurnContext extends Collaborators {
  /** Turns whose attempt is stored. */
  begun: Set<number>;
  /** Parts booked here and not tried yet, as `turn/n`: only for them a duplicate is known to be a collision. */
  untried: Set<string>;
  /** Answers that are still being written although their turn has ended, with what becomes of them. */
  drafts: Map<number, { draft: Draft; ended: Promise<void> }>;
}
