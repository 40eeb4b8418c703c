/** The object itself, inside workerd: what it stores, when it wakes up, what it costs. The outside is a stubbed `fetch`. */
import {
  abortAllDurableObjects,
  env,
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { afterEach, beforeAll, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { Bot } from "../../src/bot/bot.ts";
import { Conversation } from "../../src/conversation/conversation.ts";
import { type Chat, conversationKey, type IncomingMessage, type Interaction } from "../../src/event.ts";
import { modelAnswer, Outside } from "../support/outside.ts";
import { APP_ID } from "../support/signed-request.ts";

type Stub = DurableObjectStub<Conversation>;

const DAY_MS = 24 * 60 * 60_000;
const RETENTION_MS = 30 * DAY_MS;

let outside: Outside;
/** Every run of an alarm, whoever began it. */
let alarms: MockInstance<Conversation["alarm"]>;

// The first turn of a process loads the agent, which takes longer here than in the bundle.
beforeAll(() => import("../../src/agent/agent.ts"), 60_000);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  outside = new Outside();
  outside.install();
  alarms = vi.spyOn(Conversation.prototype, "alarm");
});

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await env.BOT.getByName(APP_ID).failures(); // `reset` passes over objects that are not in memory (measured)
  await reset();
});

function chatOf(chat: Chat = { scene: "c2c", id: "USER0001" }): Stub {
  return env.CONVERSATION.getByName(conversationKey(APP_ID, chat));
}

function message(id: string, more: Partial<IncomingMessage> = {}): IncomingMessage {
  const nowMs = Date.now();
  return {
    kind: "message",
    appId: APP_ID,
    chat: { scene: "c2c", id: "USER0001" },
    id,
    eventId: `event-${id}`,
    sender: { id: "USER0001" },
    text: `question ${id}`,
    sentAtMs: nowMs,
    receivedAtMs: nowMs,
    ...more,
  };
}

function pressed(data: string, more: Partial<Interaction> = {}): Interaction {
  return {
    kind: "interaction",
    appId: APP_ID,
    chat: { scene: "c2c", id: "USER0001" },
    id: "i1",
    eventId: "INTERACTION_CREATE:e1",
    receivedAtMs: Date.now(),
    sender: { id: "USER0001" },
    action: "button",
    data,
    needsAcknowledgement: true,
    ...more,
  };
}

const inside = <T>(stub: Stub, look: (storage: DurableObjectStorage, instance: Conversation) => T | Promise<T>) =>
  runInDurableObject<Conversation, T>(stub, (instance, { storage }) => look(storage, instance));

const alarmAt = (stub: Stub) => inside(stub, (storage) => storage.getAlarm());

const count = (storage: DurableObjectStorage, table: string) =>
  storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n;

/** Lets the chat work, and time pass, until nothing is due for minutes. The platform begins due alarms by itself, too. */
async function settle(stub: Stub): Promise<void> {
  for (;;) {
    const runs = alarms.mock.results.length;
    await inside(stub, () => Promise.all(alarms.mock.results.map(({ value }) => value)));
    const dueMs = await alarmAt(stub);
    if (dueMs === null && alarms.mock.results.length > runs) continue;
    if (dueMs === null) throw new Error("nothing runs and nothing is due");
    if (dueMs > Date.now() + 5 * 60_000) return;
    vi.setSystemTime(Math.max(dueMs, Date.now()));
    await runDurableObjectAlarm(stub);
  }
}

/** Says something and waits for the answer. */
async function ask(stub: Stub, id: string, more: Partial<IncomingMessage> = {}): Promise<void> {
  await stub.receive(message(id, more));
  await settle(stub);
}

