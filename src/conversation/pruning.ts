/** What a chat forgets, and when. */
import { clearFact } from "./facts.ts";
import { carryOver, forgetAccounts } from "./ledger.ts";
import { rows, run, type Storage } from "./storage.ts";
import { forgetTold } from "./told.ts";
import { nextTurnId } from "./turns.ts";

const PRUNE_EVERY_MS = 24 * 60 * 60_000;

/** When the oldest turn is due to be forgotten, rounded up to a day so that a busy chat prunes once a day. */
export function pruneAtMs(storage: Storage, retentionMs: number): number | undefined {
  const oldest = rows<{ at: number }>(storage, "SELECT created_at AS at FROM turn ORDER BY id LIMIT 1")[0];
  return oldest && oldest.at + retentionMs + PRUNE_EVERY_MS;
}

/**
 * Forgets ended turns older than the retention, with their texts and the keys by which repeated deliveries are known; a
 * bounded number at a time. What they cost stays in the accounts. Looks at one row while nothing is due.
 */
export function prune(storage: Storage, { nowMs, retentionMs }: { nowMs: number; retentionMs: number }): void {
  if (nowMs < (pruneAtMs(storage, retentionMs) ?? Number.POSITIVE_INFINITY)) return;
  forgetTold(storage, nowMs);
  forgetAccounts(storage, nowMs);
  const old = rows<{ id: number }>(
    storage,
    "SELECT id FROM turn WHERE created_at < ? AND ended_at IS NOT NULL ORDER BY id LIMIT 500",
    nowMs - retentionMs,
  );
  const last = old.at(-1);
  if (!last) return;
  // Turns are counted anew where none is left: what is known by their number would be about others.
  const isEmptied = nextTurnId(storage) <= last.id + 1;
  carryOver(storage, nowMs, { isEmptied });
  if (isEmptied) clearFact(storage, "forgottenBefore");
  for (const { id } of old) {
    run(storage, "DELETE FROM step WHERE turn = ?", id);
    run(storage, "DELETE FROM part WHERE turn = ?", id);
    run(storage, "DELETE FROM report WHERE turn IN (?1, -?1)", id); // nobody could be told for all that time
    run(storage, "DELETE FROM turn WHERE id = ?", id);
  }
  run(storage, "DELETE FROM seen WHERE turn <= ?", last.id);
  run(storage, "DELETE FROM audit WHERE turn <= ?", last.id);
  run(storage, "DELETE FROM part WHERE turn BETWEEN ? AND -1", -last.id); // typing notices
}
