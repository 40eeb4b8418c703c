/** A clock that only the test moves, and the timers on it. */

interface Timer {
  atMs: number;
  ring(): void;
}

export class Clock {
  nowMs: number;
  readonly #timers: Timer[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  readonly now = (): number => this.nowMs;

  /** As conversation.ts waits: resolves after `ms` or when `signal` says so, and leaves no timer behind. */
  readonly wait = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const ring = () => {
        this.#timers.splice(this.#timers.indexOf(timer), 1);
        signal?.removeEventListener("abort", ring);
        resolve();
      };
      const timer = { atMs: this.nowMs + ms, ring };
      this.#timers.push(timer);
      signal?.addEventListener("abort", ring);
    });

  /** Timers that have not rung. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Lets so much time pass: timers ring in their order, and what waits for each goes on before the next. */
  async advance(ms: number): Promise<void> {
    const endsAtMs = this.nowMs + ms;
    await settled();
    for (;;) {
      const next = this.#timers.reduce<Timer | undefined>(
        (first, timer) => (first && first.atMs <= timer.atMs ? first : timer),
        undefined,
      );
      if (!next || next.atMs > endsAtMs) break;
      this.nowMs = next.atMs;
      next.ring();
      await settled();
    }
    this.nowMs = endsAtMs;
  }
}

/** Everything that waits for nothing but promises has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await undefined;
}
