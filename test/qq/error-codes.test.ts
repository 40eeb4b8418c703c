import { describe, expect, it } from "vitest";
import type { Remedy } from "../../src/errors.ts";
import { API_ERRORS, type ErrorRow, findErrorRow, LINK_ERRORS, TOKEN_ERRORS } from "../../src/qq/error-codes.ts";

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

type Flags = Pick<
  ErrorRow,
  | "costsNoReply"
  | "outcomeUnknown"
  | "closesMessage"
  | "blocksText"
  | "closesChat"
  | "isDuplicate"
  | "forbids"
  | "isWall"
>;

/** All flags of a row, so that one too many fails as one too few does. */
const flagsOf = ({ codes, ranges, meaning, remedy, otherwise, advice, ...flags }: ErrorRow): Flags => flags;

type Expected = readonly [
  what: string,
  codes: readonly number[],
  remedy: Remedy,
  then?: Remedy | undefined,
  flags?: Flags,
];

/** Copied by hand from the platform reference, section 5, row by row and in its order. */
const ON_THE_TOKEN_ENDPOINT: readonly Expected[] = [
  ["too many requests", [100001], "backOff", "tellOperator"],
  ["AppID invalid, or bot banned", [100007], "tellOperator"],
  ["AppID or secret wrong", [100016], "tellOperator"],
  ["no bot of this AppID", [10004], "tellOperator"],
];

