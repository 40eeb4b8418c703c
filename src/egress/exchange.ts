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
  readonly #parser = strictParser();
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
    this.#parser[HTTPParser.kOnHeadersComplete] = (head) => this.#takeHead(head);
    this.#parser[HTTPParser.kOnBody] = (piece) => {
      if (!this.isComplete) this.#pieces.push(piece);
    };
    this.#parser[HTTPParser.kOnMessageComplete] = () => this.#takeEnd();
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
    const result = chunk
      ? this.#parser.execute(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      : this.#parser.finish();
    if (this.isComplete) return this.#finish(this.#isReusable); // whatever came behind it
    if (result instanceof Error) throw this.#failed(chunk ? "unreadable" : "lost");
    if (!chunk) throw this.#failed("lost");
  }

  /** Returns whether no body follows, as the parser wants it. */
  #takeHead(head: Head): number {
    if (this.isComplete) return 0; // what comes after the end
    const { statusCode } = head;
    // Nobody asked for another protocol.
    if (!isFramed(head) || statusCode === 101 || this.#interim > MOST_INTERIM) throw this.#failed("unreadable");
    if (statusCode < 200) {
      this.#interim += 1;
      return 1;
    }
    this.#head = head;
    return hasBody(head, this.#isForHead) ? 0 : 1;
  }

  #takeEnd(): void {
    if (!this.#head || this.isComplete) return;
    this.isComplete = true;
    // Bytes behind the end would be taken for the next answer.
    const { offset, end } = this.#parser as unknown as Inside;
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

/** The parser takes any Transfer-Encoding but `chunked` for none, anything for a Content-Length, and both together. */
function isFramed({ headers }: Head): boolean {
  const valuesOf = (wanted: string) =>
    headers.filter((_value, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === wanted);
  const lengths = valuesOf("content-length");
  const [coding, ...more] = valuesOf("transfer-encoding");
  if (coding === undefined) return lengths.every((length) => /^\d{1,15}$/.test(length));
  return coding.toLowerCase() === "chunked" && more.length === 0 && lengths.length === 0;
}

function hasBody({ statusCode }: Head, isForHead: boolean): boolean {
  return !isForHead && ![204, 205, 304].includes(statusCode);
}

HTTPParser.encoding = "latin1"; // `ascii` makes a digit or a line's end of bytes that are none

/** What the parser does not declare. */
interface Inside {
  state: string;
  /** What there is of a line. */
  line: string;
  /** Its place in the chunk, and the chunk's end. */
  offset: number;
  end: number;
  trailers: readonly string[];
  consumeLine(): string | undefined;
}

const LONGEST_LINE = 16_384;
const MOST_TRAILERS = 100;
const FIELD = /^[\w!#$%&'*+.^`|~-]+:/;
const LINES: Readonly<Record<string, RegExp>> = {
  HEADER: FIELD,
  BODY_CHUNKHEAD: /^[\da-f]{1,12}[ \t]*(;.*)?$/i,
  BODY_CHUNKTRAILERS: FIELD,
};

/** The parser leaves out headers that it cannot read, takes a chunk of any size, and a line of any length. */
function strictParser() {
  const parser = new HTTPParser(HTTPParser.RESPONSE);
  const inside = parser as unknown as Inside;
  const consumeLine = inside.consumeLine.bind(parser);
  inside.consumeLine = () => {
    const line = consumeLine();
    const isEnd = line === "" && inside.state !== "BODY_CHUNKHEAD";
    if (inside.line.length > LONGEST_LINE || inside.trailers.length > 2 * MOST_TRAILERS) throw new Error("no end");
    if (line !== undefined && !isEnd && LINES[inside.state]?.test(line) === false) throw new Error("malformed");
    return line;
  };
  return parser;
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
