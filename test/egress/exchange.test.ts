/** One call over a connection, and its answer: however it is cut, framed, broken off or forged. */
import { deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { exchange } from "../../src/egress/exchange.ts";
import { Line } from "../../src/egress/line.ts";
import type { Outgoing } from "../../src/egress/outgoing.ts";
import { toRefusal } from "../../src/errors.ts";
import { FarEnd, settled } from "./far-end.ts";

afterEach(() => {
  vi.useRealTimers();
});

const GET: Outgoing = { method: "GET", bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n") };
const LOST = "the connection through the proxy broke";
const UNREADABLE = "what came back through the proxy is not HTTP";
const LATE = "no answer in time through the proxy";

interface Seen {
  status: number;
  statusText: string;
  headers: [string, string][];
  body: string;
  isReusable: boolean;
}

interface Given {
  call?: Outgoing;
  signal?: AbortSignal;
  /** How the connection goes on behind what is said: it stays, ends, or breaks. */
  next?: "stays" | "ends" | "breaks";
}

/** What becomes of an answer that comes in these pieces: what was seen, or the sentence of the failure. */
async function answered(pieces: readonly (string | Uint8Array)[], given: Given = {}): Promise<Seen | string> {
  const { call = GET, signal = new AbortController().signal, next = "ends" } = given;
  const far = new FarEnd();
  try {
    const exchanged = exchange(new Line(far.duct), call, signal);
    exchanged.catch(() => {}); // it is looked at below
    await far.hears("\r\n\r\n");
    for (const piece of pieces) far.say(piece);
    if (next === "ends") far.end();
    if (next === "breaks") far.fail();
    const { response, finished } = await exchanged;
    const body = Buffer.from(await response.arrayBuffer()).toString("latin1");
    const { status, statusText } = response;
    return { status, statusText, headers: [...response.headers], body, isReusable: await finished };
  } catch (error) {
    expect(far.isClosed).toBe(true);
    const { summary, outcomeUnknown } = toRefusal(error, "test");
    expect(outcomeUnknown).toBe(true);
    return summary;
  }
}

const lines = (...all: readonly string[]) => `${all.join("\r\n")}\r\n\r\n`;
const OK = "HTTP/1.1 200 OK";

describe("reads a body", () => {
  const CASES: readonly [string, string, string, boolean][] = [
    ["by its length", `${lines(OK, "Content-Length: 5")}hello`, "hello", true],
    ["of no length", lines(OK, "Content-Length: 0"), "", true],
    ["by a length that is said twice", `${lines(OK, "Content-Length: 5", "Content-Length: 5")}hello`, "hello", true],
    ["in chunks", `${lines(OK, "Transfer-Encoding: chunked")}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`, "hello!", true],
    [
      "in chunks, in capitals",
      `${lines(OK, "TRANSFER-ENCODING: Chunked")}A\r\n0123456789\r\n0\r\n\r\n`,
      "0123456789",
      true,
    ],
    ["in chunks with zeros", `${lines(OK, "Transfer-Encoding: chunked")}0005\r\nhello\r\n000\r\n\r\n`, "hello", true],
    [
      "in chunks with extensions and trailers",
      `${lines(OK, "Transfer-Encoding: chunked")}5;a=b;c="d"\r\nhello\r\n0;z\r\nX-After: 1\r\nContent-Length: 9\r\n\r\n`,
      "hello",
      true,
    ],
    ["to the end of the connection", `${lines(OK)}hello`, "hello", false],
    ["in HTTP/1.0", `${lines("HTTP/1.0 200 OK", "Content-Length: 5")}hello`, "hello", false],
    [
      "in HTTP/1.0, kept",
      `${lines("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 5")}hello`,
      "hello",
      true,
    ],
    ["before a close", `${lines(OK, "Connection: close", "Content-Length: 5")}hello`, "hello", false],
    [
      "behind what comes first",
      `${lines("HTTP/1.1 100 Continue")}${lines("HTTP/1.1 103 Early Hints", "Link: x")}${lines(OK, "Content-Length: 5")}hello`,
      "hello",
      true,
    ],
    [
      "behind what comes first with a length",
      `${lines("HTTP/1.1 100 Continue", "Content-Length: 3")}${lines(OK, "Content-Length: 5")}hello`,
      "hello",
      true,
    ],
    ["behind an empty line", `\r\n${lines(OK, "Content-Length: 5")}hello`, "hello", true],
    ["with lines that end shortly", `${OK}\nContent-Length: 5\n\nhello`, "hello", true],
    [
      "of every byte",
      `${lines(OK, "Content-Length: 256")}${Buffer.from([...Array(256).keys()]).toString("latin1")}`,
      Buffer.from([...Array(256).keys()]).toString("latin1"),
      true,
    ],
  ];

  it.each(CASES)("%s", async (_name, text, body, isReusable) => {
    const seen = await answered([text], { next: isReusable ? "stays" : "ends" });
    expect(seen).toMatchObject({ status: 200, statusText: "OK", body, isReusable });
  });

  it.each(CASES)("%s, cut at every place", async (_name, text, body, isReusable) => {
    for (let at = 1; at < text.length; at++) {
      const seen = await answered([text.slice(0, at), text.slice(at)], { next: isReusable ? "stays" : "ends" });
      expect(seen, `cut at ${at}`).toMatchObject({ status: 200, body, isReusable });
    }
  });

  it("cut anyhow", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...CASES), fc.array(fc.nat(400), { maxLength: 12 }), async (given, cuts) => {
        const [, text, body, isReusable] = given;
        const places = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((place, index) => text.slice(places[index], place));
        const seen = await answered(
          pieces.filter((piece) => piece !== ""),
          { next: isReusable ? "stays" : "ends" },
        );
        expect(seen).toMatchObject({ status: 200, body, isReusable });
      }),
      { numRuns: 200 },
    );
  });

  it.each(CASES)("%s, and takes no part of it for the whole", async (_name, text, _body, isReusable) => {
    if (!isReusable && !text.includes("Content-Length")) return; // its end is the connection's
    for (let length = 0; length < text.length; length++) {
      expect(await answered([text.slice(0, length)]), `after ${length}`).toBe(LOST);
    }
  });

  it("to the end of the connection, unless that breaks", async () => {
    expect(await answered([`${lines(OK)}hello`], { next: "breaks" })).toBe(LOST);
    expect(await answered([`${lines(OK, "Content-Length: 5")}hello`], { next: "breaks" })).toMatchObject({
      body: "hello",
    });
  });
});

