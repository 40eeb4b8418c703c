import { describe, expect, it } from "vitest";
import type { Remedy } from "../../src/errors.ts";
import { API_ERRORS, findErrorRow, TOKEN_ERRORS } from "../../src/qq/error-codes.ts";

/** Written out once more: the set is closed, and a row outside of it would be acted on by nobody. */
const REMEDIES: readonly Remedy[] = [
  "refreshToken",
  "retryOnce",
  "backOff",
  "alreadySent",
  "degradeToText",
  "stripLinks",
  "reupload",
  "split",
  "drop",
  "tellUser",
  "tellOperator",
];

type Expected = readonly [codes: readonly number[], remedy: Remedy, then?: Remedy];

/** Copied by hand from the platform reference, section 5: the rows for text in private chats and groups. */
const ON_THE_TOKEN_ENDPOINT: readonly Expected[] = [
  [[100001], "backOff", "tellOperator"],
  [[100007], "tellOperator"],
  [[100016], "tellOperator"],
  [[10004], "tellOperator"],
];

const ON_THE_API: readonly Expected[] = [
  [[11244], "refreshToken", "tellOperator"],
  [[11241], "refreshToken", "tellOperator"],
  [[11243], "refreshToken", "tellOperator"],
  [[11251, 11261, 11275], "refreshToken", "tellOperator"],
  [[11242, 11252, 11263, 11281], "retryOnce", "tellOperator"],
  [[11245], "tellOperator"],
  [[11298, 40023002], "tellOperator"],
  [[11253], "tellOperator"],
  [[11254], "tellOperator"],
  [[11265], "tellOperator"],
  [[11262, 11273, 11274], "tellOperator"],
  [[11264, 11282], "tellOperator"],
  [[11255, 40011028], "drop", "tellOperator"],
  [[11301, 11302], "tellOperator"],
  [[12001], "drop", "tellOperator"],
  [[12002], "tellOperator"],
  [[12003], "retryOnce", "tellOperator"],
  [[10001, 10003, 10004], "drop"],
  [[22009], "backOff", "tellUser"],
  [[40034100], "backOff", "tellUser"],
  [[1100100], "backOff", "tellOperator"],
  [[40054005], "alreadySent"],
  [[40034005, 304027, 304103], "tellUser"],
  [[40034128], "tellUser"],
  [[40034024], "tellOperator", "tellUser"],
  [[304026], "tellOperator", "tellUser"],
  [[304028], "drop"],
  [[40034105, 40034102], "tellUser"],
  [[40054013], "drop"],
  [[40034006, 304025, 1100101, 1100103, 3300006], "tellUser"],
  [[1100102], "tellOperator"],
  [[304003], "stripLinks", "degradeToText"],
  [[40054010], "stripLinks", "tellUser"],
  [[22006, 50059, 304061, 340069], "degradeToText", "tellOperator"],
  [[50006, 50035], "tellOperator"],
  [[40054007, 40054018], "split", "tellUser"],
  [[40054002], "drop"],
  [[40054003, 40034101, 1100301, 1100306], "drop"],
  [[40054004], "drop"],
  [[1100104], "drop"],
  [[40054016], "tellOperator"],
  [[340067, 304008], "retryOnce", "tellOperator"],
  [[50055001, 50055002, 50055006, 40054006], "retryOnce", "tellUser"],
];

const BY_STATUS: readonly (readonly [status: number, remedy: Remedy, then: Remedy | undefined])[] = [
  [401, "refreshToken", "tellOperator"],
  [404, "tellOperator", undefined],
  [405, "tellOperator", undefined],
  [429, "backOff", "tellUser"],
  [400, "degradeToText", "tellOperator"],
  [403, "degradeToText", "tellOperator"],
  [413, "degradeToText", "tellOperator"],
  // The reference says `retryOnce`; the table says why it waits instead.
  [500, "backOff", "tellUser"],
  [502, "backOff", "tellUser"],
  [503, "backOff", "tellUser"],
  [504, "backOff", "tellUser"],
];

const api = (code: number | undefined, status = 400) => findErrorRow({ endpoint: "api", status, errCode: code });

