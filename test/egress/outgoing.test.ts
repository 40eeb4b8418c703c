/** The bytes in which a call leaves: framing, and which headers go along. */
import { describe, expect, it } from "vitest";
import { outgoing } from "../../src/egress/outgoing.ts";

const MIB = 1_048_576;

async function sent(request: Request): Promise<{ head: string; body: Buffer; isStreamed: boolean }> {
  const { bytes, stream } = await outgoing(request);
  const parts: Uint8Array[] = [bytes];
  for await (const chunk of stream ?? []) parts.push(chunk);
  const all = Buffer.concat(parts);
  const end = all.indexOf("\r\n\r\n") + 4;
  return { head: all.subarray(0, end).toString("latin1"), body: all.subarray(end), isStreamed: stream !== undefined };
}

/** A body of unknown length, made of these pieces. */
function streamed(pieces: readonly Uint8Array[], init: RequestInit = {}): Request {
  const left = [...pieces];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = left.shift();
      if (next) controller.enqueue(next);
      else controller.close();
    },
  });
  return new Request("https://api.qq.example/", { method: "POST", body, duplex: "half", ...init } as RequestInit);
}

/** Chunks put together again, as strictly as can be. */
function unchunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = body.indexOf("\r\n", at);
    const size = body.subarray(at, end).toString("latin1");
    expect(size).toMatch(/^[\da-f]+$/);
    const length = Number.parseInt(size, 16);
    const start = end + 2;
    expect(body.subarray(start + length, start + length + 2).toString("latin1")).toBe("\r\n");
    at = start + length + 2;
    if (length === 0) {
      expect(at).toBe(body.length);
      return Buffer.concat(parts);
    }
    parts.push(body.subarray(start, start + length));
  }
}

describe("the first line and the host", () => {
  it.each([
    ["https://api.qq.example", "GET / HTTP/1.1", "api.qq.example"],
    ["https://api.qq.example/v2/x?a=b&c=%0d%0a#part", "GET /v2/x?a=b&c=%0d%0a HTTP/1.1", "api.qq.example"],
    ["https://API.qq.example:443/", "GET / HTTP/1.1", "api.qq.example"],
    ["https://api.qq.example:8443/", "GET / HTTP/1.1", "api.qq.example:8443"],
    ["http://api.qq.example:80/a b\r\n", "GET /a%20b HTTP/1.1", "api.qq.example"],
    ["http://[fd00::1]:8080/", "GET / HTTP/1.1", "[fd00::1]:8080"],
    ["https://api.qq.example/x\r\nHost: evil", "GET /xHost:%20evil HTTP/1.1", "api.qq.example"],
    ["https://api.qq.example/群?q=群", "GET /%E7%BE%A4?q=%E7%BE%A4 HTTP/1.1", "api.qq.example"],
  ])("%j", async (url, line, host) => {
    const { head } = await sent(new Request(url));
    expect(head.split("\r\n")[0]).toBe(line);
    expect(head.split("\r\n").filter((one) => /^host:/i.test(one))).toEqual([`host: ${host}`]);
  });

  it.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])("%s", async (method) => {
    const { head } = await sent(new Request("https://api.qq.example/", { method }));
    expect(head.startsWith(`${method} / HTTP/1.1\r\n`)).toBe(true);
  });
});

describe("headers", () => {
  it("go along, but for those that belong to one connection", async () => {
    const theirs = {
      authorization: "QQBot x",
      connection: "close, x-own",
      "keep-alive": "timeout=5",
      "proxy-authorization": "Basic x",
      "proxy-connection": "keep-alive",
      te: "trailers",
      trailer: "x",
      "transfer-encoding": "gzip, chunked",
      upgrade: "websocket",
      host: "evil.example",
      "x-own": "1",
    };
    const { head } = await sent(
      new Request("https://api.qq.example/", { method: "POST", headers: theirs, body: "hello" }),
    );
    expect(head.trim().split("\r\n").slice(1).sort()).toEqual([
      "accept-encoding: gzip",
      "authorization: QQBot x",
      "content-length: 5",
      "content-type: text/plain;charset=UTF-8",
      "host: api.qq.example",
      "x-own: 1",
    ]);
  });

  it("say what may be packed, unless the caller does", async () => {
    const { head } = await sent(new Request("https://api.qq.example/", { headers: { "accept-encoding": "identity" } }));
    expect(head).toContain("\r\naccept-encoding: identity\r\n");
  });

  it("cannot bring lines of their own", async () => {
    for (const value of ["a\r\nx-evil: 1", "a\nx-evil: 1", "a\rx", "a\0b"]) {
      expect(() => new Request("https://api.qq.example/", { headers: { "x-a": value } })).toThrow();
    }
    expect(() => new Request("https://api.qq.example/", { method: "GET / HTTP/1.1\r\nx: y\r\n\r\nGET" })).toThrow();
  });

  it("are a byte for each character", async () => {
    const { head } = await sent(new Request("https://api.qq.example/", { headers: { "x-a": "caf\xe9" } }));
    expect(head).toContain("x-a: caf\xe9\r\n");
  });
});

