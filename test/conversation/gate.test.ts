/** Who may talk: what becomes of an answer whose person is denied meanwhile, and of words while the Bot is away. */
import { describe, expect, it } from "vitest";
import { resume } from "../../src/conversation/resuming.ts";
import * as writing from "../../src/qq/writing.ts";
import { ChatWorld } from "../support/chat-world.ts";

const WALL = { kind: "refuse", code: 11298 } as const;

async function walled(): Promise<ChatWorld> {
  const world = new ChatWorld();
  await world.say("hello");
  await world.settleModel({ kind: "answer", text: "secret" });
  await world.settleSend(WALL);
  await world.drain();
  return world;
}

describe("somebody who is denied", () => {
  it("gets nothing of what was kept, by 「继续」", async () => {
    const world = await walled();
    await world.rule("denied");
    await world.say("继续");
    await world.drain();
    expect(world.texts()).toEqual([expect.stringContaining("主人没有同意")]);
    expect(world.modelCalls).toBe(1);
  });

  it("gets nothing of it when QQ takes calls again", async () => {
    const world = await walled();
    await world.rule("denied");
    const more = { maxLength: 1_800, nowMs: world.nowMs };
    expect(world.storage.transactionSync(() => resume(world.storage, writing, more))).toBe(0);
  });

  it("costs no more of an answer that is written on after its turn", async () => {
    const world = new ChatWorld("group");
    await world.say("long");
    await world.settle(0, { kind: "write", paragraphs: 1 });
    await world.advance(231_000);
    await world.settleSend();
    expect(world.thinkingAbout()).toEqual(["m1"]);
    await world.rule("denied");
    expect(world.thinkingAbout()).toEqual([]);
    await world.drain();
    const before = world.arrived.length;
    await world.rule("allowed");
    await world.say("继续");
    await world.drain();
    expect(world.texts().slice(before).join("")).not.toContain("1-1");
  });
});

describe("a Bot that is reset by a deploy", () => {
  /** Away for the first call, whatever it is. */
  function world(): ChatWorld {
    const world = new ChatWorld();
    world.access = "pairing";
    let calls = 0;
    const back = <T>(answer: T) => {
      calls += 1;
      return calls === 1 ? Promise.reject(new Error("Durable Object reset")) : Promise.resolve(answer);
    };
    const ownCode = () => back({ code: "ABC234", hasOwner: true });
    world.desk = { ...world.desk, claim: () => back("claimed" as const), ownCode };
    return world;
  }

  it.each([
    ["hello", "ABC234"],
    ["/pair", "ABC234"],
    ["/claim AAAAA-AAAAA", "认领成功"],
  ])("is asked again: %s", async (text, told) => {
    const one = world();
    await one.say(text);
    await one.drain();
    expect(one.texts()).toEqual([expect.stringContaining(told)]);
    expect(one.failures).toEqual([]);
    expect(one.modelCalls).toBe(0);
  });
});