describe("knows that there is none", () => {
  it.each([
    ["HEAD", 200, ["Content-Length: 5"]],
    ["HEAD", 200, ["Transfer-Encoding: chunked"]],
    ["HEAD", 200, ["Content-Encoding: gzip", "Content-Length: 5"]],
    ["HEAD", 200, []],
    ["GET", 204, []],
    ["GET", 204, ["Content-Length: 5"]],
    ["GET", 304, ["Content-Length: 5", "Content-Encoding: gzip"]],
    ["GET", 205, ["Content-Length: 0"]],
  ])("in the answer to %s, %d %s", async (method, status, headers) => {
    const seen = await answered([lines(`HTTP/1.1 ${status} Fine`, ...headers)], {
      call: { ...GET, method },
      next: "stays",
    });
    expect(seen).toMatchObject({ status, body: "" });
    if (method === "GET" || headers.length > 0) expect(seen).toMatchObject({ isReusable: true });
  });
});

describe("headers", () => {
  it("keeps all, the repeated too", async () => {
    const seen = await answered([
      lines(
        OK,
        "Content-Length: 0",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2",
        "X-One: 1",
        "x-one:  2 ",
        "Empty:",
        "Tab:\tx\t",
      ),
    ]);
    expect(seen).toMatchObject({
      headers: [
        ["content-length", "0"],
        ["empty", ""],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["tab", "x"],
        ["x-one", "1, 2"],
      ],
    });
  });

  it("has a status without words, and one with many", async () => {
    expect(await answered([lines("HTTP/1.1 404 ", "Content-Length: 0")])).toMatchObject({
      status: 404,
      statusText: "",
    });
    expect(await answered([lines("HTTP/1.1 404", "Content-Length: 0")])).toMatchObject({ status: 404, statusText: "" });
    expect(await answered([lines("HTTP/1.1 404 Not at all", "Content-Length: 0")])).toMatchObject({
      statusText: "Not at all",
    });
  });
});

