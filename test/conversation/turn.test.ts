/** A turn from its first attempt to its end, when the model, QQ or the process fails. */
import { describe, expect, it } from "vitest";
import { apology } from "../../src/conversation/sentences.ts";
import type { Storage } from "../../src/conversation/storage.ts";
import type { Outcome, TurnKind } from "../../src/conversation/turn-machine.ts";
import { endTurn, insertTurn, medianTurnMs, openTurn, recordAttempt } from "../../src/conversation/turns.ts";
import type { Scene } from "../../src/event.ts";
import { ChatWorld, modelFailures } from "../support/chat-world.ts";
import { message, NOW } from "../support/turns.ts";

/** What every sentence of this kind begins with. */
const beginningOf = (kind: Parameters<typeof apology>[0]["kind"]) => apology({ kind, reference: "" }).split("(")[0];

/** When the model was asked, in ms since it was asked first. */
const askedAfter = ({ questions }: ChatWorld) => questions.map(({ atMs }) => atMs - (questions[0]?.atMs ?? 0));

/** Lets the model fail until the turn has its sentence. */
async function failing(refusal: keyof typeof modelFailures, world = new ChatWorld()): Promise<ChatWorld> {
  await world.say("hello");
  for (let step = 0; world.sending().length === 0 && world.openTurns() > 0; step += 1) {
    if (step > 100) throw new Error("it is tried for ever");
    if (world.thinkingAbout().length > 0) await world.settleModel({ kind: "fail", refusal: modelFailures[refusal] });
    else await world.advance(500);
  }
  await world.drain();
  return world;
}

describe("a model that fails", () => {
  it("is asked again after growing waits while it is busy, three times, then the person is told", async () => {
    const world = await failing("busy");
    expect(askedAfter(world)).toEqual([0, 1_000, 3_000, 7_000]);
    expect(world.outcomes()).toMatchObject([{ outcome: "apologised" }]);
    expect(world.texts()).toEqual([expect.stringContaining(beginningOf("busy") ?? "")]);
  });

  it("is asked once more when it is down", async () => {
    const world = await failing("down");
    expect(askedAfter(world)).toEqual([0, 1_000]);
    expect(world.texts()).toEqual([expect.stringContaining(beginningOf("model") ?? "")]);
  });

  it.each([
    ["key", "setup"],
    ["late", "timeout"],
  ] as const)("is not asked again where that is of no use (%s)", async (refusal, kind) => {
    const world = await failing(refusal);
    expect(world.modelCalls).toBe(1);
    expect(world.texts()).toEqual([expect.stringContaining(beginningOf(kind) ?? "")]);
  });

  it("is not asked again when the answer would come too late", async () => {
    const world = new ChatWorld("group");
    await world.receive(world.message("hello", {}, world.nowMs - 229_500));
    await world.settleModel({ kind: "fail", refusal: modelFailures.busy });
    expect(world.thinkingAbout()).toEqual([]);
    expect(world.sending()).toEqual(["m1"]);
  });

  it("gets the next question afterwards as if nothing had happened", async () => {
    const world = await failing("down");
    await world.say("and now?");
    await world.drain();
    expect(world.outcomes().at(-1)).toMatchObject({ outcome: "answered" });
  });
});

describe("the time that a model gets", () => {
  /** After how many seconds the person sees something of an answer that is not ready, to a message of that age. */
  async function seenAfterS(scene: Scene, ageMs: number): Promise<number> {
    const world = new ChatWorld(scene);
    await world.receive(world.message("hello", {}, world.nowMs - ageMs));
    for (let s = 0; s < 400; s += 1) {
      if (world.sending().length > 0) return s;
      await world.advance(1_000);
    }
    throw new Error("nobody hears anything");
  }

  it("is what is left of the window in a group and in a guild, less what sending takes", async () => {
    for (const scene of ["group", "guildChannel", "guildDm"] as const) {
      expect(await seenAfterS(scene, 0)).toBe(230);
      expect(await seenAfterS(scene, 100_000)).toBe(130);
      expect(await seenAfterS(scene, 229_500)).toBe(1);
    }
  });

  it("ends before five minutes in a private chat, and is two minutes at least while the window lasts", async () => {
    expect(await seenAfterS("c2c", 0)).toBe(260);
    expect(await seenAfterS("c2c", 30 * 60_000)).toBe(110);
    expect(await seenAfterS("c2c", 54 * 60_000)).toBe(50);
  });

  it("is longer where it writes on for later: with the wait before it, still short of what an alarm may run", async () => {
    const world = new ChatWorld("group");
    await world.receive(world.message("hello", {}, world.nowMs - 215_000));
    expect(world.questions[0]?.limits).toEqual({ totalMs: 390_000, firstTokenMs: 60_000, silenceMs: 30_000 });
  });
});

