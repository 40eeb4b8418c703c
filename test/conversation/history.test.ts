/** What the model gets to see of what was said before. */
import { describe, expect, it } from "vitest";
import type { Utterance } from "../../src/agent/prompt.ts";
import {
  estimateTokens,
  estimateUtterance,
  HISTORY_TOKENS,
  readHistory,
  type StepResult,
} from "../../src/conversation/history.ts";
import type { Storage } from "../../src/conversation/storage.ts";
import type { Outcome, TurnKind } from "../../src/conversation/turn-machine.ts";
import { endTurn, insertTurn, openTurn, recordStep } from "../../src/conversation/turns.ts";
import type { IncomingMessage, Sender } from "../../src/event.ts";
import { ChatWorld, modelFailures } from "../support/chat-world.ts";
import { message, NOW } from "../support/turns.ts";

interface Said {
  asked: string;
  answer?: string;
  kind?: TurnKind;
  sender?: Sender;
  /** Null: still open. */
  outcome?: Outcome | null;
  usage?: Omit<StepResult, "text">;
}

function say(storage: Storage, said: Said): number {
  const { asked, answer, kind = "question", sender = { id: "ann" }, outcome = "answered", usage } = said;
  const id = insertTurn(storage, { kind, message: message({ text: asked, sender }), nowMs: NOW });
  const open = openTurn(storage, id);
  if (open && answer !== undefined) recordStep(storage, open, { text: answer, ...usage });
  if (outcome) endTurn(storage, id, outcome, NOW);
  return id;
}

function chat(...said: Said[]): Storage {
  const { storage } = new ChatWorld();
  for (const one of said) say(storage, one);
  return storage;
}

const inShort = (history: readonly Utterance[]) =>
  history.map((heard) => (heard.role === "user" ? `user: ${heard.message.text}` : `bot: ${heard.text}`));

const EVERYTHING = 1_000_000;
/** Before a turn that comes after all others. */
const NEXT = 1_000_000;

describe("the history", () => {
  it("is what was asked and answered, oldest first", () => {
    const storage = chat({ asked: "one", answer: "1" }, { asked: "two", answer: "2" });
    expect(inShort(readHistory(storage, NEXT))).toEqual(["user: one", "bot: 1", "user: two", "bot: 2"]);
  });

  it("is empty in a new chat", () => {
    expect(readHistory(chat(), NEXT)).toEqual([]);
  });

  it("holds only what was said before the turn, and nothing that is still open", () => {
    const storage = chat(
      { asked: "one", answer: "1" },
      { asked: "two", outcome: null },
      { asked: "three", answer: "3" },
    );
    expect(inShort(readHistory(storage, 3))).toEqual(["user: one", "bot: 1"]);
    expect(inShort(readHistory(storage, 2))).toEqual(["user: one", "bot: 1"]);
  });

  it.each<Outcome>(["stopped", "failed", "apologised"])(
    "marks a question that was %s, lest the model answers it together with the next",
    (outcome) => {
      const storage = chat({ asked: "one", outcome }, { asked: "two", answer: "2" });
      const marked = ["user: one", "bot: (这条没有回答)", "user: two", "bot: 2"];
      expect(inShort(readHistory(storage, NEXT))).toEqual(marked);
    },
  );

  it("leaves a question alone that was offered again, for 「继续」 to answer", () => {
    const storage = chat({ asked: "one", outcome: "deferred" });
    expect(inShort(readHistory(storage, NEXT))).toEqual(["user: one"]);
  });

  it("holds neither notices nor commands that the bot answered itself", () => {
    const storage = chat({ asked: "/stop", kind: "notice" }, { asked: "继续", kind: "command" });
    expect(readHistory(storage, NEXT)).toEqual([]);
  });

  it("holds a command that the model answered", () => {
    const storage = chat({ asked: "继续", kind: "command", answer: "more" });
    expect(inShort(readHistory(storage, NEXT))).toEqual(["user: 继续", "bot: more"]);
  });

  it("tells who said what", () => {
    const storage = chat({ asked: "one", sender: { id: "ann", name: "Ann" } }, { asked: "two", sender: { id: "bob" } });
    const senders = readHistory(storage, NEXT).flatMap((heard) => (heard.role === "user" ? heard.message.sender : []));
    expect(senders).toEqual([{ id: "ann", name: "Ann" }, { id: "bob" }]);
  });
});

