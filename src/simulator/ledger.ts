/**
 * What was asked, and what really arrived: from this alone a test tells an own answer from a joined, lost, doubled or
 * misplaced one. Questions carry a marker such as `#m12`; the demo model names every marker that it saw in an answer, and
 * no two of its answers are alike.
 */
import type { Chat } from "../event.ts";

export interface Asked {
  messageId: string;
  chat: Chat;
  sender: string;
  text: string;
  askedAtMs: number;
  /** HTTP status of each delivery of the callback; 0 where there was no answer in time. */
  deliveries: number[];
  acknowledgedAtMs?: number;
}

/** A message of the bot that the person can see. */
export interface Delivered {
  id: string;
  chat: Chat;
  msgId: string;
  msgSeq: number;
  text: string;
  atMs: number;
}

export interface Refused {
  chat: Chat;
  msgId: string | undefined;
  msgSeq: number | undefined;
  text: string;
  status: number;
  code: number | undefined;
  atMs: number;
}

export type Fate =
  /** Answered under its own message id. */
  | "own"
  /** Named in the answer to a later message. */
  | "joined"
  /** Told in one sentence why not. */
  | "told"
  | "lost";

export interface Verdict {
  fates: ReadonlyMap<string, Fate>;
  own: number;
  joined: number;
  told: number;
  lost: readonly string[];
  doubled: readonly string[];
  /** Answers that came before the answer to something asked earlier in the same chat. */
  outOfOrder: readonly string[];
}

const MARKER = /#[a-z]\w*/gi;

export class Ledger {
  readonly asked: Asked[] = [];
  readonly delivered: Delivered[] = [];
  readonly refused: Refused[] = [];

  answersTo(messageId: string): Delivered[] {
    return this.delivered.filter(({ msgId }) => msgId === messageId);
  }

  /** Whether every acknowledged message has an answer or a sentence. */
  isSettled(): boolean {
    return this.judge().lost.length === 0;
  }

  /** Judges the acknowledged messages: for the others nothing was promised. */
  judge(): Verdict {
    const asked = this.asked.filter(({ acknowledgedAtMs }) => acknowledgedAtMs !== undefined);
    const fates = new Map(asked.map((question) => [question.messageId, this.#fate(question)]));
    const having = (wanted: Fate) => [...fates].filter(([, fate]) => fate === wanted).map(([id]) => id);
    return {
      fates,
      own: having("own").length,
      joined: having("joined").length,
      told: having("told").length,
      lost: having("lost"),
      doubled: this.#doubled(asked),
      outOfOrder: this.#outOfOrder(asked),
    };
  }

  #fate({ messageId, chat, text }: Asked): Fate {
    const here = this.delivered.filter((message) => sameChat(message.chat, chat));
    const [marker] = markersOf(text);
    const naming = marker === undefined ? [] : here.filter((message) => markersOf(message.text).includes(marker));
    const own = here.filter(({ msgId }) => msgId === messageId);
    if (marker === undefined ? own.length > 0 : naming.some(({ msgId }) => msgId === messageId)) return "own";
    if (own.length > 0) return "told";
    return naming.length > 0 ? "joined" : "lost";
  }

  #doubled(asked: readonly Asked[]): string[] {
    const twice = this.delivered.filter(
      (message, index) =>
        this.delivered.findIndex((other) => sameChat(other.chat, message.chat) && other.text === message.text) <
          index && markersOf(message.text).length > 0,
    );
    const answeredTwice = asked.filter(({ messageId, chat, text }) => {
      const [marker] = markersOf(text);
      const naming = this.delivered.filter(
        (message) => sameChat(message.chat, chat) && marker !== undefined && markersOf(message.text).includes(marker),
      );
      const apologies = this.answersTo(messageId).filter(
        (message) => markersOf(message.text).length === 0 && naming.length > 0,
      );
      return naming.length > 1 || (naming.some(({ msgId }) => msgId === messageId) && apologies.some(isSentence));
    });
    return [...new Set([...twice.map(({ msgId }) => msgId), ...answeredTwice.map(({ messageId }) => messageId)])];
  }

  #outOfOrder(asked: readonly Asked[]): string[] {
    const late: string[] = [];
    for (const chat of new Set(asked.map((question) => `${question.chat.scene}:${question.chat.id}`))) {
      const order = asked.filter((question) => `${question.chat.scene}:${question.chat.id}` === chat);
      let furthest = -1;
      for (const message of this.delivered.filter((other) => `${other.chat.scene}:${other.chat.id}` === chat)) {
        const positions = markersOf(message.text).map((marker) =>
          order.findIndex(({ text }) => markersOf(text)[0] === marker),
        );
        const first = Math.min(...positions.filter((position) => position >= 0));
        if (!Number.isFinite(first)) continue;
        if (first < furthest) late.push(message.msgId);
        furthest = Math.max(furthest, first);
      }
    }
    return late;
  }
}

/** Markers in the first line only: a long answer names them once. */
export function markersOf(text: string): string[] {
  return text.split("\n", 1)[0]?.match(MARKER) ?? [];
}

/** The sentence about why not, and not a later part of a long answer. */
function isSentence({ text }: Delivered): boolean {
  return text.startsWith("抱歉");
}

function sameChat(a: Chat, b: Chat): boolean {
  return a.scene === b.scene && a.id === b.id;
}