describe("receiving", () => {
  it("stores the message and arms the alarm for now, before it answers", async () => {
    await inside(chatOf(), async (storage, instance) => {
      expect(await instance.receive(message("m1"))).toBe("accepted");
      expect([count(storage, "turn"), count(storage, "seen")]).toEqual([1, 1]);
      expect(await storage.getAlarm()).toBeLessThanOrEqual(vi.getRealSystemTime());
    });
  });

  it("stores nothing when the alarm cannot be set", async () => {
    await inside(chatOf(), async (storage, instance) => {
      vi.spyOn(storage, "setAlarm").mockImplementationOnce(() => {
        throw new Error("no alarm today");
      });
      await expect(instance.receive(message("m1"))).rejects.toThrow("no alarm today");
      expect([count(storage, "turn"), count(storage, "seen")]).toEqual([0, 0]);
      // QQ delivers it again.
      expect(await instance.receive(message("m1"))).toBe("accepted");
    });
  });

  it.each(["INSERT INTO turn", "INSERT INTO seen"])(
    "sets no alarm and stores nothing when %s fails",
    async (statement) => {
      await inside(chatOf(), async (storage, instance) => {
        const { exec } = storage.sql;
        vi.spyOn(storage.sql, "exec").mockImplementation((query, ...bindings) => {
          if (query.startsWith(statement)) throw new Error("no room today");
          return exec.call(storage.sql, query, ...bindings);
        });
        await expect(instance.receive(message("m1"))).rejects.toThrow("no room today");
        expect([count(storage, "turn"), count(storage, "seen")]).toEqual([0, 0]);
        expect(await storage.getAlarm()).toBeNull();
      });
    },
  );

  it("knows a repeated message, and leaves the alarm where it is", async () => {
    const chat = chatOf();
    expect(await chat.receive(message("m1"))).toBe("accepted");
    await settle(chat);
    const dueMs = await alarmAt(chat);
    expect(await chat.receive(message("m1"))).toBe("duplicate");
    expect(await alarmAt(chat)).toBe(dueMs);
    expect(outside.sent).toHaveLength(1);
  });

  it("does not wait for the model; a message that comes meanwhile joins the turn", async () => {
    const chat = chatOf();
    outside.model = () => (outside.modelCalls.length > 1 ? modelAnswer("to both") : new Promise<never>(() => {}));
    await chat.receive(message("m1"));
    await vi.waitUntil(() => outside.modelCalls.length > 0, { interval: 5 });
    expect(await chat.receive(message("m2"))).toBe("accepted");
    await settle(chat);
    expect(outside.sent).toMatchObject([{ msgId: "m2", text: "to both" }]);
    expect(outside.modelCalls.map(({ messages }) => messages.length)).toEqual([2, 3]); // the instructions come first
  });
});

describe("a turn", () => {
  it("is answered through QQ's API with the chat's address, message id and number", async () => {
    await ask(chatOf(), "m1");
    expect(outside.sent).toEqual([
      { path: "/v2/users/USER0001/messages", token: "token-1", form: "text", text: "answer 1", msgId: "m1", msgSeq: 2 },
    ]);
    expect(outside.typings).toEqual(["m1"]); // which was the first reply
  });

  it("remembers after an eviction, which leaves nothing but the storage", async () => {
    const chat = chatOf();
    await ask(chat, "m1");
    await inside(chat, (_, instance) => Object.assign(instance, { mark: "this life" }));
    await abortAllDurableObjects();

    const again = chatOf();
    expect(await inside(again, (_, instance) => "mark" in instance)).toBe(false);
    expect(await again.receive(message("m1"))).toBe("duplicate");
    await ask(again, "m2");
    expect(outside.modelCalls[1]?.messages.map(({ content }) => content).slice(1)).toEqual([
      "question m1",
      "answer 1",
      "question m2",
    ]);
    expect(outside.sent.map(({ msgId, token }) => [msgId, token])).toEqual([
      ["m1", "token-1"],
      ["m2", "token-1"],
    ]);
    expect(outside.tokenRequests).toBe(1);
  });

  it("leaves its place to the next invocation before the platform's allowance of fetches is used up", async () => {
    const chat: Chat = { scene: "group", id: "GROUP0001" };
    const stub = chatOf(chat);
    const people = Array.from({ length: 30 }, (_, index) => `m${index}`);
    await inside(stub, async (_, instance) => {
      for (const id of people) await instance.receive(message(id, { chat, sender: { id: `person-${id}` } }));
    });
    await settle(stub);
    expect(outside.sent.map(({ msgId }) => msgId)).toEqual(people);
    // A model call and a message for each, and the token.
    const fetches = vi.mocked(fetch).mock.invocationCallOrder;
    expect(fetches).toHaveLength(2 * people.length + 1);
    const runs = alarms.mock.invocationCallOrder;
    const fetchesOfRun = runs.map(
      (begin, run) =>
        fetches.filter((order) => order > begin && order < (runs[run + 1] ?? Number.POSITIVE_INFINITY)).length,
    );
    expect(Math.max(...fetchesOfRun)).toBeLessThanOrEqual(45); // of 50, and the Bot is called as well
    expect(runs.length).toBeLessThan(5);
  });

  // Whatever is pending keeps the object in memory, and billed: eviction waits for it.
  it("leaves nothing pending once it is answered", async () => {
    const chat = chatOf();
    await ask(chat, "m1");
    await inside(chat, (_, instance) => Object.assign(instance, { mark: "this life" }));
    await evictDurableObject(chat);
    expect(await inside(chat, (_, instance) => "mark" in instance)).toBe(false);
  });

  it("reports what went wrong to the Bot", async () => {
    outside.message = () => Response.json({ code: 11298, err_code: 40023002, message: "ip" }, { status: 401 });
    await ask(chatOf(), "m1");
    expect(await env.BOT.getByName(APP_ID).failures()).toMatchObject([
      { chat: "c2c:USER0001", turn: 1, operation: "qq.send", told: false },
    ]);
    expect(await inside(chatOf(), (storage) => count(storage, "report"))).toBe(0);
  });
});

