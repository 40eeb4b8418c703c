/** Guilds number no replies: what may have arrived is never said again. And they may hold back what they took. */
import { describe, expect, it } from "vitest";
import { FORBIDDEN_MS } from "../../src/conversation/lease.ts";
import { apology, UNTOLD } from "../../src/conversation/sentences.ts";
import { ChatWorld, modelFailures, refusalOf, type SendOutcome } from "../support/chat-world.ts";

const SCENES = ["guildChannel", "guildDm"] as const;

/** A guild in which an answer of so many parts is booked, the first of them on its way. */
async function answering(parts = 1, scene: (typeof SCENES)[number] = "guildChannel"): Promise<ChatWorld> {
  const world = new ChatWorld(scene);
  await world.say("hello");
  await world.settleModel({ kind: "answer", paragraphs: parts });
  return world;
}

/** The words with which the person's next answer begins, if they are one of our hints. */
async function hint(world: ChatWorld): Promise<string | undefined> {
  await world.say("and now?");
  await world.drain();
  const last = world.arrived.findLast(({ text }) => text.includes("answer"))?.text ?? "";
  return Object.entries(UNTOLD).find(([, words]) => last.startsWith(words))?.[0];
}

const digits = (world: ChatWorld) =>
  (
    world
      .texts()
      .join("")
      .match(/\d(?=字)/g) ?? []
  ).join("");

describe.each(SCENES)("a part whose fate is unknown in a %s", (scene) => {
  it.each<SendOutcome["kind"]>(["unreached", "acceptUnheard"])("is never sent again (%s)", async (kind) => {
    const world = await answering(1, scene);
    await world.settleSend({ kind } as SendOutcome);
    await world.drain();
    expect(world.arrived).toHaveLength(kind === "unreached" ? 0 : 1);
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    expect(world.failures).toMatchObject([{ turn: 1, told: false, chat: `${scene}:chat` }]);
    expect(await hint(world)).toBe("unsure");
    expect(await hint(world)).toBeUndefined(); // once
  });

  it("is never sent again after a death", async () => {
    const world = await answering(1, scene);
    await world.arriveAndCrash(0);
    await world.drain();
    expect(world.arrived).toHaveLength(1);
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    expect(world.failures).toHaveLength(1);
    expect(await hint(world)).toBe("unsure");
  });

  it("is none after a death that came between two parts", async () => {
    const world = await answering(3, scene);
    await world.settleSend();
    await world.arriveAndCrash(0);
    await world.drain();
    expect(digits(world)).toBe("012");
    expect(world.arrived).toHaveLength(3);
    expect(world.failures).toHaveLength(1);
  });

  it("holds up no other part of the answer", async () => {
    const world = await answering(3, scene);
    await world.settleSend();
    await world.settleSend({ kind: "unreached" });
    await world.drain();
    expect(digits(world)).toBe("02");
    expect(world.failures).toHaveLength(1);
    expect(await hint(world)).toBe("unsure");
  });

  it("is not offered by 「继续」 either", async () => {
    const world = await answering(1, scene);
    await world.settleSend({ kind: "acceptUnheard" });
    await world.say("继续");
    expect(world.modelCalls).toBe(2);
  });
});

describe("a part that a guild refuses", () => {
  it.each([
    [11244, "the token was refused"],
    [22009, "too often"],
    [50055001, "a transient failure"],
    [304006, "a failure on the platform's side"],
  ])("is sent again, since it is certain that it did not arrive (%i: %s)", async (code) => {
    const world = await answering();
    await world.settleSend({ kind: "refuse", code });
    await world.drain();
    expect(world.arrived).toHaveLength(1);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
  });

  it("is sent again also by the next process, where it died before the next try began", async () => {
    const world = await answering();
    await world.settleSend({ kind: "refuse", code: 22009 });
    await world.crash();
    await world.drain();
    expect(world.arrived).toHaveLength(1);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
  });

  it("is not given up after a death that came before it was tried, while it waited for its place", async () => {
    const world = new ChatWorld("guildChannel");
    for (const id of ["ann", "bob"]) await world.say("hello", { id });
    await world.settle(1, { kind: "answer" });
    await world.crash();
    await world.drain();
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m1", "m2"]);
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["answered", "answered"]);
  });

  it("is sent once there is a token, however long that took", async () => {
    const world = new ChatWorld("guildChannel");
    const good = world.lease;
    world.lease = async () => ({ ok: false, refusal: { ...refusalOf(0, 500), operation: "qq.token" } });
    await world.say("hello");
    await world.settleModel();
    await world.advance(1_000);
    world.lease = good;
    await world.drain();
    expect(world.arrived).toHaveLength(1);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
  });
});

describe("a sentence whose fate is unknown", () => {
  it.each([
    ["the apology", modelFailures.key],
    ["the apology for a late model", modelFailures.late],
  ])("leaves its person untold: %s", async (_, refusal) => {
    const world = new ChatWorld("guildChannel");
    await world.say("hello");
    await world.settleModel({ kind: "fail", refusal });
    await world.settleSend({ kind: "unreached" });
    await world.drain();
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    expect(world.failures).toMatchObject([{ told: false }]);
    expect(await hint(world)).toBe("unsure");
  });

  it("leaves its person untold: that the answer would come too late", async () => {
    const world = new ChatWorld("guildChannel");
    await world.say("hello");
    await world.advance(230_000);
    await world.settleSend({ kind: "unreached" });
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    await world.settleModel();
    await world.drain();
    expect(world.failures).toHaveLength(1);
    expect(world.arrived).toEqual([]);
    expect(await hint(world)).toBe("kept");
  });

  it("is told where it arrived, although a part before it may not have", async () => {
    const world = await answering(2);
    await world.settleSend({ kind: "unreached" });
    await world.settleSend({ kind: "refuse", code: 304025 });
    await world.drain();
    expect(world.texts()).toEqual([expect.stringContaining(apology({ kind: "blocked", reference: "" }).slice(0, 20))]);
    expect(world.outcomes()).toMatchObject([{ outcome: "apologised" }]);
    expect(world.failures).toMatchObject([{ told: true }]);
  });
});

