/** The routes, over HTTP and inside workerd, with real Durable Objects unless a test says otherwise. */
import { createExecutionContext, listDurableObjectIds, reset, SELF, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../src/app.ts";
import type { BotEvent } from "../src/event.ts";
import c2c from "./fixtures/qq/C2C_MESSAGE_CREATE.json" with { type: "json" };
import group from "./fixtures/qq/GROUP_AT_MESSAGE_CREATE.json" with { type: "json" };
import vectors from "./fixtures/vectors.json" with { type: "json" };
import { APP_ID, APP_SECRET, secondsNow, signedHeaders } from "./support/signed-request.ts";

const ORIGIN = "https://bot.test";
const EVENT = JSON.stringify(c2c);
/** Somebody who is never let in, so that an object of theirs shows that something was stored. */
const stranger = { ...c2c, d: { ...c2c.d, author: { ...c2c.d.author, user_openid: "STRANGER" } } };
const FOREIGN = JSON.stringify(stranger);
const CHECK = '{"d":{"plain_token":"Arq0D5A61EgUu4OxUvOp","event_ts":"1725442341"},"op":13}';
const STORED = '{"op":12,"d":0}';
const NOT_STORED = '{"op":12,"d":1}';

/** Every line on the console, of the Worker and of its objects. */
let lines: Record<string, unknown>[];
let printed: string;

beforeEach(() => {
  lines = [];
  printed = "";
  for (const level of ["debug", "log", "info", "warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((...said) => {
      printed += `${said.join(" ")}\n`;
      if (String(said[0]).startsWith("{")) lines.push(JSON.parse(String(said[0])));
    });
  }
  // An accepted message sets its alarm off, which must not get far here.
  vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("no network in this test"));
});

afterEach(async () => {
  await reset();
  vi.restoreAllMocks();
});

const callback = (body: BodyInit | null, headers: Record<string, string> = {}, path = "/qq/callback") =>
  new Request(ORIGIN + path, { method: "POST", headers, body });

const signed = async (body: string, path?: string) => callback(body, await signedHeaders(body), path);

/** Without the header that names it: whichever key verifies. */
async function signedWithout(header: string, body: string): Promise<Request> {
  const request = await signed(body);
  request.headers.delete(header);
  return request;
}

async function signedWith(headers: Record<string, string>, body: string): Promise<Request> {
  return callback(body, { ...(await signedHeaders(body)), ...headers });
}

/** The objects that exist. `reset()` empties them but leaves them in this list, so a test looks before and after. */
const chatsStored = async () => (await listDurableObjectIds(env.CONVERSATION)).map(String).toSorted();

/** A stub of the binding: what the Worker does with an object that does not behave. */
function conversations(receive: (event: BotEvent) => Promise<string>) {
  const getByName = vi.fn((_name: string, _options?: object) => ({ receive }));
  return { getByName, binding: { getByName } as unknown as Cloudflare.Env["CONVERSATION"] }; // the part that is used
}

function bots(noteValidation: (note: unknown) => Promise<void>) {
  const getByName = vi.fn((_name: string) => ({ noteValidation }));
  return { noteValidation, getByName, binding: { getByName } as unknown as Cloudflare.Env["BOT"] }; // the part that is used
}

/** Lets the Worker answer with other bindings or settings, and waits for what it does after its answer. */
async function answerWith(bindings: object, request: Request, app = createApp()): Promise<Response> {
  const context = createExecutionContext();
  const response = await app.fetch(request, { ...env, ...bindings } as Cloudflare.Env, context); // settings are unknown to the type
  await waitOnExecutionContext(context);
  return response;
}

describe("health", () => {
  it("says that the settings are complete, without any of them", async () => {
    const response = await SELF.fetch(`${ORIGIN}/healthz`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ok: true, bots: 1 });
  });

  it("lists every missing setting with advice, and no value", async () => {
    const settings = { QQ_APP_ID: undefined, QQ_APP_SECRET: "", QQ_API_BASE: "WRONG", MODEL_BASE_URL: undefined };
    const response = await answerWith(settings, new Request(`${ORIGIN}/healthz`));
    expect(response.status).toBe(503);
    const { ok, problems } = (await response.json()) as { ok: boolean; problems: Record<string, string>[] };
    expect(ok).toBe(false);
    expect(problems.map(({ setting }) => setting).toSorted()).toEqual(Object.keys(settings).toSorted());
    for (const { advice } of problems) expect(advice).toMatch(/\p{Script=Han}/u);
    expect(JSON.stringify(problems)).not.toContain("WRONG");
  });
});