describe("the budget of the history", () => {
  /** Ten tokens in all. */
  const turn = (name: string) => ({ asked: `${name}问问问问`.slice(0, 5), answer: "答答答答答" });

  it("is spent on the newest turns, whole ones only", () => {
    const storage = chat({ asked: "a一二三四", answer: "答答答答答" }, turn("b"), turn("c"));
    const asked = (budget: number) =>
      readHistory(storage, NEXT, budget).flatMap((heard) => (heard.role === "user" ? heard.message.text[0] : []));
    expect(asked(EVERYTHING)).toEqual(["a", "b", "c"]);
    expect(asked(30)).toEqual(["a", "b", "c"]);
    expect(asked(29)).toEqual(["b", "c"]);
    expect(asked(19)).toEqual(["c"]);
    expect(readHistory(storage, NEXT, 9)).toEqual([]);
  });

  it("leaves no gap: a turn that does not fit ends it, though older ones would", () => {
    const storage = chat(turn("a"), { asked: "b", answer: "长".repeat(100) }, turn("c"));
    expect(inShort(readHistory(storage, NEXT, 50))).toHaveLength(2);
  });

  it("shrinks where the provider counted more than was estimated, and grows where it counted less", () => {
    const withUsage = (inputTokens: number | undefined) => {
      const storage = chat(...["a", "b", "c", "d", "e", "f"].map(turn));
      say(storage, { ...turn("g"), usage: { inputTokens, estimatedTokens: 100 } });
      return readHistory(storage, NEXT, 40).length / 2;
    };
    expect(withUsage(undefined)).toBe(4);
    expect(withUsage(100)).toBe(4);
    expect(withUsage(200)).toBe(2);
    expect(withUsage(60)).toBe(6);
  });

  it("believes no report that is far off", () => {
    const withUsage = (inputTokens: number) => {
      const storage = chat(...["a", "b", "c", "d", "e", "f", "g", "h"].map(turn));
      say(storage, { ...turn("i"), usage: { inputTokens, estimatedTokens: 100 } });
      return readHistory(storage, NEXT, 30).length / 2;
    };
    expect(withUsage(100_000)).toBe(1);
    expect(withUsage(1)).toBe(6);
  });

  it("goes by the newest report, and past turns without one", () => {
    const usage = (inputTokens: number) => ({ usage: { inputTokens, estimatedTokens: 100 } });
    const storage = chat({ ...turn("a"), ...usage(50) }, { ...turn("b"), ...usage(200) }, turn("c"));
    expect(readHistory(storage, NEXT, 40)).toHaveLength(4);
  });

  it("is enough for an ordinary chat and bounded in a long one", () => {
    const storage = chat(...Array.from({ length: 200 }, () => ({ asked: "字".repeat(50), answer: "字".repeat(150) })));
    const history = readHistory(storage, NEXT);
    expect(history).toHaveLength((2 * HISTORY_TOKENS) / 200);
  });

  it("looks at a bounded number of turns, however short they are", () => {
    const storage = chat(...Array.from({ length: 500 }, () => ({ asked: "a", answer: "b" })));
    expect(readHistory(storage, NEXT, EVERYTHING)).toHaveLength(120);
  });
});

describe("the estimate of tokens", () => {
  it("takes Chinese, Japanese and Korean text as one each, other text as one per four", () => {
    expect([..."你好,世界。"].map(estimateTokens)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(estimateTokens("こんにちは")).toBe(5);
    expect(estimateTokens("안녕하세요")).toBe(5);
    expect(estimateTokens("four".repeat(25))).toBe(25);
    expect(estimateTokens("你好 world")).toBe(4);
    expect(estimateTokens("")).toBe(0);
  });
});

describe("the estimate of what was said", () => {
  it("counts the words, what they quote and what was heard", () => {
    const said = (more: Partial<IncomingMessage>) =>
      estimateUtterance({ role: "user", message: { ...message({ text: "一二三" }), ...more } });
    expect(said({})).toBe(3);
    expect(said({ quote: { text: "四五" } })).toBe(5);
    expect(said({ quote: { text: "" }, attachments: [{ kind: "image", name: "a.png" }] })).toBe(3);
    expect(
      said({
        attachments: [
          { kind: "voice", transcript: "六" },
          { kind: "voice", transcript: "七" },
        ],
      }),
    ).toBe(5);
    expect(estimateUtterance({ role: "assistant", text: "一二" })).toBe(2);
  });

  it("keeps a long quote within the budget of the history", () => {
    const { storage } = new ChatWorld();
    const quote = { text: "字".repeat(50) };
    const id = insertTurn(storage, { kind: "question", message: { ...message({ text: "一" }), quote }, nowMs: NOW });
    endTurn(storage, id, "deferred", NOW);
    expect(readHistory(storage, NEXT, 50)).toEqual([]);
    expect(readHistory(storage, NEXT, 51)).toHaveLength(1);
  });
});

describe("in a conversation", () => {
  it("the model sees the turns before, and what it was asked now apart from them", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel({ kind: "answer", text: "first" });
    await world.drain();
    await world.say("two");
    expect(inShort(world.questions.at(-1)?.history ?? [])).toEqual(["user: one", "bot: first"]);
    expect(world.questions.at(-1)?.messages.map(({ text }) => text)).toEqual(["two"]);
  });

  it("a question that got an apology or was stopped is marked as not answered, lest the model answers it later", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.settleModel({ kind: "fail", refusal: modelFailures.key });
    await world.drain();
    await world.say("two");
    await world.say("/stop");
    await world.drain();
    await world.say("three");
    const unanswered = "bot: (这条没有回答)";
    expect(inShort(world.questions.at(-1)?.history ?? [])).toEqual(["user: one", unanswered, "user: two", unanswered]);
  });

  it("an answer that was given up because a message joined is not seen again", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.say("two");
    await world.settleModel({ kind: "answer", text: "to both" });
    await world.drain();
    await world.say("three");
    expect(inShort(world.questions.at(-1)?.history ?? [])).toEqual(["user: one", "user: two", "bot: to both"]);
  });

  it("becomes shorter after the provider has counted more tokens than were estimated", async () => {
    const turnsSeenAfter = async (factor: number) => {
      const world = new ChatWorld();
      for (let turn = 0; turn < 5; turn += 1) {
        await world.say("字".repeat(500));
        const estimated = 500 + 750 * (world.questions.at(-1)?.history.length ?? 0);
        await world.settleModel({ kind: "answer", text: "字".repeat(1_000), inputTokens: factor * estimated });
        await world.drain();
      }
      await world.say("and now?");
      return (world.questions.at(-1)?.history.length ?? 0) / 2;
    };
    expect(await turnsSeenAfter(1)).toBe(4);
    expect(await turnsSeenAfter(2)).toBe(2);
  });
});