describe("a pressed button", () => {
  /** Waits until nothing that `waitUntil` holds is under way. */
  const quiet = () => vi.waitUntil(() => outside.underWay === 0, { interval: 5 });

  it("is acknowledged to QQ once, with both headers, and acts like the command that it says", async () => {
    const chat = chatOf();
    expect(await chat.receive(pressed("/stop"))).toBe("accepted");
    expect(await chat.receive(pressed("/stop"))).toBe("duplicate");
    await settle(chat);
    await quiet();
    expect(outside.acknowledged).toEqual([
      { path: "/interactions/i1", token: "token-1", appIds: [APP_ID, APP_ID], body: { code: 0 } },
    ]);
    expect(outside.sent).toMatchObject([{ msgId: "INTERACTION_CREATE:e1", text: expect.stringContaining("停止") }]);
    expect(outside.typings).toEqual([]);
    expect(outside.modelCalls).toEqual([]);
  });

  it("is not acknowledged where QQ does not wait for that", async () => {
    const chat = chatOf();
    await chat.receive(pressed("/stop", { needsAcknowledgement: false }));
    await settle(chat);
    expect(outside.sent).toHaveLength(1);
    expect(outside.acknowledged).toEqual([]);
  });

  it("acts also where the acknowledgement fails", async () => {
    outside.acknowledgement = () => Response.json({ code: 630006 }, { status: 400 });
    const chat = chatOf();
    await chat.receive(pressed("/stop"));
    await settle(chat);
    await quiet();
    expect(outside.acknowledged).toHaveLength(1);
    expect(outside.sent).toHaveLength(1);
    expect(await env.BOT.getByName(APP_ID).failures()).toEqual([]);
  });

  it("is acknowledged with a new token where QQ refuses the one that is kept", async () => {
    const chat = chatOf();
    outside.acknowledgement = () =>
      outside.acknowledged.at(-1)?.token === "token-1"
        ? Response.json({ code: 11244 }, { status: 401 })
        : new Response(null, { status: 204 });
    await chat.receive(pressed("vote:1"));
    await vi.waitUntil(() => outside.acknowledged.length === 2, { interval: 5 });
    await quiet();
    expect(outside.acknowledged.map(({ token }) => token)).toEqual(["token-1", "token-2"]);
  });

  it("is not acknowledged a third time", async () => {
    const chat = chatOf();
    outside.acknowledgement = () => Response.json({ code: 11244 }, { status: 401 });
    await chat.receive(pressed("/stop"));
    await settle(chat);
    await quiet();
    expect(outside.acknowledged).toHaveLength(2);
  });

  it("that says nothing is acknowledged, stored, and leaves nothing open", async () => {
    const chat = chatOf();
    await chat.receive(pressed("vote:1"));
    await vi.waitUntil(() => outside.acknowledged.length === 1, { interval: 5 });
    expect(await chat.receive(pressed("vote:1"))).toBe("duplicate");
    await inside(chat, () => Promise.all(alarms.mock.results.map(({ value }) => value)));
    expect(await inside(chat, (storage) => [count(storage, "turn"), count(storage, "seen")])).toEqual([0, 1]);
    expect(outside.sent).toEqual([]);
  });
});

