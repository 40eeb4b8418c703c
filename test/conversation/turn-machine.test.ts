/** Every rule of the machine by itself; `promise.test.ts` holds them together. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Action,
  afterModelFailure,
  afterRefusedSend,
  backOffMs,
  type Circumstances,
  type Fault,
  nextActions,
  nextDue,
  outcomeOf,
  type PartState,
  pointOf,
  type SendCircumstances,
  type Turn,
} from "../../src/conversation/turn-machine.ts";
import type { Refusal, Remedy } from "../../src/errors.ts";
import { replyWindow } from "../../src/qq/reply-budget.ts";
import { booked, died, message, NOW, part, turn } from "../support/turns.ts";

const MEDIAN_MS = 10_000;
/** How long a group message may be answered. */
const GROUP_WINDOW_MS = 4 * 60_000;
/** A sentence goes out this long before the window ends. */
const MARGIN_MS = 5_000;

function plan(turns: readonly Turn[], more: Partial<Circumstances> = {}) {
  return nextActions(turns, { nowMs: NOW, working: new Set(), begun: new Set(), medianTurnMs: MEDIAN_MS, ...more });
}

/** What is done, as `generate 1` or `send 2/0`. */
function actions(turns: readonly Turn[], more: Partial<Circumstances> = {}): string[] {
  return plan(turns, more).actions.map(inShort);
}

function inShort(action: Action): string {
  switch (action.kind) {
    case "generate":
    case "replan":
      return `${action.kind} ${action.turn}`;
    case "send":
    case "abandon":
      return `${action.kind} ${action.turn}/${action.part}`;
    case "apologise":
      return `apologise ${action.turn} ${action.why}`;
    case "finish":
      return `finish ${action.turn} ${action.outcome}`;
    default:
      return action satisfies never;
  }
}

const late: Fault = { kind: "late", reference: "abc234" };
const crashed: Fault = { kind: "crashed", reference: "abc234" };

describe("lanes", () => {
  it("asks the model for three senders of a group side by side, and lets the fourth wait", () => {
    const turns = ["ann", "bob", "cho", "dan"].map((sender, index) => turn(index + 1, { sender }));
    expect(actions(turns)).toEqual(["generate 1", "generate 2", "generate 3"]);
  });

  it("counts the model calls that are under way already", () => {
    const turns = ["ann", "bob", "cho", "dan"].map((sender, index) => turn(index + 1, { sender }));
    expect(actions(turns, { working: new Set([1, 2]) })).toEqual(["generate 3"]);
    expect(actions(turns, { working: new Set([1, 2, 3]) })).toEqual([]);
  });

  it("gives a lane on as soon as an answer is booked", () => {
    const turns = [booked(1), ...["bob", "cho", "dan"].map((sender, index) => turn(index + 2, { sender }))];
    expect(actions(turns, { working: new Set([1]) })).toEqual(["generate 2", "generate 3", "generate 4"]);
  });

  it("answers one sender strictly one after another, even while the answer before is on its way", () => {
    expect(actions([turn(1), turn(2)])).toEqual(["generate 1"]);
    expect(actions([turn(1), turn(2)], { working: new Set([1]) })).toEqual([]);
    expect(actions([booked(1), turn(2)], { working: new Set([1]) })).toEqual([]);
    expect(actions([turn(2)])).toEqual(["generate 2"]);
  });

  it("lets others pass a sender who waits for an own turn", () => {
    const turns = [turn(1), turn(2), turn(3, { sender: "bob" })];
    expect(actions(turns)).toEqual(["generate 1", "generate 3"]);
  });

  it("sends answers in the order of the questions", () => {
    const turns = [turn(1), booked(2, { sender: "bob" })];
    expect(actions(turns, { working: new Set([1]) })).toEqual([]);
    expect(actions(turns.slice(1))).toEqual(["send 2/0"]);
  });

  it("sends the parts of an answer one after another", () => {
    const parts = (...states: PartState[]) => states.map((state, n) => part(n, { state }));
    expect(actions([turn(1, { parts: parts("pending", "pending") })])).toEqual(["send 1/0"]);
    expect(actions([turn(1, { parts: parts("sent", "uncertain", "pending") })])).toEqual(["send 1/1"]);
    expect(actions([turn(1, { parts: parts("refused", "void", "pending") })])).toEqual(["send 1/2"]);
  });

  it("ends a turn when none of its parts is left to send", () => {
    const parts = [part(0, { state: "refused" }), part(1, { state: "sent" })];
    expect(actions([turn(1, { parts })])).toEqual(["finish 1 answered"]);
    expect(actions([turn(1, { parts, fault: crashed })])).toEqual(["finish 1 apologised"]);
    expect(actions([turn(1, { parts, fault: late })])).toEqual(["finish 1 deferred"]);
    // What may not have arrived is a failure.
    expect(actions([turn(1, { parts: [part(0, { state: "unheard" }), ...parts.slice(1)] })])).toEqual([
      "finish 1 failed",
    ]);
  });

  it("waits until the time that a retry was put off to", () => {
    const putOff = { notBeforeMs: NOW + 4_000 };
    for (const one of [turn(1, putOff), booked(1, putOff)]) {
      expect(plan([one])).toEqual({ actions: [], wakeAtMs: NOW + 4_000 });
      expect(actions([one], { nowMs: NOW + 4_000 })).toHaveLength(1);
    }
  });
});

