/** The rules of one bot: owner, claims, codes. */
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { ACCESS_SCHEMA, Access, PAIRING_MS } from "../../src/bot/access.ts";
import type { Chat } from "../../src/event.ts";

const OWNER: Chat = { scene: "c2c", id: "owner" };
const STRANGER: Chat = { scene: "c2c", id: "stranger" };
const GROUP: Chat = { scene: "group", id: "group" };
const HOUR_MS = 60 * 60_000;

function book() {
  const database = new DatabaseSync(":memory:");
  database.exec(ACCESS_SCHEMA);
  const clock = { nowMs: 1_790_000_000_000 };
  const sql = {
    exec(query: string, ...bindings: (string | number)[]) {
      const found = database.prepare(query).all(...bindings);
      return { toArray: () => found };
    },
  } as unknown as SqlStorage; // all that is used of it
  const access = new Access(sql, () => clock.nowMs);
  let codes = 0;
  const newCode = () => {
    codes += 1;
    return `CODE${codes}`;
  };
  return { access, clock, newCode };
}

describe("the owner", () => {
  it("is whoever claims first, in a private chat", () => {
    const { access } = book();
    expect(access.claim(GROUP, true)).toBe("wrong");
    expect(access.claim(OWNER, true)).toBe("claimed");
    expect(access.standingOf(OWNER)).toBe("owner");
    expect(access.claim(OWNER, true)).toBe("yours");
    expect(access.claim(STRANGER, true)).toBe("taken");
    expect(access.standingOf(STRANGER)).toBeUndefined();
  });

  it("is nobody who guesses: after five wrong codes in an hour none of a chat is looked at", () => {
    const { access, clock } = book();
    const answers = Array.from({ length: 1_000 }, () => access.claim(STRANGER, false));
    expect(answers.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => "wrong"));
    expect(new Set(answers.slice(5))).toEqual(new Set(["locked"]));
    expect(access.claim(STRANGER, true)).toBe("locked");
    expect(access.hasOwner()).toBe(false);
    expect(access.claim(OWNER, false)).toBe("wrong"); // others are not locked out
    clock.nowMs += HOUR_MS;
    expect(access.claim(STRANGER, true)).toBe("claimed");
  });
});

describe("a code", () => {
  it("is the same for a chat as long as it is good, and means that chat", () => {
    const { access, clock, newCode } = book();
    const code = access.pair(STRANGER, "小明", newCode);
    expect(access.pair(STRANGER, "小明", newCode)).toBe(code);
    expect(access.pair(GROUP, "", newCode)).not.toBe(code);
    expect(access.find(code)).toEqual(STRANGER);
    expect(access.find(code.toLowerCase())).toEqual(STRANGER);
    clock.nowMs += PAIRING_MS;
    expect(access.find(code)).toBeUndefined();
    expect(access.pair(STRANGER, "小明", newCode)).not.toBe(code);
  });

  it("stays good after a decision, so that a repeated command decides the same", () => {
    const { access, newCode } = book();
    const code = access.pair(STRANGER, "", newCode);
    access.rule(STRANGER, "allowed");
    expect(access.find(code)).toEqual(STRANGER);
    expect(access.waiting()).toEqual([]);
  });

  it("is not needed for whom the owner can name", () => {
    const { access } = book();
    expect(access.find("group:G1")).toEqual({ scene: "group", id: "G1" });
    expect(access.find("nowhere:G1")).toBeUndefined();
    expect(access.find("group:../G1")).toBeUndefined();
  });

  it("is listed with a name in which nothing can be hidden", () => {
    const { access, newCode } = book();
    access.pair(STRANGER, ` Ann\n\nAAAAAA  <@owner>\u202e${"x".repeat(100)}`, newCode);
    expect(access.waiting()[0]?.name).toBe(`Ann AAAAAA @owner ${"x".repeat(12)}`);
  });

  it("of the oldest makes room when strangers come in crowds", () => {
    const { access, clock, newCode } = book();
    for (let n = 0; n < 150; n += 1) {
      clock.nowMs += 1;
      access.pair({ scene: "c2c", id: `s${n}` }, "", newCode);
    }
    expect(access.waiting()).toHaveLength(100);
    expect(access.waiting()[0]?.id).toBe("s149");
  });
});

describe("a rule", () => {
  it("is about one chat alone, and the last one counts", () => {
    const { access } = book();
    access.rule(STRANGER, "allowed");
    expect(access.standingOf({ ...STRANGER, scene: "group" })).toBeUndefined();
    access.rule(STRANGER, "denied");
    expect(access.standingOf(STRANGER)).toBe("denied");
    expect(access.rules()).toEqual([{ ...STRANGER, standing: "denied" }]);
  });
});