describe("callback-address check", () => {
  const example = vectors.vectors.find(({ id }) => id === "V1");
  const docs = { QQ_APP_ID: example?.appid, QQ_APP_SECRET: example?.secret };
  const request = () => callback(example?.request?.body ?? "", { "x-bot-appid": example?.appid ?? "" });

  it("gets the official answer to the official example", async () => {
    const response = await answerWith(docs, request());
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual(example?.response_json);
  });

  it("is answered over HTTP, signed or not", async () => {
    const unsigned = await SELF.fetch(callback(CHECK));
    expect(unsigned.status).toBe(200);
    const answer = await unsigned.text();
    expect(JSON.parse(answer)).toMatchObject({ plain_token: "Arq0D5A61EgUu4OxUvOp" });
    expect(await (await SELF.fetch(await signed(CHECK))).text()).toBe(answer);
  });

  it("is answered before any Durable Object is touched, and a chat never is", async () => {
    const order: string[] = [];
    const bot = bots(async () => void order.push("noted"));
    bot.getByName.mockImplementation((name) => {
      order.push(`touched ${name}`);
      return { noteValidation: bot.noteValidation };
    });
    const conversation = conversations(async () => "accepted");
    const context = createExecutionContext();
    const bindings = { ...env, ...docs, BOT: bot.binding, CONVERSATION: conversation.binding };
    expect((await createApp().fetch(request(), bindings, context)).status).toBe(200);
    order.push("answered");
    await waitOnExecutionContext(context);
    expect(order).toEqual(["answered", "touched 11111111", "noted"]);
    expect(conversation.getByName).not.toHaveBeenCalled();
  });

  it("is answered although the Bot is never heard of again", async () => {
    const bot = bots(() => new Promise(() => {}));
    const bindings = { ...env, ...docs, BOT: bot.binding };
    const response = await createApp().fetch(request(), bindings, createExecutionContext());
    expect(await response.json()).toEqual(example?.response_json);
  });

  it("is noted for the operator: when, signed or not, answered or refused", async () => {
    const lastNote = async () => env.BOT.getByName(APP_ID).lastValidation();
    const sinceMs = Date.now();
    await answerWith({}, callback(CHECK));
    const note = await lastNote();
    expect(note).toMatchObject({ signed: false, answered: true });
    expect(note?.atMs).toBeGreaterThanOrEqual(sinceMs);
    await answerWith({}, await signed(CHECK));
    expect(await lastNote()).toMatchObject({ signed: true, answered: true });
    await answerWith({}, await signedWith({ "x-signature-ed25519": "00".repeat(64) }, CHECK));
    expect(await lastNote()).toMatchObject({ signed: true, answered: false });
    await answerWith({}, callback('{"op":13,"d":{"event_ts":"1","plain_token":"{}"}}'));
    expect(await lastNote()).toMatchObject({ signed: false, answered: false });
  });

  it("is noted once a minute, for strangers can send it too", async () => {
    let nowMs = Date.now();
    vi.spyOn(Date, "now").mockImplementation(() => nowMs);
    const noted = vi.fn(async () => {});
    const app = createApp();
    const again = () => answerWith({ BOT: bots(noted).binding }, callback(CHECK), app);
    for (let count = 0; count < 5; count += 1) await again();
    expect(noted).toHaveBeenCalledTimes(1);
    nowMs += 59_999;
    await again();
    expect(noted).toHaveBeenCalledTimes(1);
    nowMs += 1;
    await again();
    expect(noted).toHaveBeenCalledTimes(2);
  });

  it("cannot be used as a signing oracle", async () => {
    const before = await chatsStored();
    for (const { event_ts, plain_token } of vectors.op13.must_refuse) {
      const response = await SELF.fetch(callback(JSON.stringify({ op: 13, d: { event_ts, plain_token } })));
      expect(response.status).toBe(401);
      expect(await response.text()).toBe("");
    }
    expect(await chatsStored()).toEqual(before);
  });
});

const TEN_MB = 10 * 1024 * 1024;
const LIMIT = 256 * 1024;

