/** Against the fake QQ, which is strict; and against servers that answer what the fake QQ never would. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { egressError } from "../../src/egress/failure.ts";
import { direct, type Transport } from "../../src/egress/transport.ts";
import { QQApiError, UpstreamError } from "../../src/errors.ts";
import type { Chat } from "../../src/event.ts";
import { Secret } from "../../src/log.ts";
import { acknowledgeInteraction, type QQApi, requestToken, sendReply, sendTyping } from "../../src/qq/client.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";

const APP_ID = "102000001";
const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";
const USER: Chat = { scene: "c2c", id: "USER0001" };

let nowMs: number;
const now = () => nowMs;
let qq: FakeQQ;
let api: QQApi;

beforeEach(async () => {
  nowMs = Date.parse("2026-07-21T10:00:00+08:00");
  qq = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET, now });
  api = apiAt(await qq.start());
});

afterEach(() => qq.stop());

function apiAt(address: string): QQApi {
  const tokenUrl = `${address}/app/getAppAccessToken`;
  return { appId: APP_ID, apiBase: address, tokenUrl, headers: {}, isRelayed: false, transport: direct };
}

const askForToken = (appSecret = APP_SECRET) => requestToken(api, new Secret(appSecret), now);

/** Somebody has written, so that there is something to answer. Returns its id. */
function asked(chat: Chat = USER): string {
  const { asked: question } = qq.compose({ text: "你好", scene: chat.scene, chatId: chat.id });
  qq.ledger.asked.push(question);
  return question.messageId;
}

/** A reply with a good token unless another is given. */
async function send({ text = "好的", chat = USER, msgId = asked(chat), msgSeq = 1, token = "" } = {}) {
  return sendReply(api, chat, { kind: "text", text }, { msgId, msgSeq }, token || (await askForToken()).value);
}

async function refusalOf(call: Promise<unknown>) {
  const error = await errorOf(call);
  if (!(error instanceof QQApiError || error instanceof UpstreamError)) throw error;
  return error.refusal;
}

const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => new Error("was not refused"),
    (error: unknown) => error,
  );

interface Seen {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A server that answers what it is told; `api` points at it from here on. */
async function answering(answer: (response: ServerResponse) => void): Promise<{ seen: Seen[]; address: string }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
  api = apiAt(address);
  return { seen, address };
}

const servers: ReturnType<typeof createServer>[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  answering((response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  });

describe("access token", () => {
  it("comes with the moment at which it ends, counted from the moment of asking", async () => {
    const token = await askForToken();
    expect(token.value).toMatch(/^token-/);
    expect(token.expiresAtMs).toBe(nowMs + 7_200_000);
  });

  it("is the same for all who ask, with what is left of its life", async () => {
    const first = await askForToken();
    nowMs += 3_000_000;
    expect(await askForToken()).toEqual(first);
    nowMs = first.expiresAtMs - 59_000;
    expect((await askForToken()).value).not.toBe(first.value);
  });

  it.each(["1222", 1222])("lives as long as QQ says, be it text or number: %j", async (expires_in) => {
    await json(200, { access_token: "abc", expires_in });
    expect(await askForToken()).toEqual({ value: "abc", expiresAtMs: nowMs + 1_222_000 });
  });

  it("is asked for with AppID and AppSecret", async () => {
    const { seen } = await json(200, { access_token: "abc", expires_in: "7200" });
    await askForToken();
    expect(seen).toMatchObject([{ method: "POST", url: "/app/getAppAccessToken" }]);
    expect(seen[0]?.headers["content-type"]).toMatch(/^application\/json/);
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ appId: APP_ID, clientSecret: APP_SECRET });
  });

  it("is refused with status 200: the code tells", async () => {
    expect(await refusalOf(askForToken("wrong"))).toMatchObject({
      operation: "qq.token",
      code: 100016,
      remedy: "tellOperator",
    });
    api = { ...api, appId: "999" };
    expect(await refusalOf(askForToken())).toMatchObject({ code: 10004, remedy: "tellOperator" });
  });

  it.each([
    ["an empty object", {}],
    ["an empty token", { access_token: "", expires_in: "7200" }],
    ["no lifetime", { access_token: "abc" }],
    ["a lifetime that is no number", { access_token: "abc", expires_in: "soon" }],
    ["a list", []],
    ["nothing", null],
  ])("is not understood with status 200 and %s", async (_, body) => {
    await json(200, body);
    expect(await refusalOf(askForToken())).toMatchObject({ operation: "qq.token", code: 200, remedy: "backOff" });
  });

  it("is asked for again after trouble on QQ's side", async () => {
    qq.tokenWeather.set({ kind: "refuse", status: 502 });
    expect(await refusalOf(askForToken())).toMatchObject({ remedy: "backOff", code: 502 });
    qq.tokenWeather.set({ kind: "refuse", status: 200, body: { code: 100001, message: "slow down" } });
    expect(await refusalOf(askForToken())).toMatchObject({ remedy: "backOff", code: 100001 });
    qq.tokenWeather.set({ kind: "drop" });
    expect(await errorOf(askForToken())).toBeInstanceOf(UpstreamError);
    expect((await askForToken()).value).toMatch(/^token-/);
  });
});

