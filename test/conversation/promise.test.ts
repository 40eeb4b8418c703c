/**
 * The promise, as a property: whatever is said, answered, refused, lost and killed in whatever order, every accepted
 * message is answered exactly once, or its person is told why not, or the failure is recorded. In guilds, which number no
 * replies, it is answered at most once, and what may be lost is recorded and mentioned.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AskForLease } from "../../src/conversation/lease.ts";
import { FORBIDDEN_MS } from "../../src/conversation/lease.ts";
import { UNTOLD } from "../../src/conversation/sentences.ts";
import { rows } from "../../src/conversation/storage.ts";
import { nextTurnId } from "../../src/conversation/turns.ts";
import type { Relation, Scene } from "../../src/event.ts";
import { isGuild } from "../../src/qq/encode.ts";
import { ChatWorld, type ModelOutcome, modelFailures, refusalOf, type SendOutcome } from "../support/chat-world.ts";

/** Of each scene: about half a minute in all. `PROMISE_RUNS=1500` looks longer. */
const RUNS = Number(process.env.PROMISE_RUNS ?? 250);

type Step =
  | { kind: "say"; who: number; text: string }
  | { kind: "press"; who: number; data: string; action: "button" | "clear" }
  | { kind: "relation"; change: Relation["change"] }
  | { kind: "recall"; which: number }
  | { kind: "audit"; which: number; passed: boolean }
  | { kind: "repeat" }
  | { kind: "settle"; which: number; model: ModelOutcome; send: SendOutcome }
  | { kind: "noMarkdown"; on: boolean }
  | { kind: "mute" }
  | { kind: "typing"; code: number | undefined }
  | { kind: "crash" }
  | { kind: "exhaust" }
  | { kind: "arriveAndCrash"; which: number; downMs: number }
  | { kind: "lease"; works: boolean }
  | { kind: "mend" }
  | { kind: "advance"; ms: number };

const count = fc.integer({ min: 0, max: 9 });
const model: fc.Arbitrary<ModelOutcome> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: "answer" as const }) },
  { weight: 2, arbitrary: count.map((paragraphs) => ({ kind: "answer" as const, paragraphs })) },
  { weight: 4, arbitrary: count.map((paragraphs) => ({ kind: "write" as const, paragraphs })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...Object.values(modelFailures)).map((refusal) => ({ kind: "fail" as const, refusal })),
  },
);

const CODES = [
  ...[11298, 11244, 22009, 40034005, 40034006, 40034128, 40054007, 40054010, 40054013, 50055001, 99999],
  ...[40034012, 50057, 304023, 304024, 40054003],
];

/** Ends all talk for a day, so it comes rarely, and where it is known from. */
const MUTE = 304018;

const send: fc.Arbitrary<SendOutcome> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: "accept" as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: "acceptUnheard" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "unreached" as const }) },
  { weight: 3, arbitrary: fc.constantFrom(...CODES).map((code) => ({ kind: "refuse" as const, code })) },
);

const who = fc.integer({ min: 0, max: 4 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant("say" as const),
      who,
      text: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom("hello", "see www.example.com", "/stop", "继续") },
        { weight: 1, arbitrary: fc.constantFrom("/ping", "/retry", "/new", "/whoami", "/persona", "/nonsense") },
        { weight: 8, arbitrary: fc.constant("hello") },
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("press" as const),
      who,
      data: fc.constantFrom("/stop", "继续", "vote:1"),
      action: fc.constantFrom("button" as const, "clear" as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("relation" as const),
      change: fc.constantFrom<Relation["change"]>("joined", "joined", "left", "pushAllowed", "pushRefused"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("recall" as const), which: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("audit" as const), which: fc.nat(3), passed: fc.boolean() }),
  },
  { weight: 6, arbitrary: fc.constant({ kind: "repeat" as const }) },
  { weight: 54, arbitrary: fc.record({ kind: fc.constant("settle" as const), which: fc.nat(5), model, send }) },
  { weight: 3, arbitrary: fc.boolean().map((on) => ({ kind: "noMarkdown" as const, on })) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(undefined, undefined, 11298, 11244, 40034128, 50055001)
      .map((code) => ({ kind: "typing" as const, code })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "mute" as const }) },
  { weight: 12, arbitrary: fc.constant({ kind: "crash" as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: "exhaust" as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("arriveAndCrash" as const),
      which: fc.nat(5),
      downMs: fc.constantFrom(0, 1_000, 200_000),
    }),
  },
  { weight: 6, arbitrary: fc.boolean().map((works) => ({ kind: "lease" as const, works })) },
  { weight: 3, arbitrary: fc.constant({ kind: "mend" as const }) },
  {
    weight: 21,
    arbitrary: fc
      .constantFrom(500, 1_000, 2_000, 5_000, 40_000, 200_000, 230_000)
      .map((ms) => ({ kind: "advance" as const, ms })),
  },
);

