/** Log lines that name a turn name its chat: turns of different chats have the same numbers. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { named } from "../../src/conversation/named.ts";
import type { IncomingMessage } from "../../src/event.ts";

const ROOM = join(import.meta.dirname, "../../src/conversation");

describe("a turn in a log line", () => {
  it("is named by its number and its chat", () => {
    const message = { chat: { scene: "group", id: "G1" } } as IncomingMessage; // all that is looked at
    expect(named({ id: 7, messages: [message] })).toEqual({ turn: 7, chat: "group:G1" });
  });

  it("is never named by its number alone", () => {
    const sources = readdirSync(ROOM).map((file) => readFileSync(join(ROOM, file), "utf8"));
    const lines = sources.flatMap((source) => source.match(/(?:log\.\w+|write)\("[^"]+", \{[^}]*/g) ?? []);
    expect(lines.filter((line) => line.includes("...named(turn)")).length).toBeGreaterThan(5);
    expect(lines.filter((line) => /\bturn:/.test(line))).toEqual([]);
  });
});
