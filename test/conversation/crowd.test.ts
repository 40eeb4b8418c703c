/** Many people of one group at once, and a model that is slow. */
import { describe, expect, it } from "vitest";
import { apology } from "../../src/conversation/sentences.ts";
import type { Scene } from "../../src/event.ts";
import { ChatWorld } from "../support/chat-world.ts";

const LATE = apology({ kind: "late", reference: "" });
const SLOW = apology({ kind: "slow", reference: "" });

/** Lets QQ take everything, and the model take so long for each answer, until nothing is left to do. */
async function live(world: ChatWorld, modelMs: number, totalMs: number): Promise<void> {
  const endMs = world.nowMs + totalMs;
  const due = new Map<number, number>();
  while (world.nowMs < endMs) {
    while (world.sending().length > 0) await world.settleSend();
    world.questions.forEach(({ atMs }, call) => {
      if (!due.has(call)) due.set(call, atMs + modelMs);
    });
    // Calls end in the order in which they began, since all take the same time.
    const next = world.questions.findIndex((_, call) => (due.get(call) ?? 0) <= world.nowMs && due.get(call) !== -1);
    if (next >= 0) {
      due.set(next, -1);
      if (world.thinkingAbout().length > 0) await world.settleModel();
      continue;
    }
    await world.advance(1_000);
  }
}

async function tenAsk(world: ChatWorld): Promise<string[]> {
  const asked = await Promise.all(Array.from({ length: 10 }, (_, index) => world.say("hello", { id: `p${index}` })));
  return asked.map(({ id }) => id);
}

describe.each<Scene>(["group", "guildChannel"])("ten people who ask at once in a %s", (scene) => {
  it("each get the answer or a sentence inside the window, the answers in order, where the model takes 90 s", async () => {
    const world = new ChatWorld(scene);
    const asked = await tenAsk(world);
    await live(world, 90_000, 4 * 60_000);
    expect(world.arrived.map(({ msgId }) => msgId).toSorted()).toEqual(asked.toSorted());
    const answered = world.arrived.filter(({ text }) => text !== LATE && text !== SLOW).map(({ msgId }) => msgId);
    expect(answered).toEqual(asked.slice(0, answered.length));
    expect(answered.length).toBeGreaterThanOrEqual(6);
    await live(world, 90_000, 10 * 60_000);
    expect(world.failures).toEqual([]);
    expect(world.broken).toEqual([]);
    expect(world.openTurns()).toBe(0);
  });

  it("each get a sentence inside the window where the model, which was quick until now, takes six minutes", async () => {
    const world = new ChatWorld(scene);
    for (let quick = 0; quick < 5; quick += 1) {
      await world.say("quick");
      await world.drain();
    }
    world.arrived.splice(0);
    world.questions.splice(0);
    const asked = await tenAsk(world);
    await live(world, 6 * 60_000, 4 * 60_000);
    expect(world.arrived.map(({ msgId }) => msgId).toSorted()).toEqual(asked.toSorted());
    expect(world.texts().every((text) => text === LATE || text === SLOW)).toBe(true);
    await live(world, 6 * 60_000, 10 * 60_000);
    expect(world.failures).toEqual([]);
    expect(world.broken).toEqual([]);
  });
});
