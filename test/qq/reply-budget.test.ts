import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { IncomingMessage, Scene } from "../../src/event.ts";
import { type BookedReply, freeSlots, PART_LENGTH, replyWindow } from "../../src/qq/reply-budget.ts";

const MINUTE = 60_000;
const T0 = Date.parse("2026-07-21T10:00:00+08:00");

function message(scene: Scene, id = "M1", times: { sentAtMs?: number; receivedAtMs?: number } = {}): IncomingMessage {
  return {
    kind: "message",
    appId: "102000001",
    chat: { scene, id: "CHAT" },
    id,
    eventId: id,
    sender: { id: "SENDER" },
    text: "",
    sentAtMs: T0,
    receivedAtMs: T0,
    ...times,
  };
}

const booked = (msgId: string, ...msgSeqs: number[]): BookedReply[] =>
  msgSeqs.map((msgSeq) => ({ msgId, msgSeq, counts: true }));
const uncounted = (msgId: string, msgSeq: number): BookedReply => ({ msgId, msgSeq, counts: false });
const shortly = (slots: readonly { msgId: string; msgSeq: number }[]) =>
  slots.map(({ msgId, msgSeq }) => `${msgId}/${msgSeq}`);

describe("reply window", () => {
  it.each([
    ["c2c", 55 * MINUTE],
    ["group", 4 * MINUTE],
    ["guildChannel", 4 * MINUTE],
    ["guildDm", 4 * MINUTE],
  ] as const)("of %s closes some time before QQ's own", (scene, ms) => {
    expect(replyWindow(message(scene)).closesAtMs).toBe(T0 + ms);
  });

  it.each(["c2c", "group", "guildChannel", "guildDm"] as const)(
    "of %s wants to show something within five minutes",
    (scene) => {
      const { firstPartByMs, closesAtMs } = replyWindow(message(scene));
      expect(firstPartByMs).toBeLessThan(T0 + 5 * MINUTE);
      expect(firstPartByMs).toBeGreaterThan(T0);
      expect(firstPartByMs).toBeLessThanOrEqual(closesAtMs);
    },
  );

  it.each(["c2c", "group"] as const)(
    "of an event in %s is that of a group, for which nothing longer is stated",
    (scene) => {
      const event = { ...message(scene), isEvent: true as const };
      expect(replyWindow(event)).toEqual(replyWindow(message("group")));
    },
  );

  it("starts when it was written, where it was heard later", () => {
    const late = message("group", "M1", { sentAtMs: T0 - 3 * MINUTE });
    expect(replyWindow(late).closesAtMs).toBe(T0 + MINUTE);
  });

  it("starts when it was heard, where QQ's clock is ahead of ours", () => {
    const ahead = message("c2c", "M1", { sentAtMs: T0 + 10 * MINUTE });
    expect(replyWindow(ahead)).toEqual(replyWindow(message("c2c")));
  });
});

describe("reply budget", () => {
  it.each([
    ["c2c", 4],
    ["group", 5],
    ["guildChannel", 5], // our own limit
    ["guildDm", 5],
  ] as const)("of a message in %s is %i replies, numbered from 1", (scene, replies) => {
    const slots = freeSlots([message(scene)], [], T0);
    expect(slots).toEqual(Array.from({ length: replies }, (_, index) => ({ msgId: "M1", msgSeq: index + 1 })));
  });

  it("refuses a sixth reply to the same group message", () => {
    expect(shortly(freeSlots([message("group")], booked("M1", 1, 2, 3, 4), T0))).toEqual(["M1/5"]);
    expect(freeSlots([message("group")], booked("M1", 1, 2, 3, 4, 5), T0)).toEqual([]);
    expect(freeSlots([message("group")], booked("M1", 1, 2, 3, 4, 5, 6), T0)).toEqual([]);
  });

  it("refuses a fifth reply to the same private message", () => {
    expect(freeSlots([message("c2c")], booked("M1", 1, 2, 3, 4), T0)).toEqual([]);
  });

  it("of an event is one reply, whatever the scene", () => {
    for (const scene of ["c2c", "group"] as const) {
      const event = { ...message(scene, "E1"), isEvent: true as const };
      expect(shortly(freeSlots([event], [], T0))).toEqual(["E1/1"]);
      expect(freeSlots([event], booked("E1", 1), T0)).toEqual([]);
      expect(freeSlots([event], [], T0 + 5 * MINUTE)).toEqual([]);
    }
  });

  it("is given back for what QQ turned away unheard, but the number is not used again", () => {
    const replies = [...booked("M1", 1), uncounted("M1", 2), uncounted("M1", 3)];
    expect(shortly(freeSlots([message("c2c")], replies, T0))).toEqual(["M1/4", "M1/5", "M1/6"]);
  });

  it("goes on counting above the highest number, in whatever order they were booked", () => {
    expect(shortly(freeSlots([message("c2c")], booked("M1", 7, 2), T0))).toEqual(["M1/8", "M1/9"]);
  });

  it("is not touched by replies to other messages", () => {
    expect(shortly(freeSlots([message("c2c")], booked("M2", 1, 2, 3, 4), T0))).toHaveLength(4);
  });

  it("is open to the last millisecond before the window closes, and no longer", () => {
    const { closesAtMs } = replyWindow(message("group"));
    expect(freeSlots([message("group")], [], closesAtMs - 1)).toHaveLength(5);
    expect(freeSlots([message("group")], [], closesAtMs)).toEqual([]);
  });

  it("of several messages is spent newest first", () => {
    const slots = freeSlots([message("c2c", "OLD"), message("c2c", "NEW")], booked("NEW", 1, 2), T0);
    expect(shortly(slots)).toEqual(["NEW/3", "NEW/4", "OLD/1", "OLD/2", "OLD/3", "OLD/4"]);
  });

  it("of several messages leaves out those whose window is over", () => {
    const old = message("group", "OLD", { sentAtMs: T0 - 4 * MINUTE });
    expect(shortly(freeSlots([old, message("group", "NEW")], booked("NEW", 1, 2, 3, 4), T0))).toEqual(["NEW/5"]);
  });

  it("of no message is nothing", () => {
    expect(freeSlots([], booked("M1", 1), T0)).toEqual([]);
  });

  it("never gives a slot twice, never one that was booked, and never more than QQ allows", () => {
    const scenes = fc.constantFrom<Scene>("c2c", "group");
    const replies = fc.array(
      fc.record({
        msgId: fc.constantFrom("M1", "M2", "M3"),
        msgSeq: fc.integer({ min: 1, max: 12 }),
        counts: fc.boolean(),
      }),
      { maxLength: 20 },
    );
    const nowMs = fc.integer({ min: T0, max: T0 + 70 * MINUTE });
    fc.assert(
      fc.property(scenes, replies, nowMs, (scene, ledger, now) => {
        const messages = ["M1", "M2", "M3"].map((id) => message(scene, id));
        const slots = shortly(freeSlots(messages, ledger, now));
        expect(new Set(slots).size).toBe(slots.length);
        for (const slot of shortly(ledger)) expect(slots).not.toContain(slot);
        for (const { id } of messages) {
          const spent = ledger.filter(({ msgId, counts }) => msgId === id && counts).length;
          const free = slots.filter((slot) => slot.startsWith(`${id}/`)).length;
          if (free > 0) expect(free + spent).toBe(scene === "c2c" ? 4 : 5);
        }
      }),
    );
  });
});

describe("part length", () => {
  it("stays below where any known client cuts", () => {
    expect(PART_LENGTH).toBeLessThan(5_000);
    expect(PART_LENGTH).toBeGreaterThan(900);
  });
});
