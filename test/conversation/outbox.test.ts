/** The reply ledger, what goes into it, and what becomes of text that does not reach the person. */
import { describe, expect, it } from "vitest";
import { say } from "../../src/conversation/ending.ts";
import {
  bookTyping,
  joined,
  keep,
  keptOf,
  mark,
  NOTHING,
  slotsBeside,
  slotsLeft,
  takeBack,
  takeKept,
  takeUntold,
  words,
} from "../../src/conversation/outbox.ts";
import { MORE, UNTOLD } from "../../src/conversation/sentences.ts";
import type { Fault, PartState } from "../../src/conversation/turn-machine.ts";
import { endTurn, insertTurn, openTurn, partsOf } from "../../src/conversation/turns.ts";
import type { IncomingMessage } from "../../src/event.ts";
import { PART_LENGTH } from "../../src/qq/reply-budget.ts";
import * as writing from "../../src/qq/writing.ts";
import type { Reply } from "../../src/reply.ts";
import { ChatWorld, modelFailures } from "../support/chat-world.ts";
import { message, NOW, part } from "../support/turns.ts";

const mine = (id: string, atMs = NOW) => message({ id, scene: "c2c", atMs });

/** `m1/1 m1/2 …` */
const inShort = (slots: readonly { msgId: string; msgSeq: number }[]) =>
  slots.map(({ msgId, msgSeq }) => `${msgId}/${msgSeq}`).join(" ");

describe("the ledger of a message", () => {
  it("holds four replies in a private chat and five in a group, numbered from one", () => {
    expect(inShort(slotsBeside([mine("m1")], [], NOW))).toBe("m1/1 m1/2 m1/3 m1/4");
    expect(inShort(slotsBeside([message({ id: "m1" })], [], NOW))).toBe("m1/1 m1/2 m1/3 m1/4 m1/5");
  });

  it.each<PartState>(["pending", "uncertain", "sent", "unheard", "refused"])("counts a part that is %s", (state) => {
    expect(inShort(slotsBeside([mine("m1")], [part(0, { state })], NOW))).toBe("m1/2 m1/3 m1/4");
  });

  it.each<PartState>(["void", "uncounted"])("does not count a part that is %s, but uses its number up", (state) => {
    expect(inShort(slotsBeside([mine("m1")], [part(0, { state })], NOW))).toBe("m1/2 m1/3 m1/4 m1/5");
  });

  it("is shut for good once QQ has closed the message", () => {
    expect(slotsBeside([mine("m1")], [part(0, { state: "closed" })], NOW)).toEqual([]);
    expect(inShort(slotsBeside([mine("m0"), mine("m1")], [part(0, { state: "closed" })], NOW))).toMatch(
      /^m0\/1 .*m0\/4$/,
    );
  });

  it("holds the typing notice, which is paid for and is no part", () => {
    const { storage, id } = chat();
    bookTyping(storage, id, { msgId: "m1", msgSeq: 1 });
    expect(partsOf(storage, id)).toEqual([]);
    expect(inShort(slotsLeft(storage, { id, messages: [mine("m1")] }, NOW))).toBe("m1/2 m1/3 m1/4");
  });

  it("lets the newest message pay first, then the others, newest to oldest", () => {
    const slots = slotsBeside([mine("m1"), mine("m2"), mine("m3")], [part(0, { msgId: "m2" })], NOW);
    expect(inShort(slots)).toBe("m3/1 m3/2 m3/3 m3/4 m2/2 m2/3 m2/4 m1/1 m1/2 m1/3 m1/4");
  });

  it("is empty for a message whose window is over", () => {
    const old = mine("m1", NOW - 60 * 60_000);
    expect(inShort(slotsBeside([old, mine("m2")], [], NOW))).toBe("m2/1 m2/2 m2/3 m2/4");
  });
});

