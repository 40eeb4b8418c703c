/** The operator's door as the deployed Worker has it: the route, the bot's own object, a model that answers. */
import { createExecutionContext, reset, SELF, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Bot } from "../../src/bot/bot.ts";
import type { Failure } from "../../src/bot/failures.ts";
import type { BotHealth, HealthReport } from "../../src/health.ts";
import c2c from "../fixtures/qq/C2C_MESSAGE_CREATE.json" with { type: "json" };
import { Outside, tokenAnswer } from "../support/outside.ts";
import { APP_ID, APP_SECRET, signedHeaders } from "../support/signed-request.ts";

const ORIGIN = "https://bot.test";
const ADMIN_TOKEN = "admin-token-of-this-test";

let outside: Outside;
let bot: DurableObjectStub<Bot>;

beforeEach(() => {
  outside = new Outside();
  outside.install();
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(() => {});
  bot = env.BOT.getByName(APP_ID);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

async function get(path: string, bindings: object = {}, headers: Record<string, string> = {}): Promise<Response> {
  const context = createExecutionContext();
  const request = new Request(ORIGIN + path, { headers });
  const response = await createApp().fetch(request, { ...env, ...bindings } as Cloudflare.Env, context); // settings are unknown to the type
  await waitOnExecutionContext(context);
  return response;
}

const asOperator = (path: string, bindings: object = {}) =>
  get(path, { ADMIN_TOKEN, ...bindings }, { authorization: `Bearer ${ADMIN_TOKEN}` });

async function reportOf(response: Response): Promise<{ report: HealthReport; health: BotHealth }> {
  const report: HealthReport = await response.json();
  const health = report.bots[0]?.health;
  if (!health) throw new Error(`no health: ${JSON.stringify(report)}`);
  return { report, health };
}

const told = (response: Response) => [response.status, [...response.headers].toSorted()];

describe("the door", () => {
  it.each([{}, { ADMIN_TOKEN: "" }, { ADMIN_TOKEN: "too-short" }])("is not there with %j", async (bindings) => {
    const headers = { authorization: "Bearer too-short" };
    const door = await get("/console/api/health", bindings, headers);
    const nowhere = await get("/console/api/nowhere", bindings, headers);
    expect(told(door)).toEqual(told(nowhere));
    expect(door.status).toBe(404);
    expect(await door.text()).toBe(await nowhere.text());
  });

  it.each([{}, { authorization: "Bearer wrong" }])("refuses %j, and asks nobody", async (headers) => {
    const response = await get("/console/api/health", { ADMIN_TOKEN }, headers);
    expect(response.status).toBe(401);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.text()).toBe("");
    expect(outside.tokenRequests).toBe(0);
  });

  it("opens for the operator, who is told nothing that may be kept", async () => {
    const response = await asOperator("/console/api/health");
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const text = await response.text();
    expect(text).not.toMatch(new RegExp(`${APP_SECRET}|${ADMIN_TOKEN}|token-1`));
  });

  it("opens where the settings are broken, and says what is wrong", async () => {
    const response = await asOperator("/console/api/health", { QQ_APP_SECRET: "" });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      settings: { ok: false, problems: [{ setting: "QQ_APP_SECRET" }] },
      bots: [],
    });
  });
});

