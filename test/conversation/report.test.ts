/** Failures on their way from a chat to its Bot. */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/bot/failures.ts";
import { deliverReports, recordFailure, reportAtMs } from "../../src/conversation/report.ts";
import { ChatWorld, modelFailures } from "../support/chat-world.ts";
import { NOW } from "../support/turns.ts";

function failure(turn: number): Failure {
  return {
    reference: `ref${turn}`,
    atMs: NOW,
    chat: "c2c:chat",
    turn,
    operation: "qq.send",
    summary: "no",
    advice: "-",
    traceId: "trace",
    told: false,
  };
}

/** A chat with so many failures, and a Bot that can be out of reach. */
function chat(failures: number) {
  const { storage } = new ChatWorld();
  for (let turn = 1; turn <= failures; turn += 1) recordFailure(storage, failure(turn));
  const told: Failure[][] = [];
  const bot = { reachable: true };
  const deliver = (nowMs: number) =>
    deliverReports(
      storage,
      async (batch) => {
        told.push([...batch]);
        if (!bot.reachable) throw new Error("no Bot");
      },
      nowMs,
    );
  return { storage, told, bot, deliver };
}

describe("a report", () => {
  it("is due at once, is told once, and is then forgotten", async () => {
    const { storage, told, deliver } = chat(1);
    expect(reportAtMs(storage)).toBeLessThanOrEqual(NOW);
    await deliver(NOW);
    expect(told).toEqual([[failure(1)]]);
    expect(reportAtMs(storage)).toBeUndefined();
    await deliver(NOW);
    expect(told).toHaveLength(1);
  });

  it("goes with others in one call, oldest turn first, twenty at a time", async () => {
    const { storage, told, deliver } = chat(25);
    await deliver(NOW);
    expect(reportAtMs(storage)).toBeLessThanOrEqual(NOW);
    await deliver(NOW);
    expect(told.map((batch) => batch.length)).toEqual([20, 5]);
    expect(told.flat()).toEqual(Array.from({ length: 25 }, (_, index) => failure(index + 1)));
    expect(reportAtMs(storage)).toBeUndefined();
  });

  it("is told again after growing waits until the Bot has it, be it for days", async () => {
    const { storage, told, bot, deliver } = chat(1);
    bot.reachable = false;
    const waits: number[] = [];
    let nowMs = NOW;
    for (let attempt = 0; attempt < 500; attempt += 1) {
      await deliver(nowMs);
      const atMs = reportAtMs(storage) ?? Number.NaN;
      waits.push(atMs - nowMs);
      nowMs = atMs;
    }
    expect(waits.slice(0, 8)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 300_000, 300_000]);
    expect(nowMs - NOW).toBeGreaterThan(24 * 60 * 60_000);
    bot.reachable = true;
    await deliver(nowMs);
    expect(told.at(-1)).toEqual([failure(1)]);
    expect(reportAtMs(storage)).toBeUndefined();
  });

  it("is not told before its time, while newer ones are", async () => {
    const { storage, told, bot, deliver } = chat(1);
    bot.reachable = false;
    await deliver(NOW);
    bot.reachable = true;
    recordFailure(storage, failure(2));
    await deliver(NOW + 999);
    expect(told.at(-1)).toEqual([failure(2)]);
    expect(reportAtMs(storage)).toBe(NOW + 1_000);
  });
});

/** One try that nobody answers, if it is time for one; then the next alarm. */
async function unheard(world: ChatWorld): Promise<void> {
  if (world.sending().length > 0) await world.settleSend({ kind: "unreached" });
  else if (world.alarmAtMs !== undefined) await world.advance(world.alarmAtMs - world.nowMs);
}