const ON_THE_API: readonly Expected[] = [
  ["token expired", [11244], "refreshToken", "tellOperator", { costsNoReply: true }],
  ["token missing", [11241], "refreshToken", "tellOperator", { costsNoReply: true }],
  ["token wrong", [11243], "refreshToken", "tellOperator", { costsNoReply: true }],
  ["AppID wrong", [11251, 11261, 11275], "refreshToken", "tellOperator", { costsNoReply: true }],
  ["check failed at QQ", [11242, 11252, 11263, 11281], "retryOnce", "tellOperator"],
  ["fixed token", [11245], "tellOperator"],
  ["address off the allow-list", [11298, 40023002], "tellOperator", undefined, { costsNoReply: true, isWall: true }],
  ["no privilege", [11253], "tellOperator"],
  ["API banned", [11254], "tellOperator"],
  ["bot banned", [11265], "tellOperator"],
  ["wrong kind of token", [11262, 11273, 11274], "tellOperator"],
  ["guild admin did not grant it", [11264, 11282], "tellOperator"],
  ["user or group deregistered", [11255, 40011028], "drop", "tellOperator", { closesChat: true }],
  ["header invalid", [11301, 11302], "tellOperator"],
  ["nick, avatar, guild unreadable", [11303, 11304, 11305, 11306], "retryOnce", "drop"],
  ["openid not replaced", [12001], "drop", "tellOperator"],
  ["body wrong", [12002], "tellOperator"],
  ["platform answer wrong", [12003], "retryOnce", "tellOperator"],
  ["account, sub-channel, guild unknown", [10001, 10003, 10004], "drop"],
  ["msg limit exceed", [22009], "backOff", "tellUser"],
  ["proactive over rate", [40034100], "backOff", "tellUser"],
  ["channel rate", [20028, 1100308], "backOff", "tellUser"],
  ["safety rate", [1100100], "backOff", "tellOperator"],
  ["push time or quota", [304022, 304035, 304045, 304047, 304049, 304050, 304052], "backOff", "drop"],
  ["push not allowed here", [304046, 304048], "drop"],
  ["@everyone quota", [304019], "degradeToText"],
  ["stream rate", [50002], "backOff", "tellUser"],
  ["reaction rate", [620006], "backOff", "drop"],
  ["deduplicated", [40054005], "alreadySent", undefined, { isDuplicate: true }],
  ["msg_id expired", [40034005, 304027, 304103], "tellUser", undefined, { closesMessage: true }],
  ["event_id expired", [40034026], "tellUser", undefined, { closesMessage: true }],
  ["window or count exceeded", [40034128], "tellUser", undefined, { closesMessage: true }],
  ["msg_id not ours", [40034024], "tellOperator", "tellUser"],
  ["event_id or msg_id invalid", [40034025, 304026], "tellOperator", "tellUser"],
  ["event takes no answer", [40034027], "drop"],
  ["message takes no answer", [304028, 50045, 50046, 50047, 50048], "drop"],
  ["proactive not permitted", [40034105, 40034102], "tellUser"],
  ["wake-up quota", [40034122], "tellUser"],
  ["wake-up not supported", [40034123], "tellUser"],
  ["user refuses messages", [40054013], "drop"],
  ["content blocked", [40034006, 304025, 1100101, 1100103, 3300006], "tellUser", undefined, { blocksText: true }],
  ["feature not granted", [1100102], "tellOperator"],
  ["URL not registered", [304003], "stripLinks", "degradeToText", { forbids: "links" }],
  ["URL not allowed", [40054010], "stripLinks", "tellUser", { forbids: "links" }],
  ["media transfer", [40034004, 304082, 304083], "retryOnce", "reupload"],
  ["file_info bad", [304080], "reupload", "tellUser"],
  ["image re-hosting", [304010, 304017, 304021], "retryOnce", "tellUser"],
  ["source URL not downloaded", [850026], "retryOnce", "reupload"],
  ["upload timeout", [850027], "retryOnce", "tellUser"],
  ["transfer channel", [40093001], "backOff", "tellUser"],
  ["daily volume", [40093002], "tellUser", "tellOperator"],
  ["too large", [850031, 304020], "tellUser"],
  ["format", [850019], "tellUser"],
  ["unsupported operation", [10000], "tellOperator", "tellUser"],
  ["native Markdown not allowed", [40034012], "degradeToText", undefined, { forbids: "markdown" }],
  ["no Markdown right", [40034127, 304036, 50056, 40034090], "degradeToText", undefined, { forbids: "markdown" }],
  ["no Markdown in guild replies", [304041], "degradeToText", undefined, { forbids: "markdown" }],
  ["no button right", [304037, 304057], "degradeToText", undefined, { forbids: "keyboard" }],
  ["ark or template", [304004, 304011, 304012, 304014], "degradeToText"],
  ["Markdown parameters", [40034008, 40034009, 40034010, 40034011, 40034124], "degradeToText"],
  ["Markdown content", [50037, 50040, 50041, 50042, 50054, 50055, 50057], "degradeToText"],
  ["keyboard", [40034029, 305007, 304038, 304039, 304040, 304062], "degradeToText"],
  ["command tag", [40034106, 40034108, 40034109], "degradeToText"],
  ["type and content", [22006, 50059, 304061, 340069], "degradeToText", "tellOperator"],
  ["embed too long", [304005], "degradeToText"],
  ["empty, or broken form data", [50006, 50035], "tellOperator"],
  ["subscription", [304064], "drop"],
  ["too long", [40054007, 40054018], "split", "tellUser"],
  ["streamed prefix changed", [40007, 40113003], "split"],
  ["index must rise", [40006, 40113002], "retryOnce", "alreadySent"],
  ["stream internal", [50001], "retryOnce", "degradeToText"],
  ["old stream", [40034016, 40034017, 40034018, 40034019, 40034020, 40034021, 40034022], "degradeToText"],
  ["old stream", [40054014, 40054015], "degradeToText"],
  ["muted", [40054002, 850018], "drop"],
  ["not a member", [40054003, 40034101, 1100301, 1100306], "drop", undefined, { closesChat: true }],
  ["not friends", [40054004], "drop", undefined, { closesChat: true }],
  ["group gone", [1100104], "drop", undefined, { closesChat: true }],
  ["guild DM closed", [304031, 304032, 304033, 304034], "drop", undefined, { closesChat: true }],
  ["bot delisted", [40054016], "tellOperator"],
  ["bot information", [340067, 304008], "retryOnce", "tellOperator"],
  ["transient", [50055001, 50055002, 50055006, 40054006], "retryOnce", "tellUser"],
  ["guild failure at QQ", [304006, 304007, 304009, 304016, 304029, 304044], "retryOnce", "tellUser"],
  ["guild failure at QQ", [1100300, 1100302, 1100305, 1100499], "retryOnce", "tellUser"],
  ["not allowed here", [304030, 1100303, 1100304, 1100307, 50038, 50039, 50043], "drop"],
  ["held for review", [304023, 304024], "alreadySent"],
  ["not connected to the gateway", [304018], "tellOperator", "drop", { forbids: "replies" }],
  ["recall refused", [306001, 306002, 306004, 306007, 306008, 306009, 306011], "drop"],
  ["recall failed", [306003, 306005, 306006, 306010], "retryOnce", "drop"],
  ["recall refused", [40061001, 40061002, 40062003, 40064004], "drop"],
  ["recall failed", [50065001], "retryOnce", "drop"],
  ["interaction refused", [630001, 630002, 630003, 630006, 630007, 630008], "tellOperator"],
  ["interaction not stored", [630004, 630005], "retryOnce", "drop"],
  ["reaction refused", [620001, 620002, 620003, 620004, 620005], "drop"],
  ["reaction failed", [620007], "retryOnce", "drop"],
  ["menu, panel", [40030001, 40030006, 40030008, 40030011, 40030012, 40030013], "tellOperator"],
  ["menu, panel", [40030014, 40030015, 40030016, 40030018, 40030020, 40030021], "tellOperator"],
  ["panel busy", [40030009], "retryOnce", "tellOperator"],
];

