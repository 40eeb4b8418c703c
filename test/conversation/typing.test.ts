/** The typing notice of a private chat, which costs a reply and must never cost an answer. */
import { describe, expect, it } from "vitest";
import { ledgerOf } from "../../src/conversation/turns.ts";
import type { Scene } from "../../src/event.ts";
import { ChatWorld, modelFailures, refusalOf } from "../support/chat-world.ts";

/** What stands in the ledger of a turn, as `n form msg_id/msg_seq state`. */
const ledger = (world: ChatWorld, turn = 1) =>
  ledgerOf(world.storage, turn).map(({ n, form, msgId, msgSeq, state }) => `${n} ${form} ${msgId}/${msgSeq} ${state}`);

const refusing = (code: number, status?: number) => async () => refusalOf(code, status);

describe("the typing notice", () => {
  it("is shown while the model is asked, and is the first reply of the message", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    expect(world.typings).toEqual(["m1"]);
    expect(world.thinkingAbout()).toEqual(["m1"]);
    await world.drain();
    expect(ledger(world)).toEqual(["-1 typing m1/1 sent", "0 text m1/2 sent"]);
  });

  it.each<Scene>(["group", "guildChannel", "guildDm"])("is not shown in a %s", async (scene) => {
    const world = new ChatWorld(scene);
    await world.say("hello");
    await world.drain();
    expect(world.typings).toEqual([]);
    expect(world.arrived).toHaveLength(1);
  });

  it("is not shown for what answers itself", async () => {
    const world = new ChatWorld();
    await world.say("/stop");
    await world.drain();
    expect(world.typings).toEqual([]);
    await world.say("tell me all");
    await world.settleModel({ kind: "answer", paragraphs: 7 });
    await world.drain();
    await world.say("继续");
    await world.drain();
    expect(world.typings).toEqual(["m2"]);
  });

  it("is shown for a command that leaves the answer to the model", async () => {
    const world = new ChatWorld();
    await world.say("继续");
    expect(world.typings).toEqual(["m1"]);
    expect(world.thinkingAbout()).toEqual(["m1"]);
  });

  it("is shown once for a turn, whoever joins it, however often the model is asked and whatever dies", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.say("two");
    await world.settleModel({ kind: "fail", refusal: modelFailures.busy });
    await world.advance(1_000);
    await world.crash();
    await world.drain();
    expect(world.typings).toEqual(["m1"]);
    expect(world.arrived).toMatchObject([{ msgId: "m2", msgSeq: 1 }]);
    await world.say("three");
    expect(world.typings).toEqual(["m1", "m3"]);
  });

  it("is not shown under an event, which takes one reply", async () => {
    const world = new ChatWorld();
    await world.receive(world.interaction("继续"));
    expect(world.thinkingAbout()).toHaveLength(1);
    await world.drain();
    expect(world.typings).toEqual([]);
    expect(world.arrived).toMatchObject([{ msgSeq: 1 }]);
    expect(world.broken).toEqual([]);
  });

  it("leaves room for an answer in three parts, whose rest is kept", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.settleModel({ kind: "answer", paragraphs: 4 });
    await world.drain();
    expect(world.arrived.map(({ msgSeq }) => msgSeq)).toEqual([2, 3, 4]);
    expect(world.broken).toEqual([]);
  });
});

describe("a typing notice that is refused", () => {
  it.each([50055001, 40054013, 11298, 11244, 40034024, 22009])("never hurts the answer (%i)", async (code) => {
    const world = new ChatWorld();
    world.typing = refusing(code, code === 11298 ? 401 : 400);
    await world.say("hello");
    await world.drain();
    expect(world.arrived).toHaveLength(1);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
    expect(world.failures).toEqual([]);
    expect(world.typings).toHaveLength(1);
    expect(world.broken).toEqual([]);
  });

  it("before QQ's message layer costs no reply", async () => {
    const world = new ChatWorld();
    world.typing = refusing(11298, 401);
    await world.say("hello");
    await world.settleModel({ kind: "answer", paragraphs: 4 });
    await world.drain();
    expect(world.arrived.map(({ msgSeq }) => msgSeq)).toEqual([2, 3, 4, 5]);
    expect(world.broken).toEqual([]);
  });

  it("costs a reply where QQ may have counted it", async () => {
    const world = new ChatWorld();
    world.typing = refusing(0, 502);
    await world.say("hello");
    await world.settleModel({ kind: "answer", paragraphs: 4 });
    await world.drain();
    expect(world.arrived).toHaveLength(3);
    expect(world.broken).toEqual([]);
  });

  it("for its token has it renewed before the answer is there", async () => {
    const world = new ChatWorld();
    const asked: (string | undefined)[] = [];
    world.lease = async ({ notThisToken }) => {
      asked.push(notThisToken);
      return { ok: true, lease: { token: `t${asked.length}`, expiresAtMs: world.nowMs + 7_200_000 } };
    };
    world.typing = refusing(11244, 401);
    await world.say("hello");
    await world.drain();
    expect(asked).toEqual([undefined, "t1"]);
    expect(world.arrived).toHaveLength(1);
  });

  it("because the message takes no notice any more is not believed of the answer: that is tried", async () => {
    const world = new ChatWorld();
    world.typing = refusing(40034128);
    await world.say("hello");
    await world.settleModel({ kind: "answer", text: "in time" });
    await world.drain();
    expect(world.arrived).toMatchObject([{ msgSeq: 2, text: "in time" }]);
  });

  it("because there is no token costs no reply", async () => {
    const world = new ChatWorld();
    const good = world.lease;
    world.lease = async () => ({ ok: false, refusal: { ...refusalOf(0, 500), operation: "qq.token" } });
    await world.say("hello");
    world.lease = good;
    expect(world.typings).toEqual([]);
    expect(ledger(world)).toEqual(["-1 typing m1/1 uncounted"]);
    await world.drain();
    expect(world.arrived).toMatchObject([{ msgSeq: 2 }]);
  });
});

describe("a typing notice that cannot be stored", () => {
  it("never hurts the answer", async () => {
    const world = new ChatWorld();
    const { exec } = world.storage.sql;
    world.storage.sql.exec = (query, ...bindings) => {
      if (query.includes("'typing'")) throw new Error("no room today");
      return exec(query, ...bindings);
    };
    await world.say("hello");
    await world.drain();
    expect(world.typings).toEqual([]);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
  });
});

describe("a typing notice that hangs", () => {
  it("holds up the answer for two seconds at most", async () => {
    const world = new ChatWorld();
    world.typing = () => new Promise(() => {});
    await world.say("hello");
    await world.settleModel();
    await world.advance(1_999);
    expect(world.sending()).toEqual([]);
    await world.advance(1);
    expect(world.sending()).toEqual(["m1"]);
    await world.drain();
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
  });

  it("holds up nothing where the model takes longer than that", async () => {
    const world = new ChatWorld();
    world.typing = () => new Promise(() => {});
    await world.say("hello");
    await world.advance(2_000);
    await world.settleModel();
    expect(world.sending()).toEqual(["m1"]);
  });

  it("is not shown after the answer where it is quicker", async () => {
    const world = new ChatWorld();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    world.typing = () => promise;
    await world.say("hello");
    await world.settleModel();
    expect(world.sending()).toEqual([]);
    resolve(undefined);
    await world.settleDown();
    expect(world.sending()).toEqual(["m1"]);
  });
});
