/**
 * How a turn goes on when something was decided: its words are booked, it is tried again later, it is told why not, it
 * ends. Changes of the tables alone; each function is one transaction.
 */
import type { Refusal, Remedy } from "../errors.ts";
import { log } from "../log.ts";
import { PART_LENGTH, replyWindow } from "../qq/reply-budget.ts";
import type { Writing } from "../qq/writing.ts";
import type { Reply } from "../reply.ts";
import { isUnfinished } from "./draft.ts";
import { takeNotices } from "./facts.ts";
import { named } from "./named.ts";
import { book, fitted, joined, keep, keptOf, NOTHING, slotsLeft, takeBack, untell } from "./outbox.ts";
import { failureOf, recordFailure } from "./report.ts";
import { apology, MORE } from "./sentences.ts";
import type { Storage } from "./storage.ts";
import type { TurnContext } from "./turn-context.ts";
import { type Fault, isGreeting, type Outcome, type Turn } from "./turn-machine.ts";
import { endTurn, openTurn, partsOf, recordFault, recordRetry, troubleOf } from "./turns.ts";

/**
 * Books `words` as the next parts of a turn, as few as they fit in, together with what was kept of it before. What does not
 * fit is kept, and the last part says so; a sentence about the turn itself is never kept. Where no message of the turn
 * takes a reply any more, the turn fails with its words kept.
 *
 * @param writing cuts the words; without it they are one short part.
 * @param isMore what is said is not the end: more of it is still being written.
 */
export function say(
  context: TurnContext,
  turn: Turn,
  words: Reply,
  {
    writing,
    maxLength = PART_LENGTH,
    isMore = false,
  }: { writing?: Writing; maxLength?: number | undefined; isMore?: boolean | undefined } = {},
): void {
  const { storage, now, untried } = context;
  storage.transactionSync(() => {
    const passing = turn.fault !== undefined || turn.kind === "notice";
    const kept = passing ? NOTHING : keptOf(storage, turn.id);
    const whole = joined(words, kept);
    const slots = slotsLeft(storage, turn, now());
    const { parts, rest } = fitted(whole, slots.length, { writing, maxLength, isMore });
    const booked = book(storage, turn.id, parts, slots);
    for (const n of booked) untried.add(`${turn.id}/${n}`);
    if (!passing && rest.text !== kept.text) keep(storage, turn.id, rest, { told: booked.length > 0 });
    if (booked.length === 0) finish(context, turn, "failed");
  });
}

/**
 * Says anew what did not go out of a turn: `first`, its parts that were taken back, and what was kept of it; `change` alters
 * all of that. The hint that there is more stands again where what it promised is still to come.
 */
export function sayAnew(
  context: TurnContext,
  id: number,
  {
    first = NOTHING,
    change = (same) => same,
    ...more
  }: { first?: Reply; change?: (reply: Reply) => Reply; writing: Writing; maxLength?: number | undefined },
): void {
  const { storage } = context;
  storage.transactionSync(() => {
    const hinted = partsOf(storage, id).at(-1)?.text.endsWith(MORE);
    const unsaid = joined(first, takeBack(storage, id));
    const turn = openTurn(storage, id);
    if (!turn) return;
    const kept = turn.fault || turn.kind === "notice" ? NOTHING : keptOf(storage, id);
    const isMore = isUnfinished(storage, id) || (hinted && kept.text === "");
    if (kept.text !== "") keep(storage, id, NOTHING, {});
    say(context, turn, change(joined(unsaid, kept)), { ...more, isMore });
  });
}

/** Ends an attempt in order; the next one begins after `delayMs`. */
export function tryLater(
  { storage, now, begun }: TurnContext,
  turn: Turn,
  { refusal, remedy, delayMs }: { refusal: Refusal; remedy: Remedy; delayMs: number },
): void {
  const current = openTurn(storage, turn.id);
  if (!current) return;
  recordRetry(storage, current, { refusal, remedy, notBeforeMs: now() + delayMs });
  begun.delete(turn.id);
}

/** One sentence instead of what is left of the answer. Where not even that goes through, the turn fails. */
export function apologise(context: TurnContext, id: number, kind: Fault["kind"], refusal?: Refusal): void {
  const { storage, newReference } = context;
  storage.transactionSync(() => {
    const turn = openTurn(storage, id);
    if (!turn) return;
    takeBack(storage, id);
    untell(storage, id); // the sentence does not say it
    if (turn.fault) return finish(context, turn, "failed", refusal);
    const fault: Fault = { kind, reference: newReference(), refusal };
    recordFault(storage, id, fault);
    say(context, { ...turn, fault }, { kind: "text", text: takeNotices(storage) + apology(fault) });
  });
}

/** Ends a turn. Where it failed, `unsent` and its parts not tried are kept for the person, and the operator hears of it. */
export function finish(
  context: TurnContext,
  turn: Turn,
  outcome: Outcome,
  refusal?: Refusal,
  unsent: Reply = NOTHING,
): void {
  const { storage, now, newReference } = context;
  const reference = turn.fault?.reference ?? newReference();
  storage.transactionSync(() => {
    if (outcome === "failed") {
      keepUnsent(storage, turn, joined(unsent, takeBack(storage, turn.id)));
      untell(storage, turn.id);
    }
    endTurn(storage, turn.id, outcome, now());
    if ((outcome !== "failed" && outcome !== "apologised") || isGreeting(turn)) return;
    // Time ran out while it was tried again: what for is the cause.
    const trouble = outcome === "failed" ? troubleOf(storage, turn.id) : undefined;
    const cause = refusal ?? turn.fault?.refusal ?? trouble ?? NO_CAUSE[causeOf(storage, turn)];
    const walledUntilMs = refusal?.isWall ? lastChanceMs(turn) : undefined;
    const told = outcome === "apologised";
    recordFailure(storage, { ...failureOf(turn, { cause, reference, atMs: now(), told }), walledUntilMs });
  });
  const write = outcome === "failed" ? log.error : log.info;
  write("turn.ended", {
    ...named(turn),
    outcome,
    messages: turn.messages.map(({ id }) => id),
    ms: now() - Math.min(...turn.messages.map(({ receivedAtMs }) => receivedAtMs)),
    ...(outcome !== "answered" && { reference }),
  });
}

/** When the last of its messages takes no reply any more. */
function lastChanceMs({ messages }: Turn): number {
  return Math.max(...messages.map((message) => replyWindow(message).closesAtMs));
}

/** For the person's next message. A sentence about the turn itself is not worth keeping. */
function keepUnsent(storage: Storage, turn: Turn, unsent: Reply): void {
  if (unsent.text === "" || turn.fault || turn.kind === "notice") return;
  keep(storage, turn.id, joined(unsent, keptOf(storage, turn.id)), { told: false });
}

/** A turn that failed although nobody refused anything. */
const NO_CAUSE = {
  crashed: { summary: "the process ended twice at the same step", advice: "无需处理。Nothing to do." },
  ended: { summary: "no reply was possible any more", advice: "无需处理。Nothing to do." },
  unsure: {
    summary: "a part may not have arrived, and QQ offers no way to send it again safely",
    advice: "无需处理,对方会在下一条回答里得知。Nothing to do; the person is told with the next answer.",
  },
};

function causeOf(storage: Storage, turn: Turn): keyof typeof NO_CAUSE {
  if (turn.fault?.kind === "crashed") return "crashed";
  return partsOf(storage, turn.id).some(({ state }) => state === "unheard") ? "unsure" : "ended";
}
