/** What a chat and its Bot know of what models took: all of it, and each call once, whatever crashes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ACCOUNTS_SCHEMA, book, spentOf as spentByBot } from "../../src/bot/accounts.ts";
import type { LeaseAnswer } from "../../src/bot/bot.ts";
import { type AskForLease, currentLease } from "../../src/conversation/lease.ts";
import { reporting, spentOf, spentSince } from "../../src/conversation/ledger.ts";
import { prune } from "../../src/conversation/pruning.ts";
import { reportStep } from "../../src/conversation/turn.ts";
import { type Batch, NOTHING_SPENT } from "../../src/spending.ts";
import { ChatWorld, modelFailures } from "../support/chat-world.ts";
import { SqliteStorage } from "../support/sqlite-storage.ts";

const answer = (inputTokens: number) => ({ kind: "answer", text: "", inputTokens, outputTokens: 0 }) as const;
const DAY_MS = 24 * 60 * 60_000;
const RETENTION_MS = 30 * DAY_MS;
const LEASE: LeaseAnswer = { ok: true, lease: { token: "t", expiresAtMs: 1 } };

const tokens = (batches: readonly Batch[]) =>
  batches.flatMap(({ bookings }) => bookings).reduce((sum, { spent }) => sum + spent.inputTokens, 0);
const spent = (world: ChatWorld, person?: string) => spentSince(world.storage, 0, person);

/** A Bot's own books. */
class Books {
  readonly #storage = new SqliteStorage();
  readonly #sql = this.#storage.sql as unknown as SqlStorage; // the same engine

  constructor() {
    this.#storage.sql.exec(ACCOUNTS_SCHEMA);
  }

  take(batches: readonly Batch[], nowMs: number): void {
    this.#storage.transactionSync(() => book(this.#sql, { scene: "c2c", id: "chat" }, batches, nowMs));
  }