describe("the body", () => {
  it.each(["GET", "HEAD"])("of %s is not there, and is not spoken of", async (method) => {
    const { head, body, isStreamed } = await sent(new Request("https://api.qq.example/", { method }));
    expect(head).not.toMatch(/content-length|transfer-encoding/);
    expect([body.length, isStreamed]).toEqual([0, false]);
  });

  it.each(["POST", "PUT", "PATCH", "DELETE"])("of %s without one has no length", async (method) => {
    const { head, body } = await sent(new Request("https://api.qq.example/", { method }));
    expect(head).toContain("\r\ncontent-length: 0\r\n");
    expect(head).not.toContain("transfer-encoding");
    expect(body.length).toBe(0);
  });

  it("goes out with its length, in one piece with the head", async () => {
    const { head, body, isStreamed } = await sent(
      new Request("https://api.qq.example/", { method: "POST", body: "你好" }),
    );
    expect(head).toContain("\r\ncontent-length: 6\r\n");
    expect([body.toString(), isStreamed]).toEqual(["你好", false]);
  });

  it.each([
    ["nothing", []],
    ["a few pieces", [Buffer.from("one "), Buffer.from("two")]],
    ["a mebibyte", [Buffer.alloc(MIB, 97)]],
    ["a mebibyte in two", [Buffer.alloc(MIB - 1, 97), Buffer.from("b")]],
  ])("of unknown length, %s: is collected, and its length told", async (_name, pieces) => {
    const whole = Buffer.concat(pieces);
    const { head, body, isStreamed } = await sent(streamed(pieces));
    expect(head).toContain(`\r\ncontent-length: ${whole.length}\r\n`);
    expect(head).not.toContain("transfer-encoding");
    expect([body.equals(whole), isStreamed]).toEqual([true, false]);
  });

  it.each([
    ["a byte more than a mebibyte", [Buffer.alloc(MIB, 97), Buffer.from("b")]],
    ["several mebibytes", Array.from({ length: 40 }, () => Buffer.alloc(100_000, 98))],
    ["empty pieces between", [Buffer.alloc(MIB + 1, 97), Buffer.alloc(0), Buffer.from("b"), Buffer.alloc(0)]],
  ])("of unknown length, %s: goes out in chunks", async (_name, pieces) => {
    const { head, body, isStreamed } = await sent(streamed(pieces));
    expect(head).toContain("\r\ntransfer-encoding: chunked\r\n");
    expect(head).not.toContain("content-length");
    expect([unchunked(body).equals(Buffer.concat(pieces)), isStreamed]).toEqual([true, true]);
  });

  it("goes out as it comes, where the caller tells its length", async () => {
    const pieces = [Buffer.alloc(MIB, 97), Buffer.alloc(MIB, 98)];
    const { head, body, isStreamed } = await sent(streamed(pieces, { headers: { "content-length": String(2 * MIB) } }));
    expect(head).toContain(`\r\ncontent-length: ${2 * MIB}\r\n`);
    expect([body.equals(Buffer.concat(pieces)), isStreamed]).toEqual([true, true]);
  });

  it.each([
    ["shorter", "11"],
    ["longer", "9"],
  ])("is not sent to its end where it is %s than the caller tells", async (_name, length) => {
    const request = streamed([Buffer.from("01234"), Buffer.from("56789")], { headers: { "content-length": length } });
    const { stream } = await outgoing(request);
    let count = 0;
    const reading = (async () => {
      for await (const chunk of stream ?? []) count += chunk.length;
    })();
    await expect(reading).rejects.toThrow();
    expect(count).toBeLessThanOrEqual(Number(length));
  });

  it("is given up with the call", async () => {
    let isGivenUp = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Buffer.alloc(MIB)),
      cancel: () => {
        isGivenUp = true;
      },
    });
    const { stream } = await outgoing(
      new Request("https://api.qq.example/", { method: "POST", body, duplex: "half" } as RequestInit),
    );
    for await (const _chunk of stream ?? []) break;
    expect(isGivenUp).toBe(true);
  });

  it("fails with what it fails with", async () => {
    const broken = (at: number) =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at-- > 0) controller.enqueue(Buffer.alloc(MIB));
          else controller.error(new Error("the disk is gone"));
        },
      });
    for (const at of [0, 1, 3]) {
      const request = new Request("https://api.qq.example/", {
        method: "POST",
        body: broken(at),
        duplex: "half",
      } as RequestInit);
      await expect(sent(request)).rejects.toThrow("the disk is gone");
    }
  });
});
