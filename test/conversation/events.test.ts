/** What is no message: pressed buttons, chats found and lost, messages taken back. */
import { describe, expect, it } from "vitest";
import { readFact } from "../../src/conversation/facts.ts";
import { GREETINGS, UNTOLD } from "../../src/conversation/sentences.ts";
import type { Scene } from "../../src/event.ts";
import { ChatWorld, modelFailures } from "../support/chat-world.ts";

const outcomes = (world: ChatWorld) => world.outcomes().map(({ outcome }) => outcome);

describe("a pressed button", () => {
  it.each(["button", "menu"] as const)(
    "that says a command acts like it, and is answered under the event (%s)",
    async (action) => {
      const world = new ChatWorld();
      await world.say("hello");
      const pressed = world.interaction("/stop", { action });
      await world.receive(pressed);
      await world.drain();
      expect(outcomes(world)).toEqual(["stopped", "answered"]);
      expect(world.arrived).toMatchObject([
        { msgId: pressed.eventId, msgSeq: 1, text: expect.stringContaining("已停止") },
      ]);
      expect(world.broken).toEqual([]);
    },
  );

  it("gives with 「继续」 what fits into its one reply, and says that there is more", async () => {
    const world = new ChatWorld("group");
    await world.say("tell me all");
    await world.settleModel({ kind: "answer", paragraphs: 9 });
    await world.drain();
    for (let presses = 0; presses < 3; presses += 1) {
      await world.receive(world.interaction("继续"));
      await world.drain();
    }
    expect(
      (
        world
          .texts()
          .join("")
          .match(/\d(?=字)/g) ?? []
      ).join(""),
    ).toBe("012345678");
    expect(world.arrived).toHaveLength(8);
    expect(world.modelCalls).toBe(1);
    expect(world.broken).toEqual([]);
  });

  it("is answered within five minutes or not at all", async () => {
    const world = new ChatWorld();
    await world.receive(world.interaction("继续"));
    await world.advance(230_000);
    expect(world.sending()).toHaveLength(1);
    await world.settleSend();
    expect(world.outcomes()).toMatchObject([{ outcome: "deferred" }]);
    await world.drain();
    expect(world.broken).toEqual([]);
  });

  it("whose reply QQ refuses is a failure like that of a message", async () => {
    const world = new ChatWorld();
    await world.receive(world.interaction("/stop"));
    await world.settleSend({ kind: "refuse", code: 40034027 });
    await world.drain();
    expect(outcomes(world)).toEqual(["failed"]);
    expect(world.failures).toHaveLength(1);
  });

  it("of a member of a group stops only their own answers", async () => {
    const world = new ChatWorld("group");
    await world.say("hello", { id: "bob" });
    await world.receive(world.interaction("/stop", { sender: { id: "ann" } }));
    expect(world.thinkingAbout()).toEqual(["m1"]);
  });

  it.each([
    ["button", "vote:1"],
    ["other", "/stop"],
    ["clear", "/stop"],
  ] as const)("that says no command does nothing visible (%s %s)", async (action, data) => {
    const world = new ChatWorld();
    await world.say("hello");
    const pressed = world.interaction(data, { action });
    expect(await world.receive(pressed)).toMatchObject({ kind: "accepted", interrupted: [] });
    expect(await world.receive(pressed)).toEqual({ kind: "duplicate" });
    expect(world.thinkingAbout()).toEqual(["m1"]);
    await world.drain();
    expect(outcomes(world)).toEqual(["answered"]);
  });

  it("is known again by its outer id: a repeated delivery stops nothing", async () => {
    const world = new ChatWorld();
    const pressed = world.interaction("/stop");
    await world.receive(pressed);
    await world.drain();
    await world.say("hello");
    expect(await world.receive({ ...pressed, id: "another" })).toEqual({ kind: "duplicate" });
    expect(world.thinkingAbout()).toEqual(["m2"]);
  });
});

