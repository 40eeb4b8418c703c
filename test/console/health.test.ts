/** What a health report says of the deployment as a whole; the route and the bot's own part are tested in workerd. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type HealthOptions, healthReport, readProbe } from "../../src/console/health.ts";
import { type BotHealth, COMPATIBILITY_DATE, VERSION } from "../../src/health.ts";

const ENV = {
  QQ_APP_ID: "102000001",
  QQ_APP_SECRET: "the-app-secret",
  MODEL: "deepseek/deepseek-chat",
  MODEL_API_KEY: "the-model-key",
  MODEL_FALLBACKS: "workers-ai/@cf/small",
  AI: {},
};
const WELL: BotHealth = { chats: 3, failures: { count: 0 } };

function report(env: object, options: Partial<HealthOptions> = {}) {
  return healthReport(env, {
    probe: "none",
    now: () => 1_000,
    askBot: async () => WELL,
    askModel: async ({ provider }) => ({ ok: true, tookMs: provider.length }),
    ...options,
  });
}

describe("a health report", () => {
  it("names the versions that package.json and wrangler.toml name", () => {
    const root = `${import.meta.dirname}/../..`;
    expect(VERSION).toBe(JSON.parse(readFileSync(`${root}/package.json`, "utf8")).version);
    expect(readFileSync(`${root}/wrangler.toml`, "utf8")).toContain(`compatibility_date = "${COMPATIBILITY_DATE}"`);
  });

  it("tells of each bot what its object says, and which models it asks in order", async () => {
    expect(await report(ENV)).toEqual({
      version: VERSION,
      compatibilityDate: COMPATIBILITY_DATE,
      atMs: 1_000,
      settings: { ok: true },
      egress: { way: "direct", host: "api.bot.qq.com", advice: expect.stringContaining("不固定") },
      bots: [
        {
          appId: "102000001",
          models: [{ model: "deepseek/deepseek-chat" }, { model: "workers-ai/@cf/small" }],
          health: WELL,
        },
      ],
    });
  });

  it("asks QQ unless it is told not to, and the models only when it is told to", async () => {
    const asked: unknown[] = [];
    const askBot = async (appId: string, { asksQQ }: { asksQQ: boolean }) => {
      asked.push([appId, asksQQ]);
      return WELL;
    };
    const modelsOf = async (probe: HealthOptions["probe"]) => (await report(ENV, { probe, askBot })).bots[0]?.models;
    expect(await modelsOf("none")).toEqual([{ model: "deepseek/deepseek-chat" }, { model: "workers-ai/@cf/small" }]);
    expect(await modelsOf("qq")).toEqual([{ model: "deepseek/deepseek-chat" }, { model: "workers-ai/@cf/small" }]);
    expect(await modelsOf("model")).toEqual([
      { model: "deepseek/deepseek-chat", answer: { ok: true, tookMs: "deepseek".length } },
      { model: "workers-ai/@cf/small", answer: { ok: true, tookMs: "workers-ai".length } },
    ]);
    expect(asked).toEqual([
      ["102000001", false],
      ["102000001", true],
      ["102000001", true],
    ]);
  });

  it.each([
    [undefined, "qq"],
    ["none", "none"],
    ["model", "model"],
    ["everything", "qq"],
  ])("reads ?probe=%s as %s", (value, probe) => expect(readProbe(value)).toBe(probe));

  it("lists what is wrong with the settings, without a value, and asks nobody", async () => {
    const askBot = async () => {
      throw new Error("asked");
    };
    const { settings, bots } = await report({ ...ENV, QQ_APP_ID: "no-digits", ADMIN_TOKEN: "short" }, { askBot });
    expect(bots).toEqual([]);
    if (settings.ok) throw new Error("nothing was wrong");
    expect(settings.problems.map(({ setting }) => setting)).toEqual(["QQ_APP_ID", "ADMIN_TOKEN"]);
    expect(JSON.stringify(settings)).not.toMatch(/no-digits|short"/);
  });

  it("goes on where one bot's object cannot be asked", async () => {
    const QQ_BOTS = JSON.stringify([
      { appId: "1", appSecret: "a" },
      { appId: "2", appSecret: "b" },
    ]);
    const askBot = async (appId: string) => {
      if (appId === "1") throw new Error("overloaded");
      return WELL;
    };
    const { bots } = await report({ ...ENV, QQ_BOTS }, { askBot });
    expect(bots).toMatchObject([{ unreachable: "Error: overloaded" }, { health: WELL }]);
  });

  it.each([
    ["https://api.sgroup.qq.com", "direct", "不固定"],
    ["https://sandbox.api.sgroup.qq.com", "sandbox", "沙箱"],
    ["https://relay.example:8443/qq", "relay", "中转"],
  ])("says of %s whose address QQ sees", async (QQ_API_BASE, way, words) => {
    const { egress } = await report({ ...ENV, QQ_API_BASE });
    expect(egress).toMatchObject({ way, advice: expect.stringContaining(words) });
  });

  it.each([
    [{ QQ_EGRESS_PROXY: "http://user:password@proxy.example:3128" }, "tunnel", "proxy.example:3128", "代理"],
    [{ QQ_EGRESS_PROXY: "https://user:password@[2001:db8::7]" }, "tunnel", "[2001:db8::7]:443", "代理"],
    [{ QQ_EGRESS: { fetch: async () => new Response() } }, "binding", "QQ_EGRESS", "绑定"],
  ])("names the way that is set before the host that is called: %j", async (settings, way, host, words) => {
    for (const QQ_API_BASE of ["https://api.sgroup.qq.com", "http://127.0.0.1:8788", undefined]) {
      const { egress } = await report({ ...ENV, QQ_API_BASE, ...settings });
      expect(egress).toEqual({ way, host, advice: expect.stringContaining(words) });
    }
  });

  it("names the relay where that is reached through a proxy: its address is the one that QQ sees", async () => {
    const settings = {
      QQ_API_BASE: "https://relay.example",
      QQ_EGRESS_PROXY: "http://user:password@proxy.example:3128",
    };
    const { egress } = await report({ ...ENV, ...settings });
    const advice = expect.stringContaining("中转");
    expect(egress).toEqual({ way: "relay", host: "relay.example", through: "proxy.example:3128", advice });
  });

  it("holds no secret", async () => {
    const text = JSON.stringify(await report({ ...ENV, ADMIN_TOKEN: "the-admin-token-0001" }, { probe: "model" }));
    expect(text).not.toMatch(/the-app-secret|the-model-key|the-admin-token/);
  });
});
