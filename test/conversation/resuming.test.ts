/** Answers that waited for QQ to take calls from this address again. */
import { describe, expect, it } from "vitest";
import { resume } from "../../src/conversation/resuming.ts";
import * as writing from "../../src/qq/writing.ts";
import { ChatWorld } from "../support/chat-world.ts";

const WALL = { kind: "refuse", code: 11298 } as const;

async function mended(world: ChatWorld): Promise<number> {
  const resumed = world.storage.transactionSync(() =>
    resume(world.storage, writing, { maxLength: 1_800, nowMs: world.nowMs }),
  );
  if (resumed > 0) world.alarmAtMs = world.nowMs;
  await world.settleDown();
  await world.drain();
  return resumed;
}

async function walled(world = new ChatWorld("group")): Promise<ChatWorld> {
  await world.say("hello");
  await world.settleModel({ kind: "answer", text: "**bold** answer" });
  await world.settleSend(WALL);
  await world.drain();
  expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
  return world;
}

describe("an answer that QQ turned away for its address alone", () => {
  it("goes out once that is mended, once, in its form", async () => {
    const world = await walled();
    expect(await mended(world)).toBe(1);
    expect(world.arrived).toMatchObject([{ msgId: "m1", form: "markdown", text: "**bold** answer" }]);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
    expect(await mended(world)).toBe(0);
    expect(world.arrived).toHaveLength(1);
    expect(world.broken).toEqual([]);
  });

  it("tells its failure until when it could be sent", async () => {
    const world = await walled();
    expect(world.failures).toMatchObject([{ walledUntilMs: world.nowMs + 4 * 60_000 }]);
  });

  it("is left for 「继续」 when its message takes no reply any more", async () => {
    const world = await walled();
    await world.advance(5 * 60_000);
    expect(await mended(world)).toBe(0);
    await world.say("继续");
    await world.drain();
    expect(world.texts()).toEqual(["**bold** answer"]);
  });

  it("is left for 「继续」 when its person was told that it is missing", async () => {
    const world = await walled();
    await world.say("and now?");
    await world.drain();
    expect(world.texts()[0]).toContain("没能送达");
    expect(await mended(world)).toBe(0);
  });

  it("follows what had arrived of it before", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.settleModel({ kind: "answer", paragraphs: 3 });
    await world.settleSend();
    await world.settleSend(WALL);
    await world.drain();
    const before = world.texts().join("");
    expect(await mended(world)).toBe(1);
    const after = world.texts().join("").slice(before.length);
    expect(before).not.toBe("");
    for (const n of [0, 1, 2]) expect(`${before}${after}`.split(`${n}字`).length).toBe(2);
    expect(world.broken).toEqual([]);
  });

  it("says that more of it is still being written", async () => {
    const world = new ChatWorld();
    await world.say("long");
    await world.settle(0, { kind: "write", paragraphs: 1 });
    await world.advance(261_000);
    await world.settleSend(WALL);
    expect(world.thinkingAbout()).toEqual(["m1"]);
    world.storage.transactionSync(() => resume(world.storage, writing, { maxLength: 1_800, nowMs: world.nowMs }));
    world.alarmAtMs = world.nowMs;
    await world.advance(60_000);
    await world.settleSend();
    expect(world.texts()).toEqual([expect.stringMatching(/1-0字+[\s\S]*发送「继续」接着看/)]);
    await world.settleModel({ kind: "answer", paragraphs: 2 });
    await world.say("继续");
    await world.drain();
    expect(world.texts()).toHaveLength(2);
    expect(world.texts()[1]).toMatch(/^1-1字+$/);
    expect(world.broken).toEqual([]);
  });

  it("goes out before what is asked while it is on its way, and survives a death", async () => {
    const world = await walled();
    world.storage.transactionSync(() => resume(world.storage, writing, { maxLength: 1_800, nowMs: world.nowMs }));
    world.alarmAtMs = world.nowMs;
    await world.settleDown();
    await world.say("more");
    await world.crash();
    await world.drain();
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m1", "m2"]);
    expect(world.broken).toEqual([]);
  });
});
