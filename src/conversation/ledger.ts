/**
 * What asking models took in this chat. Each turn's entry stands in its step, beside what the model gave; now and then entries
 * are carried over into accounts, by day, person and model, and into a batch for the Bot, all in one transaction: nothing counts
 * twice, and nothing is lost when texts are forgotten.
 */
import { dayStartMs, monthStartMs } from "../day.ts";
import {
  type Allowance,
  added,
  type Batch,
  type Booking,
  isSpent,
  NOTHING_SPENT,
  type Spending,
  type Spent,
  total,
} from "../spending.ts";
import { readFact, writeFact } from "./facts.ts";
import { rows, run, type Storage } from "./storage.ts";
import { openTurns } from "./turns.ts";

/** So many are carried over at once, if not sooner: whoever looks at a day reads no more of them. */
const MOST_ENTRIES = 20;

interface Entry extends Booking {
  turn: number;
  person: string;
}

/** What was spent in this chat since the beginning of a day, by one person or by all. */
export function spentSince(storage: Storage, day: number, person?: string): Spending {
  const carried = rows<{ spent: string }>(
    storage,
    "SELECT spent FROM account WHERE day >= ? AND person = coalesce(?, person)",
    day,
    person ?? null,
  ).map(({ spent }): Spending => JSON.parse(spent));
  const entries = entriesToCarry(storage).filter(
    (entry) => entry.day >= day && entry.person === (person ?? entry.person),
  );
  return total([...carried, ...entries.map(({ spent }) => spent)]);
}

/** Today and this month, by Beijing's calendar. */
export function spentOf(storage: Storage, nowMs: number, person?: string): Spent {
  return {
    today: spentSince(storage, dayStartMs(nowMs), person),
    month: spentSince(storage, monthStartMs(nowMs), person),
  };
}

/** Entries that are in no account yet, oldest first. */
function entriesToCarry(storage: Storage): Entry[] {
  return rows<{
    turn: number;
    person: string;
    atMs: number;
    model: string | null;
    spent: string | null;
    tokens: number;
  }>(
    storage,
    // Steps of releases that kept no ledger tell their tokens alone.
    `SELECT turn, sender AS person, created_at AS "atMs", result ->> '$.model' AS model, result -> '$.spent' AS spent,
       coalesce(result ->> '$.inputTokens', result ->> '$.estimatedTokens', 0)
         + coalesce(result ->> '$.outputTokens', length(result ->> '$.text'), 0) AS tokens
     FROM step JOIN turn ON turn.id = step.turn WHERE step.turn > ? ORDER BY step.turn`,
    carriedOver(storage).upTo,
  ).map(({ turn, person, atMs, model, spent, tokens }) => ({
    turn,
    person,
    day: dayStartMs(atMs),
    model: model ?? "",
    spent: spent ? JSON.parse(spent) : { ...NOTHING_SPENT, calls: 1, inputTokens: tokens, unpricedTokens: tokens },
  }));
}

function carriedOver(storage: Storage): { upTo: number; batches: number } {
  return readFact(storage, "carriedOver") ?? { upTo: 0, batches: 0 };
}

/** Whether the Bot is to hear of what was spent here since it was told last: `step` was spent, or there were many calls. */
export function isReportDue(storage: Storage, step: Allowance): boolean {
  const entries = entriesToCarry(storage);
  if (entries.length >= MOST_ENTRIES) return true;
  return isSpent(step, total(entries.map(({ spent }) => spent))) || untoldBatches(storage).length > 0;
}

/**
 * Books what is settled, for good, and for the Bot to be told.
 *
 * @param isEmptied every turn is forgotten next, and turns are counted anew.
 */