describe("what QQ does not let the bot do", () => {
  it("is learnt from one chat by the Bot, and by it told to the others", async () => {
    outside.model = () => modelAnswer("this is **important**");
    const first = chatOf();
    outside.message = () => Response.json({ code: 40034012 }, { status: 400 });
    const refuseOnce = outside.message;
    let refusals = 0;
    outside.message = () => {
      refusals += 1;
      return refusals > 1 ? Response.json({ id: "sent" }) : refuseOnce();
    };
    await ask(first, "m1");
    expect(outside.sent).toMatchObject([{ form: "text", msgSeq: 3, text: "this is important" }]);
    const other: Chat = { scene: "c2c", id: "USER0002" };
    await ask(chatOf(other), "m2", { chat: other, sender: { id: other.id } });
    expect(outside.sent[1]).toMatchObject({ form: "text", msgSeq: 2 });
    const group: Chat = { scene: "group", id: "GROUP0001" };
    await ask(chatOf(group), "m3", { chat: group });
    expect(outside.sent[2]).toMatchObject({ form: "markdown", msgSeq: 1 });
  });
});

describe("the alarm", () => {
  /** Runs `alarm()` itself, as nobody but the platform does. */
  const run = (stub: Stub, prepare: (storage: DurableObjectStorage, instance: Conversation) => void) =>
    inside(stub, async (storage, instance) => {
      await instance.receive(message("m1"));
      await storage.deleteAlarm();
      prepare(storage, instance);
      await instance.alarm();
      return storage.getAlarm();
    });

  const settings = (more: object) => (_: DurableObjectStorage, instance: Conversation) =>
    void Object.assign(instance, { env: { ...env, ...more } });

  it.each([
    ["the settings are broken", settings({ QQ_APP_ID: "no number" }), "config.invalid"],
    ["the deployment no longer knows the bot", settings({ QQ_APP_ID: "102000999" }), "bot.unknown"],
    [
      "the tables cannot be read",
      (storage: DurableObjectStorage) => {
        vi.spyOn(storage.sql, "exec").mockImplementation(() => {
          throw new Error("daily limit reached");
        });
      },
      "alarm.failed",
    ],
  ])("does not throw when %s, and comes again within a minute", async (_, breakIt, event) => {
    const chat = chatOf();
    const errors = vi.spyOn(console, "error");
    const beforeMs = Date.now();
    const dueMs = await run(chat, breakIt);
    expect(dueMs).toBeGreaterThan(beforeMs + 1_000); // not at once, over and over
    expect(dueMs).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(errors.mock.calls.map(([line]) => JSON.parse(line).event)).toEqual([event]);

    // Once that is over, the message gets its answer.
    await abortAllDurableObjects();
    vi.spyOn(console, "error");
    const mended = chatOf();
    await runDurableObjectAlarm(mended);
    expect(outside.sent).toMatchObject([{ msgId: "m1" }]);
  });

  it.each([
    ["its setting says", { RETENTION_DAYS: "7" }, 7],
    ["its setting says, whatever is wrong with the others", { RETENTION_DAYS: "365", QQ_APP_ID: "no number" }, 365],
    ["the default says where its setting is wrong", { RETENTION_DAYS: "a week" }, 30],
  ])("forgets a chat when %s", async (_, more, days) => {
    const chat = chatOf();
    await ask(chat, "m1");
    const forgetMs = Date.now() + (days + 1) * DAY_MS;
    /** Runs `alarm()` at that time, with these settings. */
    const at = (nowMs: number) =>
      inside(chat, async (storage, instance) => {
        settings(more)(storage, instance);
        vi.setSystemTime(nowMs);
        await instance.alarm();
        return { turns: count(storage, "turn"), dueMs: await storage.getAlarm() };
      });
    const early = await at(forgetMs - DAY_MS);
    expect(early.turns).toBe(1);
    expect(early.dueMs).toBeLessThanOrEqual(forgetMs);
    expect(early.dueMs).toBeGreaterThan(forgetMs - DAY_MS);
    expect((await at(forgetMs)).turns).toBe(0);
  });

  it("comes less and less often while the settings are broken, up to once an hour", async () => {
    const chat = chatOf();
    const brokenForMin = async (minutes: number) => {
      vi.setSystemTime(startMs + minutes * 60_000);
      return inside(chat, async (storage, instance) => {
        await instance.alarm();
        return Math.round(((await storage.getAlarm()) ?? 0) / 60_000 - Date.now() / 60_000);
      });
    };
    const startMs = Date.now();
    await run(chat, settings({ QQ_APP_ID: "no number" }));
    expect([await brokenForMin(1), await brokenForMin(20), await brokenForMin(40)]).toEqual([1, 10, 20]);
    expect(await brokenForMin(600)).toBe(60);
    expect(outside.modelCalls).toEqual([]);
  });

  it("does not throw when the agent cannot be loaded: the person is told, the operator as well", async () => {
    vi.doMock("../../src/agent/agent.ts", () => {
      throw new Error("no such module today");
    });
    try {
      await ask(chatOf(), "m1");
    } finally {
      vi.doUnmock("../../src/agent/agent.ts");
    }
    expect(outside.modelCalls).toEqual([]);
    expect(outside.sent).toMatchObject([{ msgId: "m1", text: expect.stringContaining("抱歉") }]);
    expect(await env.BOT.getByName(APP_ID).failures()).toMatchObject([{ turn: 1, told: true }]);
  });

  // It would replace the one that the platform runs again after a death: the turn would sleep until then.
  it("is not put off while something is under way or about to begin", async () => {
    const chat = chatOf();
    const set: { aheadMs: number; underWay: number; order: number }[] = [];
    await inside(chat, (storage) => {
      const { setAlarm } = storage;
      const spy = vi.spyOn(storage, "setAlarm").mockImplementation((atMs) => {
        const order = spy.mock.invocationCallOrder.at(-1) ?? 0;
        set.push({ aheadMs: Number(atMs) - Date.now(), underWay: outside.underWay, order });
        return setAlarm.call(storage, atMs);
      });
    });
    outside.model = () => (outside.modelCalls.length > 1 ? modelAnswer("to both") : new Promise<never>(() => {}));
    let refusals = 0;
    outside.message = () => {
      refusals += 1;
      return refusals > 1
        ? Response.json({ id: "sent" })
        : Response.json({ code: 22009 }, { status: 429, headers: { "retry-after": "120" } });
    };
    await chat.receive(message("m1"));
    await vi.waitUntil(() => outside.modelCalls.length > 0, { interval: 5 });
    await chat.receive(message("m2"));
    await settle(chat);
    expect(outside.sent).toMatchObject([{ msgId: "m2" }]);
    expect(set.some(({ underWay }) => underWay > 0)).toBe(true); // the second message came while the model was asked

    // Put off as QQ said, and then until the time to forget.
    const putOff = set.filter(({ aheadMs }) => aheadMs > 30_000);
    expect(putOff.map(({ aheadMs }) => aheadMs > RETENTION_MS)).toEqual([false, true]);
    for (const { underWay, order } of putOff) {
      expect(underWay).toBe(0);
      const nextRun = alarms.mock.invocationCallOrder.find((run) => run > order) ?? Number.POSITIVE_INFINITY;
      const begun = vi.mocked(fetch).mock.invocationCallOrder.filter((call) => call > order && call < nextRun);
      expect(begun).toEqual([]);
    }
  });
});