describe("reply", () => {
  it.each([USER, { scene: "group", id: "GROUP0001" } as const])("reaches a chat of scene $scene", async (chat) => {
    const msgId = asked(chat);
    const id = await send({ chat, msgId, msgSeq: 3, text: "早上好 ☀️" });
    expect(qq.ledger.delivered).toMatchObject([{ id, chat, msgId, msgSeq: 3, text: "早上好 ☀️" }]);
  });

  it("travels with the token, the AppID and the headers of a relay", async () => {
    const { seen } = await json(200, { id: "ROBOT1.0_X" });
    api = { ...api, headers: { "X-Relay-Key": new Secret("relay-key") } };
    expect(await send({ token: "TOKEN", msgId: "M1" })).toBe("ROBOT1.0_X");
    expect(seen).toMatchObject([
      {
        method: "POST",
        url: "/v2/users/USER0001/messages",
        headers: { authorization: "QQBot TOKEN", "x-union-appid": APP_ID, "x-relay-key": "relay-key" },
      },
    ]);
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ msg_type: 0, content: "好的", msg_id: "M1", msg_seq: 1 });
  });

  it("keeps the headers of a relay from any other host", async () => {
    const relay = await json(200, { id: "SENT" });
    const elsewhere = await json(200, { access_token: "T", expires_in: "60" });
    api = {
      ...api,
      apiBase: `${relay.address}/below`,
      tokenUrl: `${elsewhere.address}/token`,
      headers: { "X-Relay-Key": new Secret("relay-key") },
    };
    await send({ token: "TOKEN", msgId: "M1" });
    await askForToken();
    expect(relay.seen[0]?.headers).toHaveProperty("x-relay-key", "relay-key");
    expect(elsewhere.seen[0]?.headers).not.toHaveProperty("x-relay-key");
  });

  it("is turned away by a relay, and not by a token endpoint elsewhere, where no code says who refuses", async () => {
    const relay = await json(401, { message: "no key" });
    const elsewhere = await json(401, {});
    api = { ...api, apiBase: relay.address, tokenUrl: `${relay.address}/token`, isRelayed: true };
    const wall = { remedy: "tellOperator", isWall: true, costsNoReply: true };
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject(wall);
    expect(await refusalOf(askForToken())).toMatchObject(wall);
    api = { ...api, tokenUrl: `${elsewhere.address}/token` };
    expect(await refusalOf(askForToken())).toMatchObject({ remedy: "refreshToken", isWall: undefined });
    api = { ...api, isRelayed: false };
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({ remedy: "refreshToken" });
  });

  it("is refused by the way out in its own words", async () => {
    api = { ...api, transport: () => Promise.reject(egressError("credentialsRefused")) };
    const { refusal } = egressError("credentialsRefused");
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toEqual({ ...refusal, operation: "qq.send" });
    expect(await refusalOf(askForToken())).toEqual({ ...refusal, operation: "qq.token" });
    expect(refusal).toMatchObject({ remedy: "tellOperator", isWall: true, costsNoReply: true });
    expect(refusal.outcomeUnknown).toBeUndefined();
  });

  it("stays below the chat's own path, whatever the openid is", async () => {
    const { seen } = await json(200, { id: "SENT" });
    await send({ token: "TOKEN", msgId: "M1", chat: { scene: "group", id: "../users/X?a=b#c" } });
    expect(seen[0]?.url).toBe("/v2/groups/..%2Fusers%2FX%3Fa%3Db%23c/messages");
  });

  it.each([
    ["204 without a body", 204, undefined],
    ["200 without a body", 200, undefined],
    ["200 without an id", 200, {}],
    ["200 with code 0", 200, { code: 0 }],
  ])("is of unknown outcome where QQ gives no id: %s", async (_, status, body) => {
    await answering((response) => {
      response.writeHead(status).end(body && JSON.stringify(body));
    });
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({
      remedy: "backOff",
      outcomeUnknown: true,
    });
  });

  it("is refused by each of QQ's rules with the remedy of its code", async () => {
    const first = asked();
    const { value: token } = await askForToken();
    expect(await refusalOf(send({ token: "old", msgId: first }))).toMatchObject({
      operation: "qq.send",
      code: 11244,
      remedy: "refreshToken",
      otherwise: "tellOperator",
      costsNoReply: true,
    });
    expect(await refusalOf(send({ token, msgId: "ROBOT1.0_OTHER" }))).toMatchObject({
      code: 40034024,
      remedy: "tellOperator",
    });
    expect(await refusalOf(send({ token, msgId: first, text: " " }))).toMatchObject({ code: 50006 });
    expect(await refusalOf(send({ token, msgId: first, text: "长".repeat(5001) }))).toMatchObject({
      code: 40054007,
      remedy: "split",
    });
    for (const msgSeq of [1, 2, 3, 4]) await send({ token, msgId: first, msgSeq });
    expect(await refusalOf(send({ token, msgId: first, msgSeq: 4 }))).toMatchObject({
      code: 40054005,
      remedy: "alreadySent",
    });
    expect(await refusalOf(send({ token, msgId: first, msgSeq: 5 }))).toMatchObject({
      code: 40034128,
      remedy: "tellUser",
      closesMessage: true,
    });
    const second = asked();
    nowMs += 3_600_001;
    expect(await refusalOf(send({ token, msgId: second }))).toMatchObject({ code: 40034005, closesMessage: true });
  });

  it("is refused for our address with HTTP 401, which no new token helps against", async () => {
    qq.refusesAddress = true;
    const refusal = await refusalOf(send());
    expect(refusal).toMatchObject({ code: 40023002, remedy: "tellOperator", otherwise: undefined, costsNoReply: true });
    expect(refusal.summary).toContain("HTTP 401, code 11298, err_code 40023002");
    expect(refusal.advice).toContain("IP 白名单");
  });

  it("gives QQ's trace id along, from the header or from the body", async () => {
    const body = { code: 40034128, err_code: 40034128, message: "x", trace_id: "of-the-body" };
    await json(400, body);
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({ traceId: "of-the-body" });
    await json(400, body, { "X-Tps-trace-ID": "of-the-header" });
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({ traceId: "of-the-header" });
  });

  it.each([
    ["7", 7_000],
    ["0.5", 500],
    ["Wed, 21 Oct 2026 07:28:00 GMT", undefined],
    [undefined, undefined],
  ])("is to be repeated after the seconds of Retry-After: %s", async (retryAfter, retryAfterMs) => {
    await json(429, { code: 22009 }, retryAfter === undefined ? {} : { "retry-after": retryAfter });
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({
      code: 22009,
      remedy: "backOff",
      otherwise: "tellUser",
      retryAfterMs,
    });
  });

  it("is judged by err_code where both numbers come and differ, and shows both", async () => {
    await json(400, { code: 11244, err_code: 40054005, message: "x" });
    const refusal = await refusalOf(send({ token: "TOKEN", msgId: "M1" }));
    expect(refusal).toMatchObject({ code: 40054005, remedy: "alreadySent" });
    expect(refusal.summary).toContain("code 11244, err_code 40054005");
  });

  it.each([
    ["a trace id that is null", { code: 11298, err_code: 40023002, trace_id: null }],
    ["a message that is no text", { code: 11298, err_code: 40023002, message: { zh: "x" } }],
    ["a code that is null", { code: null, err_code: 40023002 }],
    ["an err_code that is null", { code: 11298, err_code: null }],
    ["a member of tomorrow", { code: 11298, data: { reason: [] } }],
  ])("is judged by what can be read of the answer: beside it, %s", async (_, body) => {
    await json(401, body);
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({ remedy: "tellOperator" });
  });

  it("is not sent when the answer carries a code, whatever the status", async () => {
    for (const status of [200, 201, 202]) {
      await json(status, { code: 40034105, message: "x" });
      expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({ code: 40034105 });
    }
  });

  it.each([
    [413, "tellUser"],
    [429, "backOff"],
    [500, "backOff"],
    [502, "backOff"],
    [504, "backOff"],
    // Such as a relay that points at a web page: nothing has arrived at QQ.
    [200, "backOff"],
  ])("is judged by the status %i where the gateway answers HTML", async (status, remedy) => {
    qq.weather.set({ kind: "refuse", status });
    expect(await refusalOf(send())).toMatchObject({ code: status, remedy });
    expect(qq.ledger.delivered).toEqual([]);
  });

  it("has an unknown outcome when the connection breaks, which the same msg_seq clears up", async () => {
    const { value: token } = await askForToken();
    const slot = { token, msgId: asked(), msgSeq: 1 };
    qq.weather.set({ kind: "drop" });
    expect(await refusalOf(send(slot))).toMatchObject({ remedy: "backOff", otherwise: "tellUser" });
    expect(qq.ledger.delivered).toHaveLength(0);

    qq.weather.set({ kind: "deliverThenDrop" });
    expect(await errorOf(send(slot))).toBeInstanceOf(UpstreamError);
    expect(await refusalOf(send(slot))).toMatchObject({ remedy: "alreadySent" });
    expect(qq.ledger.delivered).toHaveLength(1);

    qq.weather.set({ kind: "deliverThenFail", status: 502 });
    expect(await refusalOf(send({ ...slot, msgSeq: 2 }))).toMatchObject({ remedy: "backOff" });
    expect(await refusalOf(send({ ...slot, msgSeq: 2 }))).toMatchObject({ remedy: "alreadySent" });
    expect(qq.ledger.delivered).toHaveLength(2);
  });

  it("has an unknown outcome when half of the answer is missing", async () => {
    await answering((response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"id":', () => response.destroy());
    });
    expect(await errorOf(send({ token: "TOKEN", msgId: "M1" }))).toBeInstanceOf(UpstreamError);
  });

  it("is given up for this time when QQ stays silent for too long", async () => {
    vi.useFakeTimers();
    const transport: Transport = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    api = { ...api, transport };
    const refused = refusalOf(send({ token: "TOKEN", msgId: "M1" }));
    await vi.advanceTimersByTimeAsync(20_000);
    vi.useRealTimers();
    const refusal = await refused;
    expect(refusal).toMatchObject({ remedy: "backOff", summary: "no answer within 20 s" });
  });
});

