/** What becomes of a message the moment it arrives: its turn, and what it does to the turn that runs. */
import { describe, expect, it } from "vitest";
import { QUEUE_LIMIT } from "../../src/conversation/inbox.ts";
import { queueFull } from "../../src/conversation/sentences.ts";
import { rows } from "../../src/conversation/storage.ts";
import { endTurn, insertTurn, openTurns } from "../../src/conversation/turns.ts";
import { ChatWorld, modelFailures } from "../support/chat-world.ts";
import { chatOf } from "../support/commands.ts";

const TABLES = ["seen", "turn", "step", "part", "report", "lease", "audit", "fact", "choice", "told"];

/** Everything that the chat has stored. */
const everything = (world: ChatWorld) => TABLES.map((table) => rows(world.storage, `SELECT * FROM ${table}`));

const outcomeOf = (world: ChatWorld, { id }: { id: string }) =>
  world.outcomes().find(({ messages }) => messages.includes(id))?.outcome;

/** Several messages before the bot gets to do anything. */
const burst = (world: ChatWorld, ...texts: string[]) => Promise.all(texts.map((text) => world.say(text)));

/** What /stop says when it stopped so many messages' answers. */
const stopReply = (stopped: number) => chatOf({ stoppable: stopped }).run("/stop")?.text;

describe("a repeated message", () => {
  it("changes nothing, whenever it comes", async () => {
    const world = new ChatWorld();
    const asked = await world.say("hello");
    const stages = [
      async () => {}, // the model is being asked
      () => world.settleModel({ kind: "answer", paragraphs: 2 }), // the first part is on its way
      () => world.settleSend(),
      () => world.crash(),
      () => world.drain(), // answered
    ];
    for (const reach of stages) {
      await reach();
      const before = everything(world);
      const alarmAtMs = world.alarmAtMs;
      expect(await world.receive({ ...asked, eventId: "another delivery" })).toEqual({ kind: "duplicate" });
      expect(everything(world)).toEqual(before);
      expect(world.alarmAtMs).toBe(alarmAtMs);
    }
    expect(world.modelCalls).toBe(1);
    expect(world.arrived).toHaveLength(2);
  });

  it("is known as well when it joined another one, was a command, or was refused", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    const joined = await world.say("and this");
    const command = await world.say("/stop");
    for (const message of [joined, command]) expect(await world.receive(message)).toEqual({ kind: "duplicate" });
    await world.drain();
    expect(world.texts()).toEqual([stopReply(1)]);
  });
});

describe("messages of one person", () => {
  it("share one turn when they come before it starts", async () => {
    const world = new ChatWorld();
    await burst(world, "one", "two", "three");
    expect(world.thinkingAbout()).toEqual(["m1 m2 m3"]);
    expect(world.modelCalls).toBe(1);
  });

  it("join the running turn: the model call is given up and started again with all of them", async () => {
    const world = new ChatWorld();
    await world.say("one");
    expect(world.thinkingAbout()).toEqual(["m1"]);
    const joined = await world.say("two");
    expect(world.thinkingAbout()).toEqual(["m1 m2"]);
    expect(world.modelCalls).toBe(2);
    expect(openTurns(world.storage)).toHaveLength(1);
    await world.drain();
    expect(world.outcomes()).toEqual([{ id: 1, outcome: "answered", messages: ["m1", "m2"] }]);
    expect(world.arrived).toHaveLength(1);
    expect(world.arrived[0]?.msgId).toBe(joined.id);
    expect(world.arrived[0]?.text).toContain("<m1><m2>");
  });

  it("join also in the moment in which the model has answered: that answer did not know of them", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await Promise.all([world.settleModel({ kind: "answer", text: "to one alone" }), world.say("two")]);
    expect(world.thinkingAbout()).toEqual(["m1 m2"]);
    await world.drain();
    expect(world.texts().join("")).not.toContain("to one alone");
    expect(world.arrived).toHaveLength(1);
  });

  it("restart the model call twice at most; later ones share the next turn", async () => {
    const world = new ChatWorld();
    for (const text of ["one", "two", "three", "four", "five"]) await world.say(text);
    expect(world.thinkingAbout()).toEqual(["m1 m2 m3"]);
    expect(world.modelCalls).toBe(3);
    await world.drain();
    expect(world.outcomes().map(({ messages }) => messages)).toEqual([
      ["m1", "m2", "m3"],
      ["m4", "m5"],
    ]);
    expect(world.modelCalls).toBe(4);
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m3", "m5"]);
  });

  it("that shared the turn from the start restart nothing, so that two more may", async () => {
    const world = new ChatWorld();
    await burst(world, "one", "two", "three");
    for (const text of ["four", "five", "six"]) await world.say(text);
    expect(world.thinkingAbout()).toEqual(["m1 m2 m3 m4 m5"]);
  });

  it("join a turn that waits to ask the model again however often it was restarted: no call is given up", async () => {
    const world = new ChatWorld();
    for (const text of ["one", "two", "three"]) await world.say(text);
    await world.settleModel({ kind: "fail", refusal: modelFailures.busy });
    await world.say("four");
    await world.advance(1_000);
    expect(world.thinkingAbout()).toEqual(["m1 m2 m3 m4"]);
  });

  it("do not join once a part of the answer is booked", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel({ kind: "answer", paragraphs: 2 });
    await world.say("two"); // the first part is on its way
    await world.settleSend();
    await world.say("three"); // it is visible
    await world.drain();
    expect(world.outcomes().map(({ messages }) => messages)).toEqual([["m1"], ["m2", "m3"]]);
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m1", "m1", "m3"]);
  });

  it("do not join an apology that is on its way", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel({ kind: "fail", refusal: modelFailures.key });
    await world.say("two");
    await world.drain();
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["apologised", "answered"]);
  });

  it("join a turn that waits to ask the model again, which goes on waiting as long as the model said", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel({ kind: "fail", refusal: modelFailures.busy });
    expect(world.thinkingAbout()).toEqual([]);
    await world.say("two");
    expect(world.thinkingAbout()).toEqual([]);
    await world.advance(1_000);
    expect(world.thinkingAbout()).toEqual(["m1 m2"]);
  });

  it("keep their order around a command that waits", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.say("继续");
    await world.say("three");
    await world.drain();
    expect(world.outcomes().map(({ messages }) => messages)).toEqual([["m1"], ["m2"], ["m3"]]);
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m1", "m2", "m3"]);
  });
});