/** A turn to book for, in a chat of its own. */
function chat(...messages: IncomingMessage[]) {
  const { storage } = new ChatWorld();
  const [first = mine("m1")] = messages;
  const id = insertTurn(storage, { kind: "question", message: first, nowMs: NOW });
  const untried = new Set<string>();
  const world = new ChatWorld();
  const context = {
    ...world.collaborators(),
    storage,
    now: () => NOW,
    begun: new Set<number>(),
    untried,
    drafts: new Map(),
  };
  return {
    storage,
    id,
    untried,
    /** Books the words; returns the numbers of the new parts. */
    book(words: string | Reply, { fault, isMore = false }: { fault?: Fault; isMore?: boolean } = {}) {
      const turn = openTurn(storage, id);
      if (!turn) throw new Error("the turn has ended");
      const all = messages.length > 0 ? messages : [first];
      const before = turn.parts.length;
      const reply: Reply = typeof words === "string" ? { kind: "text", text: words } : words;
      say(context, { ...turn, messages: all, fault }, reply, { writing, isMore });
      return partsOf(storage, id)
        .slice(before)
        .map(({ n }) => n);
    },
    parts: () => partsOf(storage, id),
    said: () =>
      joined(
        ...partsOf(storage, id)
          .filter(({ state }) => state === "pending")
          .map(words),
      ).text,
    kept: () => keptOf(storage, id),
  };
}

/** Text without any two parts alike. */
const long = (length: number) => Array.from({ length }, (_, index) => String.fromCharCode(0x4e00 + index)).join("");

describe("booking a text", () => {
  it("puts it into as few parts as it fits in, each under its own number", () => {
    const { book, parts, said, kept } = chat();
    expect(book("short")).toEqual([0]);
    expect(book(long(3_000))).toEqual([1, 2]);
    expect(inShort(parts())).toBe("m1/1 m1/2 m1/3");
    expect(said()).toBe(`short${long(3_000)}`);
    expect(kept()).toEqual(NOTHING);
  });

  it("goes on with the other messages of the turn when the newest is used up", () => {
    const { book, parts } = chat(mine("m1"), mine("m2"));
    book(long(6 * PART_LENGTH));
    expect(inShort(parts())).toBe("m2/1 m2/2 m2/3 m2/4 m1/1 m1/2");
  });

  it("keeps what does not fit, and says so in the last part alone", () => {
    const { book, parts, said, kept } = chat();
    const text = long(10_000);
    book(text);
    const texts = parts().map((one) => one.text);
    expect(texts.map((one) => one.endsWith(MORE))).toEqual([false, false, false, true]);
    for (const one of texts) expect(one.length).toBeLessThanOrEqual(PART_LENGTH);
    expect(kept().text.length).toBeGreaterThan(0);
    expect(said() + kept().text).toBe(text);
  });

  it("loses and repeats nothing when all of it is booked anew", () => {
    const { storage, id, book, parts, said, kept } = chat();
    const text = long(9_000);
    book(text);
    mark(storage, id, 0, "refused");
    book(joined(words(part(0, parts()[0])), takeBack(storage, id)));
    expect(inShort(parts().slice(4))).toBe("m1/5 m1/6 m1/7");
    expect(said() + kept().text).toBe(text);
  });

  it("keeps no sentence about the turn itself", () => {
    const { book, said, kept } = chat();
    book(long(9_000), { fault: { kind: "crashed", reference: "abc234" } });
    expect(kept()).toEqual(NOTHING);
    expect(said().length).toBeGreaterThan(0);
  });

  it("leaves room for the hint where more of it is still being written", () => {
    const { book, parts, kept } = chat();
    book(long(PART_LENGTH), { isMore: true });
    expect(parts().map(({ text }) => text.endsWith(MORE))).toEqual([false, true]);
    for (const { text } of parts()) expect(text.length).toBeLessThanOrEqual(PART_LENGTH);
    expect(kept()).toEqual(NOTHING);
  });

  it("cuts Markdown into parts that are Markdown, and keeps the rest as such", () => {
    const { book, parts, kept } = chat();
    const blocks = Array.from({ length: 9 }, (_, index) => `**${index}** ${"字".repeat(1_000)}`);
    book({ kind: "markdown", text: blocks.join("\n\n") });
    expect(parts().map(({ form }) => form)).toEqual(["markdown", "markdown", "markdown", "markdown"]);
    expect(kept()).toEqual({ kind: "markdown", text: blocks.slice(4).join("\n\n") });
  });

  it("knows of each part that it was not tried yet", () => {
    const { id, book, untried } = chat();
    book(long(3_000));
    expect([...untried]).toEqual([`${id}/0`, `${id}/1`]);
  });

  it("books nothing where no reply is left, and then nobody has been told of what is kept", () => {
    const { storage, id, book, kept } = chat();
    for (let n = 0; n < 4; n += 1) for (const part of book("said")) mark(storage, id, part, "sent");
    expect(book("not said")).toEqual([]);
    expect(kept()).toEqual({ kind: "text", text: "not said" });
    expect(openTurn(storage, id)).toBeUndefined();
    expect(takeUntold(storage, "ann", id + 1)).toBe("kept");
  });

  it("books no part without a word, which QQ would refuse", () => {
    const { book, parts } = chat();
    book(`${"a".repeat(PART_LENGTH)}${"\n".repeat(PART_LENGTH)}${"b".repeat(PART_LENGTH)}`);
    expect(parts().every(({ text }) => text.trim() !== "")).toBe(true);
    expect(parts().map(({ text }) => text.trim()[0])).toEqual(["a", "b"]);
  });
});

