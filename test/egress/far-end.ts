/** The far end of a connection in memory: hears what is written to it, and says what a test tells it to say. */
import type { Duct } from "../../src/egress/connection.ts";

export class FarEnd {
  readonly duct: Duct;
  /** All it has heard. */
  heard = Buffer.alloc(0);
  isClosed = false;
  /** Resolves when this side closes the connection. */
  readonly closed: Promise<void>;
  #close: () => void = () => {};
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isOver = false;
  #changed: () => void = () => {};
  readonly #flow: Promise<void> | undefined;

  /** `holds`: takes nothing of what is written until that resolves. */
  constructor({ holds }: { holds?: Promise<void> } = {}) {
    this.#flow = holds;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    this.duct = {
      readable: new ReadableStream<Uint8Array>({
        start: (controller) => {
          this.#controller = controller;
        },
      }),
      writable: new WritableStream<Uint8Array>({
        write: async (chunk) => {
          await this.#flow;
          if (this.#isOver) throw new Error("closed");
          this.heard = Buffer.concat([this.heard, chunk]);
          this.#changed();
        },
      }),
      close: async () => {
        this.end();
        this.isClosed = true;
        this.#close();
        this.#changed();
      },
    };
  }

  say(text: string | Uint8Array): void {
    if (!this.#isOver) this.#controller?.enqueue(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  end(): void {
    if (!this.#isOver) this.#controller?.close();
    this.#isOver = true;
  }

  /** The end, as it comes when a network fails. */
  fail(): void {
    if (!this.#isOver) this.#controller?.error(new Error("reset"));
    this.#isOver = true;
  }

  /** Resolves when what it has heard ends so, or holds so many bytes. */
  async hears(what: string | number): Promise<void> {
    const isThere = () =>
      typeof what === "number" ? this.heard.length >= what : this.heard.toString("latin1").includes(what);
    while (!isThere()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

/** Lets everything that is under way in memory come to rest. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
