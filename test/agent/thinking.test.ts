/** Thinking that stands in the text. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ThinkingFilter, withoutUnopenedThinking } from "../../src/agent/thinking.ts";

/** What is shown of a text in these pieces, piece by piece and at the end. */
function shown(...pieces: string[]): string[] {
  const filter = new ThinkingFilter();
  return [...pieces.map((piece) => filter.push(piece)), filter.end()];
}

const answerOf = (...pieces: string[]) => shown(...pieces).join("");

describe("thinking at the head of a text", () => {
  it.each([
    ["<think>hm</think>42", "42"],
    ["<thinking>hm</thinking>42", "42"],
    ["<thought>hm</thought>42", "42"],
    ["\n <think>\nhm < hm </thin\n</think>\n\n42", "\n\n42"],
    ["<think></think>42", "42"],
    ["<think>a</think>\n<think>b</think>42", "42"],
    ["<think>never closed", ""],
    ["<think>", ""],
  ])("is hidden: %j", (text, answer) => {
    expect(answerOf(text)).toBe(answer);
  });

  it.each([
    "42",
    "The tag <think>is this</think>, you see",
    "<b>bold</b>",
    "<thinker>no tag of ours</thinker>",
    "<th",
    "<",
    "",
    " ",
    "a < b",
  ])("is nothing else: %j", (text) => {
    expect(answerOf(text)).toBe(text);
  });

  it("is hidden wherever the text is cut", () => {
    const text = "\n<think>(hidden) <think> </thi</think>\n你好 <think>x</think>";
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, n) => text.slice(at[n], end));
        expect(answerOf(...pieces)).toBe("\n你好 <think>x</think>");
      }),
    );
  });

  it("does not hold the answer back", () => {
    expect(shown("<think>hm</think>4", "2", " is", " it")).toEqual(["4", "2", " is", " it", ""]);
    expect(shown("4", "2")).toEqual(["4", "2", ""]);
    expect(shown("<th", "e end>")).toEqual(["", "<the end>", ""]);
  });
});

describe("thinking that nothing opened", () => {
  it.each([
    ["hm\n</think>\n\n42", "\n42"],
    ["hm</think>\n42", "42"],
    ["hm</thinking>\r\n42", "42"],
    ["hm\n</think>", ""],
    ["hm\n</think>\n42\n</think>\n43", "42\n</think>\n43"],
    ["it takes `this` and `that`\n</think>\n42", "42"],
  ])("is taken off: %j", (text, answer) => {
    expect(withoutUnopenedThinking(text)).toBe(answer);
  });

  it.each([
    "42",
    "Models write `</think>\n` there",
    "```\nhm\n</think>\n42\n```",
    "<think>\nhm\n</think>\nis how it looks",
    "Close it with </think> and go on",
  ])("is not what an answer says about it: %j", (text) => {
    expect(withoutUnopenedThinking(text)).toBe(text);
  });
});
