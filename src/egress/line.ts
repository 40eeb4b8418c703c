/** An open connection that takes one call after the other. */
import type { Duct } from "./connection.ts";

export class Line {
  readonly #duct: Duct;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** One read is always under way: that is how the end of a resting connection is noticed. */
  #next: Promise<Uint8Array | undefined>;
  #rest: { sinceMs: number } | undefined;
  #isOpen = true;
  #isBroken = false;

  constructor(duct: Duct) {
    this.#duct = duct;
    this.#reader = duct.readable.getReader();
    this.#writer = duct.writable.getWriter();
    this.#writer.closed.catch(() => {}); // whoever writes or reads hears of it
    this.#next = this.#listen();
  }

  /** Resolves with what comes next, or with undefined at the end, however that came about. */
  async read(): Promise<Uint8Array | undefined> {
    const chunk = await this.#next;
    if (chunk) this.#next = this.#listen();
    return chunk;
  }

  /** The end came otherwise than by the far end's will: what came before it may not be all. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#writer.ready;
    await this.#writer.write(chunk);
  }

  /** Nothing is expected from now on: whatever comes makes it useless. */
  rest(nowMs: number): void {
    const rest = { sinceMs: nowMs };
    this.#rest = rest;
    void this.#next.then(() => {
      if (this.#rest === rest) this.close();
    });
  }

  /** Takes it up again. False where it is closed, or has rested for longer than `mostMs`. */
  wake(nowMs: number, mostMs: number): boolean {
    const isFresh = this.#rest !== undefined && nowMs - this.#rest.sinceMs <= mostMs;
    this.#rest = undefined;
    if (!isFresh) this.close();
    return this.#isOpen;
  }

  close(): void {
    this.#isOpen = false;
    this.#duct.close().catch(() => {}); // it is closed already
  }

  async #listen(): Promise<Uint8Array | undefined> {
    try {
      const { value, done } = await this.#reader.read();
      return done ? undefined : value;
    } catch {
      this.#isBroken = true;
      return undefined;
    }
  }
}
