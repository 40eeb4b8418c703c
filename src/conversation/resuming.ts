/**
 * Answers that QQ turned away for the address they came from, and not for what they are: once that is mended they are sent
 * after all, as long as their messages may be answered and their people were not told otherwise.
 */
import type { Writing } from "../qq/writing.ts";
import { isUnfinished } from "./draft.ts";
import { standingOf } from "./lease.ts";
import { book, fitted, keep, keptOf, slotsLeft, untell } from "./outbox.ts";
import { rows, run, type Storage } from "./storage.ts";
import { hasEnded, openTurns, partsOf } from "./turns.ts";

/** Opens the turns whose kept answers may still be sent, and books these. Returns how many. */
export function resume(storage: Storage, writing: Writing, { maxLength, nowMs }: { maxLength: number; nowMs: number }) {
  if (standingOf(storage) === "denied") return 0;
  // What waits for its next try was to say that others are missing which are now sent before it.
  for (const { id } of openTurns(storage).filter(({ attempts }) => attempts === 0)) untell(storage, id);
  const failed = rows<{ id: number }>(
    storage,
    `SELECT id FROM turn WHERE id > (SELECT max(id) FROM turn) - 100
       AND outcome = 'failed' AND told = 0 AND kept IS NOT NULL AND kind <> 'notice' ORDER BY id`,
  );
  return failed.filter(({ id }) => reopen(storage, id, writing, { maxLength, nowMs })).length;
}

function reopen(
  storage: Storage,
  id: number,
  writing: Writing,
  { maxLength, nowMs }: { maxLength: number; nowMs: number },
): boolean {
  if (!partsOf(storage, id).some(({ state }) => state === "uncounted")) return false;
  const [row] = rows<{ messages: string }>(storage, "SELECT messages FROM turn WHERE id = ?", id);
  const slots = slotsLeft(storage, { id, messages: JSON.parse(row?.messages ?? "[]") }, nowMs);
  if (slots.length === 0) return false;
  const firstOpen = Math.min(id, ...openTurns(storage).map((open) => open.id));
  run(storage, "UPDATE turn SET outcome = NULL, ended_at = NULL WHERE id = ?", id);
  run(storage, "UPDATE turn SET open_from = ? WHERE id = (SELECT max(id) FROM turn)", firstOpen);
  const fit = { writing, maxLength, isMore: isUnfinished(storage, id) };
  const { parts, rest } = fitted(keptOf(storage, id), slots.length, fit);
  book(storage, id, parts, slots);
  keep(storage, id, rest, { told: rest.text !== "" });
  return !hasEnded(storage, id);
}