describe("a turn that may kill the process", () => {
  it("is tried twice at the same point; instead of a third time the person gets the apology", () => {
    expect(actions([died(turn(1), 1)])).toEqual(["generate 1"]);
    expect(actions([died(turn(1), 2)])).toEqual(["apologise 1 crashed"]);
  });

  it("is not sent a fifth time; it fails, for the operator to see", () => {
    expect(actions([died(booked(1), 3)])).toEqual(["send 1/0"]);
    expect(actions([died(booked(1), 4)])).toEqual(["finish 1 failed"]);
  });

  it("starts anew at the next point: what the model cost is not held against the sending", () => {
    const generated = { ...died(turn(1), 2), steps: 1, parts: [part(0)] };
    expect(actions([generated])).toEqual(["send 1/0"]);
    const firstPartSent = { ...died(booked(1), 2), parts: [part(0, { state: "sent" }), part(1)] };
    expect(actions([firstPartSent])).toEqual(["send 1/1"]);
    const joined = { ...died(turn(1), 2), restarts: 1 };
    expect(actions([joined])).toEqual(["generate 1"]);
  });

  it("is not taken for dead when the attempt was made by this very invocation", () => {
    expect(actions([died(turn(1), 2)], { begun: new Set([1]) })).toEqual(["generate 1"]);
  });

  it("runs alone after a death, so that no neighbour is blamed", () => {
    const dead = died(turn(1, { sender: "ann" }));
    const turns = [dead, turn(2, { sender: "bob" }), turn(3, { sender: "cho" })];
    expect(actions(turns)).toEqual(["generate 1"]);
    expect(actions(turns, { working: new Set([1]) })).toEqual([]);
    // It is over once the answer is there.
    expect(actions([booked(1), ...turns.slice(1)])).toEqual(["send 1/0", "generate 2", "generate 3"]);
  });

  it("runs alone also when it is not the first in the queue", () => {
    const turns = [turn(1, { sender: "ann" }), died(turn(2, { sender: "bob" })), turn(3, { sender: "cho" })];
    expect(actions(turns)).toEqual(["generate 1"]);
    expect(actions(turns, { working: new Set([1]), begun: new Set([1]) })).toEqual([]);
  });

  it("runs alone also beside what overtakes", () => {
    const notice = booked(2, { kind: "notice", sender: "bob" });
    expect(actions([died(turn(1)), notice])).toEqual(["generate 1"]);
    expect(actions([died(turn(1)), notice], { working: new Set([1]) })).toEqual([]);
    expect(actions([turn(1), notice])).toEqual(["generate 1", "send 2/0"]);
  });

  it("makes the others wait longer, who are told earlier for it", () => {
    const others = [turn(2, { sender: "bob" }), turn(3, { sender: "cho" })];
    const wakeAtMs = (first: Turn) => plan([first, ...others], { working: new Set([1]) }).wakeAtMs;
    // Cho comes third now, one after another.
    expect(wakeAtMs(died(turn(1)))).toBe(NOW + GROUP_WINDOW_MS - 3 * MEDIAN_MS - MARGIN_MS);
    expect(wakeAtMs(turn(1))).toBeUndefined();
  });

  it("gets no apology that could not be sent any more", () => {
    const closesAtMs = NOW + GROUP_WINDOW_MS;
    expect(actions([died(turn(1), 2)], { nowMs: closesAtMs - 1 })).toEqual(["apologise 1 crashed"]);
    expect(actions([died(turn(1), 2)], { nowMs: closesAtMs })).toEqual(["finish 1 failed"]);
  });
});

