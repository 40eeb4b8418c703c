/** In which form words go out, and what is left of them in another. */
import { describe, expect, it } from "vitest";
import { compose, defused, degraded, split } from "../../src/qq/writing.ts";
import type { Reply } from "../../src/reply.ts";

const ALL = { markdown: true, links: true };
const text = (words: string): Reply => ({ kind: "text", text: words });
const markdown = (words: string): Reply => ({ kind: "markdown", text: words });

describe("composing", () => {
  it.each(["hello", "你好。\n\n第二段。", "1 < 2", "a * b", "see https://example.com"])(
    "gives text where Markdown would show no more: %j",
    (source) => {
      expect(compose(source, ALL).kind).toBe("text");
    },
  );

  it.each(["**bold**", "# title", "- one\n- two", "```js\nlet a;\n```", "[link](https://example.com)"])(
    "gives Markdown where that shows more than the words: %j",
    (source) => {
      expect(compose(source, ALL).kind).toBe("markdown");
    },
  );

  it("gives text where Markdown is not taken", () => {
    expect(compose("a **bold** word", { markdown: false, links: true })).toEqual(text("a bold word"));
  });

  it("defuses links where they are not taken, and leaves Markdown without links as it is", () => {
    expect(compose("**see** https://example.com/a", { markdown: true, links: false })).toEqual(
      text("see example[.]com/a"),
    );
    expect(compose("**see** this", { markdown: true, links: false })).toEqual(markdown("**see** this"));
  });

  it("says nothing that QQ would act on, though nothing else is there", () => {
    expect(compose("<qqbot-at-everyone />", ALL).text).not.toMatch(/<qqbot-/);
  });

  it("says at least what was written where nothing of it can be shown", () => {
    for (const source of ["<!-- hm -->", "&nbsp;", "&nbsp;\n\n&emsp;", "**&nbsp;**", "<br>&#x20;"])
      for (const markdown of [true, false])
        expect(compose(source, { markdown, links: true }).text.trim(), source).not.toBe("");
  });
});

describe("other forms of the same words", () => {
  it("are plain where they were marked", () => {
    expect(degraded(markdown("a **bold** word"))).toEqual(text("a bold word"));
  });

  it("are the same where they were plain, though they look marked", () => {
    expect(degraded(text("a **bold** word"))).toEqual(text("a **bold** word"));
    expect(defused(text("a word"))).toEqual(text("a word"));
  });

  it("without links are the very same reply where there were none: that is how it is known", () => {
    for (const reply of [text("a word"), markdown("a **bold** word")]) expect(defused(reply)).toBe(reply);
  });

  it("without links are plain, with the address legible", () => {
    expect(defused(markdown("[here](https://example.com/a)"))).toEqual({
      kind: "text",
      text: expect.stringContaining("example[.]com/a"),
    });
  });
});

describe("cutting", () => {
  it("leaves the form as it is, in the parts and in the rest", () => {
    for (const kind of ["text", "markdown"] as const) {
      const { parts, rest } = split({ kind, text: "one\n\ntwo\n\nthree" }, { maxLength: 8, maxParts: 2 });
      expect(parts.map((part) => part.kind)).toEqual([kind, kind]);
      expect(rest.kind).toBe(kind);
      expect([...parts, rest].map((part) => part.text.trim())).toEqual(["one\n\ntwo", "three", ""]);
    }
  });
});