describe("compression", () => {
  const text = "很长的话 ".repeat(2000);
  const CODINGS: readonly [string, Buffer][] = [
    ["gzip", gzipSync(text)],
    ["x-gzip", gzipSync(text)],
    ["GZIP", gzipSync(text)],
    ["deflate", deflateSync(text)],
  ];

  it.each(CODINGS)("takes off %s, and the headers that spoke of it", async (coding, packed) => {
    const head = lines(OK, `Content-Encoding: ${coding}`, `Content-Length: ${packed.length}`, "X-Kept: 1");
    const seen = await answered([head, packed.subarray(0, 7), packed.subarray(7)], { next: "stays" });
    expect(seen).toMatchObject({ headers: [["x-kept", "1"]], isReusable: true });
    expect(Buffer.from((seen as Seen).body, "latin1").toString()).toBe(text);
  });

  it("leaves what it does not know", async () => {
    const seen = await answered([`${lines(OK, "Content-Encoding: br", "Content-Length: 2")}ab`]);
    expect(seen).toMatchObject({
      body: "ab",
      headers: [
        ["content-encoding", "br"],
        ["content-length", "2"],
      ],
    });
  });

  it("takes no part of it for the whole", async () => {
    const packed = gzipSync(text);
    const half = packed.subarray(0, packed.length / 2);
    for (const [head, body] of [
      [lines(OK, "Content-Encoding: gzip"), half],
      [lines(OK, "Content-Encoding: gzip", `Content-Length: ${half.length}`), half],
      [lines(OK, "Content-Encoding: gzip", `Content-Length: ${packed.length}`), half],
    ] as const) {
      const far = new FarEnd();
      far.say(head);
      far.say(body);
      far.end();
      const { response } = await exchange(new Line(far.duct), GET, new AbortController().signal);
      await expect(response.text()).rejects.toBeDefined();
    }
  });
});

describe("refuses", () => {
  const chunked = lines(OK, "Transfer-Encoding: chunked");
  it.each([
    ["a length that is no number", `${lines(OK, "Content-Length: five")}hello`],
    ["a length in hexadecimal", `${lines(OK, "Content-Length: 0x5")}hello`],
    ["a length below zero", `${lines(OK, "Content-Length: -5")}hello`],
    ["a length with a sign", `${lines(OK, "Content-Length: +5")}hello`],
    ["a length of half a byte", `${lines(OK, "Content-Length: 4.5")}hello`],
    ["a length without a number", `${lines(OK, "Content-Length:")}hello`],
    ["a length beyond all numbers", `${lines(OK, "Content-Length: 99999999999999999999")}hello`],
    ["two lengths", `${lines(OK, "Content-Length: 5", "Content-Length: 6")}hello`],
    ["two lengths in one", `${lines(OK, "Content-Length: 5, 5")}hello`],
    [
      "a length beside chunks",
      `${lines(OK, "Content-Length: 5", "Transfer-Encoding: chunked")}5\r\nhello\r\n0\r\n\r\n`,
    ],
    [
      "chunks beside a length",
      `${lines(OK, "Transfer-Encoding: chunked", "Content-Length: 5")}5\r\nhello\r\n0\r\n\r\n`,
    ],
    ["chunks of chunks", `${lines(OK, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked")}0\r\n\r\n`],
    ["another coding", `${lines(OK, "Transfer-Encoding: gzip")}hello`],
    ["two codings", `${lines(OK, "Transfer-Encoding: gzip, chunked")}0\r\n\r\n`],
    ["a coding of its own", `${lines(OK, "Transfer-Encoding: xchunked")}0\r\n\r\n`],
    ["a coding without a name", `${lines(OK, "Transfer-Encoding:")}hello`],
    ["a length with a space before the colon", `${lines(OK, "Content-Length : 5")}hello`],
    ["a header without a name", `${lines(OK, ": x", "Content-Length: 5")}hello`],
    ["a header without a colon", `${lines(OK, "Content-Length 5")}hello`],
    ["a header that goes on in the next line", `${lines(OK, "X-Long: a", " b", "Content-Length: 5")}hello`],
    ["a header in two words", `${lines(OK, "X Long: a", "Content-Length: 5")}hello`],
    ["a return within a header", `${lines(OK, "X-Long: a\rb", "Content-Length: 5")}hello`],
    ["a zero within a header", `${lines(OK, "X-Zero: a\0b", "Content-Length: 5")}hello`],
    ["a chunk without a size", `${chunked}\r\nhello\r\n0\r\n\r\n`],
    ["a chunk of a size that is none", `${chunked}zz\r\nhello\r\n0\r\n\r\n`],
    ["a chunk of less than nothing", `${chunked}-5\r\nhello\r\n0\r\n\r\n`],
    ["a chunk with a sign", `${chunked}+5\r\nhello\r\n0\r\n\r\n`],
    ["a chunk in hexadecimal twice", `${chunked}0x5\r\nhello\r\n0\r\n\r\n`],
    ["a chunk of a size in two words", `${chunked}5 5\r\nhello\r\n0\r\n\r\n`],
    ["a chunk beyond all numbers", `${chunked}fffffffffffffffff\r\nhello\r\n0\r\n\r\n`],
    ["a chunk longer than it says", `${chunked}3\r\nhello\r\n0\r\n\r\n`],
    ["a size with a byte that only looks like a digit", `${chunked}\xb5\r\nhello\r\n0\r\n\r\n`],
    ["a trailer that is none", `${chunked}0\r\nno trailer\r\n\r\n`],
    ["trailers without end", `${chunked}0\r\n${"X: y\r\n".repeat(1000)}`],
    ["a chunk's extension without end", `${chunked}5;${"x".repeat(20_000)}`],
    ["headers without end", `${OK}\r\n${"X: y\r\n".repeat(20_000)}`],
    ["a header without end", `${OK}\r\nX: ${"y".repeat(100_000)}`],
    ["a first line without end", `${"H".repeat(100_000)}`],
    ["empty lines without end", "\r\n".repeat(60_000)],
    ["beginnings without end", lines("HTTP/1.1 100 Continue").repeat(1000)],
    ["another protocol", lines("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")],
    ["a status of two digits", lines("HTTP/1.1 99 Low", "Content-Length: 0")],
    ["a status beyond all", lines("HTTP/1.1 999 High", "Content-Length: 0")],
    ["another version's words", lines("HTTP/2 200", "Content-Length: 0")],
    ["what is no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["TLS", "\x15\x03\x03\x00\x02\x02\x28\n"],
  ])("%s", async (_name, text) => {
    const seen = await answered([text], { next: "stays" });
    expect(seen).toBe(UNREADABLE);
    const bytes = text.length < 300 ? [...text] : [];
    if (bytes.length > 0) expect(await answered(bytes, { next: "stays" })).toBe(UNREADABLE);
  });

  it("ends in an answer or a failure, whatever comes", async () => {
    const parts = fc.constantFrom(
      OK,
      "\r\n",
      "\n",
      "HTTP/1.1 204 No",
      "HTTP/1.1 100 Go",
      "Content-Length: ",
      "Transfer-Encoding: chunked",
      "5",
      "hello",
      "0",
      ";",
      ":",
      " ",
      "\0",
      "\xff",
      "Connection: close",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { maxLength: 25 }), async (words) => {
        const seen = await answered([words.join("")]);
        expect(typeof seen === "string" ? [LOST, UNREADABLE] : [200, 204]).toContain(
          typeof seen === "string" ? seen : seen.status,
        );
      }),
      { numRuns: 500 },
    );
  });

  it("silence", async () => {
    expect(await answered([])).toBe(LOST);
    expect(await answered([], { next: "breaks" })).toBe(LOST);
  });
});

