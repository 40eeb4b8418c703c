/**
 * What was asked, and what really arrived: from this alone a test tells an own answer from a joined, lost, torn, doubled or
 * misplaced one. Questions carry a marker such as `#m12`; the demo model names every marker that it saw, and numbers every
 * stretch of its answers.
 */
import type { Chat } from "../event.ts";
import type { KeyboardButton } from "./keyboard.ts";
import type { MediaFile } from "./media.ts";
import { type Form, readable } from "./reading.ts";

export interface Asked {
  messageId: string;
  chat: Chat;
  sender: string;
  text: string;
  askedAtMs: number;
  /** HTTP status of each delivery of the callback; 0 where there was no answer in time. */
  deliveries: number[];
  acknowledgedAtMs?: number;
  /** Said to others: no answer is owed. */
  unaddressed?: boolean;
}

/** A message of the bot that the person can see. */
export interface Delivered {
  id: string;
  chat: Chat;
  form: Form;
  /** What it answers: a message or, with `isEvent`, an event. */
  msgId: string;
  isEvent?: boolean;
  /** 0 in guilds, which know no such number. */
  msgSeq: number;
  /** As the person reads it; Markdown as its source. */
  text: string;
  /** Under the message, in rows. */
  buttons?: readonly (readonly KeyboardButton[])[];
  /** A picture, a video, a voice or a file. */
  media?: MediaFile;
  atMs: number;
}

export interface Refused {
  chat: Chat;
  msgId: string | undefined;
  msgSeq: number | undefined;
  /** Undefined for what QQ cannot read. */
  form: Form | "typing" | undefined;
  text: string;
  status: number;
  /** The older of the two numbers, where they differ. */
  code: number | undefined;
  /** In QQ's words. */
  message: string;
  atMs: number;
}

export type Fate =
  /** Answered under its own message id. */
  | "own"
  /** Named in the answer to a later message. */
  | "joined"
  /** Told in one sentence why not, alone or together with a later message of a burst. */
  | "told"
  | "lost";

export interface Verdict {
  fates: ReadonlyMap<string, Fate>;
  own: number;
  joined: number;
  told: number;
  lost: readonly string[];
  /** Answers of which a stretch is missing, by the number of the model call; what was announced for later is not missing. */
  torn: readonly number[];
  doubled: readonly string[];
  /** Answers that came before the answer to something asked earlier in the same chat. */
  outOfOrder: readonly string[];
}

const MARKER = /#[a-z]\w*/gi;
const STRETCH = /\(回答 (\d+),(\d+)\/(\d+)\)/g;
/** Announces that the rest is kept. */
const KEPT = "发送「继续」";

export class Ledger {
  readonly asked: Asked[] = [];
  readonly delivered: Delivered[] = [];
  readonly refused: Refused[] = [];

  answersTo(messageId: string): Delivered[] {
    return this.delivered.filter(({ msgId }) => msgId === messageId);
  }

  /** Whether every acknowledged message has its whole answer or a sentence. */
  isSettled(): boolean {
    const { lost, torn } = this.judge();
    return lost.length === 0 && torn.length === 0;
  }