describe("the window of a message that waits", () => {
  /** Ann is being answered, Bob's and Cho's lanes are taken, Dan waits. */
  const busy = ["ann", "bob", "cho", "dan"].map((sender, index) => turn(index + 1, { sender }));
  const working = new Set([1, 2, 3]);

  it("is told in time when the usual wait would miss it, and not a moment earlier", () => {
    // One more behind three that run: two rounds of the usual length.
    const tellByMs = NOW + GROUP_WINDOW_MS - 2 * MEDIAN_MS - MARGIN_MS;
    expect(plan(busy, { working })).toEqual({ actions: [], wakeAtMs: tellByMs });
    expect(actions(busy, { working, nowMs: tellByMs - 1 })).toEqual([]);
    expect(actions(busy, { working, nowMs: tellByMs })).toEqual(["apologise 4 late"]);
  });

  it("is told earlier the longer this chat's turns take", () => {
    const wakes = [0, 5_000, 30_000].map((medianTurnMs) => plan(busy, { working, medianTurnMs }).wakeAtMs ?? 0);
    expect(wakes[0]).toBe(NOW + GROUP_WINDOW_MS - MARGIN_MS);
    expect(wakes).toEqual(wakes.toSorted((a, b) => b - a));
    expect(new Set(wakes).size).toBe(3);
  });

  it("is told earlier the more are ahead", () => {
    const queue = Array.from({ length: 12 }, (_, index) => turn(index + 1, { sender: `p${index}` }));
    const aheadOf = (count: number) => plan(queue.slice(0, count), { working }).wakeAtMs ?? 0;
    expect(aheadOf(12)).toBeLessThan(aheadOf(4));
  });

  it("is never given up on an estimate that runs wild: a fresh message is not turned away", () => {
    const medianTurnMs = 3_600_000;
    expect(actions(busy, { working, medianTurnMs })).toEqual([]);
    expect(plan(busy, { working, medianTurnMs }).wakeAtMs).toBe(NOW + GROUP_WINDOW_MS / 2 - MARGIN_MS);
  });

  it("belongs to the newest message where a turn has several", () => {
    const messages = [message({ id: "m0", atMs: NOW - GROUP_WINDOW_MS }), message({ id: "m4" })];
    const turns = [...busy.slice(0, 3), turn(4, { sender: "dan", messages })];
    expect(plan(turns, { working })).toEqual(plan(busy, { working }));
  });

  it("lasts 55 minutes in a private chat", () => {
    const mine = (id: number) => turn(id, { messages: [message({ id: `m${id}`, scene: "c2c" })] });
    const expected = NOW + 55 * 60_000 - MEDIAN_MS - MARGIN_MS;
    expect(plan([mine(1), mine(2)], { working: new Set([1]) })).toEqual({ actions: [], wakeAtMs: expected });
  });

  it("ends the turn as failed once it is over, waiting or not", () => {
    const nowMs = NOW + GROUP_WINDOW_MS;
    expect(actions(busy, { working, nowMs })).toEqual(["finish 4 failed"]);
    expect(actions(busy.slice(3), { nowMs })).toEqual(["finish 4 failed"]);
  });

  it("is told although the answer before is stuck: the sentence overtakes", () => {
    const told = booked(2, { sender: "bob", fault: late });
    expect(actions([turn(1), told], { working: new Set([1]) })).toEqual(["send 2/0"]);
  });
});

