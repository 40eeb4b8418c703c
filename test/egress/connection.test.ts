/** CONNECT: what is said to a proxy, and what its answers mean. The sockets of the platform are in memory. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openConnection } from "../../src/egress/connection.ts";
import { toRefusal } from "../../src/errors.ts";
import { Secret } from "../../src/log.ts";
import { FarEnd, settled } from "./far-end.ts";

const platform = vi.hoisted(() => ({ connect: vi.fn(), lookup: vi.fn() }));
vi.mock("cloudflare:sockets", () => ({ connect: platform.connect }));
vi.mock("node:dns/promises", () => ({ lookup: platform.lookup }));

const PROXY = { hostname: "proxy.example", port: 8080, secure: false };
const PLAIN = { secure: false, hostname: "api.qq.example", port: 80 };

let far: FarEnd;
let opened: Promise<unknown>;

beforeEach(() => {
  far = new FarEnd();
  opened = Promise.resolve({});
  platform.connect.mockReset().mockImplementation(() => ({ ...far.duct, opened, closed: new Promise(() => {}) }));
  platform.lookup.mockReset().mockResolvedValue({ address: "192.0.2.1" });
});

afterEach(() => {
  vi.useRealTimers();
});

/** `open`, or the sentence of the failure, which says in every case that nothing has left. */
async function outcome(proxy: Parameters<typeof openConnection>[0] = PROXY, target = PLAIN): Promise<string> {
  try {
    await openConnection(proxy, target);
    return "open";
  } catch (error) {
    const refusal = toRefusal(error, "test");
    expect(refusal).toMatchObject({ costsNoReply: true, isWall: true });
    expect(refusal.outcomeUnknown).toBeUndefined();
    expect(far.isClosed).toBe(true);
    return refusal.summary;
  }
}

const NO_PROXY = "what listens at the proxy's address is no HTTP proxy";

describe("what is said to the proxy", () => {
  it("is the host, its port, and who is asking", async () => {
    const made = outcome({ ...PROXY, authorization: new Secret("Basic dTpw") });
    await far.hears("\r\n\r\n");
    far.say("HTTP/1.1 200 Connection established\r\n\r\n");
    expect(await made).toBe("open");
    expect(far.heard.toString()).toBe(
      "CONNECT api.qq.example:80 HTTP/1.1\r\nHost: api.qq.example:80\r\nProxy-Authorization: Basic dTpw\r\n\r\n",
    );
  });

  it("has brackets around an address of IPv6", async () => {
    const made = outcome(PROXY, { ...PLAIN, hostname: "::1" });
    await far.hears("\r\n\r\n");
    far.say("HTTP/1.0 200 OK\r\n\r\n");
    await made;
    expect(far.heard.toString()).toContain("CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n");
  });

  it("is not who is asking, where nobody need say", async () => {
    const made = outcome();
    await far.hears("\r\n\r\n");
    far.say("HTTP/1.0 200 OK\r\n\r\n");
    await made;
    expect(far.heard.toString()).not.toContain("Authorization");
  });

  it.each([
    [false, "starttls"],
    [true, "on"],
  ])("goes over a connection of its kind (secure: %s)", async (secure, secureTransport) => {
    far.say("HTTP/1.1 200 OK\r\n\r\n");
    expect(await outcome({ ...PROXY, secure })).toBe("open");
    expect(platform.connect).toHaveBeenCalledWith(
      { hostname: "proxy.example", port: 8080 },
      { secureTransport, allowHalfOpen: false },
    );
  });
});

