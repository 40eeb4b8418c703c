/** The object that all chats of one bot share: its token, its directory, its failures. */
import { abortAllDurableObjects, env, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Bot, LeaseAnswer } from "../../src/bot/bot.ts";
import type { Failure } from "../../src/bot/failures.ts";
import { claimCode } from "../../src/claim-code.ts";
import { defaultsOf } from "../../src/conversation/lease.ts";
import { type Chat, conversationKey } from "../../src/event.ts";
import { Secret } from "../../src/log.ts";
import { Outside, tokenAnswer } from "../support/outside.ts";
import { APP_ID, APP_SECRET } from "../support/signed-request.ts";

const START = Date.parse("2026-11-20T08:00:00Z");
const USER: Chat = { scene: "c2c", id: "USER0001" };

let outside: Outside;
let bot: DurableObjectStub<Bot>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: START });
  outside = new Outside();
  outside.install();
  bot = env.BOT.getByName(APP_ID);
});

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

const at = (afterMs: number) => vi.setSystemTime(START + afterMs);

function tokenOf(answer: LeaseAnswer): string {
  if (!answer.ok) throw new Error(answer.refusal.summary);
  return answer.lease.token;
}

async function refusalOf(answer: Promise<LeaseAnswer>) {
  const result = await answer;
  if (result.ok) throw new Error("it was not refused");
  return result.refusal;
}

describe("the token", () => {
  it("is asked for once, however many chats want it at the same time", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => bot.lease({ scene: "c2c", id: `user${index}` }, {})),
    );
    expect(new Set(answers.map(tokenOf))).toEqual(new Set(["token-1"]));
    expect(outside.tokenRequests).toBe(1);
  });

  it("comes with the moment at which it ends", async () => {
    const expiresAtMs = START + 7_200_000;
    const defaults = { n: 0, values: {} };
    expect(await bot.lease(USER, {})).toEqual({
      ok: true,
      lease: { token: "token-1", expiresAtMs, forbidden: {}, defaults },
    });
  });

  it("is renewed in its last minute, when QQ gives a new one, and not before", async () => {
    await bot.lease(USER, {});
    at(7_200_000 - 60_001);
    expect(tokenOf(await bot.lease(USER, {}))).toBe("token-1");
    at(7_200_000 - 60_000);
    expect(tokenOf(await bot.lease(USER, {}))).toBe("token-2");
    expect(outside.tokenRequests).toBe(2);
  });

  it("is believed to live as long as QQ says, not two hours", async () => {
    outside.token = () => tokenAnswer(`token-${outside.tokenRequests}`, 61);
    await bot.lease(USER, {});
    expect(tokenOf(await bot.lease(USER, {}))).toBe("token-1");
    at(1_000);
    expect(tokenOf(await bot.lease(USER, {}))).toBe("token-2");
  });

  it("is renewed once for all who name the one that QQ refused", async () => {
    await bot.lease(USER, {});
    const refused = { notThisToken: "token-1" };
    const answers = await Promise.all(Array.from({ length: 10 }, () => bot.lease(USER, refused)));
    expect(new Set(answers.map(tokenOf))).toEqual(new Set(["token-2"]));
    // Somebody whose message was on its way for long names it, too.
    expect(tokenOf(await bot.lease(USER, refused))).toBe("token-2");
    expect(tokenOf(await bot.lease(USER, {}))).toBe("token-2");
    expect(outside.tokenRequests).toBe(2);
  });

  it("is kept over the end of the process", async () => {
    await bot.lease(USER, {});
    await abortAllDurableObjects();
    bot = env.BOT.getByName(APP_ID);
    expect(tokenOf(await bot.lease(USER, {}))).toBe("token-1");
    expect(outside.tokenRequests).toBe(1);
  });
});