describe("a reply of another kind or scene", () => {
  it.each([
    ["c2c", "/v2/users/X1/messages"],
    ["group", "/v2/groups/X1/messages"],
    ["guildChannel", "/channels/X1/messages"],
    ["guildDm", "/dms/X1/messages"],
  ] as const)("to a %s goes to %s", async (scene, path) => {
    const { seen } = await json(200, { id: "SENT" });
    await send({ token: "TOKEN", msgId: "M1", chat: { scene, id: "X1" } });
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([`POST ${path}`]);
  });

  it("is written as the scene wants it", async () => {
    const { seen } = await json(200, { id: "SENT" });
    const slot = { msgId: "M1", msgSeq: 2 };
    await sendReply(api, USER, { kind: "markdown", text: "**a**" }, slot, "TOKEN");
    await sendReply(api, { scene: "guildDm", id: "G1" }, { kind: "text", text: "a<b" }, slot, "TOKEN");
    await sendReply(api, USER, { kind: "text", text: "a" }, { ...slot, isEvent: true }, "TOKEN");
    expect(seen.map(({ body }) => JSON.parse(body))).toEqual([
      { msg_type: 2, markdown: { content: "**a**" }, msg_id: "M1", msg_seq: 2 },
      { content: "a&lt;b", msg_id: "M1" },
      { msg_type: 0, content: "a", event_id: "M1", msg_seq: 2 },
    ]);
  });

  it.each([304023, 304024])("that is held back for review tells its audit (%i, with HTTP 202)", async (code) => {
    await json(202, {
      code,
      message: "push message is waiting for audit now",
      data: { message_audit: { audit_id: "A1" } },
    });
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({
      code,
      remedy: "alreadySent",
      auditId: "A1",
    });
    await json(202, { code });
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({ remedy: "alreadySent" });
  });

  it.each([
    [40034012, { remedy: "degradeToText", forbids: "markdown" }],
    [40054010, { remedy: "stripLinks", forbids: "links" }],
    [304018, { remedy: "tellOperator", forbids: "replies" }],
    [40054003, { remedy: "drop", closesChat: true }],
    [40054005, { remedy: "alreadySent", isDuplicate: true }],
  ])("hands on what else the code %i says", async (code, more) => {
    await json(400, { code });
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({ code, ...more });
  });
});

