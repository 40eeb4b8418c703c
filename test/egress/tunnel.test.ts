/** The connections of a tunnel: how many, used in which order and when again, and what becomes of a call given up. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Duct, Target } from "../../src/egress/connection.ts";
import { egressError } from "../../src/egress/failure.ts";
import { openTunnel } from "../../src/egress/tunnel.ts";
import { toRefusal } from "../../src/errors.ts";
import { FarEnd, settled } from "./far-end.ts";

vi.mock("cloudflare:sockets", () => ({ connect: () => expect.unreachable("connections are the test's own") }));

const PROXY = { hostname: "proxy.example", port: 8080, secure: false, authorization: undefined };
const URL_A = "https://api.qq.example/a";
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

let nowMs: number;
let opened: { target: Target; far: FarEnd }[];
/** What an attempt to connect waits for, or fails with. */
let opening: () => Promise<void>;
let tunnel: ReturnType<typeof openTunnel>;

beforeEach(() => {
  nowMs = 1_000_000;
  opened = [];
  opening = async () => {};
  tunnel = openTunnel(PROXY, {
    now: () => nowMs,
    open: async (_proxy, target): Promise<Duct> => {
      await opening();
      const far = new FarEnd();
      opened.push({ target, far });
      return far.duct;
    },
  });
});

function call(path: string, init: RequestInit = {}): Promise<string> {
  return tunnel.transport(new Request(new URL(path, URL_A), init)).then((response) => response.text());
}

/** The sentence, and whether it may have arrived. */
function failure(call: Promise<unknown>): Promise<[string, boolean]> {
  return call.then(
    () => ["answered", false],
    (error) => {
      const { summary, outcomeUnknown = false } = toRefusal(error, "test");
      return [summary, outcomeUnknown];
    },
  );
}

const far = (index: number) => opened[index]?.far ?? expect.unreachable(`no connection ${index}`);
/** The paths that a connection has heard of. */
const paths = (index: number) =>
  [
    ...far(index)
      .heard.toString()
      .matchAll(/^[A-Z]+ (\S+) HTTP/gm),
  ].map(([, path]) => path);

async function answer(index: number, text = ANSWER): Promise<void> {
  await settled();
  far(index).say(text);
  await settled();
}

const LATE = "no answer in time through the proxy";
const LOST = "the connection through the proxy broke";
const PROXY_LATE = "the proxy does not answer in time";

describe("to each host", () => {
  it.each([
    ["https://api.qq.example/x", { secure: true, hostname: "api.qq.example", port: 443 }],
    ["https://api.qq.example:8443/x", { secure: true, hostname: "api.qq.example", port: 8443 }],
    ["http://api.qq.example/x", { secure: false, hostname: "api.qq.example", port: 80 }],
    ["http://[fd00::1]:81/x", { secure: false, hostname: "fd00::1", port: 81 }],
  ])("connects as %s says", async (url, target) => {
    const made = call(url);
    await answer(0);
    expect(await made).toBe("ok");
    expect(opened[0]?.target).toEqual(target);
  });

  it("keeps one connection for calls one after the other", async () => {
    for (const path of ["/1", "/2", "/3"]) {
      const made = call(path);
      await answer(0);
      expect(await made).toBe("ok");
    }
    expect(opened.length).toBe(1);
    expect(paths(0)).toEqual(["/1", "/2", "/3"]);
  });

  it("has connections of its own for every scheme, host and port", async () => {
    const urls = [
      "https://api.qq.example/",
      "http://api.qq.example/",
      "https://api.qq.example:8443/",
      "https://b.example/",
    ];
    for (const [index, url] of urls.entries()) {
      const made = call(url);
      await answer(index);
      await made;
    }
    expect(opened.length).toBe(4);
  });

  it("has three at most; the rest waits in order", async () => {
    const made = ["/1", "/2", "/3", "/4", "/5", "/6"].map((path) => call(path));
    await settled();
    expect(opened.length).toBe(3);
    await answer(1);
    expect(await made[1]).toBe("ok");
    expect(paths(1)).toEqual(["/2", "/4"]);
    await answer(0);
    await answer(2);
    expect([paths(0), paths(1), paths(2)]).toEqual([
      ["/1", "/5"],
      ["/2", "/4"],
      ["/3", "/6"],
    ]);
    for (const index of [0, 1, 2]) await answer(index);
    expect(await Promise.all(made)).toEqual(Array(6).fill("ok"));
    expect(opened.length).toBe(3);
  });

  it("takes the latest of those that rest", async () => {
    const made = ["/1", "/2"].map((path) => call(path));
    await answer(1);
    await answer(0);
    await Promise.all(made);
    const next = call("/3");
    await answer(0);
    await next;
    expect(paths(0)).toEqual(["/1", "/3"]);
  });
});

