/** An answer that takes longer than its message may be answered. */
import { describe, expect, it } from "vitest";
import { Draft } from "../../src/conversation/draft.ts";
import { apology, MORE, STILL_WRITING, UNTOLD } from "../../src/conversation/sentences.ts";
import { settledLength } from "../../src/qq/writing.ts";
import { ChatWorld, modelFailures } from "../support/chat-world.ts";

const SLOW = apology({ kind: "slow", reference: "" });
/** So many paragraphs, numbered from `from`. */
const paragraphs = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `<${from + index}> ${"字".repeat(20)}`).join("\n\n");
/** The numbers of the paragraphs that arrived, in order. */
const given = (world: ChatWorld) =>
  [
    ...world
      .texts()
      .join("")
      .matchAll(/<(\d+)>/g),
  ].map(([, number]) => Number(number));
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** A group, or another scene, in which the model has written so many paragraphs of an answer when its window ends. */
async function cut(written: number, world = new ChatWorld("group")): Promise<ChatWorld> {
  await world.say("tell me all");
  if (written > 0) await write(world, written);
  await world.advance(world.chat.scene === "c2c" ? 260_000 : 230_000);
  return world;
}

/** The model has written so many paragraphs now, and is at the next. */
const write = (world: ChatWorld, count: number) =>
  world.settle(
    world.pending.findIndex(({ kind }) => kind === "generate"),
    { kind: "write", text: `${paragraphs(count)}\n\n<${count}> and` },
  );

/** Lets QQ take all that is on its way. */
async function take(world: ChatWorld): Promise<void> {
  while (world.sending().length > 0) await world.settleSend();
}

describe("a draft", () => {
  const settle = (draft: Draft) => draft.takeSettled(settledLength);

  it("gives what has come to rest since the last time, and the rest in the end", () => {
    const draft = new Draft();
    draft.text = "one\n\ntwo";
    expect(settle(draft)).toBe("one\n\n");
    expect(settle(draft)).toBe("");
    draft.text = "one\n\ntwo\n\nthree\n\nfo";
    expect(settle(draft)).toBe("two\n\nthree\n\n");
    expect(draft.restOf("one\n\ntwo\n\nthree\n\nfour")).toBe("four");
  });

  it("gives sentences of a lone paragraph", () => {
    const draft = new Draft();
    draft.text = "第一句。第二";
    expect(settle(draft)).toBe("第一句。");
    expect(draft.restOf("第一句。第二句。")).toBe("第二句。");
  });

  it("gives nothing of what may still change: a table, a list, a block of code", () => {
    for (const text of [
      "| a | b |\n|---|---|\n| 1 |",
      "- one\n- two\n",
      "```js\nlet a;\n",
      "**bold. still",
      "a $x. y",
      "| a. | b |\n",
    ]) {
      const draft = new Draft();
      draft.text = text;
      expect(settle(draft)).toBe("");
      expect(draft.restOf(text)).toBe(text);
    }
  });

  it("has nothing left where all was given, though the end of the whole was trimmed", () => {
    const draft = new Draft();
    draft.text = "第一句。\n";
    expect(settle(draft).trim()).toBe("第一句。");
    expect(draft.restOf("第一句。")).toBe("");
  });

  it("gives all of what another model wrote anew", () => {
    const draft = new Draft();
    draft.text = "one\n\ntwo";
    settle(draft);
    expect(draft.restOf("eins\n\nzwei")).toBe("eins\n\nzwei");
    draft.text = "eins\n\nzwei";
    expect(settle(draft)).toBe("eins\n\n");
    expect(draft.restOf("eins\n\nzwei")).toBe("zwei");
  });

  it("can be given up", () => {
    const draft = new Draft();
    expect(draft.signal.aborted).toBe(false);
    draft.giveUp();
    expect(draft.signal.aborted).toBe(true);
  });
});