describe("what the proxy answers", () => {
  const CREDENTIALS = "the proxy refuses the user or the password";
  const REFUSED = "the proxy does not let calls to QQ's host and port pass";
  const UNREACHED = "the proxy does not reach QQ";
  const DOWN = "the proxy is not reached";
  const ANSWERS: readonly [string, string][] = [
    ["HTTP/1.1 200 Connection established\r\n\r\n", "open"],
    ["HTTP/1.0 200 OK\r\nProxy-Agent: x\r\n\r\n", "open"],
    ["HTTP/1.1 204 No\r\n\r\n", "open"],
    ["HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nno!", CREDENTIALS],
    ["HTTP/1.1 401 Unauthorized\r\n\r\n", CREDENTIALS],
    ["HTTP/1.1 403 Filtered\r\n\r\n<html>", REFUSED],
    ["HTTP/1.1 400 Bad\r\n\r\n", NO_PROXY],
    ["HTTP/1.1 301 Elsewhere\r\n\r\n", NO_PROXY],
    ["HTTP/1.1 501 Not Implemented\r\n\r\n", NO_PROXY],
    ["HTTP/1.1 500 Unable to connect\r\n\r\n", UNREACHED],
    ["HTTP/1.1 502 Bad Gateway\r\n\r\n", UNREACHED],
    ["HTTP/1.1 503 Busy\r\n\r\n", UNREACHED],
    ["HTTP/1.1 200 OK\r\n\r\nmore", NO_PROXY],
    ["HTTP/1.1 2000 OK\r\n\r\n", NO_PROXY],
    ["HTTP/2 200\r\n\r\n", NO_PROXY],
    ["SSH-2.0-OpenSSH_9.2\r\n", NO_PROXY],
    ["\r\n\r\n", NO_PROXY],
    ["HTTP/1.1 100 Continue\r\n\r\n", NO_PROXY],
    ["HTTP/1.1 200 OK\r\n", NO_PROXY], // and nothing more
    ["", DOWN],
  ];

  it.each(ANSWERS)("%j", async (answer, result) => {
    const made = outcome();
    await far.hears("\r\n\r\n");
    if (answer !== "") far.say(answer);
    if (result === NO_PROXY || result === DOWN) far.end();
    expect(await made).toBe(result);
  });

  it.each(ANSWERS.filter(([answer]) => answer.length < 200 && !answer.endsWith("more")))(
    "%j, byte by byte",
    async (answer, result) => {
      const made = outcome();
      await far.hears("\r\n\r\n");
      for (const byte of answer) {
        await new Promise((resolve) => setImmediate(resolve));
        far.say(byte);
      }
      if (result === NO_PROXY || result === DOWN) far.end();
      expect(await made).toBe(result);
    },
  );

  it("never ends", async () => {
    const made = outcome();
    await far.hears("\r\n\r\n");
    far.say(`HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(5000)}`);
    expect(await made).toBe(NO_PROXY);
  });

  it("is broken off", async () => {
    const made = outcome();
    await far.hears("\r\n\r\n");
    far.say("HTTP/1.1 200 OK\r\n");
    await settled();
    far.fail();
    expect(await made).toBe(NO_PROXY);
  });

  it("is nothing: it resets the connection, as a proxy does that restarts or has too much to do", async () => {
    const made = outcome();
    await far.hears("\r\n\r\n");
    far.fail();
    expect(await made).toBe(DOWN);
  });

  it("is nothing: it has reset the connection before it was asked", async () => {
    far.fail();
    expect(await outcome()).toBe(DOWN);
  });

  it("came before it was asked, by something that has gone since", async () => {
    far.say("SSH-2.0-OpenSSH_9.2\r\n");
    far.end();
    expect(await outcome()).toBe(NO_PROXY);
  });
});

describe("no proxy there", () => {
  it.each([
    ["its name is unknown", "proxy.example", { code: "ENOTFOUND" }, "the proxy's name does not resolve"],
    ["its name is known", "proxy.example", undefined, "the proxy is not reached"],
    ["nobody says whether its name is known", "proxy.example", { code: "ETIMEOUT" }, "the proxy is not reached"],
    ["it is this very machine", "localhost", { code: "ENOTFOUND" }, "the proxy is not reached"],
  ])("where %s", async (_name, hostname, failure, sentence) => {
    opened = Promise.reject(new Error("refused"));
    if (failure) platform.lookup.mockRejectedValue(failure);
    expect(await outcome({ ...PROXY, hostname })).toBe(sentence);
  });
});

describe("too late", () => {
  it.each([
    ["the socket does not open", () => new Promise(() => {})],
    ["the proxy does not answer", () => Promise.resolve({})],
  ])("when %s within ten seconds", async (_name, open) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    opened = open();
    const made = outcome();
    await settled();
    vi.advanceTimersByTime(9_999);
    await settled();
    expect(far.isClosed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(await made).toBe("the proxy does not answer in time");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves no timer behind when all is well", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    far.say("HTTP/1.1 200 OK\r\n\r\n");
    expect(await outcome()).toBe("open");
    expect(vi.getTimerCount()).toBe(0);
  });
});