describe("a booked part", () => {
  const closesAtMs = replyWindow(message()).closesAtMs;

  it("is booked elsewhere when its message takes no reply any more", () => {
    expect(actions([booked(1)], { nowMs: closesAtMs - 1 })).toEqual(["send 1/0"]);
    expect(actions([booked(1)], { nowMs: closesAtMs })).toEqual(["replan 1"]);
  });

  it("is looked at again when its window ends, though it was put off for longer", () => {
    const putOff = booked(1, { notBeforeMs: closesAtMs + 60_000 });
    expect(plan([putOff])).toEqual({ actions: [], wakeAtMs: closesAtMs });
  });

  it("follows the window of its own message, not of the newest of the turn", () => {
    const messages = [message({ id: "old", atMs: NOW - 60_000 }), message({ id: "new" })];
    const under = (msgId: string) => turn(1, { messages, parts: [part(0, { msgId })] });
    const nowMs = closesAtMs - 60_000;
    expect(actions([under("old")], { nowMs })).toEqual(["replan 1"]);
    expect(actions([under("new")], { nowMs })).toEqual(["send 1/0"]);
  });

  it("gives up its place in the order when it would be too late otherwise", () => {
    const turns = [turn(1), booked(2, { sender: "bob" })];
    const working = new Set([1]);
    expect(plan(turns, { working })).toEqual({ actions: [], wakeAtMs: closesAtMs - MARGIN_MS });
    expect(actions(turns, { working, nowMs: closesAtMs - MARGIN_MS })).toEqual(["send 2/0"]);
  });

  it("is booked elsewhere before it is given up as what kills the process", () => {
    expect(actions([died(booked(1), 4)], { nowMs: closesAtMs })).toEqual(["replan 1"]);
  });
});

describe("what does not queue", () => {
  it("sends a notice past the whole queue, and holds nobody up", () => {
    const notice = booked(2, { kind: "notice", sender: "bob" });
    expect(actions([turn(1), notice], { working: new Set([1]) })).toEqual(["send 2/0"]);
    expect(actions([notice, turn(3, { sender: "bob" })], { working: new Set([2]) })).toEqual(["generate 3"]);
    expect(actions([notice, booked(3, { sender: "bob" })], { working: new Set([2]) })).toEqual(["send 3/0"]);
  });

  it("lets nobody but a notice overtake a part of a stopped turn that is still on its way", () => {
    // Turn 1 was stopped: it is under way and not open any more.
    const working = new Set([1]);
    expect(actions([booked(2, { sender: "bob" })], { working })).toEqual([]);
    expect(actions([booked(2, { sender: "bob", kind: "notice" })], { working })).toEqual(["send 2/0"]);
    expect(actions([booked(2, { sender: "bob" })])).toEqual(["send 2/0"]);
  });

  it("asks the model for the next question while such a part is on its way", () => {
    expect(actions([turn(2)], { working: new Set([1]) })).toEqual(["generate 2"]);
  });
});

