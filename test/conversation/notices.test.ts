/** What the owner is told of the bot's troubles, in their own chat. */
import { describe, expect, it } from "vitest";
import { noteForOwner } from "../../src/conversation/facts.ts";
import { ChatWorld, modelFailures } from "../support/chat-world.ts";

describe("a notice to the owner", () => {
  it("stands before the next answer, once, with no link that QQ would refuse", async () => {
    const world = new ChatWorld();
    noteForOwner(world.storage, "[qq-edge 1] deaf\nSee https://q.qq.com/bot");
    for (const text of ["#one", "#two"]) {
      await world.say(text);
      await world.drain();
    }
    expect(world.texts()).toEqual([
      expect.stringMatching(/^\[qq-edge 1\] deaf\n/),
      expect.not.stringContaining("deaf"),
    ]);
    expect(world.texts()[0]).toContain("q[.]qq[.]com");
  });

  it("stands before a sentence about a failure, too: it may say why there is no answer", async () => {
    const world = new ChatWorld();
    noteForOwner(world.storage, "the key is refused");
    await world.say("hello");
    await world.settleModel({ kind: "fail", refusal: modelFailures.key });
    await world.drain();
    expect(world.texts()).toEqual([expect.stringMatching(/^the key is refused\n\n抱歉/)]);
  });
});