  spent(nowMs: number) {
    return spentByBot(this.#sql, nowMs);
  }
}

/** A chat that has spent 30 tokens its Bot does not know of. */
async function someSpent(): Promise<ChatWorld> {
  const world = new ChatWorld();
  await world.say("hello");
  await world.settleModel({ kind: "answer", text: "fine", inputTokens: 20, outputTokens: 10 });
  await world.drain();
  return world;
}

describe("the entry of a turn", () => {
  it("names model, tokens in, out and cached, time, and money by the price of then", async () => {
    const world = new ChatWorld();
    world.prices = { "test/one": { input: 2, cached: 0.5, output: 8 } };
    await world.say("hello");
    await world.advance(1_500);
    const usage = { inputTokens: 3_000, cachedTokens: 1_000, outputTokens: 500 };
    await world.settleModel({ kind: "answer", text: "fine", model: "test/one", ...usage });
    await world.drain();
    world.prices = { "test/one": { input: 9, output: 9 } };
    const yuan = (2_000 * 2 + 1_000 * 0.5 + 500 * 8) / 1_000_000;
    expect(spent(world)).toEqual({ calls: 1, ...usage, ms: 1_500, yuan, unpricedTokens: 0 });
  });

  it("counts apart the tokens of a model whose price is not known", async () => {
    const world = await someSpent();
    expect(spent(world)).toMatchObject({ yuan: 0, unpricedTokens: 30 });
  });

  it("is estimated where the provider reports nothing, as is its price", async () => {
    const world = new ChatWorld();
    world.prices = { "test/one": { input: 1, output: 1 } };
    await world.say("字".repeat(100));
    await world.settleModel({ kind: "answer", text: "字".repeat(50), model: "test/one" });
    await world.drain();
    expect(spent(world)).toMatchObject({ inputTokens: 100, outputTokens: 50, yuan: 150 / 1_000_000 });
  });

  it("has the calls that were given up because a message joined", async () => {
    const world = new ChatWorld();
    await world.say("字".repeat(100));
    await world.say("字".repeat(100));
    await world.settleModel({ kind: "answer", text: "fine", inputTokens: 240, outputTokens: 10 });
    await world.drain();
    expect(world.modelCalls).toBe(2);
    expect(spent(world)).toMatchObject({ calls: 2, inputTokens: 440, outputTokens: 10 });
  });

  it("has the call that died with its process", async () => {
    const world = new ChatWorld();
    await world.say("字".repeat(100));
    await world.crash();
    await world.settleModel({ kind: "answer", text: "fine", inputTokens: 100, outputTokens: 10 });
    await world.drain();
    expect(spent(world)).toMatchObject({ calls: 2, inputTokens: 200 });
  });

  it("has that call once, however many messages join before the model is asked anew", async () => {
    const world = new ChatWorld("group");
    for (const id of ["ann", "bob", "cid"]) await world.say("hello", { id });
    await world.crash();
    for (const _ of [1, 2, 3]) await world.say("more", { id: "bob" });
    await world.drain();
    expect(world.modelCalls).toBe(6);
    expect(spent(world)).toMatchObject({ calls: 6 });
  });

  it("stands for a turn that killed its process each time, too", async () => {
    const world = new ChatWorld();
    await world.say("字".repeat(100));
    await world.crash();
    await world.crash();
    await world.drain();
    expect(world.outcomes()[0]?.outcome).toBe("apologised");
    expect(spent(world)).toMatchObject({ calls: 2, inputTokens: 200, outputTokens: 0 });
  });

  it("has what was written until it was stopped, and a person's limit counts it", async () => {
    const world = new ChatWorld();
    world.daily.person.tokens = 150;
    await world.say("字".repeat(100));
    await world.settle(0, { kind: "write", text: "字".repeat(50) });
    await world.say("/stop");
    await world.drain();
    expect(spent(world)).toMatchObject({ calls: 1, inputTokens: 100, outputTokens: 50 });
    await world.say("more");
    await world.drain();
    expect(world.modelCalls).toBe(1);
    expect(world.texts().at(-1)).toContain("你今天的额度用完了");
    world.daily.person.tokens = 0;
    await world.say("and?");
    expect(world.questions.at(-1)?.history).toContainEqual({ role: "assistant", text: "(这条没有回答)" });
    expect(world.questions.at(-1)?.history).not.toContainEqual({ role: "assistant", text: "" });
  });

  it("has nothing of a call that was stopped while it waited for a place", async () => {
    const world = new ChatWorld();
    world.hasPlaces = false;
    await world.say("字".repeat(100));
    await world.advance(5_000);
    await world.say("/stop");
    await world.drain();
    expect(spent(world)).toEqual(NOTHING_SPENT);
  });

  it("names the model that was at it when it was stopped, and the time since that was asked", async () => {
    const world = new ChatWorld();
    world.hasPlaces = false;
    world.prices = { "test/second": { input: 1, output: 1 } };
    await world.say("字".repeat(100));
    await world.advance(5_000);
    await world.settle(0, { kind: "ask", model: "test/second" });
    await world.advance(300);
    await world.say("/stop");
    await world.drain();
    expect(spent(world)).toMatchObject({ calls: 1, inputTokens: 100, ms: 300, yuan: 100 / 1_000_000 });
  });

  it("has what a model was at until its time was over, and nothing of one that refused", async () => {
    const world = new ChatWorld();
    await world.say("字".repeat(100));
    await world.settle(0, { kind: "write", text: "字".repeat(50) });
    await world.settleModel({ kind: "fail", refusal: modelFailures.late });
    await world.drain();
    expect(spent(world)).toMatchObject({ calls: 1, inputTokens: 100, outputTokens: 50 });
    await world.say("hello");
    await world.settleModel({ kind: "fail", refusal: modelFailures.key });
    await world.drain();
    expect(spent(world)).toMatchObject({ calls: 1 });
  });

  it("of an answer that is still written stands as it is estimated, until it is known", async () => {
    const world = new ChatWorld("group");
    await world.say("字".repeat(100));
    await world.settle(0, { kind: "write", paragraphs: 1 });
    await world.advance(231_000);
    expect(spent(world)).toMatchObject({ calls: 1, inputTokens: 100 });
    await world.settleSend();
    await world.settleModel(answer(130));
    await world.drain();
    expect(spent(world)).toMatchObject({ calls: 1, inputTokens: 130 });
  });
});

describe("the accounts of a chat", () => {
  it("tell of today and of this month, by Beijing's calendar, of one person and of all", async () => {
    const world = new ChatWorld("group");
    world.nowMs = Date.parse("2026-10-31T15:50:00Z"); // ten minutes before November
    const spend = async (id: string, inputTokens: number) => {
      await world.say("hello", { id });
      await world.settleModel(answer(inputTokens));
      await world.drain();
    };
    await spend("ann", 1);
    await world.advance(20 * 60_000);
    await spend("ann", 20);
    await world.advance(2 * DAY_MS);
    await spend("ann", 300);
    await spend("bob", 4_000);
    const of = (person?: string) => {
      const { today, month } = spentOf(world.storage, world.nowMs, person);
      return [today.inputTokens, month.inputTokens];
    };
    const all = () => [of("ann"), of(), of("nobody")];
    expect(all()).toEqual([
      [300, 320],
      [4_300, 4_320],
      [0, 0],
    ]);
    await reporting(world.storage, world.nowMs, async () => {});
    expect(all()).toEqual([
      [300, 320],
      [4_300, 4_320],
      [0, 0],
    ]);
  });

  it("outlive the texts, also where turns are counted anew", async () => {
    const world = await someSpent();
    world.nowMs += RETENTION_MS + 2 * DAY_MS;
    prune(world.storage, { nowMs: world.nowMs, retentionMs: RETENTION_MS });
    expect(world.outcomes()).toEqual([]);
    expect(spent(world)).toMatchObject({ inputTokens: 20, outputTokens: 10 });
    await world.say("hello again");
    await world.settleModel(answer(7));
    await world.drain();
    expect(spent(world)).toMatchObject({ inputTokens: 27 });
    await world.say("and?");
    expect(world.questions.at(-1)?.history).not.toEqual([]);
  });

  it("are read from few rows, however much was said in a day", async () => {
    const world = new ChatWorld();
    for (let turn = 0; turn < 50; turn += 1) {
      await world.say("hello");
      await world.settleModel(answer(1));
      await world.drain();
    }
    const { upTo } = JSON.parse(
      String(world.storage.sql.exec("SELECT value FROM fact WHERE name = 'carriedOver'").toArray()[0]?.value),
    );
    expect(upTo).toBeGreaterThanOrEqual(30);
    expect(spent(world)).toMatchObject({ calls: 50, inputTokens: 50 });
  });
});

describe("the Bot", () => {
  it("is told with the next lease, and again where it was not reached, and books it once", async () => {
    const { storage } = await someSpent();
    const books = new Books();
    const told: number[] = [];
    const ask: AskForLease = async ({ batches }) => {
      told.push(tokens(batches));
      books.take(batches, 0);
      if (told.length === 1) throw new Error("reset");
      return LEASE;
    };
    storage.sql.exec("DELETE FROM lease");
    await expect(currentLease(storage, ask, () => 0)).rejects.toThrow();
    await currentLease(storage, ask, () => 0);
    await currentLease(storage, ask, () => 0);
    expect(told).toEqual([20, 20, 0]);
    expect(books.spent(0).today).toMatchObject({ calls: 1, inputTokens: 20, outputTokens: 10 });
  });

  it("books once what it hears again together with more, because its answer was lost", async () => {
    const world = await someSpent();
    const books = new Books();
    const told: number[] = [];
    world.hear = async (batches) => {
      told.push(tokens(batches));
      books.take(batches, 0);
      if (told.length === 1) throw new Error("reset");
    };
    await expect(reporting(world.storage, world.nowMs, world.hear)).rejects.toThrow();
    await world.say("more");
    await world.settleModel(answer(7));
    await world.drain();
    expect(told).toEqual([20, 27]);
    expect(books.spent(0).today).toMatchObject({ calls: 2, inputTokens: 27 });
  });

  it("books by the day of the turn and by model, also what it hears of after midnight", async () => {
    const world = new ChatWorld();
    world.nowMs = Date.parse("2026-11-23T15:59:00Z");
    await world.say("hello");
    await world.settleModel({ ...answer(20), model: "test/one" });
    await world.drain();
    await world.advance(2 * 60_000);
    const books = new Books();
    await reporting(world.storage, world.nowMs, async (batches) => books.take(batches, world.nowMs));
    expect(books.spent(world.nowMs)).toMatchObject({ today: { inputTokens: 0 }, month: { inputTokens: 20 } });
  });

  it("hears of a chat after a thousandth of what all may spend", async () => {
    expect(reportStep({ tokens: 5_000_000, yuan: 10 })).toEqual({ tokens: 5_000, yuan: 0.01 });
    const world = new ChatWorld();
    world.daily.bot.tokens = 100_000;
    await world.say("hello");
    await world.settleModel(answer(60));
    await world.drain();
    expect(world.batches).toEqual([]);
    await world.say("hello");
    await world.settleModel(answer(40));
    await world.drain();
    expect(tokens(world.batches)).toBe(100);
  });

  it("hears of the turn that ends after a later one was told", async () => {
    const world = new ChatWorld("group");
    await world.say("slow", { id: "ann" });
    await world.say("fast", { id: "bob" });
    await world.settle(1, answer(30_000));
    await world.settleModel(answer(25_000));
    await world.drain();
    expect(tokens(world.batches)).toBe(55_000);
  });

  it("hears of what is written on after its turn", async () => {
    const world = new ChatWorld("group");
    await world.say("slow", { id: "ann" });
    await world.settle(0, { kind: "write", paragraphs: 1 });
    await world.advance(231_000);
    await world.settleSend();
    await world.say("fast", { id: "bob" });
    await world.settle(1, answer(30_000));
    await world.settleModel(answer(10_000));
    await world.drain();
    await world.say("more", { id: "bob" });
    await world.settleModel(answer(25_000));
    await world.drain();
    expect(tokens(world.batches)).toBe(65_000);
  });

  it("hears of what was stopped although a later turn ended before", async () => {
    const world = new ChatWorld("group");
    await world.say("字".repeat(30_000), { id: "ann" });
    await world.say("fast", { id: "bob" });
    await world.settle(1, answer(30_000));
    await world.say("/stop", { id: "ann" });
    await world.drain();
    await world.advance(61_000);
    await world.say("more", { id: "bob" });
    await world.settleModel(answer(25_000));
    await world.drain();
    expect(tokens(world.batches)).toBe(85_000);
  });
});

describe("whatever crashes", () => {
  const EVENTS = ["crash", "stop", "report", "midnight", "forget"] as const;
  type Step =
    | { kind: "say"; who: number }
    | { kind: "settle"; which: number; inputTokens: number }
    | { kind: "write"; which: number }
    | { kind: (typeof EVENTS)[number] }
    | { kind: "bot"; weather: "good" | "deaf" | "mute" };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("say" as const), who: fc.integer({ min: 0, max: 3 }) }) },
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant("settle" as const),
        which: fc.nat(5),
        inputTokens: fc.integer({ min: 1, max: 30_000 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("write" as const), which: fc.nat(5) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("crash", "stop", "report", "midnight", "forget"),
      }) as fc.Arbitrary<Step>,
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("bot" as const),
        weather: fc.constantFrom("good" as const, "deaf" as const, "mute" as const),
      }),
    },
  );

  it("every answer that was paid for is in the ledger once, and the Bot's books are the chat's", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const world = new ChatWorld("group");
        const books = new Books();
        let weather: "good" | "deaf" | "mute" = "good";
        const hear = async (batches: readonly Batch[]) => {
          if (weather === "deaf") throw new Error("not reached");
          books.take(batches, world.nowMs);
          if (weather === "mute") throw new Error("the answer was lost");
        };
        world.report = async () => {};
        world.lease = async ({ batches }) => {
          await hear(batches);
          return { ok: true, lease: { token: "t", expiresAtMs: world.nowMs + 7_200_000 } };
        };
        world.hear = hear;
        const report = () => reporting(world.storage, world.nowMs, hear).catch(() => {});
        for (const one of steps) {
          if (one.kind === "say") await world.say("hello", { id: `p${one.who}` });
          else if (one.kind === "stop") await world.say("/stop", { id: "p0" });
          else if (one.kind === "crash") await world.crash();
          else if (one.kind === "report") await report();
          else if (one.kind === "midnight") {
            await world.drain(); // no model writes for a day
            await world.advance(DAY_MS);
          } else if (one.kind === "forget") prune(world.storage, { nowMs: world.nowMs, retentionMs: 2 * DAY_MS });
          else if (one.kind === "bot") weather = one.weather;
          else if (one.kind === "settle" || one.kind === "write") {
            const isSend = world.pending[one.which]?.kind === "send";
            const heard = one.kind === "settle" ? answer(one.inputTokens) : ({ kind: "write", paragraphs: 1 } as const);
            await world.settle(one.which, isSend ? { kind: "accept" } : heard);
          }
        }
        weather = "good";
        await world.drain();
        await world.advance(16 * 60_000); // drafts that were lost are given up
        await report();
        const all = spent(world);
        expect(books.spent(world.nowMs).month).toEqual(spentOf(world.storage, world.nowMs).month);
        expect(all.inputTokens).toBeGreaterThanOrEqual(world.paidTokens);
        expect(all.calls).toBeGreaterThanOrEqual(world.answers);
        expect(all.calls).toBeLessThanOrEqual(world.modelCalls);
      }),
      { numRuns: Number(process.env.PROMISE_RUNS ?? 150) },
    );
  });
});