const ON_LINKS: readonly Expected[] = [
  ["bad parameter, header, bot, uin", [10001, 10002, 10003, 10044], "tellOperator"],
  ["link not made", [11004], "retryOnce", "drop"],
];

/** Calls for the administration of guilds, which this bot does not make. */
const GUILD_ADMINISTRATION = [
  [301000, 301099],
  [302000, 302024],
  [501000, 501999],
  [502000, 502099],
  [503001, 503020],
  [504000, 504999],
  [610000, 619999],
  [50049, 50053],
] as const;

const BY_STATUS: readonly (readonly [status: number, remedy: Remedy, then: Remedy | undefined])[] = [
  [401, "refreshToken", "tellOperator"],
  [404, "tellOperator", undefined],
  [405, "tellOperator", undefined],
  [429, "backOff", "tellUser"],
  [400, "degradeToText", "tellOperator"],
  [403, "degradeToText", "tellOperator"],
  [409, "degradeToText", "tellOperator"],
  [413, "tellUser", undefined],
  // The reference says `retryOnce`; the table says why it waits instead.
  [500, "backOff", "tellUser"],
  [502, "backOff", "tellUser"],
  [503, "backOff", "tellUser"],
  [504, "backOff", "tellUser"],
];

const api = (code: number | undefined, status = 400) => findErrorRow({ endpoint: "api", status, errCode: code });

