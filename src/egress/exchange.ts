/** One call over a connection, and its answer. http-parser-js reads HTTP/1.1; what it lets pass too easily is refused here. */
import { HTTPParser } from "http-parser-js";
import { type EgressFailure, egressError } from "./failure.ts";
import type { Line } from "./line.ts";
import type { Outgoing } from "./outgoing.ts";

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

interface Head {
  statusCode: number;
  statusMessage: string;
  /** Name, value, name, value, … */
  headers: string[];
  shouldKeepAlive: boolean;
}

/** Read ahead of the consumer: a short answer ends by itself, and its connection is free. */
const READ_AHEAD = 65_536;

class Answer {
  isComplete = false;
  readonly finished: Promise<boolean>;
  #finish: (isReusable: boolean) => void = () => {};
  readonly #line: Line;
  readonly #signal: AbortSignal;
  readonly #isForHead: boolean;
  readonly #parser = new HTTPParser(HTTPParser.RESPONSE);
  #head: Head | undefined;
  #pieces: Uint8Array[] = [];
  #isReusable = false;

  constructor(line: Line, method: string, signal: AbortSignal) {
    this.#line = line;
    this.#signal = signal;
    this.#isForHead = method === "HEAD";
    const giveUp = () => this.#giveUp();
    signal.addEventListener("abort", giveUp);
    this.finished = new Promise<boolean>((resolve) => {
      this.#finish = resolve;
    }).finally(() => signal.removeEventListener("abort", giveUp));
    this.#parser[HTTPParser.kOnHeadersComplete] = (head) => this.#takeHead(head);
    this.#parser[HTTPParser.kOnBody] = (piece) => {
      if (!this.isComplete) this.#pieces.push(piece);
    };
    this.#parser[HTTPParser.kOnMessageComplete] = () => this.#takeEnd();
  }

  async response(): Promise<Response> {
    while (!this.#head) await this.#feed();
    try {
      return responseOf(this.#head, this.#body());
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
          while (this.#pieces.length === 0 && !this.isComplete) await this.#feed();
          for (const piece of this.#pieces.splice(0)) controller.enqueue(piece);
          if (this.isComplete) controller.close();
        },
        cancel: () => this.#giveUp(),
      },
      { highWaterMark: READ_AHEAD, size: (piece) => piece.byteLength },
    );
  }

  async #feed(): Promise<void> {
    const chunk = await this.#line.read();
    const result = chunk
      ? this.#parser.execute(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      : this.#parser.finish();
    if (result instanceof Error) throw this.#failed(chunk ? "unreadable" : "lost");
    if (this.isComplete) this.#finish(this.#isReusable);
    else if (!chunk) throw this.#failed("lost");
  }

  #takeHead(head: Head): number {
    if (this.isComplete || head.statusCode < 200) return 0; // what comes after the end, or before the answer
    this.#head = head;
    if (!isFramed(head)) throw this.#failed("unreadable");
    return this.#isForHead || head.statusCode === 204 || head.statusCode === 304 ? 1 : 0;
  }

  #takeEnd(): void {
    if (!this.#head || this.isComplete) return;
    this.isComplete = true;
    // Bytes behind the end would be taken for the next answer. The parser's own place in the chunk, which it does not declare:
    const { offset, end } = this.#parser as unknown as { offset: number; end: number };
    this.#isReusable = this.#head.shouldKeepAlive && offset === end;
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

/** The parser takes any Transfer-Encoding but `chunked` for none, and anything for a Content-Length. */
function isFramed({ headers }: Head): boolean {
  return headers.every((name, index) => {
    const value = headers[index + 1]?.toLowerCase() ?? "";
    if (index % 2 === 1) return true;
    if (name.toLowerCase() === "transfer-encoding") return value === "chunked";
    return name.toLowerCase() !== "content-length" || /^\d+$/.test(value);
  });
}

const CODINGS: Readonly<Record<string, "gzip" | "deflate">> = { gzip: "gzip", "x-gzip": "gzip", deflate: "deflate" };

function responseOf(
  { statusCode: status, statusMessage: statusText, headers: list }: Head,
  raw: ReadableStream<Uint8Array> | Uint8Array,
): Response {
  const headers = new Headers();
  for (let index = 0; index < list.length; index += 2) headers.append(list[index] ?? "", list[index + 1] ?? "");
  if ([204, 205, 304].includes(status)) return new Response(null, { status, statusText, headers });
  const coding = CODINGS[headers.get("content-encoding")?.toLowerCase() ?? ""];
  if (!coding) return new Response(raw, { status, statusText, headers });
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  const whole = new Response(raw).body;
  return new Response(whole?.pipeThrough(new DecompressionStream(coding)), { status, statusText, headers });
}
