/**
 * What was done for each callback, as one timeline: QQ's half from the fake QQ, the model's from the demo model, the Worker's
 * from its own log lines as they are read, so that no trace code is in the Worker. Lines are joined to their callback by
 * message, event, `x-tps-trace-id`, or chat and turn; the clock of a log line is when it was read.
 */
import type { Chat } from "../event.ts";
import type { Step, Trace } from "./page/protocol.ts";
import type { ApiCall, Watcher } from "./watching.ts";

const MOST_TRACES = 300;
const MOST_STEPS = 200;
/** Log lines that came before what they belong to. */
const MOST_WAITING = 100;

interface Entry {
  trace: Trace & { steps: Step[] };
  /** What a person has said, by which a call of the model is known. */
  text: string | undefined;
  /** Whether a turn of the Worker's may still be about it. */
  isOpen: boolean;
  turn: string | undefined;
}

interface LogLine {
  level: Step["level"];
  event: string;
  fields: Record<string, unknown>;
}

export interface TracerOptions {
  now: () => number;
  show: (trace: Trace) => void;
  /** Of a chat that is not traced. */
  isHidden: (chat: Chat) => boolean;
  callbackUrl: () => string;
}

export class Tracer implements Watcher {
  readonly #options: TracerOptions;
  readonly #entries = new Map<string, Entry>();
  /** `x-tps-trace-id` -> the callback that was posted with it. */
  readonly #deliveries = new Map<string, string>();
  /** `d.id` of an interaction -> the event's own id. */
  readonly #interactions = new Map<string, string>();
  readonly #calls = new Map<number, { id: string; step: Step }>();
  #waiting: { traceId: string; step: Step }[] = [];

  constructor(options: TracerOptions) {
    this.#options = options;
  }

  asked({ messageId, chat, text, askedAtMs, unaddressed }: Parameters<NonNullable<Watcher["asked"]>>[0]): void {
    this.#begin({ id: messageId, chat, atMs: askedAtMs, text: unaddressed ? undefined : text, isOpen: !unaddressed });
  }

  posting({ id, t, d, chat, atMs }: Parameters<NonNullable<Watcher["posting"]>>[0]): void {
    if (!chat) return;
    this.#begin({ id, chat, atMs, text: undefined, isOpen: false });
    if (t === "INTERACTION_CREATE") this.#interactions.set(String(d.id), id);
  }