describe("clearing the chat", () => {
  it("makes the history begin anew", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.drain();
    await world.receive(world.interaction("", { action: "clear" }));
    await world.say("two");
    expect(world.questions.at(-1)?.history).toEqual([]);
    await world.drain();
    await world.say("three");
    expect(world.questions.at(-1)?.history).toMatchObject([{ message: { text: "two" } }, { role: "assistant" }]);
  });

  it("leaves the answer under way alone", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.receive(world.interaction("", { action: "clear" }));
    await world.drain();
    expect(outcomes(world)).toEqual(["answered"]);
  });
});

describe("joining", () => {
  it.each(["c2c", "group"] as const)("is greeted with one sentence under the event (%s)", async (scene) => {
    const world = new ChatWorld(scene);
    const joined = world.relation("joined");
    await world.receive(joined);
    expect(await world.receive(joined)).toEqual({ kind: "duplicate" });
    await world.drain();
    expect(world.arrived).toEqual([{ msgId: joined.eventId, msgSeq: 1, form: "text", text: GREETINGS[scene] }]);
    expect(world.typings).toEqual([]);
    expect(world.modelCalls).toBe(0);
    expect(world.broken).toEqual([]);
  });

  it.each<Scene>(["guildChannel", "guildDm"])("is not greeted in a %s", async (scene) => {
    const world = new ChatWorld(scene);
    await world.receive(world.relation("joined"));
    await world.drain();
    expect(world.arrived).toEqual([]);
  });

  it.each([40034027, 40034026, 40034105, 11298])("whose greeting is refused is no failure (%i)", async (code) => {
    const world = new ChatWorld("group");
    await world.receive(world.relation("joined"));
    await world.settleSend({ kind: "refuse", code });
    await world.drain();
    expect(world.openTurns()).toBe(0);
    expect(world.failures).toEqual([]);
    await world.say("hello");
    await world.drain();
    for (const hint of Object.values(UNTOLD)) expect(world.texts()[0]).not.toContain(hint);
    expect(world.questions[0]?.history).toEqual([]);
  });

  it("holds up no first question", async () => {
    const world = new ChatWorld("group");
    await world.receive(world.relation("joined"));
    await world.say("hello");
    await world.settleModel();
    expect(world.sending()).toHaveLength(2);
  });
});

describe("leaving", () => {
  it("ends every open turn with one failure each, and the work for it", async () => {
    const world = new ChatWorld("group");
    for (const id of ["ann", "bob", "cho", "dan"]) await world.say("hello", { id });
    await world.settleModel();
    await world.say("/stop", { id: "eve" });
    await world.receive(world.relation("joined"));
    await world.receive(world.relation("left"));
    expect(world.thinkingAbout()).toEqual([]);
    expect(outcomes(world)).toEqual(Array.from({ length: 6 }, () => "failed"));
    while (world.sending().length > 0) await world.settleSend({ kind: "refuse", code: 40054003 });
    await world.drain();
    // The greeting was for nobody.
    expect(world.failures.map(({ turn, told }) => `${turn} ${told}`)).toEqual(
      [1, 2, 3, 4, 5].map((turn) => `${turn} false`),
    );
    expect(new Set(world.failures.map(({ reference }) => reference)).size).toBe(5);
    expect(world.modelCalls).toBe(4);
  });

  it("needs nothing where nothing is open", async () => {
    const world = new ChatWorld("group");
    const left = world.relation("left");
    await world.receive(left);
    expect(await world.receive(left)).toEqual({ kind: "duplicate" });
    await world.drain();
    expect(world.failures).toEqual([]);
  });

  it("does not keep the bot from answering when it is back", async () => {
    const world = new ChatWorld("group");
    await world.say("one");
    await world.receive(world.relation("left"));
    await world.receive(world.relation("joined"));
    await world.settleSend();
    await world.say("two");
    await world.drain();
    expect(world.texts().at(-1)).toContain("answer");
  });
});

