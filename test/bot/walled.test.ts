/** When QQ is asked again whether it takes calls from this address. */
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/bot/failures.ts";
import { askAgainMs, noteResumed, noteWalled, WALLED_SCHEMA, walledChats } from "../../src/bot/walled.ts";

const HOUR_MS = 60 * 60_000;
const CHAT = { scene: "c2c", id: "a:b" } as const;

function wall() {
  const database = new DatabaseSync(":memory:");
  database.exec(WALLED_SCHEMA);
  const exec = (query: string, ...bindings: (string | number)[]) => {
    const found = database.prepare(query).all(...bindings);
    return { toArray: () => found };
  };
  return { exec } as unknown as SqlStorage; // all that is used of it
}

const failure = (walledUntilMs?: number): Failure => ({
  ...{ reference: "abc234", atMs: 0, chat: "c2c:a:b", turn: 1, operation: "qq.send", summary: "-", told: false },
  ...{ advice: "-", walledUntilMs },
});

describe("a wall", () => {
  it("keeps the chats whose answers can still be sent", () => {
    const sql = wall();
    noteWalled(sql, [failure(), failure(1_000)], 1_000);
    expect(askAgainMs(sql, 1_000)).toBeUndefined();
    noteWalled(sql, [failure(HOUR_MS)], 1_000);
    expect(walledChats(sql, 1_000)).toEqual([CHAT]);
    expect(askAgainMs(sql, 1_000)).toBe(11_000);
    expect(walledChats(sql, HOUR_MS)).toEqual([]);
    expect(askAgainMs(sql, HOUR_MS)).toBeUndefined();
  });

  it("is not taken for a new one by a chat that runs into it again", () => {
    const sql = wall();
    let nowMs = 0;
    let looks = 0;
    noteWalled(sql, [failure(HOUR_MS)], nowMs);
    for (;;) {
      const atMs = askAgainMs(sql, nowMs);
      if (atMs === undefined) break;
      nowMs = atMs;
      // The Bot gets through, the chat does not.
      for (const chat of walledChats(sql, nowMs)) {
        noteResumed(sql, chat);
        noteWalled(sql, [failure(HOUR_MS)], nowMs);
      }
      looks += 1;
    }
    expect(looks).toBeLessThan(60);
  });

  it("is a new one once its time is over", () => {
    const sql = wall();
    noteWalled(sql, [failure(HOUR_MS)], 0);
    noteResumed(sql, CHAT);
    expect(walledChats(sql, 1)).toEqual([]);
    expect(askAgainMs(sql, 1)).toBeUndefined();
    noteWalled(sql, [failure(3 * HOUR_MS)], 2 * HOUR_MS);
    expect(askAgainMs(sql, 2 * HOUR_MS)).toBe(2 * HOUR_MS + 10_000);
  });
});