  delivery({ id, url, headers, body, status, atMs, tookMs }: Parameters<NonNullable<Watcher["delivery"]>>[0]): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.trace.callback = { url, headers, body };
    const { id: event_id, t: event } = JSON.parse(body) as { id?: unknown; t?: unknown }; // our own
    this.#add(entry, {
      atMs,
      tookMs,
      by: "qq",
      what: "callback",
      status,
      level: status === 200 ? "info" : "warn",
      fields: {
        event,
        event_id,
        bytes: Buffer.byteLength(body),
        timestamp: headers["x-signature-timestamp"],
        signature: headers["x-signature-ed25519"],
      },
    });
    this.#joinWaiting(headers["x-tps-trace-id"] ?? "", id);
  }

  settled(id: string, acknowledged: boolean): void {
    this.#addTo(id, {
      atMs: this.#options.now(),
      by: "qq",
      what: acknowledged ? "acknowledged" : "unacknowledged",
      level: acknowledged ? "info" : "error",
      fields: { acknowledged },
    });
  }

  called(call: ApiCall): void {
    const { what, atMs, tookMs, status, code, chat, about, fields } = call;
    if (chat && this.#options.isHidden(chat)) return;
    const level = status === 200 && code === undefined ? "info" : "warn";
    const step: Step = { atMs, tookMs, by: "qq", what, status, level, fields: { ...fields, ...(code && { code }) } };
    const id = what === "acknowledge" ? this.#interactions.get(about ?? "") : about;
    const entry = this.#entries.get(id ?? "") ?? this.#newestOpen(chat);
    if (entry) this.#add(entry, step);
  }

  modelCalled(call: Parameters<NonNullable<Watcher["modelCalled"]>>[0]): void {
    const { n, question, atMs, tookMs, firstByteMs, status, isWhole } = call;
    const isOver = tookMs !== undefined;
    const step: Step = {
      atMs,
      ...(isOver && { tookMs, status }),
      by: "model",
      what: "call",
      level: isOver && !(isWhole && status === 200) ? "warn" : "info",
      fields: { call: n, firstByteMs, ...(isOver && { isWhole }) },
    };
    const known = this.#calls.get(n);
    const entry = known ? this.#entries.get(known.id) : this.#askedWith(question);
    if (!entry) return;
    if (known) entry.trace.steps = entry.trace.steps.filter((other) => other !== known.step);
    this.#calls.set(n, { id: entry.trace.id, step });
    this.#add(entry, step);
    if (isOver) this.#calls.delete(n);
  }

  /** A line that `wrangler dev` has printed; what is no log line of the Worker's is passed over. */
  hear(line: string): void {
    const logged = readLogLine(line);
    if (!logged) return;
    const { level, event, fields } = logged;
    const step: Step = { atMs: this.#options.now(), by: "worker", what: event, level, fields };
    const { message, messages, chat, turn, traceId } = fields;
    const named = (Array.isArray(messages) ? messages : [message]).map((id) => this.#entries.get(String(id)));
    const found = named.filter((entry) => entry !== undefined);
    const place = typeof chat === "string" ? chat : undefined;
    const key = place !== undefined && typeof turn === "number" ? `${place} ${turn}` : undefined;
    if (found.length > 0) {
      for (const entry of found) this.#add(entry, step);
      if (event === "turn.ended") this.#endTurn(found, key);
    } else if (key !== undefined) {
      const entry = this.#ofTurn(key, place ?? "");
      if (entry) this.#add(entry, step);
    } else if (typeof traceId === "string" && event.startsWith("callback.")) {
      const id = this.#deliveries.get(traceId);
      if (id !== undefined) this.#addTo(id, step);
      else this.#waiting = [...this.#waiting, { traceId, step }].slice(-MOST_WAITING);
    } else {
      const entry = this.#newestOpen(place);
      if (entry) this.#add(entry, step);
    }
  }

  #begin({ id, chat, atMs, text, isOpen }: { id: string; chat: Chat; atMs: number } & Pick<Entry, "text" | "isOpen">) {
    if (this.#options.isHidden(chat)) return;
    const callback = { url: this.#options.callbackUrl(), headers: {}, body: "" };
    const entry: Entry = { trace: { id, chat, startedAtMs: atMs, steps: [], callback }, text, isOpen, turn: undefined };
    this.#entries.set(id, entry);
    for (const [oldest] of this.#entries) {
      if (this.#entries.size <= MOST_TRACES) break;
      this.#entries.delete(oldest);
    }
    this.#show(entry);
  }

  #addTo(id: string, step: Step): void {
    const entry = this.#entries.get(id);
    if (entry) this.#add(entry, step);
  }

  #add(entry: Entry, step: Step): void {
    const { trace } = entry;
    trace.steps = [...trace.steps, step].sort((a, b) => a.atMs - b.atMs).slice(-MOST_STEPS);
    this.#show(entry);
  }

  #show({ trace }: Entry): void {
    this.#options.show({ ...trace });
  }

  /** What was logged of a delivery before its answer came. */
  #joinWaiting(traceId: string, id: string): void {
    this.#deliveries.set(traceId, id);
    const [oldest] = this.#deliveries.keys();
    if (this.#deliveries.size > MOST_TRACES * 4 && oldest !== undefined) this.#deliveries.delete(oldest);
    for (const { step } of this.#waiting.filter((other) => other.traceId === traceId)) this.#addTo(id, step);
    this.#waiting = this.#waiting.filter((other) => other.traceId !== traceId);
  }

  /** A turn says only when it ends which messages it was about; until then it is taken for the oldest one's. */
  #ofTurn(key: string, place: string): Entry | undefined {
    const known = [...this.#entries.values()].find(({ turn }) => turn === key);
    if (known) return known;
    const entry = this.#open(place).find(({ turn }) => turn === undefined);
    if (entry) entry.turn = key;
    return entry;
  }

  #endTurn(entries: readonly Entry[], key: string | undefined): void {
    for (const entry of entries) entry.isOpen = false;
    const [first] = entries;
    const guessed = key === undefined ? undefined : [...this.#entries.values()].find(({ turn }) => turn === key);
    if (first && !guessed) first.turn ??= key;
    if (!first || !guessed || entries.includes(guessed)) return;
    // What was taken for the one's is the other's, and the other way round.
    const steps = [takeTurn(guessed), takeTurn(first)] as const;
    [guessed.turn, first.turn] = [first.turn, guessed.turn];
    for (const step of steps[0]) this.#add(first, step);
    for (const step of steps[1]) this.#add(guessed, step);
    this.#show(guessed);
  }

  /** The ones of a chat that a turn may still be about, the oldest first. */
  #open(place: string): Entry[] {
    return [...this.#entries.values()].filter(({ isOpen, trace }) => isOpen && nameOf(trace.chat) === place);
  }

  #newestOpen(chat: Chat | string | undefined): Entry | undefined {
    const place = typeof chat === "object" ? nameOf(chat) : chat;
    const all = [...this.#entries.values()];
    return all.findLast(({ isOpen, trace }) => isOpen && (place === undefined || nameOf(trace.chat) === place));
  }

  /** The model is told more than a person has said: who it was, and what it was said to. */
  #askedWith(question: string): Entry | undefined {
    const open = [...this.#entries.values()].filter(({ isOpen }) => isOpen);
    const saying = open.findLast(({ text }) => text?.trim() && question.includes(text.trim()));
    return saying ?? open.findLast(({ text }) => text?.trim() === "");
  }
}

/** Takes out what was logged of the turn that it was taken for. */
function takeTurn({ turn, trace }: Entry): Step[] {
  const isOfTurn = ({ by, fields }: Step) => by === "worker" && turn === `${fields.chat} ${fields.turn}`;
  const taken = trace.steps.filter(isOfTurn);
  trace.steps = trace.steps.filter((step) => !isOfTurn(step));
  return taken;
}

function nameOf({ scene, id }: Chat): string {
  return `${scene}:${id}`;
}

/** Wrangler prints a line as it is; a warning or an error with a word before it, and colours around it. */
function readLogLine(line: string): LogLine | undefined {
  const from = line.indexOf('{"level":');
  if (from < 0) return undefined;
  try {
    const { level, event, ...fields } = JSON.parse(line.slice(from, line.lastIndexOf("}") + 1)) as Record<
      string,
      unknown
    >;
    if (typeof event !== "string" || (level !== "info" && level !== "warn" && level !== "error")) return undefined;
    return { level, event, fields };
  } catch {
    return undefined;
  }
}