describe("the plan", () => {
  const state = fc.constantFrom<PartState>("pending", "uncertain", "sent", "unheard", "refused", "closed", "void");
  const anyTurn = fc.record({
    kind: fc.constantFrom<Turn["kind"]>("question", "question", "question", "command", "notice"),
    sender: fc.constantFrom("ann", "bob", "cho", "dan", "eve"),
    firstState: state,
    moreStates: fc.array(state, { maxLength: 3 }),
    ageMs: fc.constantFrom(0, 60_000, 230_000, 236_000, 300_000),
    attempts: fc.nat(3),
    restarts: fc.nat(2),
    putOffMs: fc.constantFrom(0, 0, 5_000),
    fault: fc.constantFrom(undefined, undefined, late, crashed),
    underWay: fc.boolean(),
    begun: fc.boolean(),
  });
  const anyChat = fc.array(anyTurn, { maxLength: 9 }).map((list) => {
    const turns = list.map(
      ({ kind, sender, firstState, moreStates, ageMs, attempts, restarts, putOffMs, fault }, index) => {
        const id = index + 1;
        const messages = [message({ id: `m${id}`, sender: { id: sender }, atMs: NOW - ageMs })];
        // The words of a notice and of a fault are stored together with it.
        const states = kind === "notice" || fault ? [firstState, ...moreStates] : moreStates;
        const parts = states.map((each, n) => part(n, { msgId: `m${id}`, state: each }));
        return died(
          turn(id, { kind, sender, messages, parts, restarts, fault, notBeforeMs: NOW + putOffMs }),
          attempts,
        );
      },
    );
    const idsOf = (which: "underWay" | "begun") =>
      new Set(turns.filter((_, index) => list[index]?.[which]).map(({ id }) => id));
    return { turns, working: idsOf("underWay"), begun: idsOf("begun") };
  });

  it("forgets nobody: each turn has something to do, something under way, or a time to look again", () => {
    fc.assert(
      fc.property(anyChat, ({ turns, working, begun }) => {
        const { actions, wakeAtMs } = plan(turns, { working, begun });
        const idle = turns.filter(({ id }) => !working.has(id) && actions.every((action) => action.turn !== id));
        if (idle.length > 0) expect(wakeAtMs).toBeGreaterThan(NOW);
        else expect(wakeAtMs).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  it("does one thing per turn at a time, and nothing with a turn that is under way", () => {
    fc.assert(
      fc.property(anyChat, ({ turns, working, begun }) => {
        const ids = plan(turns, { working, begun }).actions.map((action) => action.turn);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.filter((id) => working.has(id))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it("never starts a model call beside three others, nor two for one sender", () => {
    fc.assert(
      fc.property(anyChat, ({ turns, working, begun }) => {
        const generating = turns.filter(({ id, parts }) => working.has(id) && parts.length === 0);
        const started = plan(turns, { working, begun }).actions.filter(({ kind }) => kind === "generate");
        if (started.length > 0) expect(generating.length + started.length).toBeLessThanOrEqual(3);
        const senders = started.map((action) => turns.find(({ id }) => id === action.turn)?.sender);
        expect(new Set(senders).size).toBe(senders.length);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the point of a turn", () => {
  it("moves on with each step, each restart and each part that is through", () => {
    const points = [
      turn(1),
      turn(1, { restarts: 1 }),
      turn(1, { steps: 1 }),
      turn(1, { parts: [part(0), part(1)] }),
      turn(1, { parts: [part(0, { state: "sent" }), part(1)] }),
    ].map(pointOf);
    expect(new Set(points).size).toBe(points.length);
  });

  it("stays while a part is tried again", () => {
    const trying = turn(1, { parts: [part(0, { state: "uncertain" })] });
    expect(pointOf(trying)).toBe(pointOf(turn(1, { parts: [part(0)] })));
  });
});

describe("the outcome of a turn whose parts are through", () => {
  it("tells an answer from an apology and from a question put off", () => {
    expect(outcomeOf(booked(1))).toBe("answered");
    expect(outcomeOf(booked(1, { fault: crashed }))).toBe("apologised");
    expect(outcomeOf(booked(1, { fault: late }))).toBe("deferred");
  });

  it("is a failure where the answer, or the sentence in its place, may not have arrived", () => {
    const parts = (...states: PartState[]) => states.map((state, n) => part(n, { state }));
    expect(outcomeOf(turn(1, { parts: parts("unheard", "sent") }))).toBe("failed");
    for (const fault of [crashed, late]) {
      expect(outcomeOf(turn(1, { fault, parts: parts("sent", "unheard") }))).toBe("failed");
      expect(outcomeOf(turn(1, { fault, parts: parts("unheard", "sent") }))).not.toBe("failed");
    }
  });
});

describe("the next alarm", () => {
  const idle = { actions: [] };

  it("is now while something can be done", () => {
    expect(nextDue({ plan: plan([turn(1)]), pruneAtMs: NOW + 1 }, NOW)).toBe(NOW);
  });

  it("is when a turn has to be looked at again", () => {
    expect(nextDue({ plan: { actions: [], wakeAtMs: NOW + 4_000 }, pruneAtMs: NOW + 9_000 }, NOW)).toBe(NOW + 4_000);
  });

  it("is for a report or for pruning when no turn is open, whichever comes first", () => {
    expect(nextDue({ plan: idle, reportAtMs: NOW + 1_000, pruneAtMs: NOW + 2_000 }, NOW)).toBe(NOW + 1_000);
    expect(nextDue({ plan: idle, reportAtMs: NOW + 3_000, pruneAtMs: NOW + 2_000 }, NOW)).toBe(NOW + 2_000);
  });

  it("is never in the past", () => {
    for (const dues of [
      { plan: { actions: [], wakeAtMs: 1 } },
      { plan: idle, reportAtMs: 0 },
      { plan: idle, pruneAtMs: 2 },
    ])
      expect(nextDue(dues, NOW)).toBe(NOW);
  });

  it("is none when nothing is left to do", () => {
    expect(nextDue({ plan: idle }, NOW)).toBeUndefined();
  });
});

function refusal(remedy: Remedy, more: Partial<Refusal> = {}): Refusal {
  return { operation: "qq.send", summary: "no", advice: "-", remedy, ...more };
}

/** So many waits before. */
const waited = (count: number): Remedy[] => Array.from({ length: count }, () => "backOff");

describe("a refused send", () => {
  const plain: SendCircumstances = {
    tried: [],
    firstTry: true,
    repeatable: true,
    form: "text",
    hasButtons: false,
    hasLinks: false,
    divisible: false,
  };
  const verdictOn = (what: Refusal, more: Partial<SendCircumstances> = {}) =>
    afterRefusedSend(what, { ...plain, ...more });

  it("is repeated at once with a new token, once", () => {
    expect(verdictOn(refusal("refreshToken"))).toEqual({ kind: "again", remedy: "refreshToken", delayMs: 0 });
    expect(verdictOn(refusal("refreshToken"), { tried: ["refreshToken"] })).toEqual({ kind: "giveUp" });
  });

  it("is repeated once after a second where that may help", () => {
    expect(verdictOn(refusal("retryOnce"))).toEqual({ kind: "again", remedy: "retryOnce", delayMs: 1_000 });
    expect(verdictOn(refusal("retryOnce"), { tried: ["retryOnce"] })).toEqual({ kind: "giveUp" });
  });

  it("is repeated after growing waits, until it has been enough", () => {
    const waits = Array.from({ length: 8 }, (_, count) => verdictOn(refusal("backOff"), { tried: waited(count) }));
    expect(waits.map((verdict) => (verdict.kind === "again" ? verdict.delayMs : verdict.kind))).toEqual([
      1_000,
      2_000,
      4_000,
      8_000,
      16_000,
      30_000,
      "giveUp",
      "giveUp",
    ]);
  });

  it("is repeated for as long as the window is open while nobody knows whether it arrived", () => {
    const unknown = refusal("backOff", { outcomeUnknown: true });
    expect(verdictOn(unknown, { tried: waited(40) })).toMatchObject({
      kind: "again",
      remedy: "backOff",
      delayMs: 60_000,
    });
  });

  it("is an outage once, when it has been repeated for a minute", () => {
    const outages = (refused: Refusal) =>
      Array.from({ length: 40 }, (_, count) => verdictOn(refused, { tried: waited(count) })).flatMap(
        (verdict, count) => (verdict.kind === "again" && verdict.isOutage ? [count] : []),
      );
    expect(outages(refusal("backOff", { outcomeUnknown: true }))).toEqual([6]);
    expect(outages(refusal("backOff"))).toEqual([]);
  });

  it("has each remedy counted for itself", () => {
    const tried: Remedy[] = ["backOff", "backOff", "retryOnce"];
    expect(verdictOn(refusal("refreshToken"), { tried })).toMatchObject({ remedy: "refreshToken" });
    expect(verdictOn(refusal("backOff"), { tried })).toMatchObject({ delayMs: 4_000 });
  });

  it("waits as long as QQ says", () => {
    expect(verdictOn(refusal("backOff", { retryAfterMs: 12_000 }))).toMatchObject({ delayMs: 12_000 });
  });

  it("counts as delivered when QQ has it already, unless this part was never tried", () => {
    const duplicate = refusal("alreadySent", { isDuplicate: true });
    expect(verdictOn(duplicate, { firstTry: false })).toEqual({ kind: "delivered" });
    expect(verdictOn(duplicate, { firstTry: true })).toEqual({ kind: "resequence" });
  });

  it("counts as delivered when QQ only looks at it first, on whatever try", () => {
    for (const firstTry of [true, false])
      expect(verdictOn(refusal("alreadySent"), { firstTry })).toEqual({ kind: "delivered" });
  });

  it("is said in plain text where its form was refused", () => {
    expect(verdictOn(refusal("degradeToText"), { form: "markdown" })).toEqual({ kind: "degrade" });
    expect(verdictOn(refusal("degradeToText", { otherwise: "tellOperator" }))).toEqual({ kind: "giveUp" });
  });

  it("is never repeated where QQ cannot tell a copy and nobody knows whether it arrived", () => {
    const unknown = refusal("backOff", { outcomeUnknown: true });
    expect(verdictOn(unknown, { repeatable: false })).toEqual({ kind: "abandon" });
    expect(verdictOn(refusal("backOff"), { repeatable: false })).toMatchObject({ kind: "again" });
  });

  it("is said without links where there are some", () => {
    expect(verdictOn(refusal("stripLinks"), { hasLinks: true })).toEqual({ kind: "defuse" });
    expect(verdictOn(refusal("stripLinks"))).toEqual({ kind: "giveUp" });
  });

  it("is halved while it is long enough", () => {
    expect(verdictOn(refusal("split"), { divisible: true })).toEqual({ kind: "split" });
    expect(verdictOn(refusal("split"))).toEqual({ kind: "giveUp" });
  });

  it.each(["drop", "tellUser", "tellOperator", "degradeToText", "reupload"] as const)("is given up on %s", (remedy) => {
    expect(verdictOn(refusal(remedy), { hasLinks: true, divisible: true, firstTry: false })).toEqual({
      kind: "giveUp",
    });
  });

  it("goes on to the second remedy where the first is of no use", () => {
    expect(verdictOn(refusal("degradeToText", { otherwise: "retryOnce" }))).toMatchObject({
      kind: "again",
      delayMs: 1_000,
    });
    expect(verdictOn(refusal("stripLinks", { otherwise: "split" }), { divisible: true })).toEqual({ kind: "split" });
    expect(verdictOn(refusal("tellOperator", { otherwise: "backOff" }))).toMatchObject({
      kind: "again",
      delayMs: 1_000,
    });
  });

  it("goes on to the second remedy where the first is used up", () => {
    const what = refusal("refreshToken", { otherwise: "backOff" });
    expect(verdictOn(what)).toMatchObject({ remedy: "refreshToken" });
    const tried: Remedy[] = ["refreshToken"];
    expect(verdictOn(what, { tried })).toEqual({ kind: "again", remedy: "backOff", delayMs: 1_000 });
    expect(verdictOn(what, { tried: [...tried, ...waited(6)] })).toEqual({ kind: "giveUp" });
  });

  it("prefers the first remedy", () => {
    const both = refusal("stripLinks", { otherwise: "split" });
    expect(verdictOn(both, { hasLinks: true, divisible: true })).toEqual({ kind: "defuse" });
  });
});

describe("a failed model call", () => {
  it("is repeated once where that may help", () => {
    expect(afterModelFailure(refusal("retryOnce"), [])).toBe(1_000);
    expect(afterModelFailure(refusal("retryOnce"), ["retryOnce"])).toBeUndefined();
  });

  it("is repeated three times where the model is busy, as late as it says", () => {
    expect([0, 1, 2, 3].map((count) => afterModelFailure(refusal("backOff"), waited(count)))).toEqual([
      1_000,
      2_000,
      4_000,
      undefined,
    ]);
    expect(afterModelFailure(refusal("backOff", { retryAfterMs: 7_000 }), [])).toBe(7_000);
  });

  it.each(["tellUser", "tellOperator", "drop"] as const)("is told to the person at once on %s", (remedy) => {
    expect(afterModelFailure(refusal(remedy, { otherwise: "retryOnce" }), [])).toBeUndefined();
  });
});

describe("backing off", () => {
  it("grows from one second to half a minute, then ends", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 100].map((retries) => backOffMs(retries))).toEqual([
      1_000,
      2_000,
      4_000,
      8_000,
      16_000,
      30_000,
      undefined,
      undefined,
    ]);
  });

  it("lasts at least as long as asked", () => {
    expect(backOffMs(0, 500)).toBe(1_000);
    expect(backOffMs(0, 20_000)).toBe(20_000);
    expect(backOffMs(4, 20_000)).toBe(20_000);
    expect(backOffMs(0, 120_000)).toBe(120_000);
  });
});