describe("a guild that does not hear this bot", () => {
  it("is not asked for, nor the model, for a day: each message is a recorded failure", async () => {
    const world = await answering();
    await world.settleSend({ kind: "refuse", code: 304018 });
    expect(world.forbidden).toEqual(["replies"]);
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    await world.crash();
    await world.advance(FORBIDDEN_MS - 60_000);
    await world.say("hello?");
    await world.drain();
    expect(world.modelCalls).toBe(1);
    expect(world.arrived).toEqual([]);
    expect(world.failures.map(({ told }) => told)).toEqual([false, false]);
    expect(world.failures[1]?.advice).toContain("群聊");

    await world.advance(60_000);
    expect(await hint(world)).toBe("kept");
    expect(world.modelCalls).toBe(2);
  });

  it("is left alone also where the Bot knows it from another chat", async () => {
    const world = new ChatWorld("guildDm");
    const forbidden = { replies: world.nowMs + FORBIDDEN_MS };
    world.lease = async () => ({ ok: true, lease: { token: "t", expiresAtMs: world.nowMs + 7_200_000, forbidden } });
    await world.say("hello");
    await world.drain();
    await world.say("hello?");
    await world.drain();
    expect(world.modelCalls).toBeLessThanOrEqual(1); // the lease comes with the first turn
    expect(world.failures.at(-1)).toMatchObject({ turn: 2 });
  });
});

describe("an answer that QQ holds back for review", () => {
  it.each([304023, 304024])("counts as delivered, and is not sent again (%i)", async (code) => {
    const world = await answering();
    await world.settleSend({ kind: "refuse", code });
    await world.drain();
    expect(world.arrived).toHaveLength(1);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
    expect(world.failures).toEqual([]);
  });

  it("is a failure once the review did not let it through; the next answer says so", async () => {
    const world = await answering();
    await world.settleSend({ kind: "refuse", code: 304023 });
    const rejected = world.audit(world.audits[0] ?? "", false);
    await world.receive(rejected);
    expect(await world.receive(rejected)).toEqual({ kind: "duplicate" });
    await world.drain();
    expect(world.failures).toMatchObject([{ operation: "qq.audit", turn: 1, told: false }]);
    expect(await hint(world)).toBe("blocked");
    expect(await hint(world)).toBeUndefined();
    expect(world.failures).toHaveLength(1);
  });

  it("is known to be rejected also where the review ends before QQ's answer to the message is here", async () => {
    const world = await answering();
    await world.receive(world.audit("audit of m1 1", false));
    await world.settleSend({ kind: "refuse", code: 304023 });
    expect(world.audits).toEqual(["audit of m1 1"]);
    await world.drain();
    expect(world.failures).toMatchObject([{ operation: "qq.audit", turn: 1, told: false }]);
    expect(await hint(world)).toBe("blocked");
  });

  it("needs nothing more once the review let it through", async () => {
    const world = await answering();
    await world.settleSend({ kind: "refuse", code: 304024 });
    await world.receive(world.audit(world.audits[0] ?? "", true));
    await world.receive(world.audit(world.audits[0] ?? "", false)); // nobody waits for it any more
    await world.drain();
    expect(world.failures).toEqual([]);
    expect(await hint(world)).toBeUndefined();
  });

  it("is not mixed up with what others hold back", async () => {
    const world = await answering();
    await world.settleSend({ kind: "refuse", code: 304024 });
    await world.receive(world.audit("somebody else's", false));
    await world.drain();
    expect(world.failures).toEqual([]);
  });

  it("is told of as well where the review is over before the whole answer is out", async () => {
    const world = await answering(2);
    await world.settleSend({ kind: "refuse", code: 304023 });
    await world.receive(world.audit(world.audits[0] ?? "", false));
    await world.drain();
    expect(world.arrived).toHaveLength(2);
    expect(world.failures).toHaveLength(1);
    expect(await hint(world)).toBe("unsure");
  });
});

describe("a chat that QQ has closed", () => {
  it("does not offer again what was on its way just then", async () => {
    const world = new ChatWorld("group");
    const asked = await world.say("hello");
    await world.settleModel();
    await world.say("/stop", { id: "bob" }); // its reply overtakes
    expect(world.sending()).toHaveLength(2);
    await world.settle(1, { kind: "refuse", code: 40054003 });
    await world.settle(0, { kind: "acceptUnheard" });
    await world.drain();
    await world.say("继续");
    await world.drain();
    expect(world.texts().filter((text) => text.includes(`<${asked.id}>`))).toHaveLength(1);
    expect(world.failures.map(({ turn }) => turn).toSorted()).toEqual([1, 2]);
  });

  it.each([40054003, 40054004, 1100104, 304031])("ends with all that waits in it (%i)", async (code) => {
    const world = new ChatWorld("group");
    for (const id of ["ann", "bob", "cho", "dan"]) await world.say("hello", { id });
    await world.settleModel();
    await world.settleModel(); // Bob's, which waits for Ann's
    await world.settleSend({ kind: "refuse", code });
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["failed", "failed", "failed", "failed"]);
    await world.drain();
    expect(world.failures.map(({ turn }) => turn).toSorted()).toEqual([1, 2, 3, 4]);
    expect(world.arrived).toEqual([]);
  });
});
