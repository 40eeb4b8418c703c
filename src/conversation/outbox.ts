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
 * Books `text` as the next parts of a turn, as few as it fits in. What does not fit is kept, and the last part says so.
 * Returns how many parts were booked; with none, the whole text is kept and nobody was told.
 */
export function book(
  storage: Storage,
  turn: { id: number; messages: readonly IncomingMessage[] },
  text: string,
  { nowMs, maxLength = PART_LENGTH }: { nowMs: number; maxLength?: number },
): number {
  const before = partsOf(storage, turn.id);
  const slots = slotsLeft(turn.messages, before, nowMs);
  const { parts, rest } = splitText(text, { maxLength, maxParts: slots.length, reserve: MORE.length });
  const filled = parts.filter((part) => part.trim() !== ""); // QQ refuses an empty message
  filled.forEach((part, index) => {
    const slot = slots[index] as ReplySlot; // splitText gives at most as many parts as there are slots
    const isLast = index === filled.length - 1;
    run(
      storage,
      "INSERT INTO part (turn, n, text, msg_id, msg_seq, state) VALUES (?, ?, ?, ?, ?, 'pending')",
      turn.id,
      before.length + index,
      isLast && rest !== "" ? part + MORE : part,
      slot.msgId,
      slot.msgSeq,
    );
  });
  if (rest !== "") keep(storage, turn.id, rest, { told: filled.length > 0 });
  return filled.length;
}

export function mark(storage: Storage, turn: number, n: number, state: PartState): void {
  run(storage, "UPDATE part SET state = ? WHERE turn = ? AND n = ?", state, turn, n);
}

/** Takes back the parts that were not tried, and returns their text. */
export function takeBack(storage: Storage, turn: number): string {
  const pending = partsOf(storage, turn).filter(({ state }) => state === "pending");
  run(storage, "UPDATE part SET state = 'void' WHERE turn = ? AND state = 'pending'", turn);
  return withoutHint(pending);
}

/** The text of parts, without the hint that more was kept: the rest of it stands in `kept`. */
function withoutHint(parts: readonly Part[]): string {
  return parts.map(({ text }) => (text.endsWith(MORE) ? text.slice(0, -MORE.length) : text)).join("");
}

/** Puts text in front of what is already kept for a turn. */
export function keep(storage: Storage, turn: number, text: string, { told }: { told: boolean }): void {
  run(storage, "UPDATE turn SET kept = ? || coalesce(kept, ''), kept_told = ? WHERE id = ?", text, told ? 1 : 0, turn);
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

/** Whether a person's recent answer was kept without a word to them; from here on they count as told. */
export function takeUntold(storage: Storage, sender: string, beforeTurn: number): boolean {
  const untold = rows<{ id: number }>(
    storage,
    `SELECT id FROM turn WHERE id BETWEEN ? AND ? AND sender = ? AND kept IS NOT NULL AND kept_told = 0 AND ended_at IS NOT NULL`,
    beforeTurn - 20,
    beforeTurn - 1,
    sender,
  );
  for (const { id } of untold) run(storage, "UPDATE turn SET kept_told = 1 WHERE id = ?", id);
  return untold.length > 0;
}