describe("a connection is done with", () => {
  it.each([
    ["another answer", lines(OK, "Content-Length: 0")],
    ["noise", "noise\n"],
    ["a single byte", "x"],
    ["an empty line", "\r\n"],
  ])("when %s comes behind the answer", async (_name, more) => {
    for (const head of [
      `${lines(OK, "Content-Length: 5")}hello`,
      `${lines(OK, "Transfer-Encoding: chunked")}5\r\nhello\r\n0\r\n\r\n`,
    ]) {
      expect(await answered([head + more], { next: "stays" })).toMatchObject({ body: "hello", isReusable: false });
    }
    const head = lines("HTTP/1.1 204 No", "Content-Length: 5");
    expect(await answered([head + more], { next: "stays" })).toMatchObject({ body: "", isReusable: false });
  });

  it("when its answer's body is cancelled", async () => {
    const far = new FarEnd();
    far.say(`${lines(OK, "Content-Length: 500")}hello`);
    const { response, finished } = await exchange(new Line(far.duct), GET, new AbortController().signal);
    await response.body?.cancel();
    expect(await finished).toBe(false);
    expect(far.isClosed).toBe(true);
  });

  it("when the call is given up before the answer", async () => {
    const far = new FarEnd();
    const late = new AbortController();
    const answer = exchange(new Line(far.duct), GET, late.signal);
    await far.hears("\r\n\r\n");
    late.abort();
    await expect(answer).rejects.toMatchObject({ refusal: { summary: LATE, outcomeUnknown: true } });
    expect(far.isClosed).toBe(true);
  });

  it("when the call is given up in the middle of the body", async () => {
    const far = new FarEnd();
    const late = new AbortController();
    far.say(`${lines(OK, "Content-Length: 500")}hello`);
    const { response, finished } = await exchange(new Line(far.duct), GET, late.signal);
    const body = response.text();
    late.abort();
    await expect(body).rejects.toMatchObject({ refusal: { summary: LATE } });
    expect(await finished).toBe(false);
    expect(far.isClosed).toBe(true);
  });

  it("not when the call is given up after the answer", async () => {
    const far = new FarEnd();
    const late = new AbortController();
    const exchanged = exchange(new Line(far.duct), GET, late.signal);
    await far.hears("\r\n\r\n");
    far.say(`${lines(OK, "Content-Length: 5")}hello`);
    const { response, finished } = await exchanged;
    expect(await response.text()).toBe("hello");
    expect(await finished).toBe(true);
    late.abort();
    expect(far.isClosed).toBe(false);
  });

  it("when nobody reads on for half a minute", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const far = new FarEnd();
    far.say(lines(OK, "Content-Length: 500000"));
    far.say("x".repeat(100_000));
    const { response, finished } = await exchange(new Line(far.duct), GET, new AbortController().signal);
    let isFinished = false;
    void finished.then(() => {
      isFinished = true;
    });
    await settled();
    vi.advanceTimersByTime(29_000);
    await settled();
    expect(isFinished).toBe(false);
    vi.advanceTimersByTime(2_000);
    expect(await finished).toBe(false);
    expect(far.isClosed).toBe(true);
    await expect(response.text()).rejects.toMatchObject({ refusal: { summary: LOST } });
  });

  it("when the call of a body that nobody reads is given up, leaving no timer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const far = new FarEnd();
    const late = new AbortController();
    far.say(lines(OK, "Content-Length: 500000"));
    far.say("x".repeat(100_000));
    const { finished } = await exchange(new Line(far.duct), GET, late.signal);
    await settled();
    expect(vi.getTimerCount()).toBe(1);
    late.abort();
    expect(await finished).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("not when somebody reads slowly", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const far = new FarEnd();
    far.say(lines(OK, "Content-Length: 500000"));
    for (let i = 0; i < 5; i++) far.say("x".repeat(100_000));
    const { response, finished } = await exchange(new Line(far.duct), GET, new AbortController().signal);
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      await settled();
      vi.advanceTimersByTime(20_000);
    }
    expect(length).toBe(500_000);
    expect(await finished).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("not when a short body is never read", async () => {
    const far = new FarEnd();
    const exchanged = exchange(new Line(far.duct), GET, new AbortController().signal);
    await far.hears("\r\n\r\n");
    far.say(`${lines(OK, "Content-Length: 5")}hello`);
    const { finished } = await exchanged;
    expect(await finished).toBe(true);
  });
});

