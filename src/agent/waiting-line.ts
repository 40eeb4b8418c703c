/**
 * The calls of one key in this isolate, and how many of them may be under way. Plain data with the clock as argument: many
 * Durable Objects look at it, and none may wait for a promise or a timer of another.
 */

/** A call that waits for a place or has one. */
export interface Ticket {
  /** Since when somebody waits for its answer, in ms since 1970. */
  readonly sinceMs: number;
  /** When its owner last showed that it is alive. */
  seenAtMs: number;
  state: "waiting" | "using" | "gone";
}

/** What the keeper of the shares is told; `bot/shares.ts` says what it makes of it. */
export interface Report {
  isolate: string;
  n: number;
  using: number;
  waitingMs: readonly number[];
}

export interface Share {
  places: number;
  forMs: number;
  isScarce: boolean;
}

/** The object of a ticket that was not seen for so long was reset, or died. */
const STALE_MS = 6_000;
/** Between two looks for such tickets. */
const SWEEP_MS = 1_000;
/** Between two asks for a share; longer while they bring nothing new. */
const LEAST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 3_000;
/** A share is renewed when it is so old: long before it is over. */
const RENEW_MS = 3_000;
/** An ask without an answer was lost, perhaps with the object that asked. */
const LOST_MS = 2_000;
/** After so many asks in a row without an answer, 3 to 8 s, this isolate counts for itself. */
const CUT_OFF_AFTER = 4;
/** How long it then does, before it looks whether it still has to. */
const ALONE_MS = 10_000;
/** Further back in the line nobody's turn comes before the next report. */
const MOST_TOLD = 100;

export class WaitingLine {
  /** Why the last ask that failed did. */
  trouble = "";
  readonly #limit: number;
  /** Oldest first. */
  readonly #waiting: Ticket[] = [];
  readonly #using = new Set<Ticket>();
  #sweptAtMs = 0;
  /** `held` is what counts as ours until we say otherwise: more than `places` where more calls are under way. */
  #share = { places: 0, held: 0, untilMs: 0, renewAtMs: 0, isScarce: false };
  #ask = { n: 0, atMs: 0, using: 0, isUnderWay: false };
  #pause = { sinceMs: Number.NEGATIVE_INFINITY, ms: LEAST_PAUSE_MS };
  #granted = 0;
  /** Asks in a row without an answer. */
  #failures = 0;
  #isAlone = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A ticket's owner is alive. One that had been given up is taken back. */
  see(ticket: Ticket, as: "waiting" | "using", nowMs: number): void {
    ticket.seenAtMs = nowMs;
    if (ticket.state === "gone") {
      ticket.state = as;
      if (as === "using") this.#using.add(ticket);
      else this.#waiting.splice(this.#indexFor(ticket), 0, ticket);
    }
    this.#sweep(nowMs);
  }

  /** Whether it is this ticket's turn. If so, it has its place. */
  begin(ticket: Ticket, nowMs: number): boolean {
    const room = this.#places(nowMs) - this.#using.size;
    const index = this.#waiting.indexOf(ticket);
    if (index === -1 || index >= room) return false;
    this.#waiting.splice(index, 1);
    this.#using.add(ticket);
    ticket.state = "using";
    return true;
  }

  leave(ticket: Ticket): void {
    ticket.state = "gone";
    this.#using.delete(ticket);
    const index = this.#waiting.indexOf(ticket);
    if (index !== -1) this.#waiting.splice(index, 1);
  }

  /** Its turn may come any moment. */
  isNearFront(ticket: Ticket): boolean {
    return this.#waiting.indexOf(ticket) < 2 * this.#limit;
  }

  /** Whether the share has to be renewed, or another one would help somebody here or elsewhere. */
  isAskDue(nowMs: number): boolean {
    if (this.#ask.isUnderWay) {
      if (nowMs - this.#ask.atMs < LOST_MS) return false;
      this.fail(this.#ask.n, "no answer");
    }
    if (nowMs - this.#pause.sinceMs < this.#pause.ms) return false;
    const { places, held, renewAtMs, isScarce } = this.#share;
    const wanted = this.#using.size + this.#waiting.length;
    const lacks = wanted > places && places < this.#limit;
    const hasTooMuch = isScarce && held > Math.max(this.#using.size, Math.min(places, wanted));
    return nowMs >= renewAtMs || lacks || hasTooMuch;
  }

  /** Nobody here calls any more, and others need the places. */
  hasToReturn(nowMs: number): boolean {
    const { held, untilMs, isScarce } = this.#share;
    const isIdle = this.#using.size === 0 && this.#waiting.length === 0;
    return isIdle && isScarce && held > 0 && untilMs > nowMs && !this.#ask.isUnderWay;
  }

  /** Whether it is known that there is no place now. */
  isFull(nowMs: number): boolean {
    return this.#share.untilMs > nowMs && !this.#ask.isUnderWay;
  }

  /** What to tell. Until it is answered, nothing begins beyond what it says: that much is ours whatever the answer. */
  beginAsk(nowMs: number): Omit<Report, "isolate"> {
    const using = this.#using.size;
    const told = this.#waiting.slice(0, Math.min(this.#limit, MOST_TOLD));
    this.#ask = { n: this.#ask.n + 1, atMs: nowMs, using, isUnderWay: true };
    this.#share.places = Math.min(this.#share.places, using);
    if (using + told.length > 0) this.#pause.sinceMs = nowMs; // what is only given back keeps nobody waiting
    return { n: this.#ask.n, using, waitingMs: told.map(({ sinceMs }) => Math.max(0, nowMs - sinceMs)) };
  }

  /** An answer that comes too late does not count: a newer report may have changed what is ours. */
  answer(n: number, { places, forMs, isScarce }: Share): void {
    const { atMs, using, isUnderWay } = this.#ask;
    if (n !== this.#ask.n || !isUnderWay) return;
    this.#ask.isUnderWay = false;
    this.#failures = 0;
    this.#isAlone = false;
    const held = Math.max(places, using);
    this.#share = { places, held, untilMs: atMs + forMs, renewAtMs: atMs + RENEW_MS, isScarce };
    this.#pause.ms = places === this.#granted ? Math.min(2 * this.#pause.ms, LONGEST_PAUSE_MS) : LEAST_PAUSE_MS;
    this.#granted = places;
  }

  fail(n: number, trouble: string): void {
    if (n !== this.#ask.n || !this.#ask.isUnderWay) return;
    this.trouble = trouble;
    this.#ask.isUnderWay = false;
    this.#failures += 1;
    this.#pause.ms = LEAST_PAUSE_MS;
  }

  /**
   * Where the shares cannot be asked for, the isolate keeps the limit by itself: answers matter more, and a provider's 429 is
   * handled anyway. True where that begins.
   */
  goesAlone(nowMs: number): boolean {
    if (this.#failures < CUT_OFF_AFTER) return false;
    const isNew = !this.#isAlone;
    this.#isAlone = true;
    const limit = this.#limit;
    Object.assign(this.#share, { places: limit, held: limit, untilMs: nowMs + ALONE_MS, isScarce: false });
    return isNew;
  }

  #places(nowMs: number): number {
    return this.#share.untilMs > nowMs ? this.#share.places : 0;
  }

  #indexFor({ sinceMs }: Ticket): number {
    return this.#waiting.findLastIndex((other) => other.sinceMs <= sinceMs) + 1;
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < SWEEP_MS) return;
    this.#sweptAtMs = nowMs;
    for (const ticket of [...this.#using, ...this.#waiting]) if (nowMs - ticket.seenAtMs > STALE_MS) this.leave(ticket);
  }
}
