/** A call in the form of HTTP/1.1 in which it leaves. */

export interface Outgoing {
  method: string;
  /** The head and what is at hand of the body. */
  bytes: Uint8Array;
  /** What follows, of a body that is not at hand as a whole. It can be sent once only. */
  stream?: AsyncIterable<Uint8Array>;
}

/** Of a body whose length the caller does not tell, so much is collected to tell it: not every server takes chunks. */
const MOST_COLLECTED = 1_048_576;

/** They belong to one connection, and so not to the caller. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Longer bodies than 1 MiB go out in chunks, unless the caller gives a Content-Length. */
export async function outgoing(request: Request): Promise<Outgoing> {
  const { method, body } = request;
  const headers = new Headers(request.headers);
  for (const name of HOP_BY_HOP) headers.delete(name);
  headers.set("host", new URL(request.url).host);
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", "gzip");
  if (!body) {
    if (method !== "GET" && method !== "HEAD") headers.set("content-length", "0");
    return { method, bytes: headOf(request, headers) };
  }
  const told = headers.get("content-length");
  if (told !== null) return { method, bytes: headOf(request, headers), stream: exactly(Number(told), body) };
  const reader = body.getReader();
  const { beginning, isWhole } = await collect(reader);
  if (isWhole) {
    headers.set("content-length", String(beginning.length));
    return { method, bytes: joined([headOf(request, headers), beginning]) };
  }
  headers.set("transfer-encoding", "chunked");
  return { method, bytes: headOf(request, headers), stream: chunks(beginning, reader) };
}

function headOf({ method, url }: Request, headers: Headers): Uint8Array {
  const { pathname, search } = new URL(url);
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.from(`${method} ${pathname}${search} HTTP/1.1\r\n${lines}\r\n`, "latin1");
}

/** What is too long would be taken for the next call. */
async function* exactly(length: number, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const piece of body) {
    left -= piece.length;
    if (!(left >= 0)) break;
    yield piece;
  }
  if (left !== 0) throw new Error("the body is not as long as its Content-Length");
}

async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<{ beginning: Uint8Array; isWhole: boolean }> {
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length <= MOST_COLLECTED) {
    const { value, done } = await reader.read();
    if (done) return { beginning: joined(parts), isWhole: true };
    parts.push(value);
    length += value.length;
  }
  return { beginning: joined(parts), isWhole: false };
}

async function* chunks(
  beginning: Uint8Array,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield chunk(beginning);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      if (value.length > 0) yield chunk(value); // an empty one would be the last
    }
    yield encoded("0\r\n\r\n");
  } finally {
    await reader.cancel();
  }
}

function chunk(bytes: Uint8Array): Uint8Array {
  return joined([encoded(`${bytes.length.toString(16)}\r\n`), bytes, encoded("\r\n")]);
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