describe("a token that is refused", () => {
  it("comes back as a refusal whose fields survive the way between objects", async () => {
    outside.token = () =>
      Response.json(
        { code: 100001, message: "too many" },
        { status: 400, headers: { "retry-after": "9", "x-tps-trace-id": "trace-1" } },
      );
    expect(await refusalOf(bot.lease(USER, {}))).toMatchObject({
      operation: "qq.token",
      remedy: "backOff",
      otherwise: "tellOperator",
      code: 100001,
      traceId: "trace-1",
      retryAfterMs: 9_000,
    });
  });

  it("says which setting is wrong, also when QQ says so with status 200", async () => {
    outside.token = () => Response.json({ code: 100016, message: "invalid appid or secret" });
    const refusal = await refusalOf(bot.lease(USER, {}));
    expect(refusal).toMatchObject({ remedy: "tellOperator", code: 100016 });
    expect(refusal.advice).toContain("QQ_APP_SECRET");
  });

  it("is asked for again by the next chat", async () => {
    const good = outside.token;
    outside.token = () => new Response("<html>Bad Gateway</html>", { status: 502 });
    expect((await refusalOf(bot.lease(USER, {}))).remedy).toBe("backOff");
    outside.token = good;
    expect(tokenOf(await bot.lease(USER, {}))).toBe("token-2");
  });

  it("is refused for all who wait for the same request", async () => {
    outside.token = () => Response.json({ code: 100016 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => bot.lease(USER, {})));
    expect(answers.map(({ ok }) => ok)).toEqual([false, false, false, false, false]);
    expect(outside.tokenRequests).toBe(1);
  });

  it("does not take away the one that is still good", async () => {
    await bot.lease(USER, {});
    outside.token = () => Response.json({ code: 100001 });
    await refusalOf(bot.lease(USER, { notThisToken: "token-1" }));
    expect(tokenOf(await bot.lease(USER, {}))).toBe("token-1");
  });

  it("belongs to an operator where the deployment no longer knows the bot", async () => {
    const gone = env.BOT.getByName("102000999");
    expect(await refusalOf(gone.lease(USER, {}))).toMatchObject({ operation: "qq.token", remedy: "tellOperator" });
    expect(outside.tokenRequests).toBe(0);
  });
});

describe("the directory", () => {
  it("knows each chat by when it was first and last seen, the latest first", async () => {
    const group: Chat = { scene: "group", id: "GROUP0001" };
    await bot.lease(group, {});
    at(1_000);
    await bot.lease(USER, {});
    at(5_000);
    await bot.lease(group, {});
    expect(await bot.chats()).toEqual([
      { ...group, firstSeenMs: START, lastSeenMs: START + 5_000 },
      { ...USER, firstSeenMs: START + 1_000, lastSeenMs: START + 1_000 },
    ]);
  });

  it("knows a group and a person apart, though their ids look alike", async () => {
    await bot.lease({ scene: "c2c", id: "SAME" }, {});
    await bot.lease({ scene: "group", id: "SAME" }, {});
    expect((await bot.chats()).map(({ scene }) => scene).toSorted()).toEqual(["c2c", "group"]);
  });

  it("notes a chat also when there is no token for it", async () => {
    outside.token = () => Response.json({ code: 100016 });
    await bot.lease(USER, {});
    expect(await bot.chats()).toHaveLength(1);
  });
});

function failure(reference: string, more: Partial<Failure> = {}): Failure {
  return {
    reference,
    atMs: START,
    chat: "c2c:USER0001",
    turn: 1,
    operation: "qq.send",
    summary: "source address not on the allow-list",
    advice: "清空白名单",
    traceId: "trace-1",
    told: true,
    ...more,
  };
}

