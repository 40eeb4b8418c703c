import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defuseLinks, splitText } from "../../src/qq/text.ts";

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Text as models write it, with everything in it that is more than one unit long. */
const pieces = fc.constantFrom(
  "\n\n",
  "\n",
  " ",
  "。",
  "! ",
  ". ",
  ",",
  "…",
  "你好",
  "word",
  "😀",
  "👨‍👩‍👧‍👦",
  "🇨🇳",
  "e\u0301",
  "a\u{E0100}",
  "𠮷",
  "한국",
);
const texts = fc.oneof(
  fc.array(pieces, { maxLength: 60 }).map((list) => list.join("")),
  fc.string({ unit: "binary", maxLength: 120 }),
);
const lengths = fc.integer({ min: 2, max: 40 });

describe("cutting a text into parts", () => {
  it("loses nothing, exceeds nothing, and never tears a character in two", () => {
    fc.assert(
      fc.property(texts, lengths, fc.integer({ min: 0, max: 6 }), (text, maxLength, maxParts) => {
        const { parts, rest } = splitText(text, { maxLength, maxParts });
        expect(parts.join("") + rest).toBe(text);
        expect(parts.length).toBeLessThanOrEqual(maxParts);
        for (const part of parts) {
          expect(part).not.toBe("");
          expect(part.length).toBeLessThanOrEqual(maxLength);
          expect(part).not.toMatch(LONE_SURROGATE);
        }
        expect(rest).not.toMatch(LONE_SURROGATE);
        // A rest only where the parts are used up.
        if (rest !== "") expect(parts.length).toBe(maxParts);
      }),
      { numRuns: 2_000 },
    );
  });

  it("leaves room for a hint in the last part, where something is left over", () => {
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 12, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        (text, maxLength, maxParts) => {
          const { parts, rest } = splitText(text, { maxLength, maxParts, reserve: 8 });
          expect(parts.join("") + rest).toBe(text);
          for (const part of parts) {
            expect(part).not.toBe("");
            expect(part.length).toBeLessThanOrEqual(maxLength);
          }
          if (rest !== "") expect(parts.at(-1)?.length).toBeLessThanOrEqual(maxLength - 8);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("keeps what a person sees as one character whole, as long as it fits into a part", () => {
    const family = "👨‍👩‍👧‍👦";
    for (let before = 0; before < 30; before += 1) {
      const text = "字".repeat(before) + family + "字".repeat(30);
      const { parts } = splitText(text, { maxLength: 20, maxParts: 9 });
      expect(parts.filter((part) => part.includes(family))).toHaveLength(1);
    }
  });

  const cut = (text: string, maxLength: number) => splitText(text, { maxLength, maxParts: 99 }).parts;

  it("does not cut what fits", () => {
    expect(cut("一二三四五", 5)).toEqual(["一二三四五"]);
    expect(splitText("", { maxLength: 5, maxParts: 3 })).toEqual({ parts: [], rest: "" });
  });

  it.each([
    ["a paragraph", "第一段话。还有\n\n第二段", 10, ["第一段话。还有\n\n", "第二段"]],
    ["a line", "第一行文字。还有\n第二行", 10, ["第一行文字。还有\n", "第二行"]],
    ["a sentence", "第一句话很长。第二句,话", 10, ["第一句话很长。", "第二句,话"]],
    ["an English sentence", "It is one. It is two.", 14, ["It is one. ", "It is two."]],
    ["a clause", "第一部分很长,第二部分", 10, ["第一部分很长,", "第二部分"]],
    ["a word", "these are several words", 12, ["these are ", "several ", "words"]],
    ["a character", "一二三四五六七八九十", 4, ["一二三四", "五六七八", "九十"]],
  ])("prefers the end of %s", (_, text, maxLength, parts) => {
    expect(cut(text, maxLength)).toEqual(parts);
  });

  it("does not waste a reply on a cut that comes early", () => {
    expect(cut("短。然后是一句没有停顿的很长的话", 10)[0]).toHaveLength(10);
  });

  it("does not take the point of a number for the end of a sentence", () => {
    expect(cut("圆周率大约是3.14159265", 11)).not.toContain("圆周率大约是3.");
  });

  it("never cuts inside an address that fits into a part", () => {
    const address = "https://a.cn/x?y=1,2&z=a:b";
    for (let before = 0; before < 40; before += 1) {
      const text = `${"字".repeat(before)}。${address} ${"字".repeat(40)}`;
      const { parts } = splitText(text, { maxLength: 40, maxParts: 9 });
      expect(parts.filter((part) => part.includes(address))).toHaveLength(1);
    }
  });

  it("cuts a very long answer without delay", () => {
    const { parts, rest } = splitText("长".repeat(400_000), { maxLength: 1_800, maxParts: 4 });
    expect(parts.map((part) => part.length)).toEqual([1_800, 1_800, 1_800, 1_800]);
    expect(rest).toHaveLength(400_000 - 7_200);
  });
});

describe("defusing links", () => {
  it.each([
    "今天天气不错。明天也是!",
    "It rains today. Tomorrow it does not.",
    "圆周率是3.14159,约等于3.14。",
    "版本 2.0.1 发布于 2026.07.21",
    "1. 第一\n2. 第二\n3. third",
    "等等...好的……",
    "现在是 10:30:00,比例 16:9",
    "和/或,不/行 //注释",
    "好的。OK! 你好?",
    "结束. 然后",
    "句号.下一句",
    "1.第一\n2.第二",
    "文件保存在 C:/temp",
    "😀.😀",
  ])("keeps an ordinary sentence: %s", (text) => {
    expect(defuseLinks(text)).toBe(text);
  });

  it.each([
    ["看 https://example.com/a/b.html?x=1#y 吧", "看 example[.]com/a/b[.]html?x=1#y 吧"],
    ["HTTP://EXAMPLE.COM", "EXAMPLE[.]COM"],
    ["[文档](https://docs.qq.com)", "[文档](docs[.]qq[.]com)"],
    ["<https://a.b>", "<a[.]b>"],
    ["www.example.com。", "www[.]example[.]com。"],
    ["去 bot.q.qq.com 看看", "去 bot[.]q[.]qq[.]com 看看"],
    ["访问例子.中国", "访问例子[.]中国"],
    ["http://1.2.3.4:8080/x", "1[.]2[.]3[.]4:8080/x"],
    ["xn--fsq.xn--fiqs8s", "xn--fsq[.]xn--fiqs8s"],
    ["运行 main.py 和 install.sh", "运行 main[.]py 和 install[.]sh"],
    ["见 README.md。", "见 README[.]md。"],
    ["a.tar.gz", "a[.]tar[.]gz"],
    ["name@example.com", "name@example[.]com"],
    ["http://localhost:8080/x", "localhost:8080/x"],
    ["两个:https://a.cn,http://b.cn", "两个:a[.]cn,b[.]cn"],
    ["中文http://a.cn中文", "中文a[.]cn中文"],
    ["http:http:////a.cn", "a[.]cn"],
    ["http:/https:///a.cn", "a[.]cn"],
  ])("makes %j unclickable, and still legible", (text, defused) => {
    expect(defuseLinks(text)).toBe(defused);
  });

  // Few pieces, so that links inside of links come up.
  const nested = fc
    .array(fc.constantFrom("http:", "https:", "/", "//", ".", "a", "[.]", " ", "中", "1", "-"), { maxLength: 9 })
    .map((list) => list.join(""));

  it("leaves nothing behind that would be defused the next time", () => {
    fc.assert(
      fc.property(fc.oneof(nested, texts), (text) => {
        const once = defuseLinks(text);
        expect(defuseLinks(once)).toBe(once);
        expect(once).not.toMatch(/\bhttps?:\/\//i);
        expect(once).not.toMatch(/[a-z]\.[a-z]/i);
      }),
      { numRuns: 5_000 },
    );
  });
});