describe("taking back what did not arrive", () => {
  it("returns the text of the parts not sent, without the hint that more was kept", () => {
    const { storage, id, book, parts, kept } = chat();
    const text = long(9_000);
    book(text);
    mark(storage, id, 0, "sent");
    const [first] = parts();
    expect((first?.text ?? "") + takeBack(storage, id).text + kept().text).toBe(text);
    expect(parts().map(({ state }) => state)).toEqual(["sent", "void", "void", "void"]);
  });

  it("does not return what may have arrived", () => {
    const { storage, id, book, parts } = chat();
    book(long(3_000));
    mark(storage, id, 0, "uncertain");
    expect(takeBack(storage, id)).toEqual({ kind: "text", text: long(3_000).slice(parts()[0]?.text.length) });
    expect(parts().map(({ state }) => state)).toEqual(["unheard", "void"]);
    expect(takeBack(storage, id)).toEqual(NOTHING);
  });
});

describe("words together", () => {
  const plain = (text: string): Reply => ({ kind: "text", text });

  it("are plain where all of them are, one after another", () => {
    expect(joined(plain("one "), NOTHING, plain("two"))).toEqual(plain("one two"));
    expect(joined()).toEqual(NOTHING);
  });

  it("are Markdown where any of them are, each a block of its own", () => {
    const marked: Reply = { kind: "markdown", text: "**one**" };
    expect(joined(marked, plain("two"))).toEqual({ kind: "markdown", text: "**one**\n\ntwo" });
    expect(joined(NOTHING, marked)).toEqual(marked);
  });
});

