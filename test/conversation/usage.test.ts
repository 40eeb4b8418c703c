/** What the Bot is told of tokens: all of them, and each once. */
import { describe, expect, it } from "vitest";
import type { LeaseAnswer } from "../../src/bot/bot.ts";
import { currentLease } from "../../src/conversation/lease.ts";
import { prune } from "../../src/conversation/turns.ts";
import { spentOf } from "../../src/conversation/usage.ts";
import { ChatWorld } from "../support/chat-world.ts";

const answer = (inputTokens: number) => ({ kind: "answer", text: "", inputTokens }) as const;
const sum = (tokens: readonly number[]) => tokens.reduce((all, one) => all + one, 0);
const DAY_MS = 24 * 60 * 60_000;
const RETENTION_MS = 30 * DAY_MS;

/** A chat that has spent 30 tokens its Bot does not know of. */
async function spent(): Promise<ChatWorld> {
  const world = new ChatWorld();
  await world.say("hello");
  await world.settleModel({ kind: "answer", text: "0123456789", inputTokens: 20 });
  await world.drain();
  return world;
}

describe("the account of a chat", () => {
  it("is told once, however many turns ask for a lease at a time", async () => {
    const { storage } = await spent();
    storage.sql.exec("DELETE FROM lease");
    const told: number[] = [];
    const answers: ((answer: LeaseAnswer) => void)[] = [];
    const lease = () =>
      currentLease(
        storage,
        ({ spentTokens }) => {
          told.push(spentTokens);
          return new Promise((resolve) => answers.push(resolve));
        },
        () => 0,
      );
    const both = [lease(), lease()];
    for (const give of answers) give({ ok: true, lease: { token: "t", expiresAtMs: 1 } });
    await Promise.all(both);
    expect(told).toEqual([30, 0]);
    await Promise.all([
      lease(),
      ...answers.slice(2).map((give) => give({ ok: true, lease: { token: "t", expiresAtMs: 1 } })),
    ]);
    expect(sum(told)).toBe(30);
  });

  it("is told again when the Bot was not reached", async () => {
    const { storage } = await spent();
    storage.sql.exec("DELETE FROM lease");
    const told: number[] = [];
    const ask = async ({ spentTokens }: { spentTokens: number }): Promise<LeaseAnswer> => {
      told.push(spentTokens);
      if (told.length === 1) throw new Error("reset");
      return { ok: true, lease: { token: "t", expiresAtMs: 1 } };
    };
    await expect(currentLease(storage, ask, () => 0)).rejects.toThrow();
    await currentLease(storage, ask, () => 0);
    expect(told).toEqual([30, 30]);
  });

  it("has the turn that ends after a later one was told", async () => {
    const world = new ChatWorld("group");
    await world.say("slow", { id: "ann" });
    await world.say("fast", { id: "bob" });
    await world.settle(1, answer(30_000));
    await world.settleModel(answer(25_000));
    await world.drain();
    expect(sum(world.usage)).toBeGreaterThanOrEqual(55_000);
  });

  it("has what is written on after its turn", async () => {
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
    expect(world.usage.length).toBeGreaterThan(0);
    expect(sum(world.usage)).toBeGreaterThanOrEqual(65_000);
  });

  it("has what was written until it was stopped, as it is estimated", async () => {
    const world = new ChatWorld();
    world.dailyTokensPerPerson = 150;
    await world.say("字".repeat(100));
    await world.settle(0, { kind: "write", text: "字".repeat(50) });
    await world.say("/stop");
    await world.drain();
    await world.say("more");
    await world.drain();
    expect(world.modelCalls).toBe(1);
    expect(world.texts().at(-1)).toContain("你今天的额度用完了");
    world.dailyTokensPerPerson = 0;
    await world.say("and?");
    expect(world.questions.at(-1)?.history).toContainEqual({ role: "assistant", text: "(这条没有回答)" });
    expect(world.questions.at(-1)?.history).not.toContainEqual({ role: "assistant", text: "" });
  });

  it("and its memory go on in a chat that was empty for months", async () => {
    const world = await spent();
    world.storage.sql.exec(`INSERT INTO fact (name, value) VALUES ('usageReported', '1'), ('forgottenBefore', '2')`);
    world.nowMs += RETENTION_MS + 2 * DAY_MS;
    prune(world.storage, { nowMs: world.nowMs, retentionMs: RETENTION_MS });
    await world.say("hello again");
    await world.settleModel(answer(30_000));
    await world.drain();
    expect(sum(world.usage)).toBeGreaterThanOrEqual(30_000);
    await world.say("and?");
    expect(world.questions.at(-1)?.history).not.toEqual([]);
  });
});

describe("what was spent", () => {
  it("is told of today and of this month, by Beijing's calendar, of one person and of all", async () => {
    const world = new ChatWorld("group");
    world.nowMs = Date.parse("2026-10-31T15:50:00Z"); // ten minutes before November
    const spend = async (id: string, tokens: number) => {
      await world.say("hello", { id });
      await world.settleModel(answer(tokens));
      await world.drain();
    };
    await spend("ann", 1);
    await world.advance(20 * 60_000);
    await spend("ann", 20);
    await world.advance(2 * DAY_MS);
    await spend("ann", 300);
    await spend("bob", 4_000);
    expect(spentOf(world.storage, world.nowMs, "ann")).toEqual({ today: 300, month: 320 });
    expect(spentOf(world.storage, world.nowMs)).toEqual({ today: 4_300, month: 4_320 });
    expect(spentOf(world.storage, world.nowMs, "nobody")).toEqual({ today: 0, month: 0 });
  });
});
