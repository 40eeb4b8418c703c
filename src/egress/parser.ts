/** http-parser-js, and what it lets pass too easily: of HTTP/1.1, what is not framed beyond doubt is refused. */
import { HTTPParser } from "http-parser-js";

export interface Head {
  statusCode: number;
  statusMessage: string;
  /** Name, value, name, value, … */
  headers: string[];
  shouldKeepAlive: boolean;
}

/** Who hears what is read. What it throws ends the reading. */
export interface Listener {
  /** Returns whether a body follows. */
  onHead(head: Head): boolean;
  onPiece(piece: Uint8Array): void;
  /** `isClean`: nothing has come behind the end, as far as has been read. */
  onEnd(isClean: boolean): void;
}

export interface Parser {
  /** Returns what is wrong with the bytes. */
  read(chunk: Uint8Array): Error | undefined;
  /** The connection is at its end. Returns an error where the answer is not. */
  end(): Error | undefined;
}

export function createParser({ onHead, onPiece, onEnd }: Listener): Parser {
  const parser = strictParser();
  const inside = parser as unknown as Inside;
  parser[HTTPParser.kOnHeadersComplete] = (head) => (onHead(head) ? 0 : 1);
  parser[HTTPParser.kOnBody] = onPiece;
  parser[HTTPParser.kOnMessageComplete] = () => onEnd(inside.offset === inside.end);
  return {
    read(chunk) {
      const result = parser.execute(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      return result instanceof Error ? result : undefined;
    },
    end: () => parser.finish() ?? undefined,
  };
}

/** The parser takes any Transfer-Encoding but `chunked` for none, anything for a Content-Length, and both together. */
export function isFramed({ headers }: Head): boolean {
  const valuesOf = (wanted: string) =>
    headers.filter((_value, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === wanted);
  const lengths = valuesOf("content-length");
  const [coding, ...more] = valuesOf("transfer-encoding");
  if (coding === undefined) return lengths.every((length) => /^\d{1,15}$/.test(length));
  return coding.toLowerCase() === "chunked" && more.length === 0 && lengths.length === 0;
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