describe("text that was kept", () => {
  function turns(...senders: string[]) {
    const { storage } = new ChatWorld("group");
    for (const id of senders) {
      const one = message({ id: `m-${id}`, sender: { id } });
      endTurn(storage, insertTurn(storage, { kind: "question", message: one, nowMs: NOW }), "failed", NOW);
    }
    return storage;
  }

  it("is given once, the newest first, and to nobody else", () => {
    const storage = turns("ann", "ann", "bob");
    keep(storage, 1, { kind: "markdown", text: "**old**" }, { told: true });
    keep(storage, 2, { kind: "text", text: "new" }, { told: true });
    expect(takeKept(storage, "bob")).toBeUndefined();
    expect([1, 2, 3].map(() => takeKept(storage, "ann"))).toEqual([
      { kind: "text", text: "new" },
      { kind: "markdown", text: "**old**" },
      undefined,
    ]);
  });

  it("is mentioned once to the person it is for, unless it was announced", () => {
    const storage = turns("ann", "bob", "cho");
    keep(storage, 1, { kind: "text", text: "anns" }, { told: false });
    keep(storage, 2, { kind: "text", text: "bobs" }, { told: true });
    expect(["cho", "bob", "ann", "ann"].map((id) => takeUntold(storage, id, 4))).toEqual([
      "missed",
      undefined,
      "kept",
      undefined,
    ]);
    expect(takeKept(storage, "ann")).toEqual({ kind: "text", text: "anns" });
  });
});

/** Which of the numbered paragraphs of `ChatWorld` arrived, in order. */
const digits = (texts: readonly string[]) =>
  texts
    .join("")
    .match(/\d(?=字)/g)
    ?.join("");

describe("a long answer", () => {
  it("is announced as unfinished and given whole by 「继续」, each part once", async () => {
    const world = new ChatWorld();
    await world.say("tell me all");
    await world.settleModel({ kind: "answer", paragraphs: 7 });
    await world.drain();
    expect(world.arrived.map(({ msgId }) => msgId)).toEqual(["m1", "m1", "m1"]);
    expect(world.texts().map((text) => text.endsWith(MORE))).toEqual([false, false, true]);

    await world.say("继续");
    await world.drain();
    expect(digits(world.texts())).toBe("0123456");
    expect(world.texts().at(-1)).not.toContain(MORE);
    expect(world.modelCalls).toBe(1);

    // Nothing is kept any more: now it is a question like any other.
    await world.say("继续");
    await world.drain();
    expect(world.modelCalls).toBe(2);
  });

  it("is not mentioned again with the next answer: it was announced", async () => {
    const world = new ChatWorld();
    await world.say("tell me all");
    await world.settleModel({ kind: "answer", paragraphs: 7 });
    await world.drain();
    await world.say("something else");
    await world.drain();
    for (const hint of Object.values(UNTOLD)) expect(world.texts().at(-1)).not.toContain(hint);
  });

  it("is given over several times 「继续」 where it is that long", async () => {
    const world = new ChatWorld();
    await world.say("tell me more than all");
    await world.settleModel({ kind: "answer", paragraphs: 10 });
    await world.drain();
    for (let times = 0; times < 2; times += 1) {
      await world.say("/continue");
      await world.drain();
    }
    expect(digits(world.texts())).toBe("0123456789");
    expect(world.modelCalls).toBe(1);
  });

  it("uses the replies of all joined messages before anything is kept", async () => {
    const world = new ChatWorld();
    await Promise.all([world.say("one"), world.say("two")]);
    await world.settleModel({ kind: "answer", paragraphs: 6 });
    await world.drain();
    expect(world.arrived.map(({ msgId, msgSeq }) => `${msgId}/${msgSeq}`)).toEqual([
      "m2/2", // the first was the typing notice
      "m2/3",
      "m2/4",
      "m1/1",
      "m1/2",
      "m1/3",
    ]);
    expect(world.texts().join("")).not.toContain(MORE);
  });
});