/** Whoever sends it says nothing of its length. */
function streamed(length: number): ReadableStream {
  const chunk = new Uint8Array(64 * 1024).fill(0x20);
  let left = length;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(chunk.slice(0, left));
      left -= chunk.length;
    },
  });
}

const padded = (body: string, bytes: number) => body + " ".repeat(bytes - new TextEncoder().encode(body).length);

const REFUSED: readonly [string, () => Request | Promise<Request>, number, RegExp][] = [
  ["no body", async () => callback(null, await signedHeaders("")), 400, /no body/],
  ["an empty body", async () => callback("", await signedHeaders("")), 400, /no body/],
  ["10 MB", () => callback("x".repeat(TEN_MB)), 413, /too large/],
  ["10 MB of unknown length", () => callback(streamed(TEN_MB)), 413, /too large/],
  ["one byte too much, signed", () => signed(padded(FOREIGN, LIMIT + 1)), 413, /too large/],
  ["no JSON, unsigned", () => callback("hello"), 401, /not signed/],
  ["no JSON, signed", () => signed("hello"), 400, /no JSON object/],
  ["no UTF-8", () => callback(Uint8Array.of(0xff, 0xfe)), 401, /not signed/],
  ["a list", () => signed(`[${FOREIGN}]`), 400, /no JSON object/],
  ["an op of the wrong type", () => signed('{"op":"0"}'), 400, /no JSON object/],
  [
    "a message of the wrong type",
    () => signed(JSON.stringify({ ...stranger, d: "hi" })),
    400,
    /C2C_MESSAGE_CREATE: d /,
  ],
  ["a message without id", () => signed(JSON.stringify({ ...stranger, d: { ...stranger.d, id: 7 } })), 400, /: id /],
  ["brackets without end", () => signed("[".repeat(LIMIT)), 400, /no JSON object/],
  ["an unsigned event", () => callback(FOREIGN, { "x-bot-appid": APP_ID }), 401, /not signed/],
  ["an unsigned heartbeat", () => callback('{"op":1,"d":1}'), 401, /not signed/],
  ["an unknown AppID", () => signedWith({ "x-bot-appid": "999" }, FOREIGN), 401, /unknown AppID/],
  ["an AppID that is no number", () => signedWith({ "x-bot-appid": "../x" }, FOREIGN), 401, /unknown AppID/],
  ["an unknown AppID in the path", async () => signed(FOREIGN, "/qq/callback/999"), 401, /AppID/],
  ["a path that breaks its own encoding", async () => signed(FOREIGN, "/qq/callback/%E0%A4%A"), 401, /AppID/],
  ["no signature", () => signedWithout("x-signature-ed25519", FOREIGN), 401, /one signature header/],
  ["no timestamp", () => signedWithout("x-signature-timestamp", FOREIGN), 401, /one signature header/],
  [
    "a signature that is no hex",
    () => signedWith({ "x-signature-ed25519": "zz".repeat(64) }, FOREIGN),
    401,
    /not verify/,
  ],
  ["half a signature", () => signedWith({ "x-signature-ed25519": "ab".repeat(32) }, FOREIGN), 401, /not verify/],
  [
    "a signature of megabytes",
    () => signedWith({ "x-signature-ed25519": "ab".repeat(8_000) }, FOREIGN),
    401,
    /not verify/,
  ],
  [
    "a signature with high bits",
    () => signedWith({ "x-signature-ed25519": "ff".repeat(64) }, FOREIGN),
    401,
    /not verify/,
  ],
  [
    "a timestamp that is no number",
    () => signedWith({ "x-signature-timestamp": "now" }, FOREIGN),
    401,
    /malformed timestamp/,
  ],
  ["another timestamp", () => signedWith({ "x-signature-timestamp": secondsNow(-1) }, FOREIGN), 401, /not verify/],
  ["another body", async () => callback(`${FOREIGN} `, await signedHeaders(FOREIGN)), 401, /not verify/],
  [
    "a key of somebody else",
    async () => callback(FOREIGN, await signedHeaders(FOREIGN, { secret: "123456abcdef" })),
    401,
    /not verify/,
  ],
  [
    "a stale event",
    async () => callback(FOREIGN, await signedHeaders(FOREIGN, { timestamp: secondsNow(-16 * 60) })),
    401,
    /stale or future/,
  ],
  [
    "an event of the future",
    async () => callback(FOREIGN, await signedHeaders(FOREIGN, { timestamp: secondsNow(16 * 60) })),
    401,
    /stale or future/,
  ],
  ["GET", () => new Request(`${ORIGIN}/qq/callback`), 405, /method/],
  ["PUT", () => new Request(`${ORIGIN}/qq/callback/1`, { method: "PUT", body: FOREIGN }), 405, /method/],
  ["DELETE", () => new Request(`${ORIGIN}/qq/callback`, { method: "DELETE" }), 405, /method/],
  ["an unknown path", () => signed(FOREIGN, "/qq/callbak"), 404, /path/],
  ["a path too deep", () => signed(FOREIGN, `/qq/callback/${APP_ID}/x`), 404, /path/],
];