describe("a turn that kills the process", () => {
  it("while the model is asked is tried twice; then the person is told, and the chat goes on", async () => {
    const world = new ChatWorld();
    await world.say("poison");
    for (let death = 0; death < 2; death += 1) {
      expect(world.thinkingAbout()).toEqual(["m1"]);
      await world.crash();
    }
    expect(world.thinkingAbout()).toEqual([]);
    await world.settleSend();
    expect(world.modelCalls).toBe(2);
    expect(world.texts()).toEqual([expect.stringContaining(beginningOf("crashed") ?? "")]);
    expect(world.failures).toMatchObject([{ turn: 1, told: true }]);

    await world.say("and now?");
    await world.drain();
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["apologised", "answered"]);
  });

  it("while the model is asked again after an orderly failure is tried twice as well", async () => {
    const world = new ChatWorld();
    await world.say("poison");
    await world.settleModel({ kind: "fail", refusal: modelFailures.busy });
    await world.advance(1_000);
    for (let death = 0; death < 2; death += 1) await world.crash();
    expect(world.thinkingAbout()).toEqual([]);
    expect(world.modelCalls).toBe(3);
  });

  it("is tried twice also when it was a message that joined that kills", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.say("poison");
    for (let death = 0; death < 2; death += 1) {
      expect(world.thinkingAbout()).toEqual(["m1 m2"]);
      await world.crash();
    }
    expect(world.thinkingAbout()).toEqual([]);
    expect(world.sending()).toEqual(["m2"]);
  });

  it("is tried as often beside a neighbour's turn that keeps the invocation alive", async () => {
    const world = new ChatWorld("group");
    await world.say("think long", { id: "ann" });
    await world.say("poison", { id: "bob" });
    await world.settle(1, { kind: "fail", refusal: modelFailures.busy });
    await world.advance(1_000);
    expect(world.thinkingAbout()).toEqual(["m1", "m2"]);
    await world.crash();
    await world.settleModel(); // Ann's, which runs alone now
    await world.settleSend();
    await world.crash();
    await world.crash();
    await world.drain();
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["answered", "apologised"]);
    expect(world.questions.filter(({ messages }) => messages[0]?.id === "m2")).toHaveLength(3);
  });

  it("while a part is sent ends as failed, and what was not tried is kept", async () => {
    const world = new ChatWorld();
    await world.say("poison");
    await world.settleModel({ kind: "answer", paragraphs: 2 });
    for (let death = 0; world.openTurns() > 0; death += 1) {
      expect(death).toBeLessThan(5);
      expect(world.sending().length).toBeLessThanOrEqual(1);
      await world.crash();
    }
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    expect(world.failures).toMatchObject([{ turn: 1, told: false }]);
    await world.say("继续");
    await world.drain();
    expect(
      world
        .texts()
        .join("")
        .match(/\d(?=字)/g),
    ).toEqual(["1"]);
  });

  it("takes no neighbour with it", async () => {
    const world = new ChatWorld("group");
    for (const id of ["ann", "bob", "cho"]) await world.say("hello", { id });
    expect(world.thinkingAbout()).toEqual(["m1", "m2", "m3"]);
    // Bob's is the poison: whenever his model call runs, the process dies.
    for (let step = 0; world.openTurns() > 0; step += 1) {
      expect(step).toBeLessThan(20);
      if (world.thinkingAbout().includes("m2")) await world.crash();
      else if (world.thinkingAbout().length > 0) await world.settleModel();
      else await world.settleSend();
    }
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["answered", "apologised", "answered"]);
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m1", "m2", "m3"]);
  });
});

describe("a process that dies", () => {
  it("does not ask the model again for what it had answered", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.settleModel({ kind: "answer", paragraphs: 2 });
    await world.crash();
    await world.settleSend();
    await world.crash();
    await world.drain();
    expect(world.modelCalls).toBe(1);
    expect(world.arrived.map(({ msgSeq }) => msgSeq)).toEqual([2, 3]);
  });
});

describe("a crowd", () => {
  it("is served six at a time, which is what the platform connects", async () => {
    const world = new ChatWorld("group");
    const asked = await Promise.all(Array.from({ length: 10 }, (_, index) => world.say("/stop", { id: `p${index}` })));
    expect(world.sending()).toHaveLength(6);
    await world.drain();
    expect(world.arrived.map(({ msgId }) => msgId).toSorted()).toEqual(asked.map(({ id }) => id).toSorted());
  });
});