describe.each([
  ["token endpoint", TOKEN_ERRORS, ON_THE_TOKEN_ENDPOINT, "token"],
  ["API", API_ERRORS, ON_THE_API, "api"],
] as const)("codes of the %s", (_, table, expectations, endpoint) => {
  it.each(table.map((row) => [row.codes.join(", "), row] as const))(
    "have a meaning, an advice and a remedy: %s",
    (_codes, row) => {
      expect(row.meaning).not.toBe("");
      // Chinese first, then English.
      expect(row.advice).toMatch(/^[^a-z]*\p{Script=Han}/u);
      expect(row.advice).toMatch(/[A-Z][\w' -]+/);
      expect(REMEDIES).toContain(row.remedy);
      if (row.otherwise !== undefined) {
        expect(REMEDIES).toContain(row.otherwise);
        expect(row.otherwise).not.toBe(row.remedy);
      }
    },
  );

  it("stand in one row each", () => {
    const codes = table.flatMap((row) => row.codes);
    expect(codes.filter((code, index) => codes.indexOf(code) < index)).toEqual([]);
  });

  it.each(expectations.flatMap(([codes, remedy, then]) => codes.map((code) => [code, remedy, then] as const)))(
    "are acted on as the reference says: %i by %s, then %s",
    (code, remedy, then) => {
      for (const found of [{ errCode: code }, { code }, { errCode: code, code }]) {
        const row = findErrorRow({ endpoint, status: 400, ...found });
        expect([row.remedy, row.otherwise]).toEqual([remedy, then]);
      }
    },
  );

  it("are all compared with the reference", () => {
    const compared = expectations.flatMap(([codes]) => codes);
    expect(table.flatMap((row) => row.codes).toSorted()).toEqual(compared.toSorted());
  });
});

describe("looking up an answer", () => {
  it("goes by err_code before code, and by code before the status", () => {
    const row = (errCode: number | undefined, code: number | undefined) =>
      findErrorRow({ endpoint: "api", status: 429, errCode, code }).remedy;
    expect(row(40054005, 11244)).toBe("alreadySent");
    expect(row(11244, 40054005)).toBe("refreshToken");
    expect(row(99999999, 40054005)).toBe("alreadySent");
    expect(row(0, 40054005)).toBe("alreadySent");
    expect(row(undefined, 40054005)).toBe("alreadySent");
    expect(row(99999999, 88888888)).toBe("backOff");
    expect(row(undefined, undefined)).toBe("backOff");
  });

  it("never takes an address off the allow-list for an expired token, although both come with 401", () => {
    for (const found of [
      { code: 11298, errCode: 40023002 },
      { code: 11298 },
      { errCode: 40023002 },
      { code: 11244, errCode: 40023002 },
    ]) {
      const row = findErrorRow({ endpoint: "api", status: 401, ...found });
      expect(row).toMatchObject({ remedy: "tellOperator", costsNoReply: true });
      expect(row.otherwise).toBeUndefined();
      expect(row.advice).toContain("IP 白名单");
    }
    expect(api(11244, 401).remedy).toBe("refreshToken");
  });

  it("tells 10004 of the token endpoint, no such bot, from 10004 of the API, no such chat", () => {
    expect(findErrorRow({ endpoint: "token", status: 200, code: 10004 }).remedy).toBe("tellOperator");
    expect(findErrorRow({ endpoint: "api", status: 400, code: 10004 }).remedy).toBe("drop");
  });

  it("knows no code of the API on the token endpoint", () => {
    expect(findErrorRow({ endpoint: "token", status: 500, code: 40054005 }).remedy).toBe("backOff");
    expect(findErrorRow({ endpoint: "api", status: 500, code: 100016 }).remedy).toBe("backOff");
  });

  it.each(BY_STATUS)("goes by the status %i of an unknown code: %s, then %s", (status, remedy, then) => {
    for (const endpoint of ["api", "token"] as const) {
      const row = findErrorRow({ endpoint, status, errCode: 99999999, code: 99999999 });
      expect([row.remedy, row.otherwise]).toEqual([remedy, then]);
      expect(row.advice).not.toBe("");
    }
  });

  it.each([200, 202, 302, 600])("waits and tries again where the status %i says nothing either", (status) => {
    expect(findErrorRow({ endpoint: "api", status })).toMatchObject({ remedy: "backOff", otherwise: "tellUser" });
  });
});

describe("what an answer says beside its remedy", () => {
  it("is that a reply was not spent, where the message layer was never reached", () => {
    for (const code of [11241, 11243, 11244, 11251, 11298, 40023002]) expect(api(code).costsNoReply).toBe(true);
    expect(api(undefined, 401).costsNoReply).toBe(true);
    for (const code of [22009, 40034128, 40054005, 40054007, 40054010, 50055001])
      expect(api(code).costsNoReply).toBeUndefined();
    expect(api(undefined, 500).costsNoReply).toBeUndefined();
  });

  it("is that a message takes no reply any more", () => {
    const closing = API_ERRORS.filter(({ closesMessage }) => closesMessage).flatMap(({ codes }) => codes);
    expect(closing.toSorted()).toEqual([304027, 304103, 40034005, 40034128].toSorted());
  });

  it("is that only the words were refused", () => {
    const blocking = API_ERRORS.filter(({ blocksText }) => blocksText).flatMap(({ codes }) => codes);
    expect(blocking.toSorted()).toEqual([40034006, 304025, 1100101, 1100103, 3300006].toSorted());
  });
});