describe("what QQ does not let a bot do", () => {
  const DAY_MS = 24 * 60 * 60_000;
  const forbiddenIn = async (chat: Chat) => {
    const answer = await bot.lease(chat, {});
    if (!answer.ok) throw new Error(answer.refusal.summary);
    return answer.lease.forbidden;
  };

  it("is told to all chats of that scene with their lease, and to no other", async () => {
    await bot.noteForbidden("c2c", "markdown", START + DAY_MS);
    await bot.noteForbidden("guildDm", "replies", START + DAY_MS);
    expect(await forbiddenIn({ scene: "c2c", id: "USER0002" })).toEqual({ markdown: START + DAY_MS });
    expect(await forbiddenIn({ scene: "guildDm", id: "GUILD0001" })).toEqual({ replies: START + DAY_MS });
    expect(await forbiddenIn({ scene: "group", id: "GROUP0001" })).toEqual({});
  });

  it("is told with a new token as well, and after the end of the process", async () => {
    await bot.noteForbidden("c2c", "links", START + DAY_MS);
    await abortAllDurableObjects();
    bot = env.BOT.getByName(APP_ID);
    expect(await forbiddenIn(USER)).toEqual({ links: START + DAY_MS });
    expect(outside.tokenRequests).toBe(1);
  });

  it("is forgotten when its time is over", async () => {
    await bot.noteForbidden("c2c", "markdown", START + DAY_MS);
    at(DAY_MS - 1);
    expect(await forbiddenIn(USER)).toEqual({ markdown: START + DAY_MS });
    at(DAY_MS);
    expect(await forbiddenIn(USER)).toEqual({});
  });

  it("lasts as long as the last chat says that was refused", async () => {
    await bot.noteForbidden("c2c", "markdown", START + 1);
    await bot.noteForbidden("c2c", "markdown", START + DAY_MS);
    expect(await forbiddenIn(USER)).toEqual({ markdown: START + DAY_MS });
  });
});

describe("what the owner chooses for all chats", () => {
  const owner: Chat = { scene: "c2c", id: "OWNER001" };
  const defaultsIn = async (chat: Chat) => {
    const answer = await bot.lease(chat, {});
    if (!answer.ok) throw new Error(answer.refusal.summary);
    return answer.lease.defaults?.values;
  };
  const kept = (chat: Chat) =>
    runInDurableObject(env.CONVERSATION.getByName(conversationKey(APP_ID, chat)), (_, { storage }) =>
      defaultsOf(storage),
    );

  beforeEach(async () => {
    await bot.claim(owner, await claimCode(new Secret(APP_SECRET)));
  });

  it("reaches the chats that the bot knows at once, and the others with their lease", async () => {
    await bot.lease(USER, {});
    expect(await defaultsIn(USER)).toEqual({});
    expect(await bot.choose(owner, { model: "a/b" })).toMatchObject({ values: { model: "a/b" } });
    expect(await kept(owner)).toEqual({ model: "a/b" });
    await vi.waitFor(async () => expect(await kept(USER)).toEqual({ model: "a/b" }));
    expect(await defaultsIn({ scene: "group", id: "GROUP0001" })).toEqual({ model: "a/b" });
  });

  it("adds to what was chosen before, is taken back one by one, and outlives the process", async () => {
    await bot.choose(owner, { model: "a/b", persona: "cat" });
    await bot.choose(owner, { model: undefined, language: "en" });
    await abortAllDurableObjects();
    bot = env.BOT.getByName(APP_ID);
    expect(await bot.choose(owner)).toEqual({ n: 2, values: { persona: "cat", language: "en" } });
  });

  it("is nobody else's to see or to change", async () => {
    expect(await bot.choose(USER, { model: "a/b" })).toBeUndefined();
    expect(await bot.choose(USER)).toBeUndefined();
    expect(await defaultsIn(USER)).toEqual({});
  });
});

