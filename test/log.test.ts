import { Console } from "node:console";
import { Writable } from "node:stream";
import { format, inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { describe as describeError, log, Secret } from "../src/log.ts";

const VALUE = "naOC0ocQE3shWLAfffVLB1rhYPG7";
const secret = new Secret(VALUE);

afterEach(() => vi.restoreAllMocks());

describe("secret", () => {
  it("is given away by reveal alone", () => {
    expect(secret.reveal()).toBe(VALUE);
  });

  it.each([
    ["String", () => String(secret)],
    ["a template", () => `${secret}`],
    ["concatenation", () => "".concat(secret as unknown as string)],
    ["join", () => [secret, secret].join()],
    ["JSON", () => JSON.stringify({ secret, list: [secret] })],
    ["inspection", () => inspect({ secret }, { depth: 9, showHidden: true })],
    ["console formats", () => format("%s %o %O %j %i", secret, secret, secret, secret, secret)],
    ["spreading", () => JSON.stringify({ ...secret })],
    ["its keys", () => JSON.stringify([Object.entries(secret), Object.getOwnPropertyNames(secret)])],
    ["cloning", () => inspect(structuredClone(secret), { showHidden: true })],
    ["an error that tells it", () => inspect(new Error(`bad ${secret}`, { cause: secret }), { showHidden: true })],
  ])("does not show in %s", (_, show) => {
    expect(show()).not.toContain(VALUE);
  });

  it("shows that something was left out", () => {
    expect(`${secret}`).toBe("[redacted]");
    expect(JSON.stringify({ secret })).toBe('{"secret":"[redacted]"}');
  });

  it("does not show on the console", () => {
    let written = "";
    const stream = new Writable({
      write(chunk, _encoding, done) {
        written += chunk;
        done();
      },
    });
    new Console(stream).log(secret, { secret }, "%s", secret);
    expect(written).toContain("Secret");
    expect(written).not.toContain(VALUE);
  });
});

describe("log line", () => {
  it.each(["info", "warn", "error"] as const)("of level %s is one line of JSON with its fields", (level) => {
    const line = vi.spyOn(console, level).mockImplementation(() => {});
    log[level]("callback.refused", { why: 'two\nlines and a "quote"', count: 2, none: undefined, list: ["a"] });
    expect(line).toHaveBeenCalledTimes(1);
    const text = String(line.mock.calls[0]?.[0]);
    expect(text).not.toContain("\n");
    expect(JSON.parse(text)).toEqual({
      level,
      event: "callback.refused",
      why: 'two\nlines and a "quote"',
      count: 2,
      list: ["a"],
    });
  });

  it("needs no fields", () => {
    const line = vi.spyOn(console, "info").mockImplementation(() => {});
    log.info("started");
    expect(line.mock.calls).toEqual([['{"level":"info","event":"started"}']]);
  });
});

describe("a thrown thing", () => {
  it("is described by name and message, without its stack", () => {
    expect(describeError(new RangeError("too far"))).toBe("RangeError: too far");
    expect(describeError("text")).toBe("text");
    expect(describeError(undefined)).toBe("undefined");
  });
});
