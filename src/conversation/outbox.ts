/**
 * Parts on their way to QQ. A part is stored with its msg_id and msg_seq before it is sent, and a repetition carries the
 * same pair: QQ itself refuses the copy. The parts of a turn are its reply ledger.
 */
import type { IncomingMessage } from "../event.ts";
import type { ReplySlot } from "../qq/encode.ts";
import { freeSlots, PART_LENGTH } from "../qq/reply-budget.ts";
import { splitText } from "../qq/text.ts";
import { MORE } from "./sentences.ts";
import { rows, run, type Storage } from "./storage.ts";
import type { Part, PartState } from "./turn-machine.ts";
import { partsOf } from "./turns.ts";

/** The slots that a turn may still use. A message that QQ closed is out, whatever the ledger says. */
export function slotsLeft(messages: readonly IncomingMessage[], parts: readonly Part[], nowMs: number): ReplySlot[] {
  const open = messages.filter(({ id }) => !parts.some(({ msgId, state }) => msgId === id && state === "closed"));
  const booked = parts.map(({ msgId, msgSeq, state }) => ({
    msgId,
    msgSeq,
    counts: state !== "void" && state !== "uncounted",
  }));
  return freeSlots(open, booked, nowMs);
}

/**
 * Books `text` as the next parts of a turn, as few as it fits in, together with what was kept of the turn before. What does
 * not fit is kept, and the last part says so; a `passing` text, a sentence about the turn itself, is never kept. Returns the
 * numbers of the new parts; where there are none, nobody was told.
 */
export function book(
  storage: Storage,
  turn: { id: number; messages: readonly IncomingMessage[] },
  text: string,
  { nowMs, passing, maxLength = PART_LENGTH }: { nowMs: number; passing: boolean; maxLength?: number | undefined },
): number[] {
  const before = partsOf(storage, turn.id);
  const slots = slotsLeft(turn.messages, before, nowMs);
  const kept = passing ? "" : keptOf(storage, turn.id);
  const { parts, rest } = splitText(text + kept, { maxLength, maxParts: slots.length, reserve: MORE.length });
  const filled = parts.filter((part) => part.trim() !== ""); // QQ refuses an empty message
  const booked = filled.map((part, index) => {
    const slot = slots[index] as ReplySlot; // splitText gives at most as many parts as there are slots
    const n = before.length + index;
    run(
      storage,
      "INSERT INTO part (turn, n, text, msg_id, msg_seq, state) VALUES (?, ?, ?, ?, ?, 'pending')",
      turn.id,
      n,
      index === filled.length - 1 && rest !== "" ? part + MORE : part,
      slot.msgId,
      slot.msgSeq,
    );
    return n;
  });
  if (!passing && rest !== kept) keep(storage, turn.id, rest, { told: booked.length > 0 });
  return booked;
}

export function mark(storage: Storage, turn: number, n: number, state: PartState): void {
  run(storage, "UPDATE part SET state = ? WHERE turn = ? AND n = ?", state, turn, n);
}

/** Takes back the parts that did not arrive, and returns their text. What may have arrived is not said again. */
export function takeBack(storage: Storage, turn: number): string {
  const pending = partsOf(storage, turn).filter(({ state }) => state === "pending");
  run(storage, "UPDATE part SET state = 'void' WHERE turn = ? AND state = 'pending'", turn);
  run(storage, "UPDATE part SET state = 'unheard' WHERE turn = ? AND state = 'uncertain'", turn);
  return pending.map(words).join("");
}

/** The text of a part without the hint that more was kept: what was kept stands elsewhere. */
export function words({ text }: Part): string {
  return text.endsWith(MORE) ? text.slice(0, -MORE.length) : text;
}

/** Keeps text that did not reach the person, in place of what was kept of the turn before. */
export function keep(storage: Storage, turn: number, text: string, { told }: { told: boolean }): void {
  run(storage, "UPDATE turn SET kept = ?, told = ? WHERE id = ?", text === "" ? null : text, told ? 1 : 0, turn);
}

export function keptOf(storage: Storage, turn: number): string {
  return rows<{ kept: string | null }>(storage, "SELECT kept FROM turn WHERE id = ?", turn)[0]?.kept ?? "";
}

/** The newest text that could not be delivered to a person, taken so that it is delivered once. */
export function takeKept(storage: Storage, sender: string): string | undefined {
  const kept = rows<{ id: number; kept: string }>(
    storage,
    "SELECT id, kept FROM turn WHERE sender = ? AND kept IS NOT NULL ORDER BY id DESC LIMIT 1",
    sender,
  )[0];
  if (kept) run(storage, "UPDATE turn SET kept = NULL WHERE id = ?", kept.id);
  return kept?.kept;
}

/** What a person has not been told yet about a recent turn of theirs that failed; from here on they have. */
export function takeUntold(
  storage: Storage,
  sender: string,
  beforeTurn: number,
): "kept" | "unsure" | "missed" | undefined {
  const failed = rows<{ id: number; kept: string | null }>(
    storage,
    `SELECT id, kept FROM turn
     WHERE id BETWEEN ? AND ? AND sender = ? AND outcome = 'failed' AND told = 0 AND kind <> 'notice' ORDER BY id DESC`,
    beforeTurn - 20,
    beforeTurn - 1,
    sender,
  );
  for (const { id } of failed) run(storage, "UPDATE turn SET told = 1 WHERE id = ?", id);
  if (failed.length === 0) return undefined;
  if (failed.some(({ kept }) => kept !== null)) return "kept";
  return failed.some(({ id }) => partsOf(storage, id).some(({ state }) => state === "unheard")) ? "unsure" : "missed";
}