  /** Judges the acknowledged messages: for the others nothing was promised. */
  judge(): Verdict {
    const asked = this.asked.filter(({ acknowledgedAtMs }) => acknowledgedAtMs !== undefined);
    const owed = asked.filter(({ unaddressed }) => !unaddressed);
    const fates = new Map(owed.map((question) => [question.messageId, this.#fate(question)]));
    const having = (wanted: Fate) => [...fates].filter(([, fate]) => fate === wanted).map(([id]) => id);
    return {
      fates,
      own: having("own").length,
      joined: having("joined").length,
      told: having("told").length,
      lost: having("lost"),
      torn: this.#torn(),
      doubled: this.#doubled(asked),
      outOfOrder: this.#outOfOrder(asked),
    };
  }

  #fate(asked: Asked): Fate {
    const { messageId, chat, text } = asked;
    const here = this.delivered.filter((message) => sameChat(message.chat, chat));
    const [marker] = text.match(MARKER) ?? [];
    const naming = marker === undefined ? [] : here.filter((message) => markersOf(message).includes(marker));
    const own = here.filter(({ msgId }) => msgId === messageId);
    if (marker === undefined ? own.length > 0 : naming.some(({ msgId }) => msgId === messageId)) return "own";
    if (own.length > 0) return "told";
    if (naming.length > 0) return "joined";
    return this.#sharesSentence(asked) ? "told" : "lost";
  }

  /**
   * A burst shares one turn, and its sentence goes to the newest message without naming the others: whether that is the
   * first thing that its person heard after a message.
   */
  #sharesSentence({ messageId, chat, sender }: Asked): boolean {
    const theirs = this.asked.filter((other) => other.sender === sender && sameChat(other.chat, chat));
    const later = theirs.slice(theirs.findIndex((other) => other.messageId === messageId) + 1);
    const heard = later.map((other) => this.answersTo(other.messageId)).find((messages) => messages.length > 0);
    return heard?.every((message) => stretchesOf(message).length === 0) ?? false;
  }

  #torn(): number[] {
    const answers = Map.groupBy(
      this.delivered.flatMap((message) => stretchesOf(message).map((stretch) => ({ ...stretch, text: message.text }))),
      ({ call }) => call,
    );
    return [...answers].flatMap(([call, stretches]) => {
      const numbers = new Set(stretches.map(({ n }) => n));
      const last = stretches.reduce((a, b) => (b.n > a.n ? b : a));
      const hasGap = numbers.size < last.n;
      const isCut = last.n < last.of && !last.text.includes(KEPT);
      return hasGap || isCut ? [call] : [];
    });
  }

  /** Messages under which anything was said twice: a stretch, an answer, a sentence, or both of the last two. */
  #doubled(asked: readonly Asked[]): string[] {
    const seen = new Set<string>();
    const repeated = this.delivered.filter((message) => {
      const keys = stretchesOf(message).map(({ call, n }) => `${call} ${n}`);
      const again = keys.some((key) => seen.has(key));
      for (const key of keys) seen.add(key);
      return again;
    });
    const answeredTwice = asked.filter(({ messageId, chat, text }) => {
      const own = this.answersTo(messageId);
      const calls = new Set(own.flatMap((message) => stretchesOf(message).map(({ call }) => call)));
      const sentences = own.filter((message) => stretchesOf(message).length === 0).length;
      const [marker] = text.match(MARKER) ?? [];
      const naming = this.delivered.filter(
        (message) => sameChat(message.chat, chat) && marker !== undefined && markersOf(message).includes(marker),
      );
      return calls.size + sentences > 1 || naming.length > 1;
    });
    return [...new Set([...repeated.map(({ msgId }) => msgId), ...answeredTwice.map(({ messageId }) => messageId)])];
  }

  #outOfOrder(asked: readonly Asked[]): string[] {
    const late: string[] = [];
    for (const chat of new Set(asked.map((question) => `${question.chat.scene}:${question.chat.id}`))) {
      const order = asked.filter((question) => `${question.chat.scene}:${question.chat.id}` === chat);
      let furthest = -1;
      for (const message of this.delivered.filter((other) => `${other.chat.scene}:${other.chat.id}` === chat)) {
        const positions = markersOf(message).map((marker) =>
          order.findIndex(({ text }) => text.match(MARKER)?.[0] === marker),
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

type Said = Pick<Delivered, "form" | "text">;

/** The numbered stretches of an answer that a message holds. */
function stretchesOf(message: Said): { call: number; n: number; of: number }[] {
  const stretches = [...readable(message).matchAll(STRETCH)];
  return stretches.map(([, call, n, of]) => ({ call: Number(call), n: Number(n), of: Number(of) }));
}

/** The markers that an answer names: they stand where it begins. */
function markersOf({ form, text }: Said): string[] {
  const lines = readable({ form, text }).split("\n");
  const head = lines.find((line) => stretchesOf({ form: "text", text: line }).some(({ n }) => n === 1)) ?? "";
  return head.match(MARKER) ?? [];
}

function sameChat(a: Chat, b: Chat): boolean {
  return a.scene === b.scene && a.id === b.id;
}
