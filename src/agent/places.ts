/**
 * Who may call a model now, where a key allows only so many calls at a time. The chats of an isolate stand in one line; what
 * the isolate may use of the limit it is told by whoever keeps the shares, every few seconds and not for every call.
 */
import { describe, log } from "../log.ts";
import { type Report, type Share, type Ticket, WaitingLine } from "./waiting-line.ts";

/** What the setting MODEL_CONCURRENCY asks for, and what it takes. */
export interface Concurrency {
  /** Calls at a time with one key, in all chats of the deployment. */
  limit: number;
  /** Asks how much of the limit is this isolate's. */
  askForShare(key: string, report: Report): Promise<Share>;
  /** Resolves after `ms`, or as soon as `signal` says so, and leaves no timer behind then. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export interface PlaceOptions extends Concurrency {
  key: string;
  /** Since when somebody waits for the answer, in ms since 1970: whoever waits longest goes first. */
  sinceMs: number;
  /** How long to wait at most. */
  withinMs: number;
  /** Else it waits only until it is known that there is no place now. */
  isPatient: boolean;
  signal: AbortSignal;
  now(): number;
}

/** The right to have one call under way. */
export interface Place {
  release(): void;
}

/** Between two looks at the line: for those at its front, and for those behind. */
const POLL_MS = 100;
const SLOW_POLL_MS = 250;
/** Whoever has a place shows so often that it is alive. */
const REFRESH_MS = 1_000;
/** How long a share may take to come before whoever has another model to ask goes there. */
const IMPATIENT_MS = 1_000;

/** One for each isolate. A cache: it is lost with the isolate, whose calls end with it. */
export class Places {
  readonly #lines = new Map<string, WaitingLine>();
  readonly #newId: () => string;
  /** Not made before it is needed: workerd has no randomness while a module loads. */
  #isolate: string | undefined;

  constructor(newId: () => string = () => crypto.randomUUID()) {
    this.#newId = newId;
  }

  /**
   * A place, which the caller releases. Undefined: there was none in time.
   *
   * @throws the reason of `signal` where that ended the wait.
   */
  async take(options: PlaceOptions): Promise<Place | undefined> {
    const { key, limit, sinceMs, withinMs, isPatient, signal, now, wait } = options;
    signal.throwIfAborted();
    const line = this.#lines.get(key) ?? new WaitingLine(limit);
    this.#lines.set(key, line);
    const startMs = now();
    const ticket: Ticket = { sinceMs, seenAtMs: startMs, state: "gone" };
    try {
      for (;;) {
        const nowMs = now();
        const asked = this.#attend(line, ticket, "waiting", options);
        if (line.begin(ticket, nowMs)) return this.#hold(line, ticket, options);
        const waitedMs = nowMs - startMs;
        if (waitedMs >= withinMs) return undefined;
        if (!isPatient && !asked && (line.isFull(nowMs) || waitedMs >= IMPATIENT_MS)) return undefined;
        const pause = wait(line.isNearFront(ticket) ? POLL_MS : SLOW_POLL_MS, signal);
        await (asked ? Promise.race([asked, pause]) : pause);
        signal.throwIfAborted();
      }
    } finally {
      if (ticket.state !== "using") this.#leave(line, ticket, options);
    }
  }

  #hold(line: WaitingLine, ticket: Ticket, options: PlaceOptions): Place {
    const ended = new AbortController();
    const refresh = async () => {
      for (;;) {
        await options.wait(REFRESH_MS, ended.signal);
        if (ended.signal.aborted) return;
        void this.#attend(line, ticket, "using", options);
      }
    };
    void refresh();
    return {
      release: () => {
        if (ended.signal.aborted) return;
        ended.abort();
        this.#leave(line, ticket, options);
      },
    };
  }

  /** What every ticket does for itself and for the line now and then. Returns the ask that it began, if it did. */
  #attend(
    line: WaitingLine,
    ticket: Ticket,
    as: "waiting" | "using",
    options: PlaceOptions,
  ): Promise<void> | undefined {
    const nowMs = options.now();
    line.see(ticket, as, nowMs);
    const asked = line.isAskDue(nowMs) ? this.#ask(line, options) : undefined;
    if (line.goesAlone(nowMs)) {
      log.warn("places.alone", {
        key: options.key,
        limit: options.limit,
        error: line.trouble,
        advice:
          "问不到 Bot,暂由每个实例各自守住 MODEL_CONCURRENCY,无需处理。" +
          "The Bot does not answer: for now each isolate keeps MODEL_CONCURRENCY by itself; nothing to do.",
      });
    }
    return asked;
  }

  #leave(line: WaitingLine, ticket: Ticket, options: PlaceOptions): void {
    line.leave(ticket);
    if (line.hasToReturn(options.now())) void this.#ask(line, options);
  }

  /** Runs in the caller's own object; what it leaves for the others is data. Never rejects. */
  async #ask(line: WaitingLine, options: PlaceOptions): Promise<void> {
    const { key, askForShare, now } = options;
    this.#isolate ??= this.#newId();
    const report = line.beginAsk(now());
    try {
      line.answer(report.n, await askForShare(key, { ...report, isolate: this.#isolate }));
    } catch (error) {
      line.fail(report.n, describe(error));
    }
    if (line.hasToReturn(now())) await this.#ask(line, options);
  }
}