describe("an answer that QQ does not take", () => {
  it("is mentioned with the next answer, once, and given by 「继续」", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel({ kind: "answer", text: "the lost answer" });
    await world.settleSend({ kind: "refuse", code: 304027 });
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    expect(world.failures).toMatchObject([{ turn: 1, told: false }]);

    await world.say("two");
    await world.drain();
    await world.say("three");
    await world.drain();
    expect(world.texts().map((text) => text.startsWith(UNTOLD.kept))).toEqual([true, false]);

    await world.say("继续");
    await world.drain();
    expect(world.texts().at(-1)).toBe("the lost answer");
    expect(world.modelCalls).toBe(3);
  });

  it("goes out under another message of its turn where QQ has closed only the newest", async () => {
    const world = new ChatWorld();
    await Promise.all([world.say("one"), world.say("two")]);
    await world.settleModel();
    await world.settleSend({ kind: "refuse", code: 304027 });
    await world.drain();
    expect(world.arrived).toMatchObject([{ msgId: "m1", msgSeq: 1 }]);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
  });

  it("is kept whole and in order, what did not fit included, where QQ closes the message in the middle of it", async () => {
    const world = new ChatWorld();
    await world.say("tell me all");
    await world.settleModel({ kind: "answer", paragraphs: 7 });
    await world.settleSend();
    await world.settleSend({ kind: "refuse", code: 304027 });
    for (let times = 0; times < 2; times += 1) {
      await world.say("继续");
      await world.drain();
    }
    expect(digits(world.texts())).toBe("0123456");
    expect(world.modelCalls).toBe(1);
  });

  it("is kept where it would have to go out in smaller parts and no reply is left for them", async () => {
    const world = new ChatWorld();
    await world.say("tell me all");
    await world.settleModel({ kind: "answer", paragraphs: 3 });
    for (let part = 0; part < 2; part += 1) await world.settleSend();
    await world.settleSend({ kind: "refuse", code: 40054007 });
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    await world.say("继续");
    await world.drain();
    expect(digits(world.texts())).toBe("012");
  });

  it("is kept where it came after the window had ended", async () => {
    const world = new ChatWorld("group");
    await world.say("think long");
    await world.advance(4 * 60_000);
    await world.settleModel({ kind: "answer", text: "at last" });
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    await world.say("继续");
    await world.drain();
    expect(world.texts()).toEqual(["at last"]);
  });

  it("takes the rest of the answer with it where it was the words that were refused", async () => {
    const world = new ChatWorld();
    await world.say("tell me all");
    await world.settleModel({ kind: "answer", paragraphs: 3 });
    await world.settleSend();
    await world.settleSend({ kind: "refuse", code: 304025 });
    await world.drain();
    expect(world.arrived).toHaveLength(2); // the first part, and the sentence
    expect(digits(world.texts())).toBe("0");
  });

  it("is not kept where it was the words that were refused: the person is told that they are blocked", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel({ kind: "answer", text: "bad words", paragraphs: 1 });
    await world.settleSend({ kind: "refuse", code: 304025 });
    await world.drain();
    expect(world.outcomes()).toMatchObject([{ outcome: "apologised" }]);
    expect(world.arrived).toMatchObject([{ msgId: "m1", msgSeq: 3 }]);
    await world.say("继续");
    await world.drain();
    expect(world.texts().join("")).not.toContain("bad words");
  });
});