const personOf = (world: ChatWorld, index: number) => ({
  id: world.chat.scene === "c2c" ? world.chat.id : `person${index}`,
  role: index === 0 ? ("owner" as const) : ("member" as const),
});

async function play(world: ChatWorld, steps: readonly Step[]): Promise<void> {
  world.isMarked = (call) => call % 2 === 0;
  for (const one of steps) {
    const wrapped = (which: number) => (world.pending.length === 0 ? 0 : which % world.pending.length);
    switch (one.kind) {
      case "say":
        await world.receive(world.message(one.text, personOf(world, one.who)));
        break;
      case "press": {
        const { who: index, data, action } = one;
        await world.receive(world.interaction(data, { action, sender: { id: personOf(world, index).id } }));
        break;
      }
      case "relation":
        await world.receive(world.relation(one.change));
        break;
      case "recall": {
        const message = world.accepted.at(-1 - one.which);
        if (message) await world.receive(world.recall(message));
        break;
      }
      case "audit": {
        const id = world.audits.at(-1 - one.which);
        if (id !== undefined) await world.receive(world.audit(id, one.passed));
        break;
      }
      case "repeat": {
        const again = world.accepted.at(-1);
        if (again) expect(await world.receive(again)).toEqual({ kind: "duplicate" });
        break;
      }
      case "settle": {
        const which = wrapped(one.which);
        await world.settle(which, world.pending[which]?.kind === "send" ? one.send : one.model);
        break;
      }
      case "noMarkdown":
        world.refuses = ({ kind }) => (one.on && kind === "markdown" ? 40034012 : undefined);
        break;
      case "mute":
        if (isGuild(world.chat.scene) && world.sending().length > 0)
          await world.settleSend({ kind: "refuse", code: MUTE });
        break;
      case "typing": {
        const { code } = one;
        world.typing = async () => (code === undefined ? undefined : refusalOf(code));
        break;
      }
      case "crash":
        await world.crash();
        break;
      case "exhaust":
        world.isExhausted = true;
        break;
      case "arriveAndCrash":
        if (world.pending[wrapped(one.which)]?.kind === "send")
          await world.arriveAndCrash(wrapped(one.which), one.downMs);
        else await world.crash();
        break;
      case "lease":
        world.lease = one.works ? goodLease(world) : noLease;
        break;
      case "mend":
        await world.mend();
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

function expectThePromise(world: ChatWorld, steps: readonly Step[]): void {
  expect(world.broken).toEqual([]);
  const outcomes = world.outcomes();
  const answered = new Map<string, number>();
  const recalled = steps.some(({ kind }) => kind === "recall");
  const says = (text: string) =>
    steps.some((one) => (one.kind === "say" ? one.text : "data" in one && one.data) === text);
  expect(outcomes.filter(({ outcome }) => outcome === null)).toEqual([]);

  for (const message of world.accepted) {
    const turns = outcomes.filter(({ messages }) => messages.includes(message.id));
    // What was taken back is taken out of a turn that answers others.
    if (!(recalled && turns.length === 0)) expect(turns, `${message.id} belongs to one turn`).toHaveLength(1);
    const outcome = turns[0]?.outcome;

    const answers = world.arrived.filter(({ text }) => text.includes(`<${message.id}>`));
    expect(answers.length, `${message.id} is answered at most once`).toBeLessThanOrEqual(1);
    if (answers[0]) answered.set(message.id, world.arrived.indexOf(answers[0]));

    const own = world.arrived.filter(({ msgId }) => turns[0]?.messages.includes(msgId));
    if (outcome === "answered" || outcome === "apologised" || outcome === "deferred")
      expect(own.length, `${message.id} was heard (${outcome})`).toBeGreaterThan(0);
    if (outcome === "stopped") expect(says("/stop") || says("/new")).toBe(true);
    if (outcome === "retried") expect(says("/retry")).toBe(true);
    if (outcome === "withdrawn") expect(recalled).toBe(true);
  }

  // A review that rejects an answer later is a failure of its own, and so is that of an answer that is sent after all.
  const most = (world.audits.length > 0 ? 2 : 1) + steps.filter(({ kind }) => kind === "mend").length;
  for (const { id, outcome, messages } of outcomes.filter(
    ({ outcome }) => outcome === "failed" || outcome === "apologised",
  )) {
    const greeting = world.occasions.some(({ kind, eventId }) => kind === "relation" && messages.includes(eventId));
    const recorded = world.failures.filter(({ turn }) => turn === id).length;
    expect(recorded, `turn ${id} (${outcome}) is recorded`).toBeGreaterThanOrEqual(greeting ? 0 : 1);
    expect(recorded, `turn ${id} (${outcome}) is recorded once`).toBeLessThanOrEqual(greeting ? most - 1 : most);
  }

  // No piece of an answer arrives twice, whatever became of it.
  const pieces = world.texts().flatMap((text) => text.match(/\d+-\d(?=字)/g) ?? []);
  expect(pieces.filter((piece, index) => pieces.indexOf(piece) !== index)).toEqual([]);

  // One person's messages are answered in their order, but for what was kept and asked for again.
  if (says("继续")) return;
  // Whoever is told that an answer is missing does not get it all the same.
  const missing = rows(world.storage, "SELECT id FROM turn WHERE outcome = 'failed' AND kept IS NOT NULL");
  const tellings = world.texts().filter((text) => text.includes(UNTOLD.kept.trim()));
  expect(missing.length).toBeGreaterThanOrEqual(tellings.length);
  for (const sender of new Set(world.accepted.map((message) => message.sender.id))) {
    const places = world.accepted.filter((message) => message.sender.id === sender).map(({ id }) => answered.get(id));
    const known = places.filter((place) => place !== undefined);
    expect(known).toEqual(known.toSorted((a, b) => a - b));
  }
}

/** Whoever was not heard of is told so with their next answer, once all is well again. */
async function expectMentions(world: ChatWorld): Promise<void> {
  world.refuses = () => undefined;
  world.typing = async () => undefined;
  await world.advance(FORBIDDEN_MS + 1);
  await world.drain();
  for (const sender of new Set(world.accepted.map((message) => message.sender.id))) {
    const untold = rows<{ id: number }>(
      world.storage,
      "SELECT id FROM turn WHERE outcome = 'failed' AND told = 0 AND kind <> 'notice' AND sender = ? AND id >= ?",
      sender,
      nextTurnId(world.storage) - 20,
    );
    await world.receive(world.message("and now?", { id: sender }));
    await world.settleModel();
    await world.settleSend();
    await world.drain();
    const isMentioned = Object.values(UNTOLD).some((hint) => world.texts().at(-1)?.startsWith(hint));
    expect(isMentioned, `${sender} is told of ${untold.map(({ id }) => id)}`).toBe(untold.length > 0);
  }
}

describe("the promise", () => {
  for (const scene of ["c2c", "group", "guildChannel", "guildDm"] as const satisfies Scene[]) {
    it(`holds in a ${scene} over random interleavings of messages, events, crashes, answers and refusals`, {
      timeout: 1_200_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: "max" }), async (steps) => {
          const world = new ChatWorld(scene);
          await play(world, steps);
          expectThePromise(world, steps);
          await expectMentions(world);
        }),
        { numRuns: RUNS },
      );
    });
  }
});
