/** Stories that once went wrong. */
import { describe, expect, it } from "vitest";
import { ChatWorld, refusalOf, type SendOutcome } from "../support/chat-world.ts";

const answers = (world: ChatWorld, id: string) => world.texts().filter((text) => text.includes(`<${id}>`));

/** Time passes and every send meets `next()`, until the turns are through. */
async function weather(world: ChatWorld, next: () => SendOutcome): Promise<void> {
  for (let step = 0; step < 400 && world.openTurns() > 0; step += 1) {
    const [one] = world.pending;
    if (one) await world.settle(0, one.kind === "send" ? next() : { kind: "answer" });
    else await world.advance(1_000);
  }
}

describe("the conversation", () => {
  it("says nothing twice after a death at the end of the window", async () => {
    const world = new ChatWorld("group");
    const asked = await world.say("hello");
    await world.advance(230_000);
    await world.settle(0, { kind: "answer" });
    await world.arriveAndCrash(0, 12_000);
    await world.drain();
    await world.say("and?");
    await world.drain();
    await world.say("继续");
    await world.drain();
    expect(answers(world, asked.id)).toHaveLength(1);
  });

  it("outlives an outage of two minutes in a private chat, or says so with the next answer", async () => {
    const world = new ChatWorld("c2c");
    const asked = await world.say("hello");
    const endMs = world.nowMs + 120_000;
    await weather(world, () => (world.nowMs < endMs ? { kind: "unreached" } : { kind: "accept" }));
    const next = await world.say("still there?");
    await world.drain();
    expect(answers(world, asked.id).length === 1 || answers(world, next.id)[0]?.includes("没能送达")).toBe(true);
  });

  it("keeps an answer that was never sent because there was no token", async () => {
    const world = new ChatWorld("c2c");
    const good = world.lease;
    world.lease = async () => ({ ok: false, refusal: { ...refusalOf(0, 500), operation: "qq.token" } });
    await world.say("hello");
    await weather(world, () => ({ kind: "accept" }));
    world.lease = good;
    const next = await world.say("still there?");
    await world.drain();
    expect(answers(world, next.id)[0]).toContain("没能送达");
  });

  for (const [name, first, second] of [
    ["a 503", { kind: "unreached" }, 11244],
    ["a 22009", { kind: "refuse", code: 22009 }, 11244],
    ["a 503", { kind: "unreached" }, 50055001],
    ["a renewed token", { kind: "refuse", code: 11244 }, 50055001],
  ] as const)
    it(`gives ${second} its remedy also after ${name}`, async () => {
      const world = new ChatWorld("c2c");
      const asked = await world.say("hello");
      const list: SendOutcome[] = [first, { kind: "refuse", code: second }];
      await weather(world, () => list.shift() ?? { kind: "accept" });
      expect(answers(world, asked.id)).toHaveLength(1);
    });

  it("does not blame an answer on its way for the death that its neighbour caused", async () => {
    const world = new ChatWorld("group");
    const innocent = await world.say("innocent", { id: "ann" });
    await world.settle(0, { kind: "answer" });
    await world.say("poison", { id: "bob" });
    for (let death = 0; death < 3; death += 1) await world.crash();
    await world.drain();
    expect(answers(world, innocent.id)).toHaveLength(1);
  });

  it("is heard after two deaths while a /stop reply is on its way", async () => {
    const world = new ChatWorld("c2c");
    await world.say("hello");
    await world.say("/stop");
    await world.crash();
    await world.crash();
    await world.drain();
    expect(world.texts()).not.toEqual([]);
  });

  it("sends nothing of a stopped answer that was waiting for its token", async () => {
    const world = new ChatWorld("c2c");
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof world.lease>>>();
    world.lease = () => promise;
    const asked = await world.say("hello");
    await world.settle(0, { kind: "answer" });
    await world.say("/stop");
    resolve({ ok: true, lease: { token: "t", expiresAtMs: world.nowMs + 7_200_000 } });
    await world.settleDown();
    await world.drain();
    expect(answers(world, asked.id)).toEqual([]);
  });

  it("leaves no hole between what was stopped and what 「继续」 gives", async () => {
    const world = new ChatWorld("c2c");
    await world.say("hello");
    await world.settle(0, { kind: "answer", paragraphs: 9 });
    await world.settle(0, { kind: "accept" });
    await world.say("/stop");
    await world.drain();
    await world.say("继续");
    await world.drain();
    const given = [
      ...world
        .texts()
        .join("")
        .matchAll(/(\d)字/g),
    ].map((match) => Number(match[1]));
    expect(given).toEqual(given.map((_, index) => index));
  });

  it("uses no message again that QQ has closed", async () => {
    const world = new ChatWorld("c2c");
    await world.say("a");
    const newest = await world.say("b");
    await world.settle(0, { kind: "answer", paragraphs: 3 });
    await world.settle(0, { kind: "unreached" });
    await world.advance(1_000);
    await world.settle(0, { kind: "refuse", code: 40034128 });
    expect(world.pending.map(({ about }) => about)).not.toContain(newest.id);
  });

  it("answers the next message while the Bot does not take the failure of the last", async () => {
    const world = new ChatWorld("c2c");
    world.report = () => new Promise(() => {});
    await world.say("hello");
    await world.settleModel();
    await world.settleSend({ kind: "refuse", code: 40054013 });
    const next = await world.say("still there?");
    await world.settleModel();
    await world.settleSend();
    expect(answers(world, next.id)).toHaveLength(1);
  });
});
