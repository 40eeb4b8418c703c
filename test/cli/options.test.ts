/** Flags and environment of setup and doctor. */
import { describe, expect, it } from "vitest";
import { readOptions, SETUP_HELP } from "../../src/cli/options.ts";
import { addressOf } from "../../src/cli/wrangler.ts";

describe("a setting", () => {
  it("comes from its flag before the environment", () => {
    const env = { QQ_APP_SECRET: "of the environment", MODEL_API_KEY: " key " };
    expect(readOptions(["--app-secret", "of the flag"], env)).toMatchObject({
      appSecret: "of the flag",
      modelKey: "key",
    });
  });

  it("is absent where it is empty", () => {
    expect(readOptions(["--app-id", " "], { QQ_APP_SECRET: "" })).toMatchObject({
      appId: undefined,
      appSecret: undefined,
    });
  });

  it.each([
    ["https://bot.test/", "https://bot.test"],
    ["https://bot.test/qq/callback", "https://bot.test"],
    ["https://bot.test/qq/callback/102000001", "https://bot.test"],
    ["http://127.0.0.1:8787", "http://127.0.0.1:8787"],
  ])("--url %s means the Worker at %s", (flag, url) => expect(readOptions(["--url", flag], {}).url).toBe(url));
});

it("names every flag in its help but those for tests", () => {
  const flags = ["app-id", "app-secret", "scan", "qq-api-base", "model", "model-key", "model-url", "admin-token"];
  flags.push("relay-key", "egress-proxy");
  const switches = ["new-admin-token", "yes", "no-check", "no-deploy", "url", "no-wait", "file"];
  for (const flag of [...flags, ...switches]) expect(SETUP_HELP).toMatch(new RegExp(`--${flag}\\b`));
  expect(SETUP_HELP).not.toContain("--wrangler");
});

describe("the address that wrangler tells", () => {
  const outcome = (...targets: string[]) =>
    `{"type":"wrangler-session"}\n${JSON.stringify({ type: "deploy", targets })}\n`;
  it.each([
    [["https://qq-edge.me.workers.dev"], "https://qq-edge.me.workers.dev"],
    [["https://qq-edge.me.workers.dev", "bot.example.com (custom domain)"], "https://bot.example.com"],
    [["bot.example.com (custom domain - zone name: example.com)"], "https://bot.example.com"],
    [["example.com/bot/*"], undefined],
    [["schedule: * * * * *"], undefined],
    [[], undefined],
  ])("of %j is %s", (targets, url) => expect(addressOf(outcome(...targets))).toBe(url));
  it("is unknown where it wrote nothing", () => expect(addressOf("")).toBeUndefined());
});