describe("a connection that rests", () => {
  async function rested(): Promise<void> {
    const made = call("/1");
    await answer(0);
    await made;
  }

  async function nextGoesOn(index: number): Promise<void> {
    const made = call("/2");
    await answer(index);
    expect(await made).toBe("ok");
    expect(paths(index).at(-1)).toBe("/2");
  }

  it("is used again up to thirty seconds later", async () => {
    await rested();
    nowMs += 30_000;
    await nextGoesOn(0);
    expect(opened.length).toBe(1);
  });

  it("is closed, not used, after that", async () => {
    await rested();
    nowMs += 30_001;
    await nextGoesOn(1);
    expect(far(0).isClosed).toBe(true);
    expect(paths(0)).toEqual(["/1"]);
  });

  it.each([
    ["ends", (end: FarEnd) => end.end()],
    ["breaks", (end: FarEnd) => end.fail()],
    ["speaks without being asked", (end: FarEnd) => end.say("HTTP/1.1 408 Timeout\r\n\r\n")],
  ])("is not used when it %s", async (_name, happens) => {
    await rested();
    happens(far(0));
    await settled();
    await nextGoesOn(1);
    expect(far(0).isClosed).toBe(true);
    expect(paths(0)).toEqual(["/1"]);
  });

  it("is not one whose answer was followed by more", async () => {
    const made = call("/1");
    await answer(0, `${ANSWER}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    expect(await made).toBe("ok");
    await nextGoesOn(1);
    expect(far(0).isClosed).toBe(true);
  });

  it("is not one that its answer closes", async () => {
    const made = call("/1");
    await answer(0, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    expect(await made).toBe("ok");
    await nextGoesOn(1);
    expect(far(0).isClosed).toBe(true);
  });

  it("is closed at once when there is nothing more to do", async () => {
    await rested();
    tunnel.rest();
    expect(far(0).isClosed).toBe(true);
    await nextGoesOn(1);
  });
});

describe("when there is nothing more to do", () => {
  it("what is busy is closed when it is done", async () => {
    const made = call("/1");
    await settled();
    tunnel.rest();
    expect(far(0).isClosed).toBe(false);
    await answer(0);
    expect(await made).toBe("ok");
    expect(far(0).isClosed).toBe(true);
  });

  it("and then there is, what is busy is kept", async () => {
    const made = call("/1");
    await settled();
    tunnel.rest();
    const next = call("/2");
    await answer(0);
    await answer(1);
    await Promise.all([made, next]);
    expect([far(0).isClosed, far(1).isClosed]).toEqual([false, false]);
  });
});

describe("a call is made again", () => {
  it.each(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])(
    "%s, when a used connection breaks before the answer",
    async (method) => {
      const first = call("/1");
      await answer(0);
      await first;
      const made = call("/2", { method });
      await far(0).hears("/2");
      far(0).end();
      await answer(1);
      expect(await made).toBe(method === "HEAD" ? "" : "ok");
      expect([paths(0), paths(1)]).toEqual([["/1", "/2"], ["/2"]]);
    },
  );

  it.each(["POST", "PATCH"])("never: %s", async (method) => {
    const first = call("/1");
    await answer(0);
    await first;
    const made = failure(call("/2", { method, body: "x" }));
    await far(0).hears("/2");
    far(0).end();
    expect(await made).toEqual([LOST, true]);
    expect(opened.length).toBe(1);
  });

  it("never on a new connection", async () => {
    const made = failure(call("/1"));
    await settled();
    far(0).end();
    expect(await made).toEqual([LOST, true]);
    expect(opened.length).toBe(1);
  });

  it("once only", async () => {
    const first = call("/1");
    await answer(0);
    await first;
    const made = failure(call("/2"));
    await far(0).hears("/2");
    far(0).end();
    await settled();
    far(1).end();
    expect(await made).toEqual([LOST, true]);
    expect(opened.length).toBe(2);
  });

  it("never when its body can be sent once only", async () => {
    const first = call("/1");
    await answer(0);
    await first;
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.alloc(2_000_000));
        controller.close();
      },
    });
    const made = failure(call("/2", { method: "PUT", body, duplex: "half" } as RequestInit));
    await far(0).hears(2_000_000);
    far(0).end();
    expect(await made).toEqual([LOST, true]);
    expect(opened.length).toBe(1);
  });

  it("never after it was given up", async () => {
    const first = call("/1");
    await answer(0);
    await first;
    const late = new AbortController();
    const made = failure(call("/2", { signal: late.signal }));
    await far(0).hears("/2");
    late.abort();
    expect(await made).toEqual([LATE, true]);
    await settled();
    expect(opened.length).toBe(1);
  });

  it("not when it is given up while the second connection opens", async () => {
    const first = call("/1");
    await answer(0);
    await first;
    const late = new AbortController();
    const made = failure(call("/2", { signal: late.signal }));
    await far(0).hears("/2");
    let go: () => void = () => {};
    opening = () =>
      new Promise((resolve) => {
        go = resolve;
      });
    far(0).end();
    await settled();
    late.abort();
    go();
    expect(await made).toEqual([LATE, true]);
    await settled();
    expect(far(1).heard.length).toBe(0);
  });

  it("and may have arrived the first time, when no second connection opens", async () => {
    const first = call("/1");
    await answer(0);
    await first;
    const made = failure(call("/2", { method: "DELETE" }));
    await far(0).hears("/2");
    opening = async () => {
      throw egressError("proxyUnreached");
    };
    far(0).end();
    expect(await made).toEqual([LOST, true]);
  });
});

describe("a call is given up", () => {
  it("before it is made", async () => {
    expect(await failure(call("/1", { signal: AbortSignal.abort() }))).toEqual([PROXY_LATE, false]);
    expect(opened.length).toBe(0);
  });

  it("while it waits for a connection", async () => {
    const busy = ["/1", "/2", "/3"].map((path) => call(path));
    const late = new AbortController();
    const made = failure(call("/4", { signal: late.signal }));
    const behind = call("/5");
    await settled();
    late.abort();
    expect(await made).toEqual([PROXY_LATE, false]);
    await answer(0);
    expect(paths(0)).toEqual(["/1", "/5"]);
    for (const index of [0, 1, 2]) await answer(index);
    await Promise.all([...busy, behind]);
  });

  it("while it waits, and needs no connection any more", async () => {
    const busy = ["/1", "/2", "/3"].map((path) => call(path));
    const late = new AbortController();
    const made = failure(call("/4", { signal: late.signal }));
    await settled();
    late.abort();
    await made;
    for (const index of [0, 1, 2]) await answer(index, ANSWER.replace("\r\n", "\r\nConnection: close\r\n"));
    await Promise.all(busy);
    expect(opened.length).toBe(3);
  });

  it("while its connection opens, which serves the next one", async () => {
    let go: () => void = () => {};
    opening = () =>
      new Promise((resolve) => {
        go = resolve;
      });
    const late = new AbortController();
    const made = failure(call("/1", { signal: late.signal }));
    await settled();
    late.abort();
    expect(await made).toEqual([PROXY_LATE, false]);
    go();
    await settled();
    const next = call("/2");
    await answer(0);
    expect(await next).toBe("ok");
    expect(paths(0)).toEqual(["/2"]);
  });

  it("while it is answered: its connection is closed, its place free", async () => {
    const late = new AbortController();
    const made = ["/1", "/2", "/3"].map((path) => failure(call(path, { signal: late.signal })));
    const behind = call("/4");
    await settled();
    late.abort();
    expect(await Promise.all(made)).toEqual(Array(3).fill([LATE, true]));
    expect([0, 1, 2].map((index) => far(index).isClosed)).toEqual([true, true, true]);
    await answer(3);
    expect(await behind).toBe("ok");
  });

  it("in the middle of the body: the same", async () => {
    const late = new AbortController();
    const request = () => new Request(URL_A, { signal: late.signal });
    const made = [1, 2, 3].map(() => tunnel.transport(request()));
    await settled();
    for (const index of [0, 1, 2]) await answer(index, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nhalf");
    const bodies = (await Promise.all(made)).map((response) => failure(response.text()));
    const behind = call("/4");
    await settled();
    expect(opened.length).toBe(3);
    late.abort();
    expect(await Promise.all(bodies)).toEqual(Array(3).fill([LATE, true]));
    await answer(3);
    expect(await behind).toBe("ok");
  });

  it("by cancelling the body: the same", async () => {
    const made = tunnel.transport(new Request(URL_A));
    await answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nhalf");
    await (await made).body?.cancel();
    const next = call("/2");
    await answer(1);
    expect(await next).toBe("ok");
    expect(far(0).isClosed).toBe(true);
  });

  it("by not reading on: the same, after a while", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const made = [1, 2, 3].map(() => tunnel.transport(new Request(URL_A)));
      await settled();
      const much = `HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${"x".repeat(100_000)}`;
      for (const index of [0, 1, 2]) await answer(index, much);
      const unread = await Promise.all(made);
      const behind = call("/4");
      await settled();
      expect(opened.length).toBe(3);
      vi.advanceTimersByTime(60_000);
      await answer(3);
      expect(await behind).toBe("ok");
      expect(unread.every(({ bodyUsed }) => !bodyUsed)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a connection that does not open", () => {
  it("says why, and frees its place", async () => {
    let attempts = 0;
    opening = async () => {
      attempts += 1;
      if (attempts <= 7) throw egressError("credentialsRefused");
    };
    const made = await Promise.all(Array.from({ length: 7 }, () => failure(call("/1"))));
    expect(made).toEqual(Array(7).fill(["the proxy refuses the user or the password", false]));
    const next = call("/2");
    await answer(0);
    expect(await next).toBe("ok");
  });
});