describe("a 6-minute answer in a group", () => {
  it("is told inside the window, the rest on request, nothing twice, nothing missing", async () => {
    const world = new ChatWorld("group");
    await world.say("tell me all");
    for (let minute = 1; minute < 4; minute += 1) {
      await write(world, 3 * minute);
      await world.advance(60_000);
    }
    expect(world.sending()).toEqual([]);
    await world.advance(50_000);
    expect(world.sending()).toEqual(["m1"]);
    await take(world);
    expect(given(world)).toEqual(upTo(9));
    expect(world.texts().at(-1)?.endsWith(MORE)).toBe(true);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
    expect(world.thinkingAbout()).toEqual(["m1"]); // it writes on

    await world.advance(130_000);
    await world.settleModel({ kind: "answer", text: paragraphs(15) });
    await world.say("继续");
    await world.drain();
    expect(given(world)).toEqual(upTo(15));
    expect(world.texts().at(-1)).not.toContain(MORE);
    expect(world.modelCalls).toBe(1);
    expect(world.broken).toEqual([]);
    expect(world.failures).toEqual([]);
  });

  it("stands whole in the history", async () => {
    const world = await cut(3);
    await take(world);
    await world.settleModel({ kind: "answer", text: paragraphs(6) });
    await world.say("and?");
    expect(world.questions.at(-1)?.history).toMatchObject([
      { role: "user" },
      { role: "assistant", text: paragraphs(6) },
    ]);
  });

  it.each(["group", "guildChannel", "guildDm", "c2c"] as const)(
    "begins with the slow sentence where nothing has settled (%s)",
    async (scene) => {
      const world = await cut(0, new ChatWorld(scene));
      await take(world);
      expect(world.texts()).toEqual([SLOW]);
      expect(world.outcomes()).toMatchObject([{ outcome: "deferred" }]);
      await world.settleModel({ kind: "answer", text: paragraphs(3) });
      await world.say("继续");
      await world.drain();
      expect(given(world)).toEqual([0, 1, 2]);
      expect(world.modelCalls).toBe(1);
      expect(world.failures).toEqual([]);
      await world.say("and?");
      expect(world.questions.at(-1)?.history.at(-1)).toMatchObject({ role: "assistant", text: paragraphs(3) });
    },
  );

  it("holds up nobody else, nor the same person", async () => {
    const world = await cut(3);
    await take(world);
    await world.say("something else", { id: "bob" });
    await world.say("and another thing");
    expect(world.thinkingAbout()).toEqual(["m1", "m2", "m3"]);
    await world.settle(1, { kind: "answer" });
    await take(world);
    expect(world.arrived.at(-1)?.msgId).toBe("m2");
  });

  it("goes on also while its part waits behind the answer to somebody else", async () => {
    const world = new ChatWorld("group");
    await world.say("first", { id: "bob" });
    await world.say("tell me all");
    await world.settle(1, { kind: "write", text: `${paragraphs(3)}\n\n<3>` });
    await world.advance(229_000);
    await world.settleModel(); // Bob's
    await world.advance(1_000);
    await world.settleModel({ kind: "answer", text: paragraphs(6) });
    await take(world);
    await world.say("继续");
    await world.drain();
    expect(given(world).filter((n) => n < 6)).toEqual(upTo(6));
  });
});

describe("「继续」 while the answer is still being written", () => {
  it("waits for its end", async () => {
    const world = await cut(3);
    await take(world);
    await world.say("继续");
    await world.advance(60_000);
    expect(world.sending()).toEqual([]);
    await world.settleModel({ kind: "answer", text: paragraphs(7) });
    await take(world);
    expect(given(world)).toEqual(upTo(7));
    expect(world.modelCalls).toBe(1);
    expect(world.texts().at(-1)).not.toContain(MORE);
  });

  it("gives what has settled since, when its own window ends first, and the rest on the next one", async () => {
    const world = await cut(3);
    await take(world);
    await write(world, 6);
    await world.say("继续");
    await world.advance(230_000);
    await take(world);
    expect(given(world)).toEqual(upTo(6));
    expect(world.texts().at(-1)?.endsWith(MORE)).toBe(true);
    await world.settleModel({ kind: "answer", text: paragraphs(8) });
    await world.say("继续");
    await world.drain();
    expect(given(world)).toEqual(upTo(8));
    expect(world.texts().at(-1)).not.toContain(MORE);
    expect(world.modelCalls).toBe(1);
  });

  it("says so where nothing has settled since", async () => {
    const world = await cut(3);
    await take(world);
    await world.say("继续");
    await world.advance(230_000);
    await take(world);
    expect(world.texts().at(-1)).toBe(STILL_WRITING.text);
    await world.settleModel({ kind: "answer", text: paragraphs(4) });
    await world.say("继续");
    await world.drain();
    expect(given(world)).toEqual(upTo(4));
  });

  it("holds up nobody once it is taken back", async () => {
    const world = await cut(3);
    await take(world);
    await world.receive(world.recall(await world.say("继续")));
    await world.say("something else", { id: "bob" });
    await world.settle(1, { kind: "answer" });
    expect(world.sending()).toHaveLength(1);
  });

  it("of somebody else is a question of theirs", async () => {
    const world = await cut(3);
    await take(world);
    await world.say("继续", { id: "bob" });
    expect(world.thinkingAbout()).toEqual(["m1", "m2"]);
  });

  it("gives what overflowed first, and announces that there is more", async () => {
    const world = new ChatWorld("group");
    await world.say("tell me all");
    const long = (count: number) =>
      Array.from({ length: count }, (_, i) => `<${i}> ${"字".repeat(1_500)}`).join("\n\n");
    await world.settle(0, { kind: "write", text: `${long(7)}\n\n<7>` });
    await world.advance(230_000);
    await take(world);
    await world.say("继续");
    await world.advance(230_000);
    await take(world);
    expect(world.texts().at(-1)?.endsWith(MORE)).toBe(true);
    await world.settleModel({ kind: "answer", text: long(9) });
    await world.say("继续");
    await world.drain();
    expect(given(world)).toEqual(upTo(9));
  });
});