describe("what is not accepted", () => {
  it.each(REFUSED)("is refused, logged once and not stored: %s", async (_, request, status, why) => {
    const before = await chatsStored();
    const sent = await request();
    const signature = sent.headers.get("x-signature-ed25519");
    const response = await SELF.fetch(sent);
    expect(response.status).toBe(status);
    // Not a word to whoever it was.
    expect(await response.text()).toBe("");
    expect(lines).toEqual([
      expect.objectContaining({ level: "warn", event: "callback.refused", why: expect.stringMatching(why) }),
    ]);
    expect(printed).not.toContain(APP_SECRET);
    if (signature) expect(printed).not.toContain(signature);
    expect(printed).not.toContain(stranger.d.content);
    expect(await chatsStored()).toEqual(before);
    expect(await env.BOT.getByName(APP_ID).lastValidation()).toBeUndefined();
  });

  it("tells which method would do", async () => {
    expect((await SELF.fetch(`${ORIGIN}/qq/callback`)).headers.get("allow")).toBe("POST");
  });

  it("is logged with QQ's trace id", async () => {
    await SELF.fetch(await signedWith({ "x-tps-trace-id": "T1", "x-bot-appid": "999" }, FOREIGN));
    expect(lines).toMatchObject([{ event: "callback.refused", traceId: "T1" }]);
  });
});

describe("a signed delivery", () => {
  it("is acknowledged with exactly what QQ expects", async () => {
    const response = await SELF.fetch(await signed(EVENT));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe(STORED);
  });

  it("is stored once, and acknowledged as often as it comes", async () => {
    for (const result of ["accepted", "duplicate", "duplicate"]) {
      lines = [];
      const response = await SELF.fetch(await signed(EVENT));
      expect(await response.text()).toBe(STORED);
      expect(lines.filter(({ event }) => event === "callback.accepted")).toMatchObject([{ result }]);
    }
    const chat = env.CONVERSATION.idFromName(`${APP_ID}/c2c:${c2c.d.author.user_openid}`);
    expect(await chatsStored()).toContain(String(chat));
  });

  it.each([
    ["private chat", c2c, `${APP_ID}/c2c:${c2c.d.author.user_openid}`],
    ["group", group, `${APP_ID}/group:${group.d.group_openid}`],
  ])("goes to the object of its chat, near QQ: %s", async (_, event, name) => {
    const heard: BotEvent[] = [];
    const { binding, getByName } = conversations(async (received) => {
      heard.push(received);
      return "accepted";
    });
    await answerWith({ CONVERSATION: binding }, await signed(JSON.stringify(event)));
    expect(getByName.mock.calls).toEqual([[name, { locationHint: "apac" }]]);
    expect(heard).toMatchObject([{ id: event.d.id, eventId: event.id, appId: APP_ID }]);
  });

  it("may name its bot in the path, or not at all", async () => {
    const { binding, getByName } = conversations(async () => "accepted");
    for (const request of [await signed(EVENT, `/qq/callback/${APP_ID}`), await signedWithout("x-bot-appid", EVENT)]) {
      expect((await answerWith({ CONVERSATION: binding }, request)).status).toBe(200);
    }
    expect(getByName).toHaveBeenCalledTimes(2);
    // The second is worth a remark: QQ is documented to send the header.
    expect(lines.map(({ header }) => header)).toEqual([undefined, "X-Bot-Appid is missing"]);
  });

  it("may be as large as the limit", async () => {
    const { binding } = conversations(async () => "accepted");
    expect((await answerWith({ CONVERSATION: binding }, await signed(padded(EVENT, LIMIT)))).status).toBe(200);
  });

  it("is acknowledged and not stored when it means nothing to the bot", async () => {
    const before = await chatsStored();
    for (const body of ['{"op":0,"t":"TOMORROW_CREATE","id":"T:1","d":{}}', '{"op":99}']) {
      const response = await SELF.fetch(await signed(body));
      expect(response.status).toBe(200);
      expect(await response.text()).toBe(STORED);
    }
    const fromBot = JSON.stringify({ ...stranger, d: { ...stranger.d, author: { ...stranger.d.author, bot: true } } });
    expect(await (await SELF.fetch(await signed(fromBot))).text()).toBe(STORED);
    expect(lines.map(({ event }) => event)).toEqual(["callback.ignored", "callback.ignored", "callback.ignored"]);
    expect(await chatsStored()).toEqual(before);
  });

  it("answers a heartbeat as botgo does", async () => {
    const response = await SELF.fetch(await signed('{"op":1,"d":1314}'));
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"op":11,"d":1314}');
  });

  it("is logged without what was said", async () => {
    const { binding } = conversations(async () => "accepted");
    await answerWith({ CONVERSATION: binding }, await signedWith({ "x-tps-trace-id": "T1" }, EVENT));
    expect(lines).toMatchObject([
      {
        level: "info",
        event: "callback.accepted",
        appId: APP_ID,
        message: c2c.d.id,
        result: "accepted",
        traceId: "T1",
      },
    ]);
    expect(printed).not.toContain(c2c.d.content);
    expect(printed).not.toContain(APP_SECRET);
  });
});