describe("the next answer", () => {
  type Story = (world: ChatWorld) => Promise<void>;

  /** The words with which it begins, after what happened before it. */
  async function hintAfter(story: Story): Promise<keyof typeof UNTOLD | undefined> {
    const world = new ChatWorld("group");
    await story(world);
    await world.drain();
    await world.say("and now?");
    await world.drain();
    const answer = world.texts().at(-1) ?? "";
    return (["kept", "unsure", "missed"] as const).find((kind) => answer.startsWith(UNTOLD[kind]));
  }

  it.each<[string, Story]>([
    ["nothing", async () => {}],
    ["an answer", async (world) => void (await world.say("one"))],
    [
      "an answer that was stopped",
      async (world) => {
        await world.say("one");
        await world.say("/stop");
      },
    ],
    [
      "an apology",
      async (world) => {
        await world.say("one");
        await world.settleModel({ kind: "fail", refusal: modelFailures.key });
      },
    ],
  ])("says nothing of %s before it", async (_, story) => {
    expect(await hintAfter(story)).toBeUndefined();
  });

  it("says that an answer was kept", async () => {
    const story: Story = async (world) => {
      await world.say("one");
      await world.settleModel();
      await world.settleSend({ kind: "refuse", code: 304027 });
    };
    expect(await hintAfter(story)).toBe("kept");
  });

  it("says that an answer may not have arrived", async () => {
    const story: Story = async (world) => {
      await world.say("one");
      await world.settleModel();
      for (let tries = 0; world.openTurns() > 0; tries += 1) {
        expect(tries).toBeLessThan(20);
        if (world.sending().length > 0) await world.settleSend({ kind: "unreached" });
        else await world.advance(30_000);
      }
    };
    expect(await hintAfter(story)).toBe("unsure");
  });

  it("says so too where QQ refused it after a try of which nobody knows", async () => {
    const story: Story = async (world) => {
      await world.say("one");
      await world.settleModel();
      await world.settleSend({ kind: "unreached" });
      await world.advance(1_000);
      await world.settleSend({ kind: "refuse", code: 40054013 });
    };
    expect(await hintAfter(story)).toBe("unsure");
  });

  it("says that a question was missed", async () => {
    const story: Story = async (world) => {
      await world.receive(world.message("one", {}, world.nowMs - 10 * 60_000));
    };
    expect(await hintAfter(story)).toBe("missed");
  });

  it("says nothing of a command that came too late to be replied to", async () => {
    const story: Story = async (world) => {
      await world.receive(world.message("/stop", {}, world.nowMs - 10 * 60_000));
    };
    expect(await hintAfter(story)).toBeUndefined();
  });
});

describe("what may have arrived", () => {
  it("is repeated under the same number, and a duplicate means that it had arrived", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel();
    await world.settleSend({ kind: "acceptUnheard" });
    await world.drain();
    expect(world.arrived).toMatchObject([{ msgId: "m1", msgSeq: 2 }]);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
  });

  it("is repeated under the same number by the next process, too", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel();
    const [onItsWay] = world.pending;
    await world.crash();
    onItsWay?.settle({ kind: "accept" }); // nobody is left to hear it
    await world.drain();
    expect(world.arrived).toMatchObject([{ msgId: "m1", msgSeq: 2 }]);
    expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
  });

  it("is not taken for delivered when its number was never tried: the text goes out under the next one", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel();
    await world.settleSend({ kind: "refuse", code: 40054005 });
    await world.drain();
    expect(world.arrived).toMatchObject([{ msgId: "m1", msgSeq: 3 }]);
  });

  it.each(["the same process", "the next process"])(
    "is not offered again when QQ then refuses it to %s",
    async (who) => {
      const world = new ChatWorld();
      await world.say("one");
      await world.settleModel();
      if (who === "the next process") await world.crash();
      else await world.settleSend({ kind: "unreached" }).then(() => world.advance(1_000));
      await world.settleSend({ kind: "refuse", code: 304027 });
      expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
      await world.say("继续");
      expect(world.modelCalls).toBe(2); // nothing is kept, so it is a question
    },
  );

  it("is never said again, be it with the rest of the answer or on 「继续」", async () => {
    const world = new ChatWorld();
    await world.say("tell me all");
    await world.settleModel({ kind: "answer", text: `first ${long(1_700)}\n\nsecond ${long(1_700)}` });
    // QQ has it, the answer is lost; then QQ is gone for longer than it is tried.
    await world.settleSend({ kind: "acceptUnheard" });
    while (world.openTurns() > 0) {
      await world.advance(30_000);
      if (world.sending().length > 0) await world.settleSend({ kind: "unreached" });
    }
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    await world.say("继续");
    await world.drain();
    expect(world.texts().map((text) => text.trim().split(" ")[0])).toEqual(["first", "second"]);
    expect(world.modelCalls).toBe(1);
  });
});