export function carryOver(storage: Storage, nowMs: number, { isEmptied = false } = {}): void {
  storage.transactionSync(() => {
    const end = firstUnsettled(storage, nowMs);
    const settled = entriesToCarry(storage).filter(({ turn }) => turn < end);
    const last = settled.at(-1);
    const { upTo, batches } = carriedOver(storage);
    if (!last) {
      if (isEmptied && upTo > 0) writeFact(storage, "carriedOver", { upTo: 0, batches });
      return;
    }
    for (const entry of summed(settled, ({ day, person, model }) => [day, person, model])) book(storage, entry);
    const n = batches + 1;
    const bookings = summed(settled, ({ day, model }) => [day, model]).map(({ day, model, spent }) => ({
      day,
      model,
      spent,
    }));
    run(storage, "INSERT INTO batch (n, bookings) VALUES (?, ?)", n, JSON.stringify(bookings));
    writeFact(storage, "carriedOver", { upTo: isEmptied ? 0 : last.turn, batches: n });
  });
}

/** Those with the same key as one. */
function summed(entries: readonly Entry[], keyOf: (entry: Entry) => unknown): Entry[] {
  const sums = new Map<string, Entry>();
  for (const entry of entries) {
    const key = JSON.stringify(keyOf(entry));
    const sum = sums.get(key);
    sums.set(key, sum ? { ...sum, spent: added(sum.spent, entry.spent) } : entry);
  }
  return [...sums.values()];
}

function book(storage: Storage, { day, person, model, spent }: Entry): void {
  const key = [day, person, model] as const;
  const known = rows<{ spent: string }>(
    storage,
    "SELECT spent FROM account WHERE day = ? AND person = ? AND model = ?",
    ...key,
  )[0];
  const sum = known ? added(JSON.parse(known.spent), spent) : spent;
  run(
    storage,
    "INSERT OR REPLACE INTO account (day, person, model, spent) VALUES (?, ?, ?, ?)",
    ...key,
    JSON.stringify(sum),
  );
}

/** Longer than a model writes. A draft older than this was lost with its process. */
const DRAFT_MS = 15 * 60_000;
/** What was stopped is entered when its call has ended. */
const STOP_MS = 60_000;

/** The first turn that may still get an entry, or another one, because a model is at it. Turns after it wait for it. */
function firstUnsettled(storage: Storage, nowMs: number): number {
  const ended = rows<{ id: number }>(
    storage,
    `SELECT id FROM turn WHERE id > (SELECT max(id) FROM turn) - 100 AND (unfinished = 1 AND created_at > ?
       OR outcome = 'stopped' AND ended_at > ? AND NOT EXISTS (SELECT 1 FROM step WHERE step.turn = turn.id))`,
    nowMs - DRAFT_MS,
    nowMs - STOP_MS,
  );
  const open = openTurns(storage).filter(({ kind, steps }) => kind !== "notice" && steps === 0);
  return Math.min(Number.MAX_SAFE_INTEGER, ...[...ended, ...open].map(({ id }) => id));
}

/** What the Bot may not know yet, oldest first. */
export function untoldBatches(storage: Storage): Batch[] {
  return rows<{ n: number; bookings: string }>(storage, "SELECT n, bookings FROM batch ORDER BY n").map(
    ({ n, bookings }) => ({ n, bookings: JSON.parse(bookings) }),
  );
}

/** Tells the Bot what it may not know yet; told twice, it counts once. What it was not reached with is told again. */
export async function reporting<T>(
  storage: Storage,
  nowMs: number,
  tell: (batches: readonly Batch[]) => Promise<T>,
): Promise<T> {
  carryOver(storage, nowMs);
  const batches = untoldBatches(storage);
  const answer = await tell(batches);
  const last = batches.at(-1);
  if (last) run(storage, "DELETE FROM batch WHERE n <= ?", last.n);
  return answer;
}

/** This month and the two before it. */
const DAYS_KEPT_MS = 93 * 24 * 60 * 60_000;

export function forgetAccounts(storage: Storage, nowMs: number): void {
  run(storage, "DELETE FROM account WHERE day < ?", nowMs - DAYS_KEPT_MS);
}
