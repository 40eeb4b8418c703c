/** Which address the far end sees: what such services answer, and what is said when none of it helps. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { findAddress, isIPv4, seenAddress } from "../../src/egress/address.ts";
import { toRefusal } from "../../src/errors.ts";
import { Secret } from "../../src/log.ts";

afterEach(() => {
  vi.useRealTimers();
});

describe("the address in an answer", () => {
  it.each([
    ["fl=1f1\nh=www.cloudflare.com\nip=203.0.113.7\nts=1.2\ncolo=HKG\n", "203.0.113.7"],
    ["fl=1f1\r\nip=203.0.113.7\r\nts=1\r\n", "203.0.113.7"],
    ["uag=198.51.100.1\nip=203.0.113.7\n", "203.0.113.7"],
    ["ip=2001:db8::7\n", "2001:db8::7"],
    ['{"ip":"203.0.113.7"}', "203.0.113.7"],
    ['{"origin": "203.0.113.7, 198.51.100.1"}', "203.0.113.7"],
    ['{"version":"1.2.3","ip":"203.0.113.7"}', "203.0.113.7"],
    ["203.0.113.7", "203.0.113.7"],
    ["203.0.113.7\n", "203.0.113.7"],
    ["2001:db8::7\n", "2001:db8::7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"],
    ["<html><body>Current IP Address: <b>203.0.113.7</b></body></html>", "203.0.113.7"],
    ["当前 IP:203.0.113.7  来自于:中国", "203.0.113.7"],
    ["at 12:34:56 from 203.0.113.7", "203.0.113.7"],
    ["ip=unknown\nseen=203.0.113.7", "203.0.113.7"],
    ["Your address is 203.0.113.7.", "203.0.113.7"],
    ["IPv4:203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["", undefined],
    ["no address", undefined],
    ["256.1.1.1", undefined],
    ["1.2.3", undefined],
    ["1.2.3.4.5", undefined],
    ["12:34:56", undefined],
    ["::gg", undefined],
  ])("%j", (text, address) => {
    expect(findAddress(text)).toBe(address);
  });

  it.each([
    ["203.0.113.7", true],
    ["0.0.0.0", true],
    ["255.255.255.255", true],
    ["256.0.0.1", false],
    ["1.2.3", false],
    ["1.2.3.4.5", false],
    ["1.2.3.", false],
    ["1.2.3.x", false],
    ["2001:db8::7", false],
    ["", false],
  ])("QQ's list takes %j: %s", (text, isIt) => {
    expect(isIPv4(text)).toBe(isIt);
  });
});

describe("asking for it", () => {
  const echo = { url: "https://echo.example/ip", headers: { "x-key": new Secret("hidden") } };

  it("goes through the transport, with its headers, and follows nobody", async () => {
    const asked: Request[] = [];
    const transport = async (request: Request) => {
      asked.push(request);
      return new Response("203.0.113.7");
    };
    expect(await seenAddress(transport, echo)).toBe("203.0.113.7");
    expect(asked.map(({ url, redirect }) => [url, redirect])).toEqual([["https://echo.example/ip", "manual"]]);
    expect(asked[0]?.headers.get("x-key")).toBe("hidden");
  });

  it.each([
    ["a refusal", async () => new Response("203.0.113.7", { status: 403 }), "HTTP 403"],
    ["a redirect", async () => new Response(null, { status: 302 }), "HTTP 302"],
    ["an answer without one", async () => new Response("hello"), "HTTP 200"],
    ["one far behind", async () => new Response(`${"x".repeat(5000)} 203.0.113.7`), "HTTP 200"],
    ["no answer", () => Promise.reject(new Error("https://user:pass@echo.example")), "no answer"],
  ])("says that it is not known after %s", async (_name, transport, why) => {
    const failure = await seenAddress(transport, echo).catch((error) => toRefusal(error, "test"));
    expect(failure).toMatchObject({ summary: `the address that QQ sees could not be found out (${why})` });
    expect(JSON.stringify(failure)).not.toMatch(/pass|hidden/);
  });

  it("leaves no timer behind", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    expect(await seenAddress(async () => new Response("203.0.113.7"), echo)).toBe("203.0.113.7");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("gives up after ten seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const transport = ({ signal }: Request) =>
      new Promise<Response>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const asked = seenAddress(transport, echo).catch((error) => toRefusal(error, "test"));
    vi.advanceTimersByTime(10_000);
    expect(await asked).toMatchObject({ summary: expect.stringContaining("no answer in time") });
    expect(vi.getTimerCount()).toBe(0);
  });
});