describe("the failures", () => {
  const references = async () => (await bot.failures()).map(({ reference }) => reference);

  it("are kept whole", async () => {
    const known = [failure("aaa222"), failure("bbb333", { atMs: START - 1, traceId: undefined, told: false })];
    await bot.recordFailures(known);
    expect(await bot.failures()).toEqual(known);
  });

  it("are listed newest first, however they came in", async () => {
    await bot.recordFailures([failure("old", { atMs: START - 2 }), failure("new", { atMs: START })]);
    await bot.recordFailures([failure("middle", { atMs: START - 1 })]);
    expect(await references()).toEqual(["new", "middle", "old"]);
  });

  it("do not hold what is still being tried, of which the operator hears once an hour, whatever comes of it", async () => {
    const cries = vi.spyOn(console, "error");
    const told = () => cries.mock.calls.filter(([line]) => String(line).includes('"alert"')).length;
    const outage = failure("aaa222", { isOngoing: true });
    await bot.recordFailures([outage]);
    expect(await bot.failures()).toEqual([]);
    expect(told()).toBe(1);
    at(59 * 60_000);
    await bot.recordFailures([outage, failure("bbb333")]);
    expect(told()).toBe(1);
    at(60 * 60_000);
    await bot.recordFailures([outage]);
    expect(told()).toBe(2);
  });

  it("are counted once by their reference: a chat tells them again when it has heard no answer", async () => {
    await bot.recordFailures([failure("aaa222"), failure("aaa222")]);
    await bot.recordFailures([failure("aaa222"), failure("bbb333", { atMs: START - 1 })]);
    expect(await references()).toEqual(["aaa222", "bbb333"]);
  });

  it("are two hundred at most; the oldest make room", async () => {
    const many = Array.from({ length: 150 }, (_, index) => failure(`r${index}`, { atMs: START + index }));
    await bot.recordFailures(many);
    await bot.recordFailures(many.map((one) => ({ ...one, reference: `s${one.reference}`, atMs: one.atMs + 150 })));
    const kept = await references();
    expect(kept).toHaveLength(200);
    expect(kept[0]).toBe("sr149");
    expect(kept.at(-1)).toBe("r100");
  });

  it("can be recorded by this release on the database of the next one, which may have more columns", async () => {
    await runInDurableObject(bot, (_, { storage }) => {
      for (const table of ["token", "note", "chat", "failure", "forbidden"])
        storage.sql.exec(`ALTER TABLE ${table} ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'`);
    });
    await bot.recordFailures([failure("aaa222")]);
    expect(await bot.failures()).toEqual([failure("aaa222")]);
    expect(tokenOf(await bot.lease(USER, {}))).toBe("token-1");
    expect(await bot.chats()).toHaveLength(1);
    await bot.noteValidation({ atMs: START, signed: true, answered: true });
    expect(await bot.lastValidation()).toBeDefined();
    await bot.noteForbidden("c2c", "markdown", START + 1_000);
    expect(await bot.lease(USER, {})).toMatchObject({ lease: { forbidden: { markdown: START + 1_000 } } });
  });
});

describe("the check of the callback address", () => {
  it("is noted, the last one only", async () => {
    expect(await bot.lastValidation()).toBeUndefined();
    await bot.noteValidation({ atMs: START, signed: false, answered: false });
    await bot.noteValidation({ atMs: START + 1, signed: true, answered: true });
    expect(await bot.lastValidation()).toEqual({ atMs: START + 1, signed: true, answered: true });
  });
});

describe("the log", () => {
  it("tells of tokens given and refused, and never shows one, nor the secret", async () => {
    const prints = (["info", "warn", "error"] as const).map((method) => vi.spyOn(console, method));
    await bot.lease(USER, {});
    outside.token = () => Response.json({ code: 100016, message: `wrong secret ${APP_SECRET}` }, { status: 400 });
    await bot.lease(USER, { notThisToken: "token-1" });
    const lines = prints.flatMap(({ mock }) => mock.calls.flat().map(String));
    expect(lines.map((line) => JSON.parse(line).event).toSorted()).toEqual([
      "alert",
      "bot.unclaimed",
      "token.refused",
      "token.renewed",
    ]);
    expect(lines.join("\n")).not.toContain(APP_SECRET);
    expect(lines.join("\n")).not.toContain("token-1");
  });
});
