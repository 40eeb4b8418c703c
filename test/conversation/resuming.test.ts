/** Answers that waited for QQ to take calls from this address again. */
import { describe, expect, it } from "vitest";
import { resume } from "../../src/conversation/resuming.ts";
import { UNTOLD } from "../../src/conversation/sentences.ts";
import * as writing from "../../src/qq/writing.ts";
import { ChatWorld } from "../support/chat-world.ts";

const WALL = { kind: "refuse", code: 11298 } as const;

async function mended(world: ChatWorld): Promise<number> {
  const resumed = await world.mend();
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
    for (const text of ["继续", "and now?"]) {
      await world.say(text);
      await world.drain();
    }
    expect(world.texts()).toEqual(["**bold** answer", expect.stringMatching(/^<m3>/)]); // which is missing no more
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

/** Asks while the wall stands. */
async function askInVain(world: ChatWorld, text: string, sender?: { id: string }): Promise<void> {
  await world.say(text, sender);
  await world.settleModel();
  await world.settleSend(WALL);
  await world.drain();
}

describe("answers that met the same wall one after another", () => {
  it("all go out in their order, once each, and none says that another is missing", async () => {
    for (const scene of ["c2c", "group"] as const) {
      const world = new ChatWorld(scene);
      for (const text of ["#one", "#two", "#three"]) await askInVain(world, text);
      expect(await mended(world)).toBe(3);
      expect(world.texts()).toEqual(["<m1> answer 1", "<m2> answer 2", "<m3> answer 3"]);
      expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["answered", "answered", "answered"]);
      expect(await mended(world)).toBe(0);
      await world.say("#four");
      await world.drain();
      expect(world.texts().slice(3)).toEqual(["<m4> answer 4"]);
      expect(world.broken).toEqual([]);
    }
  });

  it("are mentioned with the next answer where they can no longer be sent, and say nothing of each other", async () => {
    const world = new ChatWorld("group");
    for (const text of ["#one", "#two"]) await askInVain(world, text);
    await world.advance(5 * 60_000);
    expect(await mended(world)).toBe(0);
    await world.say("#three");
    await world.drain();
    expect(world.texts()).toEqual([`${UNTOLD.kept}<m3> answer 3`]);
    for (const text of ["继续", "继续", "#four"]) {
      await world.say(text);
      await world.drain();
    }
    expect(world.texts().slice(1)).toEqual(["<m2> answer 2", "<m1> answer 1", "<m6> answer 4"]);
  });

  it("say nothing of the one whose time is over, which is mentioned with the next answer", async () => {
    const world = new ChatWorld("group");
    await askInVain(world, "#one");
    await world.advance(3 * 60_000);
    await askInVain(world, "#two");
    await world.advance(90_000);
    expect(await mended(world)).toBe(1);
    await world.say("#three");
    await world.drain();
    expect(world.texts()).toEqual(["<m2> answer 2", `${UNTOLD.kept}<m3> answer 3`]);
  });

  it("are told of once where the words that said so went out in part", async () => {
    const world = new ChatWorld();
    await askInVain(world, "#one");
    await world.say("#two");
    await world.settleModel({ kind: "answer", paragraphs: 3 });
    await world.settleSend();
    await world.settleSend(WALL);
    await world.drain();
    expect(world.texts()[0]).toContain(UNTOLD.kept.trim());
    expect(await mended(world)).toBe(1);
    expect(world.texts().filter((text) => text.includes("answer 1"))).toEqual([]);
    expect(world.texts().filter((text) => text.includes(UNTOLD.kept.trim()))).toHaveLength(1);
    expect(world.broken).toEqual([]);
  });

  it("are told of once where nobody knows whether the words that said so arrived", async () => {
    const world = new ChatWorld("guildChannel");
    await askInVain(world, "#one");
    await world.say("#two");
    await world.settleModel();
    await world.settleSend({ kind: "acceptUnheard" });
    await world.drain();
    expect(await mended(world)).toBe(0);
    expect(world.texts()).toEqual([`${UNTOLD.kept}<m2> answer 2`]);
  });

  it("are told of anew where a sentence took the place of the words that said so, or /stop did", async () => {
    for (const end of ["blocked", "stop"] as const) {
      const world = new ChatWorld();
      await askInVain(world, "#one");
      await world.say("#two");
      await world.settleModel();
      if (end === "blocked") await world.settleSend({ kind: "refuse", code: 40034006 });
      else {
        await world.settleSend({ kind: "refuse", code: 22009 }); // waits for its next try
        await world.say("/stop");
      }
      await world.drain();
      expect(world.texts().join(), end).not.toContain("answer 2");
      await world.say("#three");
      await world.drain();
      expect(world.texts().at(-1), end).toBe(`${UNTOLD.kept}<m${end === "stop" ? 4 : 3}> answer 3`);
      expect(await mended(world), end).toBe(0);
    }
  });

  it("are not told of anew where /stop came while the words that said so were on their way", async () => {
    const world = new ChatWorld();
    await askInVain(world, "#one");
    await world.say("#two");
    await world.settleModel();
    await world.say("/stop");
    await world.drain();
    expect(world.texts().filter((text) => text.includes(UNTOLD.kept.trim()))).toHaveLength(1);
    await world.say("#three");
    await world.drain();
    expect(world.texts().at(-1)).toBe("<m4> answer 3");
  });

  it("go out before one that waits for its next try, which then says nothing of them", async () => {
    const world = new ChatWorld();
    await askInVain(world, "#one");
    await world.say("#two");
    await world.settleModel();
    await world.settleSend({ kind: "refuse", code: 22009 });
    expect(world.sending()).toEqual([]);
    expect(await mended(world)).toBe(1);
    expect(world.texts()).toEqual(["<m1> answer 1", "<m2> answer 2"]);
    expect(world.broken).toEqual([]);
  });

  it("leave no empty part where one held nothing but the words that said so", async () => {
    const world = new ChatWorld();
    await askInVain(world, "#one");
    await world.say("#two");
    const code = `\`\`\`\n${"a line\n".repeat(400)}\`\`\``; // is cut from what stands before it
    await world.settleModel({ kind: "answer", text: code });
    await world.settleSend({ kind: "refuse", code: 22009 });
    expect(await mended(world)).toBe(1);
    expect(world.texts()).toEqual(["<m1> answer 1", expect.stringMatching(/^```/), expect.stringMatching(/^```/)]);
    expect(world.broken).toEqual([]);
  });

  it("are left to one that is on its way and says so", async () => {
    const world = new ChatWorld();
    await askInVain(world, "#one");
    await world.say("#two");
    await world.settleModel();
    expect(await mended(world)).toBe(0);
    expect(world.texts()).toEqual([`${UNTOLD.kept}<m2> answer 2`]);
    expect(world.broken).toEqual([]);
  });
});
