/**
 * The promise, as a property: whatever is said, answered, refused, lost and killed in whatever order, every accepted
 * message is answered exactly once, or its person is told why not, or the failure is recorded.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AskForLease } from "../../src/conversation/lease.ts";
import { ChatWorld, type ModelOutcome, modelFailures, refusalOf, type SendOutcome } from "../support/chat-world.ts";

type Step =
  | { kind: "say"; who: number; text: string }
  | { kind: "repeat" }
  | { kind: "settle"; which: number; model: ModelOutcome; send: SendOutcome }
  | { kind: "crash" }
  | { kind: "arriveAndCrash"; which: number; downMs: number }
  | { kind: "lease"; works: boolean }
  | { kind: "advance"; ms: number };

const model: fc.Arbitrary<ModelOutcome> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: "answer" as const }) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 9 }).map((paragraphs) => ({ kind: "answer" as const, paragraphs })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...Object.values(modelFailures)).map((refusal) => ({ kind: "fail" as const, refusal })),
  },
);

const send: fc.Arbitrary<SendOutcome> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: "accept" as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: "acceptUnheard" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "unreached" as const }) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(11298, 11244, 22009, 40034005, 40034006, 40034128, 40054007, 40054010, 40054013, 50055001, 99999)
      .map((code) => ({ kind: "refuse" as const, code })),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("say" as const),
      who: fc.integer({ min: 0, max: 4 }),
      text: fc.constantFrom("hello", "hello", "hello", "hello", "see www.example.com", "/stop", "继续"),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "repeat" as const }) },
  { weight: 9, arbitrary: fc.record({ kind: fc.constant("settle" as const), which: fc.nat(5), model, send }) },
  { weight: 2, arbitrary: fc.constant({ kind: "crash" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("arriveAndCrash" as const),
      which: fc.nat(5),
      downMs: fc.constantFrom(0, 1_000, 200_000),
    }),
  },
  { weight: 1, arbitrary: fc.boolean().map((works) => ({ kind: "lease" as const, works })) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(500, 1_000, 5_000, 40_000, 200_000).map((ms) => ({ kind: "advance" as const, ms })),
  },
);

async function play(world: ChatWorld, steps: readonly Step[]): Promise<void> {
  for (const one of steps) {
    switch (one.kind) {
      case "say": {
        const id = world.chat.scene === "c2c" ? world.chat.id : `person${one.who}`;
        await world.receive(world.message(one.text, { id, role: one.who === 0 ? "owner" : "member" }));
        break;
      }
      case "repeat": {
        const again = world.accepted.at(-1);
        if (again) expect(await world.receive(again)).toEqual({ kind: "duplicate" });
        break;
      }
      case "settle": {
        const which = world.pending.length === 0 ? 0 : one.which % world.pending.length;
        await world.settle(which, world.pending[which]?.kind === "send" ? one.send : one.model);
        break;
      }
      case "crash":
        await world.crash();
        break;
      case "arriveAndCrash":
        await world.arriveAndCrash(world.pending.length === 0 ? 0 : one.which % world.pending.length, one.downMs);
        break;
      case "lease":
        world.lease = one.works ? goodLease(world) : noLease;
        break;
      case "advance":
        await world.advance(one.ms);
        break;
      default:
        one satisfies never;
    }
  }
  world.lease = goodLease(world);
  await world.drain();
}

const goodLease =
  (world: ChatWorld): AskForLease =>
  async () => ({
    ok: true,
    lease: { token: "t", expiresAtMs: world.nowMs + 7_200_000 },
  });
const noLease: AskForLease = async () => ({ ok: false, refusal: { ...refusalOf(0, 500), operation: "qq.token" } });

function expectThePromise(world: ChatWorld): void {
  expect(world.broken).toEqual([]);
  const outcomes = world.outcomes();
  const answered = new Map<string, number>();

  for (const message of world.accepted) {
    const turns = outcomes.filter(({ messages }) => messages.includes(message.id));
    expect(turns, `${message.id} belongs to one turn`).toHaveLength(1);
    const outcome = turns[0]?.outcome;
    expect(outcome, `${message.id} has an end`).not.toBeNull();

    const answers = world.arrived.filter(({ text }) => text.includes(`<${message.id}>`));
    expect(answers.length, `${message.id} is answered at most once`).toBeLessThanOrEqual(1);
    if (answers[0]) answered.set(message.id, world.arrived.indexOf(answers[0]));

    const own = world.arrived.filter(({ msgId }) => turns[0]?.messages.includes(msgId));
    if (outcome === "answered" || outcome === "apologised" || outcome === "deferred") {
      expect(own.length, `${message.id} was heard (${outcome})`).toBeGreaterThan(0);
    }
    if (outcome === "failed" || outcome === "apologised") {
      expect(world.failures.filter(({ turn }) => turn === turns[0]?.id)).toHaveLength(1);
    }
    if (outcome === "stopped") {
      expect(world.accepted.some(({ text }) => text === "/stop")).toBe(true);
    }
  }

  // One person's messages are answered in their order, but for what was kept and asked for again.
  if (world.accepted.some(({ text }) => text === "继续")) return;
  for (const sender of new Set(world.accepted.map((message) => message.sender.id))) {
    const places = world.accepted.filter((message) => message.sender.id === sender).map(({ id }) => answered.get(id));
    const known = places.filter((place) => place !== undefined);
    expect(known).toEqual(known.toSorted((a, b) => a - b));
  }
}

describe("the promise", () => {
  for (const scene of ["c2c", "group"] as const) {
    it(`holds in a ${scene} over random interleavings of messages, crashes, answers and refusals`, {
      timeout: 120_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: "max" }), async (steps) => {
          const world = new ChatWorld(scene);
          await play(world, steps);
          expectThePromise(world);
        }),
        { numRuns: 300 },
      );
    });
  }
});
