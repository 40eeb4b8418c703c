/** The curl command of a trace, read by a real shell. */
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toCurl } from "../../../src/simulator/page/curl.ts";

/** What the shell hands to `curl`. */
function argumentsOf(command: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync("/bin/sh", ["-c", script]).toString("utf8").split("\0").slice(0, -1);
}

const callback = (body: string, headers: Record<string, string> = {}) => ({
  url: "http://127.0.0.1:8787/qq/callback",
  headers,
  body,
});

describe("the curl command", () => {
  it("posts the same body with the same headers to the same address", () => {
    const headers = { "x-signature-ed25519": "ab12", "content-type": "application/json" };
    expect(argumentsOf(toCurl(callback('{"op":0}', headers)))).toEqual([
      ...["-sS", "-X", "POST", "http://127.0.0.1:8787/qq/callback"],
      ...["-H", "x-signature-ed25519: ab12", "-H", "content-type: application/json"],
      ...["--data-raw", '{"op":0}'],
    ]);
  });

  it("leaves to curl what curl counts itself", () => {
    const headers = { Host: "elsewhere", "Content-Length": "3", connection: "close", "x-bot-appid": "1" };
    expect(argumentsOf(toCurl(callback("{}", headers)))).toEqual([
      ...["-sS", "-X", "POST", "http://127.0.0.1:8787/qq/callback", "-H", "x-bot-appid: 1", "--data-raw", "{}"],
    ]);
  });

  it("keeps every character of any text, and runs none of it", () => {
    const nasty = ["'", '"', "$(id)", "`id`", "\\", "\n", "@/etc/passwd", "!", "你", " ", "-"];
    const text = fc
      .array(fc.oneof(fc.constantFrom(...nasty), fc.string()), { maxLength: 8 })
      .map((all) => all.join(""));
    fc.assert(
      fc.property(text, (text) => {
        const body = text.replaceAll("\0", ""); // no argument can hold one
        expect(argumentsOf(toCurl(callback(body))).at(-1)).toBe(body);
      }),
      { numRuns: 60 },
    );
  });
});