describe("typing notice", () => {
  const type = (token = "TOKEN") => sendTyping(api, USER, { msgId: "M1", msgSeq: 1 }, token);

  it("goes where replies go", async () => {
    const { seen } = await json(200, { id: "SENT" });
    await type();
    expect(seen).toMatchObject([
      { method: "POST", url: "/v2/users/USER0001/messages", headers: { authorization: "QQBot TOKEN" } },
    ]);
    expect(JSON.parse(seen[0]?.body ?? "")).toMatchObject({ msg_type: 6, msg_id: "M1", msg_seq: 1 });
  });

  it.each([
    ["nothing", undefined],
    ["an empty object", {}],
    ["code 0", { code: 0 }],
  ])("is shown where QQ answers %s: nobody needs its id", async (_, body) => {
    await answering((response) => {
      response.writeHead(200).end(body && JSON.stringify(body));
    });
    await expect(type()).resolves.toBeUndefined();
  });

  it("is refused like a reply", async () => {
    await json(401, { code: 11244 });
    expect(await refusalOf(type())).toMatchObject({
      operation: "qq.typing",
      remedy: "refreshToken",
      costsNoReply: true,
    });
    await json(200, { code: 40034128 });
    expect(await refusalOf(type())).toMatchObject({ closesMessage: true });
  });
});