describe("/stop", () => {
  it("ends what is written on, and nothing more of it is offered", async () => {
    const world = await cut(3);
    await take(world);
    await world.say("/stop");
    expect(world.thinkingAbout()).toEqual([]);
    await take(world);
    expect(world.texts().at(-1)).toContain("已停止");
    await world.say("继续");
    expect(world.modelCalls).toBe(2); // a question like any other
  });

  it("in the moment in which it is written ends it as well", async () => {
    const world = await cut(3);
    await take(world);
    const answered = world.settleModel({ kind: "answer", text: paragraphs(6) });
    await Promise.all([answered, world.say("/stop")]);
    await take(world);
    await world.say("继续");
    expect(world.modelCalls).toBe(2);
  });

  it("of somebody else leaves it alone", async () => {
    const world = await cut(3);
    await take(world);
    await world.say("/stop", { id: "bob", role: "member" });
    expect(world.thinkingAbout()).toEqual(["m1"]);
  });
});

describe("what goes wrong while an answer is written on", () => {
  it.each([
    ["the process dies", (world: ChatWorld) => world.crash()],
    ["the model fails", (world: ChatWorld) => world.settleModel({ kind: "fail", refusal: modelFailures.down })],
  ])("costs only the draft: 「继续」 lets the model go on from what was said (%s)", async (_, happen) => {
    const world = await cut(3);
    await take(world);
    await happen(world);
    await world.say("继续");
    expect(world.modelCalls).toBe(2);
    const partial = world.questions.at(-1)?.history.at(-1);
    expect(partial).toMatchObject({ role: "assistant", text: expect.stringContaining("<2>") });
    expect(partial).not.toMatchObject({ text: expect.stringContaining("<3>") });
    await world.drain();
    expect(world.failures).toEqual([]);
  });

  it("costs no more where 「继续」 had given more of it: the model goes on from there", async () => {
    const world = await cut(3);
    await take(world);
    await write(world, 6);
    await world.say("继续");
    await world.advance(230_000);
    await take(world);
    await world.crash();
    await world.say("继续");
    const said = world.questions
      .at(-1)
      ?.history.map((one) => ("text" in one ? one.text : ""))
      .join("");
    expect(said).toContain("<5>");
  });

  it("is a failure where what had settled does not arrive; the person hears of it, and nothing is lost", async () => {
    const world = await cut(3);
    await world.settleSend({ kind: "refuse", code: 304027 });
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    expect(world.failures).toHaveLength(1);
    await world.settleModel({ kind: "answer", text: paragraphs(6) });
    await world.say("and?");
    await world.settleModel();
    await take(world);
    expect(world.texts()[0]?.startsWith(UNTOLD.kept)).toBe(true);
    await world.say("继续");
    await world.drain();
    expect(given(world).slice(-6)).toEqual(upTo(6));
  });

  it("leaves the hint where it was when what had settled goes out in another form", async () => {
    const world = new ChatWorld("group");
    world.refuses = ({ kind }) => (kind === "markdown" ? 40034012 : undefined);
    await world.say("tell me all");
    await world.settle(0, { kind: "write", text: "this is **important**\n\nand" });
    await world.advance(230_000);
    await take(world);
    expect(world.texts()).toEqual([`this is important${MORE}`]);
    await world.settleModel({ kind: "answer", text: "this is **important**\n\nand this" });
    await world.say("继续");
    await world.drain();
    expect(world.texts().slice(1)).toEqual(["and this"]);
  });

  it("leaves the hint also where all that had settled fits in another form", async () => {
    const world = new ChatWorld("group");
    world.refuses = ({ kind }) => (kind === "markdown" ? 40034012 : undefined);
    const written = Array.from({ length: 11 }, (_, index) => `<${index}> ${"**字** ".repeat(200)}`).join("\n\n");
    await world.say("tell me all");
    await world.settle(0, { kind: "write", text: `${written}\n\nand` });
    await world.advance(230_000);
    await take(world);
    expect(given(world)).toEqual(upTo(11));
    expect(world.texts().at(-1)?.endsWith(MORE)).toBe(true);
  });

  it("leaves the hint where it was in what 「继续」 gave, too", async () => {
    const world = await cut(3);
    await take(world);
    world.refuses = ({ kind }) => (kind === "markdown" ? 50057 : undefined);
    await world.settle(0, { kind: "write", text: `${paragraphs(3)}\n\n**<3>**\n\n<4>` });
    await world.say("继续");
    await world.advance(230_000);
    await take(world);
    expect(world.texts().at(-1)).toBe(`<3>${MORE}`);
  });

  it("ends it when the invocation's allowance is used up and somebody waits", async () => {
    const world = await cut(3);
    await take(world);
    world.isExhausted = true;
    expect(world.thinkingAbout()).toEqual(["m1"]);
    await world.say("something else", { id: "bob" });
    expect(world.thinkingAbout()).toEqual(["m2"]); // by the next invocation
    expect(world.failures).toEqual([]);
  });
});