describe("what it says of QQ", () => {
  it("asks for a token and who the bot is, and keeps the token", async () => {
    const { health } = await reportOf(await asOperator("/console/api/health"));
    expect(health.identity).toEqual({ ok: true, name: "小助手" });
    if (!health.token?.ok) throw new Error("no token");
    expect(health.token.expiresInMs).toBeGreaterThan(7_100_000);
    expect(health.token.expiresInMs).toBeLessThanOrEqual(7_200_000);
    await asOperator("/console/api/health");
    expect(outside.tokenRequests).toBe(1);
    expect(outside.identityTokens).toEqual(["token-1", "token-1"]);
  });

  it("asks nobody with ?probe=none", async () => {
    const { health } = await reportOf(await asOperator("/console/api/health?probe=none"));
    expect(health).toEqual({ chats: 0, failures: { count: 0 } });
    expect(outside.tokenRequests + outside.addressRequests).toBe(0);
  });

  it("tells a wrong secret, and does not go on with it", async () => {
    outside.token = () => Response.json({ code: 100016, message: "invalid appid or secret" });
    const { health } = await reportOf(await asOperator("/console/api/health"));
    expect(health.token).toMatchObject({ ok: false, code: 100016, advice: expect.stringContaining("QQ_APP_SECRET") });
    expect(health.identity).toBeUndefined();
  });

  it("knows a source address that is not on the list", async () => {
    outside.identity = () =>
      Response.json({ message: "接口访问源IP不在白名单", code: 11298, err_code: 40023002 }, { status: 401 });
    const { health, report } = await reportOf(await asOperator("/console/api/health"));
    expect(health.identity).toMatchObject({ ok: false, code: 40023002, advice: expect.stringContaining("白名单") });
    expect(report.egress).toMatchObject({ way: "relay", host: "qq.test" });
    expect(outside.tokenRequests).toBe(1); // a new token would not help
  });

  it("tells which address QQ sees, whatever QQ says to it", async () => {
    for (const code of [undefined, 11298]) {
      if (code) outside.identity = () => Response.json({ code }, { status: 401 });
      const { health } = await reportOf(await asOperator("/console/api/health"));
      expect(health.address).toEqual({ ok: true, address: "203.0.113.7" });
    }
    expect(outside.addressRequests).toBe(2);
  });

  it("tells that the address is not to be found out, as no trouble of QQ's", async () => {
    outside.egressAddress = () => new Response("not found", { status: 404 });
    const { health } = await reportOf(await asOperator("/console/api/health"));
    expect(health.address).toMatchObject({ ok: false, summary: expect.stringContaining("404") });
    expect(health.identity?.ok).toBe(true);
  });

  it("renews a token that QQ forgot before its time, as the chats do", async () => {
    await asOperator("/console/api/health");
    outside.identity = () =>
      outside.identityTokens.at(-1) === "token-1"
        ? Response.json({ code: 11244, message: "token not exist or expire" }, { status: 401 })
        : Response.json({ id: "1", username: "新的" });
    const { health } = await reportOf(await asOperator("/console/api/health"));
    expect(health.identity).toEqual({ ok: true, name: "新的" });
    expect(outside.tokenRequests).toBe(2);
  });

  it("renews a token in its last minute", async () => {
    outside.token = () => tokenAnswer(`token-${outside.tokenRequests}`, 59);
    await asOperator("/console/api/health");
    await asOperator("/console/api/health");
    expect(outside.tokenRequests).toBe(2);
  });
});

describe("what it says of the model", () => {
  it("asks it for a sentence with ?probe=model, and says how long that took", async () => {
    const { report } = await reportOf(await asOperator("/console/api/health?probe=model"));
    expect(report.bots[0]?.models).toEqual([
      { model: "openai-compatible/demo", answer: { ok: true, tookMs: expect.any(Number) } },
    ]);
    expect(outside.modelCalls).toHaveLength(1);
  });

  it("tells why it does not answer", async () => {
    outside.model = () => new Response("{}", { status: 401 });
    const { report } = await reportOf(await asOperator("/console/api/health?probe=model"));
    expect(report.bots[0]?.models[0]?.answer).toMatchObject({
      ok: false,
      code: 401,
      advice: expect.stringContaining("MODEL_API_KEY"),
    });
  });
});

