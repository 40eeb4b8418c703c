/** Codes of the error table are found by number or words. */
import { describe, expect, it } from "vitest";
import { findCodes } from "../../../src/simulator/page/find-codes.ts";

const codes = [
  { code: 304003, words: { zh: "url 未报备", en: "URL not registered" } },
  { code: 22009, words: { zh: "消息发送超频", en: "message limit exceeded" } },
  { code: 40054010, words: { zh: "不允许发送 url", en: "URL not allowed" } },
];
const found = (search: string) => findCodes(codes, search).map(({ code }) => code);

describe("the search for codes", () => {
  it("finds a code by its number or a part of it", () => {
    expect(found("304003")).toEqual([304003]);
    expect(found(" 2200 ")).toEqual([22009]);
  });

  it("finds codes by words of either language, whatever their case", () => {
    expect(found("超频")).toEqual([22009]);
    expect(found("URL")).toEqual([304003, 40054010]);
    expect(found("url not")).toEqual([304003, 40054010]);
  });

  it("wants all of the words", () => {
    expect(found("url registered")).toEqual([304003]);
    expect(found("url limit")).toEqual([]);
  });

  it("finds nothing where nothing is looked for", () => {
    expect(found("  ")).toEqual([]);
  });
});