describe("acknowledgement of a pressed button", () => {
  const acknowledge = (id = "I1") => acknowledgeInteraction(api, { id }, "TOKEN");

  it("travels with both headers that name the bot", async () => {
    const { seen } = await json(200, {});
    await acknowledge();
    expect(seen).toMatchObject([
      {
        method: "PUT",
        url: "/interactions/I1",
        headers: { authorization: "QQBot TOKEN", "x-union-appid": APP_ID, "x-callback-appid": APP_ID },
      },
    ]);
    expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ code: 0 });
  });

  it("stays below its own path, whatever the id is", async () => {
    const { seen } = await json(200, {});
    await acknowledge("../a?b");
    expect(seen[0]?.url).toBe("/interactions/..%2Fa%3Fb");
  });

  it.each([
    ["204 without a body", 204, undefined],
    ["200 without a body", 200, undefined],
    ["plain text", 200, "ok"],
    ["an object", 200, "{}"],
    ["code 0", 200, '{"code":0}'],
  ])("is heard where QQ answers %s", async (_, status, body) => {
    await answering((response) => {
      response.writeHead(status).end(body);
    });
    await expect(acknowledge()).resolves.toBeUndefined();
  });

  it.each([
    [400, { code: 630006 }, { remedy: "tellOperator" }],
    [200, { code: 630004 }, { remedy: "retryOnce" }],
    [401, { code: 11244 }, { remedy: "refreshToken" }],
    [500, undefined, { remedy: "backOff" }],
  ])("is refused with HTTP %i %j", async (status, body, remedy) => {
    await json(status, body ?? "");
    expect(await refusalOf(acknowledge())).toMatchObject({ operation: "qq.acknowledge", ...remedy });
  });

  it("of no other call carries the second header", async () => {
    const { seen } = await json(200, { id: "SENT" });
    await send({ token: "TOKEN", msgId: "M1" });
    expect(seen[0]?.headers).not.toHaveProperty("x-callback-appid");
  });
});