describe("what happened last", () => {
  const failure = (reference: string, atMs: number): Failure => ({
    reference,
    atMs,
    chat: "c2c:SOMEBODY",
    turn: 1,
    operation: "qq.send",
    summary: "s",
    advice: "a",
    told: false,
  });

  it("is the check, the stored callback, the chat that got ready to speak, and the newest failure", async () => {
    await bot.noteValidation({ atMs: 5, signed: true, answered: true });
    await bot.noteCallback(7);
    await bot.noteCallback(6); // another isolate, late
    await bot.lease({ scene: "c2c", id: "SOMEBODY" }, {});
    await bot.recordFailures([failure("new", 20), failure("old", 10)]);
    const { health } = await reportOf(await asOperator("/console/api/health?probe=none"));
    expect(health).toEqual({
      lastValidation: { atMs: 5, signed: true, answered: true },
      lastCallbackAtMs: 7,
      lastSpeakingAtMs: expect.any(Number),
      chats: 1,
      failures: {
        count: 2,
        newest: { reference: "new", atMs: 20, operation: "qq.send", summary: "s", advice: "a" },
      },
    });
    expect(JSON.stringify(health)).not.toContain("SOMEBODY");
  });
});

describe("the note of a callback", () => {
  /** Somebody whose messages are stored by a stub alone. */
  const stored = { getByName: () => ({ receive: async () => "stored" }) };

  async function callbacks(app = createApp()) {
    const noted: number[] = [];
    const binding = { getByName: () => ({ noteCallback: async (atMs: number) => void noted.push(atMs) }) };
    const deliver = async (conversation: object = stored) => {
      const body = JSON.stringify(c2c);
      const request = new Request(`${ORIGIN}/qq/callback`, {
        method: "POST",
        headers: await signedHeaders(body),
        body,
      });
      const context = createExecutionContext();
      const bindings = { ...env, BOT: binding, CONVERSATION: conversation };
      const response = await app.fetch(request, bindings as unknown as Cloudflare.Env, context); // the parts that are used
      const before = noted.length;
      await waitOnExecutionContext(context);
      return { status: response.status, notedBeforeAnswer: before };
    };
    return { noted, deliver };
  }

  it("is made for the first one at once but after its answer, and then once a minute", async () => {
    let nowMs = Date.now();
    vi.spyOn(Date, "now").mockImplementation(() => nowMs);
    const { noted, deliver } = await callbacks();
    expect(await deliver()).toEqual({ status: 200, notedBeforeAnswer: 0 });
    expect(noted).toEqual([nowMs]);
    nowMs += 59_999;
    await deliver();
    expect(noted).toHaveLength(1);
    nowMs += 1;
    await deliver();
    expect(noted).toHaveLength(2);
  });

  it("is not made for what was not stored", async () => {
    const broken = {
      getByName: () => ({
        receive: async () => {
          throw new Error("full");
        },
      }),
    };
    const { noted, deliver } = await callbacks();
    expect((await deliver(broken)).status).toBe(500);
    expect(noted).toEqual([]);
  });

  it("reaches the operator through the real object", async () => {
    const body = JSON.stringify(c2c);
    const sinceMs = Date.now();
    await SELF.fetch(`${ORIGIN}/qq/callback`, { method: "POST", headers: await signedHeaders(body), body });
    await vi.waitFor(async () => {
      const { lastCallbackAtMs = 0 } = await bot.health({ asksQQ: false });
      expect(lastCallbackAtMs).toBeGreaterThanOrEqual(sinceMs);
    });
  });
});

describe("the note of a check", () => {
  it("is made again within the minute where the outcome is another", async () => {
    const noted: unknown[] = [];
    const binding = { getByName: () => ({ noteValidation: async (note: object) => void noted.push(note) }) };
    const app = createApp();
    const body = '{"d":{"plain_token":"Arq0D5A61EgUu4OxUvOp","event_ts":"1725442341"},"op":13}';
    for (const headers of [
      { ...(await signedHeaders(body)), "x-signature-ed25519": "00".repeat(64) },
      await signedHeaders(body),
      await signedHeaders(body),
    ]) {
      const context = createExecutionContext();
      const request = new Request(`${ORIGIN}/qq/callback`, { method: "POST", headers, body });
      await app.fetch(request, { ...env, BOT: binding } as unknown as Cloudflare.Env, context); // the part that is used
      await waitOnExecutionContext(context);
    }
    expect(noted).toMatchObject([{ answered: false }, { answered: true }]);
  });
});