describe("a call whose body is sent as it comes", () => {
  const POST = (stream: AsyncIterable<Uint8Array>): Outgoing => ({
    method: "POST",
    bytes: Buffer.from("POST / HTTP/1.1\r\n\r\n"),
    stream,
  });

  it("goes out behind its head", async () => {
    const far = new FarEnd();
    async function* pieces() {
      yield Buffer.from("one ");
      yield Buffer.from("two");
    }
    const answer = exchange(new Line(far.duct), POST(pieces()), new AbortController().signal);
    await far.hears("two");
    expect(far.heard.toString()).toBe("POST / HTTP/1.1\r\n\r\none two");
    far.say(lines(OK, "Content-Length: 0"));
    expect(await (await answer).finished).toBe(true);
  });

  it("is not sent to its end when the answer comes early", async () => {
    const far = new FarEnd();
    let isGivenUp = false;
    let next: () => void = () => {};
    async function* endless() {
      try {
        for (;;) {
          await new Promise<void>((resolve) => {
            next = resolve;
          });
          yield Buffer.from("more");
        }
      } finally {
        isGivenUp = true;
      }
    }
    const answer = exchange(new Line(far.duct), POST(endless()), new AbortController().signal);
    await far.hears("\r\n\r\n");
    far.say(`${lines("HTTP/1.1 413 Too much", "Content-Length: 3")}no!`);
    const { response, finished } = await answer;
    expect(await response.text()).toBe("no!");
    expect(await finished).toBe(false);
    next();
    await settled();
    expect(isGivenUp).toBe(true);
    expect(far.heard.toString()).not.toContain("more");
  });

  it("closes the connection when it breaks off in the middle", async () => {
    const far = new FarEnd();
    async function* broken() {
      yield Buffer.from("one");
      throw new Error("the disk is gone");
    }
    const answer = exchange(new Line(far.duct), POST(broken()), new AbortController().signal);
    await expect(answer).rejects.toMatchObject({ refusal: { summary: LOST, outcomeUnknown: true } });
    expect(far.isClosed).toBe(true);
    expect(far.heard.toString()).toBe("POST / HTTP/1.1\r\n\r\none");
  });
});