describe.each([
  ["token endpoint", TOKEN_ERRORS, ON_THE_TOKEN_ENDPOINT, ["token"]],
  ["API", API_ERRORS, ON_THE_API, ["api", "stream"]],
  ["call for links", LINK_ERRORS, ON_LINKS, ["link"]],
] as const)("codes of the %s", (_, table, expectations, endpoints) => {
  it.each(table.map((row) => [row.codes.join(", ") || row.meaning, row] as const))(
    "have a meaning, an advice and a remedy: %s",
    (_codes, row) => {
      expect(row.meaning).not.toBe("");
      // Chinese first, then English.
      expect(row.advice).toMatch(/^[^a-z]*\p{Script=Han}/u);
      expect(row.advice).toMatch(/[。)][A-Z][\w' -]+.*\.$/u);
      expect(REMEDIES).toContain(row.remedy);
      if (row.otherwise !== undefined) {
        expect(REMEDIES).toContain(row.otherwise);
        expect(row.otherwise).not.toBe(row.remedy);
      }
    },
  );

  it("name settings in their advice, never what may stand in one", () => {
    for (const { advice } of table) expect(advice).not.toMatch(/\d{4}|[=@]|:\/\/|[A-Za-z0-9]{16}/);
  });

  it("stand in one row each", () => {
    const codes = table.flatMap((row) => row.codes);
    expect(codes.filter((code, index) => codes.indexOf(code) < index)).toEqual([]);
  });

  it.each(
    expectations.flatMap(([what, codes, remedy, then, flags]) =>
      codes.map((code) => [what, code, remedy, then, flags] as const),
    ),
  )("are acted on as the reference says: %s, %i", (_what, code, remedy, then, flags = {}) => {
    for (const endpoint of endpoints)
      for (const found of [{ errCode: code }, { code }, { errCode: code, code }]) {
        const row = findErrorRow({ endpoint, status: 400, ...found });
        expect([row.remedy, row.otherwise, flagsOf(row)]).toEqual([remedy, then, flags]);
      }
  });

  it("are all compared with the reference", () => {
    const compared = expectations.flatMap(([, codes]) => codes);
    expect(table.flatMap((row) => row.codes).toSorted()).toEqual(compared.toSorted());
  });
});

describe("ranges of codes", () => {
  const inReference = (code: number) => GUILD_ADMINISTRATION.some(([from, to]) => code >= from && code <= to);
  const isRanged = (code: number) => findErrorRow({ endpoint: "api", status: 400, code }).ranges !== undefined;

  it.each(GUILD_ADMINISTRATION)("hold %i to %i with both ends, and nothing beside", (from, to) => {
    for (const code of [from, from + 1, to - 1, to]) {
      const row = api(code, 403);
      expect([row.remedy, row.otherwise, flagsOf(row)]).toEqual(["tellOperator", undefined, {}]);
      expect(isRanged(code)).toBe(true);
    }
    // Two of them adjoin.
    for (const code of [from - 1, to + 1]) expect(isRanged(code)).toBe(inReference(code));
  });

  it("are all compared with the reference", () => {
    const ranges = API_ERRORS.flatMap((row) => row.ranges ?? []);
    expect(ranges.toSorted()).toEqual(GUILD_ADMINISTRATION.toSorted());
    expect([...TOKEN_ERRORS, ...LINK_ERRORS].flatMap((row) => row.ranges ?? [])).toEqual([]);
  });

  it("hold no code that has a row of its own, which would win: such rows stand first", () => {
    const codes = API_ERRORS.flatMap((row) => row.codes);
    expect(codes.filter(inReference)).toEqual([]);
    const firstRange = API_ERRORS.findIndex(({ ranges }) => ranges);
    expect(API_ERRORS.slice(firstRange).flatMap((row) => row.codes)).toEqual([]);
  });

  it("come after the exact err_code, and before the status", () => {
    expect(findErrorRow({ endpoint: "api", status: 429, errCode: 40054005, code: 301000 }).remedy).toBe("alreadySent");
    expect(findErrorRow({ endpoint: "api", status: 429, errCode: 301000, code: 40054005 }).remedy).toBe("tellOperator");
    expect(findErrorRow({ endpoint: "api", status: 429, code: 301000 }).remedy).toBe("tellOperator");
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

  it("tells 10001 and 10003 of a link, a wrong request, from those of the API, nobody there", () => {
    for (const code of [10001, 10003]) {
      expect(findErrorRow({ endpoint: "link", status: 400, code }).remedy).toBe("tellOperator");
      expect(api(code).remedy).toBe("drop");
    }
    for (const code of [10002, 10044, 11004]) expect(api(code).meaning).toBe("unknown refusal");
  });

  it("knows every other code of the API where a link or a stream is asked for", () => {
    for (const endpoint of ["link", "stream"] as const) {
      expect(findErrorRow({ endpoint, status: 401, code: 11244 }).remedy).toBe("refreshToken");
      expect(findErrorRow({ endpoint, status: 400, code: 10004 }).remedy).toBe("drop");
      expect(findErrorRow({ endpoint, status: 400, code: 301050 }).remedy).toBe("tellOperator");
    }
  });

  it("takes a 404 of a stream for a refusal where it has a code, and else for a wrong address", () => {
    const stream = (status: number, code?: number) => findErrorRow({ endpoint: "stream", status, code }).meaning;
    expect(stream(404, 99999999)).toBe("unknown refusal");
    expect(stream(404)).toBe("no such API");
    expect(stream(405, 99999999)).toBe("wrong method");
    expect(findErrorRow({ endpoint: "stream", status: 404, code: 40006 }).remedy).toBe("retryOnce");
    expect(api(99999999, 404).meaning).toBe("no such API");
  });

  it("takes an unknown code for a refusal although the answer came with a status of success", () => {
    for (const found of [{ code: 99999999 }, { errCode: 99999999 }, { errCode: 0, code: 99999999 }])
      expect(findErrorRow({ endpoint: "api", status: 200, ...found }).remedy).toBe("degradeToText");
    expect(findErrorRow({ endpoint: "api", status: 200, errCode: 0, code: 0 }).remedy).toBe("backOff");
  });

  it("counts what is held for review with HTTP 202 as sent, but not as known to QQ before", () => {
    for (const code of [304023, 304024]) {
      const row = findErrorRow({ endpoint: "api", status: 202, code });
      expect([row.remedy, flagsOf(row)]).toEqual(["alreadySent", {}]);
    }
  });

  it("knows no code of the API on the token endpoint", () => {
    expect(findErrorRow({ endpoint: "token", status: 500, code: 40054005 }).remedy).toBe("backOff");
    expect(findErrorRow({ endpoint: "api", status: 500, code: 100016 }).remedy).toBe("backOff");
  });

  it.each(BY_STATUS)("goes by the status %i of an unknown code: %s, then %s", (status, remedy, then) => {
    for (const endpoint of ["api", "token", "link"] as const) {
      const row = findErrorRow({ endpoint, status, errCode: 99999999, code: 99999999 });
      expect([row.remedy, row.otherwise]).toEqual([remedy, then]);
      expect(row.advice).not.toBe("");
    }
  });

  it("takes a refusal without a code for one of what stands before QQ: no call gets through, and none has", () => {
    const bare = { costsNoReply: true, isWall: true };
    expect(findErrorRow({ endpoint: "api", status: 403 })).toMatchObject({ remedy: "tellOperator", ...bare });
    expect(findErrorRow({ endpoint: "token", status: 403 })).toMatchObject({ remedy: "tellOperator", ...bare });
    for (const status of [521, 522, 523, 525, 526, 530])
      expect(findErrorRow({ endpoint: "api", status })).toMatchObject({ remedy: "backOff", ...bare });
    for (const status of [403, 521, 530]) expect(api(99999999, status).isWall).toBeUndefined();
    for (const status of [502, 520, 524]) expect(findErrorRow({ endpoint: "api", status }).outcomeUnknown).toBe(true);
  });

  it("takes 401 and 404 without a code for the word of a relay where there is one, and for QQ's own where there is none", () => {
    for (const endpoint of ["api", "token"] as const) {
      for (const status of [401, 404]) {
        const row = findErrorRow({ endpoint, status, isRelayed: true });
        expect(row).toMatchObject({ remedy: "tellOperator", costsNoReply: true, isWall: true });
        expect(row.advice).toContain("中转");
        expect(findErrorRow({ endpoint, status }).isWall).toBeUndefined();
      }
      expect(findErrorRow({ endpoint, status: 401 }).remedy).toBe("refreshToken");
      expect(findErrorRow({ endpoint, status: 404, isRelayed: true }).advice).toContain("QQ_API_BASE");
      expect(findErrorRow({ endpoint, status: 400, isRelayed: true }).isWall).toBeUndefined();
    }
    expect(findErrorRow({ endpoint: "api", status: 401, code: 11244, isRelayed: true }).remedy).toBe("refreshToken");
  });

  it("takes a redirect for a wrong address: nobody follows it, and nothing is done there", () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const row = findErrorRow({ endpoint: "api", status });
      expect(row).toMatchObject({ remedy: "tellOperator", costsNoReply: true, isWall: true });
      expect([row.otherwise, row.outcomeUnknown]).toEqual([undefined, undefined]);
      expect(row.advice).toContain("QQ_API_BASE");
      expect(api(99999999, status).isWall).toBeUndefined();
    }
    expect(findErrorRow({ endpoint: "token", status: 308 }).isWall).toBe(true);
    expect(findErrorRow({ endpoint: "api", status: 400 }).isWall).toBeUndefined();
  });

  it.each([200, 202, 299, 600])("waits and tries again where the status %i says nothing either", (status) => {
    expect(findErrorRow({ endpoint: "api", status })).toMatchObject({ remedy: "backOff", otherwise: "tellUser" });
  });
});

describe("what an answer says beside its remedy", () => {
  it("is that a reply was not spent, where the message layer was never reached", () => {
    for (const code of [11241, 11243, 11244, 11251, 11298, 40023002]) expect(api(code).costsNoReply).toBe(true);
    expect(api(undefined, 401).costsNoReply).toBe(true);
    for (const code of [22009, 40034128, 40054005, 40054007, 40054010, 50055001])
      expect(api(code).costsNoReply).toBeUndefined();
    for (const status of [400, 413, 429, 500]) expect(api(undefined, status).costsNoReply).toBeUndefined();
  });

  it("is that nobody knows what became of the message, where the gateway failed or was not understood", () => {
    for (const status of [200, 299, 500, 502, 503, 504]) expect(api(undefined, status).outcomeUnknown).toBe(true);
    for (const status of [400, 401, 404, 405, 413, 429]) expect(api(undefined, status).outcomeUnknown).toBeUndefined();
    expect(api(304041, 500).outcomeUnknown).toBeUndefined();
  });

  const codesWith = (flag: keyof Flags, value: Flags[keyof Flags] = true) =>
    API_ERRORS.filter((row) => row[flag] === value)
      .flatMap(({ codes }) => codes)
      .toSorted();

  it("is that a message takes no reply any more", () => {
    expect(codesWith("closesMessage")).toEqual([304027, 304103, 40034005, 40034026, 40034128].toSorted());
  });

  it("is that only the words were refused", () => {
    expect(codesWith("blocksText")).toEqual([40034006, 304025, 1100101, 1100103, 3300006].toSorted());
  });

  it("is that a chat is gone, which one that is muted or wants no messages is not", () => {
    const gone = [
      11255, 40011028, 40054003, 40034101, 1100301, 1100306, 40054004, 1100104, 304031, 304032, 304033, 304034,
    ];
    expect(codesWith("closesChat")).toEqual(gone.toSorted());
    for (const code of [40054002, 850018, 40054013]) expect(api(code).closesChat).toBeUndefined();
  });

  it("is that QQ has had a message before, which what is held for review is not", () => {
    expect(codesWith("isDuplicate")).toEqual([40054005]);
  });

  it.each([
    ["markdown", [40034012, 40034127, 304036, 50056, 40034090, 304041]],
    ["keyboard", [304037, 304057]],
    ["links", [304003, 40054010]],
    ["replies", [304018]],
  ] as const)("is that this bot may not have %s", (capability, codes) => {
    expect(codesWith("forbids", capability)).toEqual(codes.toSorted());
  });

  it("tells the operator why a guild hears nothing", () => {
    expect(api(304018).advice).toContain("回调模式下可能无法向频道发消息");
    expect(api(304018).advice).toContain(
      "the bot is not connected to the gateway, and guild sending may not be available in callback mode",
    );
  });
});