describe("people in a group", () => {
  it("never share a turn", async () => {
    const world = new ChatWorld("group");
    await world.say("one", { id: "ann" });
    await world.say("two", { id: "bob" });
    expect(world.thinkingAbout()).toEqual(["m1", "m2"]);
    await world.drain();
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m1", "m2"]);
  });

  it("do not swallow each other's messages when one of them says more", async () => {
    const world = new ChatWorld("group");
    await world.say("one", { id: "ann" });
    await world.say("two", { id: "bob" });
    await world.say("three", { id: "ann" });
    expect(world.thinkingAbout()).toEqual(["m2", "m1 m3"]);
    await world.drain();
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m3", "m2"]);
    expect(world.texts()[1]).toContain("<m2>");
  });
});

describe("/stop", () => {
  it.each(["/stop", "/STOP ", "停止", "停", "/停"])(
    "written as %j, ends the answer under way and gives its own reply",
    async (text) => {
      const world = new ChatWorld();
      const asked = await world.say("hello");
      const stopped = await world.say(text);
      // The model call is given up, and nothing but the reply goes out.
      expect(world.thinkingAbout()).toEqual([]);
      expect(world.sending()).toEqual([stopped.id]);
      await world.drain();
      expect(world.texts()).toEqual([stopReply(1)]);
      expect(outcomeOf(world, asked)).toBe("stopped");
      expect(outcomeOf(world, stopped)).toBe("answered");
      expect(world.failures).toEqual([]);
    },
  );

  it("ends what waits as well as what runs", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel();
    await world.say("two");
    await world.say("/stop");
    await world.drain();
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["stopped", "stopped", "answered"]);
    expect(world.texts()).toContain(stopReply(2));
    expect(world.modelCalls).toBe(1);
  });

  it("stops a long answer behind the part that is on its way, and nothing overtakes that part", async () => {
    const world = new ChatWorld();
    await world.say("tell me all");
    await world.settleModel({ kind: "answer", paragraphs: 4 });
    await world.settleSend();
    await world.say("/stop");
    const next = await world.say("something else");
    await world.settleModel();
    // The reply to /stop goes out beside the part; the next answer waits for the part.
    expect(world.sending()).toEqual(["m1", "m2"]);
    await world.drain();
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m1", "m1", "m2", next.id]);
  });

  it("says so when there is nothing to stop", async () => {
    const world = new ChatWorld();
    await world.say("/stop");
    await world.drain();
    expect(world.texts()).toEqual([stopReply(0)]);
    expect(stopReply(0)).not.toBe(stopReply(1));
  });

  it("works while the process is dead: it is stored and the stopped answer never starts again", async () => {
    const world = new ChatWorld();
    const asked = await world.say("hello");
    await Promise.all([world.crash(), world.say("/stop")]);
    await world.drain();
    expect(world.texts()).toEqual([stopReply(1)]);
    expect(outcomeOf(world, asked)).toBe("stopped");
  });

  it("in a group ends only the asker's own answers", async () => {
    const world = new ChatWorld("group");
    const anns = await world.say("one", { id: "ann" });
    const bobs = await world.say("two", { id: "bob" });
    await world.say("/stop", { id: "bob", role: "member" });
    expect(world.thinkingAbout()).toEqual([anns.id]);
    await world.say("/stop", { id: "cho", role: "member" });
    expect(world.thinkingAbout()).toEqual([anns.id]);
    await world.drain();
    expect(outcomeOf(world, anns)).toBe("answered");
    expect(outcomeOf(world, bobs)).toBe("stopped");
    expect(world.texts()).toContain(stopReply(0));
  });

  it.each(["admin", "owner"] as const)("of a group's %s ends everybody's answers", async (role) => {
    const world = new ChatWorld("group");
    for (const id of ["ann", "bob"]) await world.say("hello", { id });
    await world.say("/stop", { id: "cho", role });
    expect(world.thinkingAbout()).toEqual([]);
    await world.drain();
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["stopped", "stopped", "answered"]);
    expect(world.texts()).toEqual([stopReply(2)]);
  });

  it("leaves the reply to an earlier /stop alone", async () => {
    const world = new ChatWorld();
    await world.say("/stop");
    await world.say("/stop");
    await world.drain();
    expect(world.texts()).toEqual([stopReply(0), stopReply(0)]);
  });
});

