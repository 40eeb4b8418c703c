import { describe, expect, it } from "vitest";
import type { Chat } from "../../src/event.ts";
import { type Delivered, Ledger } from "../../src/simulator/ledger.ts";

const CHAT: Chat = { scene: "c2c", id: "ann" };

/** A ledger in which `questions` were asked, and `messages` arrived as `[msgId, text]`. */
function ledgerOf(questions: Record<string, string>, messages: readonly [string, string][]): Ledger {
  const ledger = new Ledger();
  for (const [messageId, text] of Object.entries(questions)) {
    ledger.asked.push({
      messageId,
      chat: CHAT,
      sender: "ann",
      text,
      askedAtMs: 0,
      acknowledgedAtMs: 0,
      deliveries: [200],
    });
  }
  messages.forEach(([msgId, text], index) => {
    ledger.delivered.push({ id: String(index), chat: CHAT, form: "text", msgId, msgSeq: 1, text, atMs: 0 });
  });
  return ledger;
}

const verdict = (questions: Record<string, string>, messages: readonly [string, string][]) =>
  ledgerOf(questions, messages).judge();

describe("the ledger", () => {
  it("tells own, joined, told and lost", () => {
    const { fates } = verdict({ a: "#a", b: "#b", c: "#c", d: "#d" }, [
      ["b", "#a #b (回答 1,1/1)"],
      ["c", "抱歉,模型现在太忙"],
    ]);
    expect(Object.fromEntries(fates)).toEqual({ a: "joined", b: "own", c: "told", d: "lost" });
  });

  it("counts a burst as told where its newest message was, and as lost where that has an answer of its own", () => {
    const burst = { a: "#a", b: "#b" };
    expect(verdict(burst, [["b", "抱歉,程序中断了"]])).toMatchObject({ told: 2, lost: [] });
    expect(verdict(burst, [["b", "#b (回答 1,1/1)"]])).toMatchObject({ own: 1, lost: ["a"] });
  });

  it("promises nothing for what was not acknowledged", () => {
    const ledger = ledgerOf({ a: "#a" }, []);
    for (const asked of ledger.asked) delete asked.acknowledgedAtMs;
    expect(ledger.judge()).toMatchObject({ lost: [] });
    expect(ledger.isSettled()).toBe(true);
  });

  it("finds nothing wrong with an answer in parts, nor with one that goes on after 「继续」", () => {
    const clean = { lost: [], torn: [], doubled: [], outOfOrder: [] };
    expect(
      verdict({ a: "#a" }, [
        ["a", "#a (回答 1,1/3)"],
        ["a", "(回答 1,2/3)(回答 1,3/3)"],
      ]),
    ).toMatchObject(clean);
    const begun: [string, string] = ["a", "#a (回答 1,1/3)\n…(还有内容,发送「继续」接着看)"];
    expect(verdict({ a: "#a" }, [begun])).toMatchObject(clean);
    expect(verdict({ a: "#a", b: "继续" }, [begun, ["b", "(回答 1,2/3)(回答 1,3/3)"]])).toMatchObject(clean);
  });

  it("finds an answer that is missing parts", () => {
    expect(verdict({ a: "#a" }, [["a", "#a (回答 7,1/3)"]]).torn).toEqual([7]);
    expect(
      verdict({ a: "#a" }, [
        ["a", "#a (回答 7,1/3)"],
        ["a", "(回答 7,3/3)"],
      ]).torn,
    ).toEqual([7]);
  });

  it.each<[string, Record<string, string>, [string, string][]]>([
    [
      "an answer",
      { a: "#a" },
      [
        ["a", "#a (回答 1,1/1)"],
        ["a", "#a (回答 2,1/1)"],
      ],
    ],
    [
      "an answer without a marker",
      { a: "hi" },
      [
        ["a", "你说的是:hi (回答 1,1/1)"],
        ["a", "你说的是:hi (回答 2,1/1)"],
      ],
    ],
    [
      "the same text",
      { a: "hi" },
      [
        ["a", "(回答 1,1/1)"],
        ["a", "(回答 1,1/1)"],
      ],
    ],
    [
      "a later part",
      { a: "#a" },
      [
        ["a", "#a (回答 1,1/2)"],
        ["a", "(回答 1,2/2)"],
        ["a", "(回答 1,2/2)"],
      ],
    ],
    [
      "a sentence",
      { a: "#a" },
      [
        ["a", "抱歉"],
        ["a", "抱歉"],
      ],
    ],
    [
      "an answer and a sentence",
      { a: "#a" },
      [
        ["a", "前面还有消息没答完"],
        ["a", "#a (回答 1,1/1)"],
      ],
    ],
    [
      "an answer behind a hint",
      { a: "#a", b: "#b" },
      [
        ["a", "#a (回答 1,1/1)"],
        ["b", "(没能送达)\n\n#a #b (回答 2,1/1)"],
      ],
    ],
  ])("finds %s said twice", (_, questions, messages) => {
    expect(verdict(questions, messages).doubled).toContain("a");
  });

  it("finds answers out of order", () => {
    const questions = { a: "#a", b: "#b" };
    expect(
      verdict(questions, [
        ["b", "#b (回答 1,1/1)"],
        ["a", "#a (回答 2,1/1)"],
      ]).outOfOrder,
    ).toEqual(["a"]);
  });

  describe("reads Markdown", () => {
    const markdown = (questions: Record<string, string>, messages: readonly [string, string][]) => {
      const ledger = ledgerOf(questions, messages);
      for (const message of ledger.delivered) message.form = "markdown";
      return ledger.judge();
    };

    it("behind its escapes", () => {
      expect(markdown({ a: "#a_1" }, [["a", "\\#a\\_1 \\(回答 1,1/2\\)\n\n- *好* (回答 1,2/2)"]])).toMatchObject({
        own: 1,
        torn: [],
      });
      expect(markdown({ a: "#a" }, [["a", "&#x23;a (回答 1,1/1)"]])).toMatchObject({ own: 1 });
    });

    it("as strictly as text", () => {
      const head = "\\#a \\(回答 7,1/3\\)";
      expect(markdown({ a: "#a" }, [["a", head]]).torn).toEqual([7]);
      expect(
        markdown({ a: "#a" }, [
          ["a", head],
          ["a", "\\(回答 7,1/3\\)"],
        ]).doubled,
      ).toEqual(["a"]);
    });

    it("takes nothing for an escape in text", () => {
      expect(verdict({ a: "#a" }, [["a", "\\#a (回答 1\\,1/1)"]])).toMatchObject({ own: 0, told: 1 });
    });
  });

  it("judges a guild as it judges a chat", () => {
    const ledger = ledgerOf({ a: "#a", b: "#b" }, [["a", "#a (回答 1,1/1)"]]);
    const chat: Chat = { scene: "guildDm", id: "ann" };
    for (const entry of [...ledger.asked, ...ledger.delivered]) entry.chat = chat;
    for (const message of ledger.delivered) message.msgSeq = 0;
    expect(ledger.judge()).toMatchObject({ own: 1, lost: ["b"], doubled: [] });
    ledger.delivered.push({ ...ledger.delivered[0], id: "again" } as Delivered);
    expect(ledger.judge().doubled).toEqual(["a"]);
  });

  it("owes nothing for what was said to others, but sees an answer to it said twice", () => {
    const ledger = ledgerOf({ a: "#a" }, []);
    for (const asked of ledger.asked) asked.unaddressed = true;
    expect(ledger.judge()).toMatchObject({ lost: [], fates: new Map() });
    ledger.delivered.push(
      ...ledgerOf({}, [
        ["a", "抱歉"],
        ["a", "抱歉"],
      ]).delivered,
    );
    expect(ledger.judge().doubled).toEqual(["a"]);
  });

  it("takes a greeting for no answer, however often it comes", () => {
    const questions = { a: "#a" };
    const ledger = ledgerOf(questions, [
      ["FRIEND_ADD:1", "你好,我是机器人"],
      ["FRIEND_ADD:1", "你好,我是机器人"],
    ]);
    for (const message of ledger.delivered) message.isEvent = true;
    expect(ledger.judge()).toMatchObject({ own: 0, told: 0, lost: ["a"], doubled: [], torn: [], outOfOrder: [] });
  });
});