describe("an event that cannot be stored", () => {
  const broken = (marks: object = {}) => Object.assign(new Error("broken"), marks);

  /** The object fails this often before it stores. */
  function failing(times: number, error: unknown) {
    let left = times;
    return conversations(async () => {
      if (left <= 0) return "accepted";
      left -= 1;
      throw error;
    });
  }

  it.each([1, 2])("is tried again with a new stub after %i errors that deploys and moves make", async (times) => {
    const { binding, getByName } = failing(times, broken({ retryable: true }));
    const response = await answerWith({ CONVERSATION: binding }, await signed(EVENT));
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(STORED);
    expect(getByName).toHaveBeenCalledTimes(times + 1);
  });

  it.each([
    ["an error that stays", broken({ retryable: true }), 3],
    ["an overloaded object", broken({ retryable: true, overloaded: true }), 1],
    ["an error that no repetition helps", broken(), 1],
    ["an error that says so", broken({ retryable: false }), 1],
  ])("asks QQ to deliver again, by status and by body: %s", async (_, error, tries) => {
    const { binding, getByName } = failing(99, error);
    const response = await answerWith({ CONVERSATION: binding }, await signed(EVENT));
    expect(response.status).toBe(500);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe(NOT_STORED);
    expect(getByName).toHaveBeenCalledTimes(tries);
    expect(lines.filter(({ level }) => level === "error")).toMatchObject([
      { event: "callback.not-stored", error: expect.stringContaining("broken") },
    ]);
  });

  it("is not tried again after two seconds: QQ waits for three", async () => {
    let nowMs = Date.now();
    const { binding, getByName } = conversations(async () => {
      nowMs += 2_000;
      throw broken({ retryable: true });
    });
    const request = await signed(EVENT);
    vi.spyOn(Date, "now").mockImplementation(() => nowMs);
    const response = await answerWith({ CONVERSATION: binding }, request);
    expect(response.status).toBe(500);
    expect(getByName).toHaveBeenCalledTimes(1);
  });
});

describe("a callback while settings are missing", () => {
  it.each([
    ["event", () => signed(FOREIGN)],
    ["address check", () => callback(CHECK)],
  ])("is to be delivered again, and only the log says why: %s", async (_, request) => {
    const before = await chatsStored();
    const missing = { QQ_APP_ID: undefined, QQ_APP_SECRET: undefined, MODEL: "WRONG" };
    const response = await answerWith(missing, await request());
    expect(response.status).toBe(500);
    expect(await response.text()).toBe(NOT_STORED);
    expect(lines).toMatchObject([
      {
        level: "error",
        event: "config.invalid",
        problems: [{ setting: "QQ_APP_ID" }, { setting: "QQ_APP_SECRET" }, { setting: "MODEL" }],
      },
    ]);
    expect(printed).not.toContain("WRONG");
    expect(await chatsStored()).toEqual(before);
  });
});