describe("the switch for proactive messages", () => {
  it("is remembered as it was turned last", async () => {
    const world = new ChatWorld();
    expect(readFact(world.storage, "push")).toBeUndefined();
    await world.receive(world.relation("pushRefused"));
    expect(readFact(world.storage, "push")).toBe("refused");
    await world.receive(world.relation("pushAllowed"));
    await world.crash();
    expect(readFact(world.storage, "push")).toBe("allowed");
    await world.drain();
    expect(world.arrived).toEqual([]);
  });
});

describe("a message that is taken back", () => {
  it("is not answered, and leaves nothing in the history, as long as nothing was said to it", async () => {
    const world = new ChatWorld();
    const asked = await world.say("hello");
    const recall = world.recall(asked);
    await world.receive(recall);
    expect(await world.receive(recall)).toEqual({ kind: "duplicate" });
    expect(world.thinkingAbout()).toEqual([]);
    await world.drain();
    expect(world.arrived).toEqual([]);
    expect(outcomes(world)).toEqual(["withdrawn"]);
    expect(world.failures).toEqual([]);
    await world.say("something else");
    expect(world.questions.at(-1)?.history).toEqual([]);
    await world.drain();
    for (const hint of Object.values(UNTOLD)) expect(world.texts()[0]).not.toContain(hint);
  });

  it("leaves the others of its turn, about which the model is asked anew", async () => {
    const world = new ChatWorld();
    const first = await world.say("one");
    const second = await world.say("two");
    await world.receive(world.recall(first));
    expect(world.thinkingAbout()).toEqual([second.id]);
    await world.drain();
    expect(world.texts()).toEqual([expect.stringMatching(/^<m2> /)]);
    expect(world.arrived[0]?.msgId).toBe(second.id);
  });

  it("leaves the others also where the newest is taken back: the answer goes under what is left", async () => {
    const world = new ChatWorld();
    const first = await world.say("one");
    await world.receive(world.recall(await world.say("two")));
    await world.drain();
    expect(world.arrived[0]?.msgId).toBe(first.id);
    expect(world.texts()).toEqual([expect.stringMatching(/^<m1> /)]);
    expect(world.broken).toEqual([]);
  });

  it("in the moment in which the model has answered is not answered either", async () => {
    const world = new ChatWorld();
    await world.say("one");
    const taken = await world.say("two");
    await Promise.all([world.settleModel({ kind: "answer", text: "to both" }), world.receive(world.recall(taken))]);
    await world.drain();
    expect(world.texts()).toEqual([expect.stringMatching(/^<m1> /)]);
  });

  it("while it waits behind others, or to ask the model again, is gone as well", async () => {
    const world = new ChatWorld("group");
    const asked = [];
    for (const id of ["ann", "bob", "cho", "dan"]) asked.push(await world.say("hello", { id }));
    await world.settleModel({ kind: "fail", refusal: modelFailures.busy });
    for (const at of [0, 3]) await world.receive(world.recall(asked[at] ?? { id: "" }));
    await world.drain();
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m2", "m3"]);
    expect(outcomes(world)).toEqual(["withdrawn", "answered", "answered", "withdrawn"]);
  });

  it("once something was said to it changes nothing", async () => {
    const world = new ChatWorld();
    const asked = await world.say("hello");
    await world.settleModel({ kind: "answer", paragraphs: 2 });
    await world.receive(world.recall(asked));
    await world.drain();
    expect(world.arrived).toHaveLength(2);
    await world.receive(world.recall(asked));
    expect(outcomes(world)).toEqual(["answered"]);
  });

  it("that nobody knows changes nothing", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.receive(world.recall({ id: "unknown" }));
    expect(world.thinkingAbout()).toEqual(["m1"]);
  });

  it("is not held against the rest of its turn as a death", async () => {
    const world = new ChatWorld();
    await world.say("one");
    for (let times = 0; times < 2; times += 1) await world.receive(world.recall(await world.say("oops")));
    await world.crash();
    expect(world.thinkingAbout()).toEqual(["m1"]);
    await world.drain();
    expect(outcomes(world)).toEqual(["answered"]);
  });
});
