/** The language of the page, and that nothing is missing in either. */
import { describe, expect, it } from "vitest";
import { languageOf, wordsIn } from "../../../src/simulator/page/words.ts";

describe("the page's language", () => {
  it("is the first of the browser's that the page speaks, and English where it speaks none", () => {
    expect(languageOf("", ["zh-CN", "en"])).toBe("zh");
    expect(languageOf("", ["zh-Hant-TW"])).toBe("zh");
    expect(languageOf("", ["en-GB", "zh-CN"])).toBe("en");
    expect(languageOf("", ["fr", "zh"])).toBe("zh");
    expect(languageOf("", ["fr-FR", "de"])).toBe("en");
    expect(languageOf("", [])).toBe("en");
  });

  it("is the one asked for in the address, if the page speaks it", () => {
    expect(languageOf("?lang=en", ["zh-CN"])).toBe("en");
    expect(languageOf("?lang=zh", ["en"])).toBe("zh");
    expect(languageOf("?lang=tlh", ["zh-CN"])).toBe("zh");
  });
});

describe("the page's words", () => {
  const [zh, en] = [wordsIn("zh"), wordsIn("en")];

  /** What a word says, whatever its form. */
  const saidBy = (word: unknown): string =>
    typeof word === "function"
      ? String(word(3))
      : typeof word === "object"
        ? Object.values(word ?? {}).join(" ")
        : String(word);

  it("have the same forms in both languages", () => {
    const forms = (words: object) =>
      Object.entries(words).map(([key, word]) => [key, typeof word, Object.keys(typeof word === "object" ? word : {})]);
    expect(forms(zh)).toEqual(forms(en));
  });

  it("are all there, and hold no Chinese in English", () => {
    for (const words of [zh, en]) for (const word of Object.values(words)) expect(saidBy(word).trim()).not.toBe("");
    const chinese = Object.entries(en).filter(([, word]) => /\p{Script=Han}/u.test(saidBy(word)));
    expect(chinese).toEqual([]);
  });
});