describe("a part that QQ refuses", () => {
  const refused = async (code: number, text: string) => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.settleModel({ kind: "answer", text });
    await world.settleSend({ kind: "refuse", code });
    await world.drain();
    return world;
  };

  it("goes out with its links defused, under the next number, where QQ refuses links", async () => {
    const world = await refused(40054010, "see https://www.example.com/a.html");
    expect(world.arrived).toMatchObject([{ msgSeq: 3, text: "see www[.]example[.]com/a[.]html" }]);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
  });

  it("is halved where QQ finds it too long, and nothing of it is lost", async () => {
    const text = Array.from({ length: 100 }, (_, index) => `sentence ${index}.`).join(" ");
    const world = await refused(40054007, text);
    expect(world.texts().join("")).toBe(text);
    expect(world.texts()).toHaveLength(2); // a third part would cost another reply
    expect(Math.max(...world.texts().map(({ length }) => length))).toBeLessThanOrEqual(text.length * 0.6);
    expect(world.arrived[0]?.msgSeq).toBe(3); // behind the typing notice and the part that was refused
  });

  it("is sent again at once, under the same number, where only the token was refused", async () => {
    const world = await refused(11244, "hello");
    expect(world.arrived).toMatchObject([{ msgSeq: 2, text: "hello" }]);
  });

  it("is given up, and the operator hears of it, where sending again is of no use", async () => {
    const world = await refused(40054013, "hello");
    expect(world.arrived).toEqual([]);
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    expect(world.failures).toMatchObject([{ operation: "qq.send", told: false }]);
  });
});

describe("the usual length of a turn", () => {
  /** A chat whose turns ended like this after so many seconds. */
  function chat(...turns: { s: number; kind?: TurnKind; outcome?: Outcome }[]): Storage {
    const { storage } = new ChatWorld("group");
    for (const { s, kind = "question", outcome = "answered" } of turns) {
      const id = insertTurn(storage, { kind, message: message(), nowMs: NOW });
      const open = openTurn(storage, id);
      if (open) recordAttempt(storage, open, NOW);
      endTurn(storage, id, outcome, NOW + s * 1_000);
    }
    return storage;
  }

  it("is a guess in a chat that has answered nothing yet", () => {
    expect(medianTurnMs(chat())).toBe(10_000);
    expect(medianTurnMs(chat({ s: 90, outcome: "apologised" }))).toBe(10_000);
  });

  it("is the median, which one long turn does not move", () => {
    expect(medianTurnMs(chat({ s: 300 }, { s: 4 }, { s: 2 }))).toBe(4_000);
  });

  it("is that of answers of the model alone", () => {
    const others = [
      { s: 1, outcome: "stopped" },
      { s: 1, kind: "command" },
      { s: 1, kind: "notice" },
    ] as const;
    expect(medianTurnMs(chat({ s: 20 }, ...others))).toBe(20_000);
  });

  it("is that of the last twenty turns", () => {
    const slow = Array.from({ length: 100 }, () => ({ s: 60 }));
    const fast = Array.from({ length: 20 }, () => ({ s: 3 }));
    expect(medianTurnMs(chat(...slow, ...fast))).toBe(3_000);
  });
});

describe("a group that is too busy", () => {
  it("tells whoever would wait past the window, in time, and answers on 「继续」", async () => {
    const world = new ChatWorld("group");
    for (const id of ["ann", "bob", "cho", "dan"]) await world.say("hello", { id });
    expect(world.thinkingAbout()).toEqual(["m1", "m2", "m3"]);
    // Nobody knows yet how long this chat's turns take: 10 s each, two rounds of them, and 5 s to send the sentence.
    await world.advance(214_000);
    expect(world.sending()).toEqual([]);
    await world.advance(1_000);
    expect(world.sending()).toEqual(["m4"]);
    await world.settleSend();
    expect(world.texts()).toEqual([apology({ kind: "late", reference: "" })]);
    expect(world.outcomes().at(-1)).toMatchObject({ outcome: "deferred" });
    expect(world.failures).toEqual([]);

    await world.drain();
    const more = await world.say("继续", { id: "dan" });
    await world.drain();
    expect(world.arrived.at(-1)?.msgId).toBe(more.id);
    expect(world.broken).toEqual([]);
  });
});