describe("redirect", () => {
  it.each([301, 302, 307, 308])("%i is not followed: it would carry the token elsewhere", async (status) => {
    const elsewhere = await json(200, { id: "STOLEN", access_token: "stolen", expires_in: "1" });
    await answering((response) => {
      response.writeHead(status, { location: `${elsewhere.address}/collect` }).end();
    });
    expect(await refusalOf(send({ token: "TOKEN", msgId: "M1" }))).toMatchObject({
      remedy: "tellOperator",
      isWall: true,
    });
    expect(await refusalOf(askForToken())).toMatchObject({ remedy: "tellOperator", isWall: true });
    expect(elsewhere.seen).toEqual([]);
  });
});

describe("an error", () => {
  const TOKEN = "TOKEN-VALUE";
  const secrets = [TOKEN, APP_SECRET, "relay-key", "127.0.0.1", "relay-path", "USER0001", "PRIVATE-WORDS", "M-ID"];

  /** Everything that could end in a log: message, advice, fields, stack, cause. */
  const shownOf = (error: unknown) =>
    [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error), String(error)].join("\n");

  const both = async () => {
    api = {
      ...api,
      apiBase: `${api.apiBase}/relay-path`,
      tokenUrl: `${api.apiBase}/relay-path/token`,
      headers: { "X-Relay-Key": new Secret("relay-key") },
    };
    const slot = { msgId: "M-ID", msgSeq: 1 };
    return [
      await errorOf(sendReply(api, USER, { kind: "text", text: "PRIVATE-WORDS" }, slot, TOKEN)),
      await errorOf(askForToken()),
    ];
  };

  it("shows no token, secret, address or words when QQ refuses, although QQ repeats them", async () => {
    await json(400, { code: 40034006, message: secrets.join(" "), trace_id: "T1", echo: secrets });
    const [sent, token] = await both();
    for (const error of [sent, token]) {
      expect(error).toBeInstanceOf(QQApiError);
      for (const secret of secrets) expect(shownOf(error)).not.toContain(secret);
    }
  });

  it("shows none of them when the answer is a page", async () => {
    await answering((response) => response.writeHead(502).end(`<html>${secrets.join(" ")}</html>`));
    for (const error of await both()) {
      expect(error).toBeInstanceOf(QQApiError);
      for (const secret of secrets) expect(shownOf(error)).not.toContain(secret);
    }
  });

  it("shows none of them when nobody listens, or the line breaks", async () => {
    await answering((response) => response.destroy());
    const broken = await both();
    // Nothing listens on the discard port.
    api = apiAt("http://127.0.0.1:9");
    for (const error of [...broken, ...(await both())]) {
      expect(error).toBeInstanceOf(UpstreamError);
      for (const secret of secrets) expect(shownOf(error)).not.toContain(secret);
    }
  });
});
