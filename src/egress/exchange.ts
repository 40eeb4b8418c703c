/** One call over a connection, and its answer. */
import { type EgressFailure, egressError } from "./failure.ts";
import type { Line } from "./line.ts";
import type { Outgoing } from "./outgoing.ts";
import { createParser, type Head, isFramed } from "./parser.ts";

export interface Exchange {
  response: Response;
  /** Resolves when the answer is at its end, or was given up: whether the connection takes another call. */
  finished: Promise<boolean>;
}

/**
 * Resolves with the head of the answer; the body follows as it is read. Aborting the signal ends both.
 *
 * @throws UpstreamError `lost`, `late` or `unreadable`: whether the call has arrived is not known.
 */
export async function exchange(line: Line, call: Outgoing, signal: AbortSignal): Promise<Exchange> {
  const answer = new Answer(line, call.method, signal);
  let isSent = false;
  void send(line, call, answer).then((all) => {
    isSent = all;
  });
  const finished = answer.finished.then((isReusable) => isReusable && isSent);
  const response = await answer.response();
  return { response, finished };
}

/** Resolves with whether all of it has left. What becomes of the call is known from its answer alone. */
async function send(line: Line, { bytes, stream = none() }: Outgoing, answer: Answer): Promise<boolean> {
  try {
    await line.write(bytes);
    for await (const chunk of stream) {
      if (answer.isComplete) return false; // an early answer: nobody wants the rest
      await line.write(chunk);
    }
    return true;
  } catch {
    line.close(); // a body that breaks off in the middle cannot be ended otherwise
    return false;
  }
}

async function* none(): AsyncGenerator<Uint8Array> {}

/** Read ahead of the consumer: a short answer ends by itself, and its connection is free. */
const READ_AHEAD = 65_536;
/** A body that nobody reads on holds its connection, and with it the calls behind it, no longer than this. */
const LONGEST_UNREAD_MS = 30_000;
/** Of answers before the answer (1xx). */
const MOST_INTERIM = 10;

class Answer {
  isComplete = false;
  readonly finished: Promise<boolean>;
  #finish: (isReusable: boolean) => void = () => {};
  readonly #line: Line;
  readonly #signal: AbortSignal;
  readonly #isForHead: boolean;
  readonly #parser = createParser({
    onHead: (head) => this.#takeHead(head),
    onPiece: (piece) => {
      if (!this.isComplete) this.#pieces.push(piece);
    },
    onEnd: (isClean) => this.#takeEnd(isClean),
  });
  #head: Head | undefined;
  #pieces: Uint8Array[] = [];
  #isReusable = false;
  #interim = 0;
  #unread: ReturnType<typeof setTimeout> | undefined;

  constructor(line: Line, method: string, signal: AbortSignal) {
    this.#line = line;
    this.#signal = signal;
    this.#isForHead = method === "HEAD";
    const giveUp = () => this.#giveUp();
    signal.addEventListener("abort", giveUp);
    this.finished = new Promise<boolean>((resolve) => {
      this.#finish = resolve;
    }).finally(() => {
      signal.removeEventListener("abort", giveUp);
      clearTimeout(this.#unread);
    });
  }

  async response(): Promise<Response> {
    while (!this.#head) await this.#feed();
    try {
      return responseOf(this.#head, hasBody(this.#head, this.#isForHead) ? this.#body() : null);
    } catch {
      throw this.#failed("unreadable"); // a status or a header that no Response holds
    }
  }

  /** Mostly it has come with the head: then it needs no stream, which costs more than all else. */
  #body(): ReadableStream<Uint8Array> | Uint8Array {
    if (this.isComplete) return Buffer.concat(this.#pieces.splice(0));
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          clearTimeout(this.#unread);
          while (this.#pieces.length === 0 && !this.isComplete) await this.#feed();
          for (const piece of this.#pieces.splice(0)) controller.enqueue(piece);
          if (this.isComplete) controller.close();
          else if ((controller.desiredSize ?? 0) <= 0) {
            this.#unread = setTimeout(() => this.#giveUp(), LONGEST_UNREAD_MS);
          }
        },
        cancel: () => this.#giveUp(),
      },
      { highWaterMark: READ_AHEAD, size: (piece) => piece.byteLength },
    );
  }

  async #feed(): Promise<void> {
    const chunk = await this.#line.read();
    if (!chunk && this.#line.isBroken) throw this.#failed("lost");
    const error = chunk ? this.#parser.read(chunk) : this.#parser.end();
    if (this.isComplete) return this.#finish(this.#isReusable); // whatever came behind it
    if (error || !chunk) throw this.#failed(chunk ? "unreadable" : "lost");
  }

  #takeHead(head: Head): boolean {
    if (this.isComplete) return true; // what comes after the end
    const { statusCode } = head;
    // Nobody asked for another protocol.
    if (!isFramed(head) || statusCode === 101 || this.#interim > MOST_INTERIM) throw this.#failed("unreadable");
    if (statusCode < 200) {
      this.#interim += 1;
      return false;
    }
    this.#head = head;
    return hasBody(head, this.#isForHead);
  }

  #takeEnd(isClean: boolean): void {
    if (!this.#head || this.isComplete) return;
    this.isComplete = true;
    this.#isReusable = this.#head.shouldKeepAlive && isClean; // bytes behind it would be taken for the next answer
  }

  #failed(failure: EgressFailure): Error {
    this.#giveUp();
    return egressError(this.#signal.aborted ? "late" : failure);
  }

  #giveUp(): void {
    this.#line.close();
    this.#finish(false);
  }
}

function hasBody({ statusCode }: Head, isForHead: boolean): boolean {
  return !isForHead && ![204, 205, 304].includes(statusCode);
}

const CODINGS: Readonly<Record<string, "gzip" | "deflate">> = { gzip: "gzip", "x-gzip": "gzip", deflate: "deflate" };

function responseOf(
  { statusCode: status, statusMessage: statusText, headers: list }: Head,
  raw: ReadableStream<Uint8Array> | Uint8Array | null,
): Response {
  const headers = new Headers();
  for (let index = 0; index < list.length; index += 2) headers.append(list[index] ?? "", list[index + 1] ?? "");
  const coding = CODINGS[headers.get("content-encoding")?.toLowerCase() ?? ""];
  if (!coding || !raw) return new Response(raw, { status, statusText, headers });
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  const whole = new Response(raw).body;
  return new Response(whole?.pipeThrough(new DecompressionStream(coding)), { status, statusText, headers });
}