describe("the cost", () => {
  /** Billed row writes and object requests since it was last read. */
  async function meter() {
    const { sql, storage } = await inside(chatOf(), (of) => ({
      sql: Object.getPrototypeOf(of.sql) as SqlStorage,
      storage: Object.getPrototypeOf(of) as DurableObjectStorage,
    }));
    const spies = {
      // Every cursor of this code is drained, so its figures are final.
      exec: vi.spyOn(sql, "exec"),
      setAlarm: vi.spyOn(storage, "setAlarm"),
      receive: vi.spyOn(Conversation.prototype, "receive"),
      lease: vi.spyOn(Bot.prototype, "lease"),
      recordFailures: vi.spyOn(Bot.prototype, "recordFailures"),
    };
    return {
      exec: spies.exec,
      read() {
        const { exec, setAlarm, receive, lease, recordFailures } = spies;
        const written = exec.mock.results.map(({ value }) => (value as SqlStorageCursor<never>).rowsWritten);
        const cost = {
          /** Each `setAlarm` is billed as one. */
          rowWrites: written.reduce((sum, rows) => sum + rows, 0) + setAlarm.mock.calls.length,
          requests: [receive, alarms, lease, recordFailures].reduce((sum, { mock }) => sum + mock.calls.length, 0),
        };
        for (const spy of [...Object.values(spies), alarms]) spy.mockClear();
        return cost;
      },
    };
  }

  it("of a plain turn is at most 10 row writes up to the answer and 16 in all, and 3 object requests", async () => {
    await env.BOT.getByName(APP_ID).failures(); // both objects exist: their tables are made once
    const { read } = await meter();
    read();
    await ask(chatOf(), "m1");
    const first = read();
    await ask(chatOf(), "m2");
    const plain = read();
    await abortAllDurableObjects();
    await ask(chatOf(), "m3");
    const afterEviction = read();

    // When the month is over, all three are forgotten in one go.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + RETENTION_MS + DAY_MS });
    await runDurableObjectAlarm(chatOf());
    const pruning = read();
    expect(await inside(chatOf(), (storage) => [count(storage, "turn"), count(storage, "seen")])).toEqual([0, 0]);

    const measured = JSON.stringify({ first, plain, afterEviction, pruningOfThree: pruning });
    expect(outside.sent, measured).toHaveLength(3);
    expect(plain.rowWrites, measured).toBe(10); // 9, and the typing notice
    expect(plain.rowWrites + Math.ceil(pruning.rowWrites / 3), measured).toBeLessThanOrEqual(16);
    expect(plain.requests + pruning.requests, measured).toBeLessThanOrEqual(3);
    expect(afterEviction, measured).toEqual(plain);
    expect(outside.typings, measured).toHaveLength(3);
    // The first message of a chat also makes its lease: three rows and a request more, every two hours. The first of a bot
    // also notes that its claim code is logged.
    expect(first.rowWrites, measured).toBeLessThanOrEqual(14);
    expect(first.requests, measured).toBeLessThanOrEqual(3);
  });

  it.each([
    [{ scene: "group", id: "GROUP0001" }, 9],
    [{ scene: "guildChannel", id: "CHANNEL0001" }, 10], // the attempt at its one part is stored, too
  ] as const)(
    "of a plain turn in %o, where there is no typing notice, is %i row writes up to the answer",
    async (chat, rowWrites) => {
      const stub = chatOf(chat);
      const { read } = await meter();
      await ask(stub, "m1", { chat });
      read();
      await ask(stub, "m2", { chat });
      expect(read()).toEqual({ rowWrites, requests: 2 });
      expect(outside.sent).toHaveLength(2);
      expect(outside.typings).toEqual([]);
    },
  );

  it("of finding the open turns does not grow with the history", async () => {
    const { exec, read } = await meter();
    const readByATurn = async (id: string) => {
      read();
      const calls = exec.mock.results.length;
      await ask(chatOf(), id);
      const found = exec.mock.calls.flatMap(([query], index) =>
        index >= calls && query.includes("open_from FROM turn")
          ? [exec.mock.results[index]?.value as SqlStorageCursor<never>]
          : [],
      );
      expect(found.length).toBeGreaterThan(2);
      return Math.max(...found.map(({ rowsRead }) => rowsRead));
    };
    const young = await readByATurn("m1");
    await inside(chatOf(), (storage) =>
      storage.transactionSync(() => {
        const { id } = storage.sql.exec<{ id: number }>("SELECT max(id) AS id FROM turn").one();
        for (let n = id + 1; n <= id + 3_000; n += 1)
          storage.sql.exec(
            `INSERT INTO turn (id, open_from, kind, sender, messages, created_at, started_at, ended_at, outcome)
             SELECT ?, ?, kind, sender, messages, created_at, started_at, ended_at, outcome FROM turn WHERE id = ?`,
            n,
            n,
            id,
          );
      }),
    );
    expect(await readByATurn("m2")).toBeLessThanOrEqual(young + 2);
  });
});