describe("the operator", () => {
  it("hears of a person who was told why not, under the reference that the person got", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.settleModel({ kind: "fail", refusal: modelFailures.key });
    await world.drain();
    const [reported] = world.failures;
    expect(world.failures).toHaveLength(1);
    expect(reported).toMatchObject({
      chat: "c2c:chat",
      turn: 1,
      operation: "model.generate",
      summary: "401",
      told: true,
    });
    expect(world.texts()[0]).toContain(reported?.reference ?? "no reference");
  });

  it("hears after a minute of an answer that may be on its way, once, while it is still tried", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.settleModel({ kind: "answer", paragraphs: 3 });
    const begunMs = world.nowMs;
    while (world.outages.length === 0) await unheard(world);
    expect(world.nowMs - begunMs).toBeGreaterThanOrEqual(60_000);
    expect(world.nowMs - begunMs).toBeLessThan(65_000);
    expect(world.outages).toMatchObject([{ turn: 1, operation: "qq.send", told: false, isOngoing: true }]);
    for (let more = 0; more < 5; more += 1) await unheard(world);
    await world.drain();
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
    expect(world.outages).toHaveLength(1);
    expect(world.failures).toEqual([]);
  });

  it("hears what the answer was tried again for, when its time is over", async () => {
    const world = new ChatWorld("group");
    await world.say("hello");
    await world.settleModel();
    while (world.openTurns() > 0) await unheard(world);
    await world.drain();
    expect(world.outages).toHaveLength(1);
    expect(world.failures).toMatchObject([{ turn: 1, operation: "qq.send", summary: "not reached", advice: "-" }]);
  });

  it("hears nothing of an answer that goes out after a hiccup, nor of the hiccup with what ends the turn later", async () => {
    const world = new ChatWorld("group");
    await world.say("hello");
    await world.settleModel({ kind: "fail", refusal: modelFailures.busy });
    await world.advance(1_000);
    await world.settleModel();
    await world.settleSend({ kind: "refuse", code: 304027 });
    expect(world.outages).toEqual([]);
    expect(world.failures).toMatchObject([{ operation: "qq.send" }]);
  });

  it("hears of a guild message that may be lost what it got for an answer", async () => {
    const world = new ChatWorld("guildChannel");
    await world.say("hello");
    await world.settleModel();
    await world.settleSend({ kind: "unreached" });
    await world.drain();
    expect(world.failures).toMatchObject([{ operation: "qq.send", summary: "not reached", told: false }]);
    expect(world.failures[0]?.advice).toMatch(/^若反复出现/);
    expect(world.outages).toEqual([]);
  });

  it("hears of an outage from a Bot that was out of reach, beside the failure that followed", async () => {
    const world = new ChatWorld("group");
    const report = world.report;
    world.report = async () => {
      throw new Error("no Bot");
    };
    await world.say("hello");
    await world.settleModel();
    while (world.openTurns() > 0) await unheard(world);
    world.report = report;
    await world.drain();
    expect([world.outages.length, world.failures.length]).toEqual([1, 1]);
  });

  it("hears of a person who could not be told", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.settleModel();
    await world.settleSend({ kind: "refuse", code: 11298 });
    expect(world.failures).toMatchObject([{ operation: "qq.send", told: false }]);
    expect(world.failures[0]?.advice).toContain("IP 白名单");
  });

  it("hears of a message whose window ended before anything could be said", async () => {
    const world = new ChatWorld("group");
    await world.receive(world.message("hello", {}, world.nowMs - 10 * 60_000));
    await world.drain();
    expect(world.arrived).toEqual([]);
    expect(world.failures).toMatchObject([{ chat: "group:chat", turn: 1, told: false }]);
  });

  it("hears nothing of what was answered or stopped, nor reads what people wrote", async () => {
    const world = new ChatWorld();
    await world.say("the secret question");
    await world.say("/stop");
    await world.say("another secret question");
    await world.drain();
    expect(world.failures).toEqual([]);
    await world.say("the last secret question");
    await world.settleModel({ kind: "answer", text: "the secret answer" });
    await world.settleSend({ kind: "refuse", code: 304027 });
    expect(world.failures).toHaveLength(1);
    expect(JSON.stringify(world.failures)).not.toContain("secret");
  });
});