describe("the queue", () => {
  async function full(): Promise<ChatWorld> {
    const world = new ChatWorld("group");
    await Promise.all(Array.from({ length: QUEUE_LIMIT }, (_, index) => world.say("hello", { id: `person${index}` })));
    return world;
  }

  it("refuses one message too many with a sentence, and stores that", async () => {
    const world = await full();
    expect(openTurns(world.storage)).toHaveLength(QUEUE_LIMIT);
    const refused = await world.say("me too", { id: "late" });
    expect(world.sending()).toEqual([refused.id]); // at once, past all the others
    expect(await world.receive(refused)).toEqual({ kind: "duplicate" });
    await world.settleSend();
    expect(world.arrived).toMatchObject([{ msgId: refused.id, text: queueFull(QUEUE_LIMIT) }]);
    await world.drain();
    expect(outcomeOf(world, refused)).toBe("answered");
    expect(world.texts().filter((text) => text.includes(`<${refused.id}>`))).toEqual([]);
    expect(world.arrived).toHaveLength(QUEUE_LIMIT + 1);
  });

  it("counts messages and not turns", async () => {
    const world = new ChatWorld();
    await burst(world, ...Array.from({ length: QUEUE_LIMIT }, () => "hello"));
    expect(openTurns(world.storage)).toHaveLength(1);
    const refused = await world.say("me too");
    expect(world.sending()).toEqual([refused.id]);
  });

  it("takes messages again as soon as there is room", async () => {
    const world = await full();
    await world.settleModel();
    await world.settleSend();
    const taken = await world.say("and me", { id: "late" });
    await world.drain();
    expect(world.texts().filter((text) => text.includes(`<${taken.id}>`))).toHaveLength(1);
  });

  it("lets /stop through when it is full", async () => {
    const world = await full();
    const stopped = await world.say("/stop", { id: "person49" });
    await world.drain();
    expect(world.arrived.filter(({ msgId }) => msgId === stopped.id)).toMatchObject([{ text: stopReply(1) }]);
  });
});

describe("open turns", () => {
  it("are found behind whatever has ended since", async () => {
    const world = new ChatWorld("group");
    const asked = await world.say("think long", { id: "ann" });
    for (let notice = 0; notice < 100; notice += 1) {
      await world.say("/stop", { id: "bob" });
      await world.settleSend();
    }
    expect(openTurns(world.storage).map(({ id }) => id)).toEqual([1]);
    await world.crash();
    expect(world.thinkingAbout()).toEqual([asked.id]);
  });

  it("are looked for only where they can be, however long the history is", () => {
    const world = new ChatWorld("group");
    const { storage, nowMs } = world;
    const message = world.message("hello");
    const insert = () => insertTurn(storage, { kind: "question", message, nowMs });
    const openFrom = (id: number) =>
      rows<{ at: number }>(storage, "SELECT open_from AS at FROM turn WHERE id = ?", id)[0]?.at;
    for (let id = insert(); id < 2_000; id = insert()) endTurn(storage, id, "answered", nowMs);
    expect(openTurns(storage).map(({ id }) => id)).toEqual([2_000]);
    expect(openFrom(2_000)).toBe(2_000);

    // While 2000 is open, the next rows point back to it; once it has ended, they do not.
    const next = insert();
    expect(openFrom(next)).toBe(2_000);
    endTurn(storage, 2_000, "answered", nowMs);
    expect(openTurns(storage).map(({ id }) => id)).toEqual([next]);
    expect(openFrom(insert())).toBe(next);
  });
});
