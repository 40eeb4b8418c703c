/**
 * How a turn goes on when something was decided: its words are booked, it is tried again later, it is told why not, it
 * ends. Changes of the tables alone; each function is one transaction.
 */
import type { Refusal, Remedy } from "../errors.ts";
import { log } from "../log.ts";
import { book, keep, keptOf, takeBack } from "./outbox.ts";
import { recordFailure } from "./report.ts";
import { apology } from "./sentences.ts";
import type { Storage } from "./storage.ts";
import type { TurnContext } from "./turn-context.ts";
import type { Fault, Outcome, Turn } from "./turn-machine.ts";
import { endTurn, openTurn, recordFault, recordRetry } from "./turns.ts";

/** Books `text` as the next parts. Where no message of the turn takes a reply any more, the turn fails with its text kept. */
export function say(context: TurnContext, turn: Turn, text: string, maxLength?: number): void {
  const { storage, now, untried } = context;
  storage.transactionSync(() => {
    const passing = turn.fault !== undefined || turn.kind === "notice";
    const booked = book(storage, turn, text, { nowMs: now(), passing, maxLength });
    for (const n of booked) untried.add(`${turn.id}/${n}`);
    if (booked.length === 0) finish(context, turn, "failed");
  });
}

/** Ends an attempt in order; the next one begins after `delayMs`. */
export function tryLater({ storage, now, begun }: TurnContext, turn: Turn, remedy: Remedy, delayMs: number): void {
  const current = openTurn(storage, turn.id);
  if (!current) return;
  recordRetry(storage, current, remedy, now() + delayMs);
  begun.delete(turn.id);
}

/** One sentence instead of what is left of the answer. Where not even that goes through, the turn fails. */
export function apologise(context: TurnContext, id: number, kind: Fault["kind"], refusal?: Refusal): void {
  const { storage, newReference } = context;
  storage.transactionSync(() => {
    const turn = openTurn(storage, id);
    if (!turn) return;
    takeBack(storage, id);
    if (turn.fault) return finish(context, turn, "failed", refusal);
    const fault: Fault = { kind, reference: newReference(), refusal };
    recordFault(storage, id, fault);
    say(context, { ...turn, fault }, apology(fault));
  });
}

/** Ends a turn. Where it failed, `unsent` and its parts not tried are kept for the person, and the operator hears of it. */
export function finish(context: TurnContext, turn: Turn, outcome: Outcome, refusal?: Refusal, unsent = ""): void {
  const { storage, now, newReference } = context;
  const reference = turn.fault?.reference ?? newReference();
  storage.transactionSync(() => {
    if (outcome === "failed") keepUnsent(storage, turn, unsent + takeBack(storage, turn.id));
    endTurn(storage, turn.id, outcome, now());
    if (outcome !== "failed" && outcome !== "apologised") return;
    const cause = refusal ?? turn.fault?.refusal;
    const { chat } = turn.messages[0] ?? {};
    recordFailure(storage, turn.id, {
      reference,
      atMs: now(),
      chat: chat ? `${chat.scene}:${chat.id}` : "",
      turn: turn.id,
      operation: cause?.operation ?? "turn",
      summary: cause?.summary ?? (turn.fault?.kind === "crashed" ? CRASHED : WINDOW_ENDED),
      advice: cause?.advice ?? "无需处理。Nothing to do.",
      traceId: cause?.traceId,
      told: outcome === "apologised",
    });
  });
  const write = outcome === "failed" ? log.error : log.info;
  write("turn.ended", {
    turn: turn.id,
    outcome,
    messages: turn.messages.map(({ id }) => id),
    ms: now() - Math.min(...turn.messages.map(({ receivedAtMs }) => receivedAtMs)),
    ...(outcome !== "answered" && { reference }),
  });
}

/** For the person's next message. A sentence about the turn itself is not worth keeping. */
function keepUnsent(storage: Storage, turn: Turn, unsent: string): void {
  if (unsent === "" || turn.fault || turn.kind === "notice") return;
  keep(storage, turn.id, unsent + keptOf(storage, turn.id), { told: false });
}

const CRASHED = "the process ended twice at the same step";
const WINDOW_ENDED = "no reply was possible any more";
