/**
 * Parts on their way to QQ. A part is stored with its msg_id and msg_seq before it is sent, and a repetition carries the
 * same pair: QQ itself refuses the copy. The parts of a turn are its reply ledger, with its typing notice as one of them.
 */
import type { IncomingMessage } from "../event.ts";
import type { ReplySlot } from "../qq/encode.ts";
import { freeSlots } from "../qq/reply-budget.ts";
import type { Writing } from "../qq/writing.ts";
import type { Reply } from "../reply.ts";
import { MORE, UNTOLD } from "./sentences.ts";
import { rows, run, type Storage } from "./storage.ts";
import { isOpen, isRepeatable, type Part, type PartState, type Turn } from "./turn-machine.ts";
import { type LedgerRow, ledgerOf, partsOf } from "./turns.ts";

type Asked = { id: number; messages: readonly IncomingMessage[] };

/** The slots that a turn may still use. A message that QQ closed is out, whatever the ledger says. */
export function slotsLeft(storage: Storage, { id, messages }: Asked, nowMs: number): ReplySlot[] {
  return slotsBeside(messages, ledgerOf(storage, id), nowMs);
}

export function slotsBeside(
  messages: readonly IncomingMessage[],
  ledger: readonly Pick<LedgerRow, "msgId" | "msgSeq" | "state">[],
  nowMs: number,
): ReplySlot[] {
  const open = messages.filter(({ id }) => !ledger.some(({ msgId, state }) => msgId === id && state === "closed"));
  const booked = ledger.map(({ msgId, msgSeq, state }) => ({
    msgId,
    msgSeq,
    counts: state !== "void" && state !== "uncounted",
  }));
  return freeSlots(open, booked, nowMs);
}

/** Books `replies` as the next parts of a turn, one for each of `slots`. Returns their numbers. */
export function book(storage: Storage, turn: number, replies: readonly Reply[], slots: readonly ReplySlot[]): number[] {
  const from = partsOf(storage, turn).length;
  return replies.slice(0, slots.length).map(({ kind, text, buttons }, index) => {
    const { msgId, msgSeq } = slots[index] as ReplySlot; // there are at most as many replies here
    run(
      storage,
      "INSERT INTO part (turn, n, form, text, msg_id, msg_seq, state, buttons) VALUES (?, ?, ?, ?, ?, ?, 'pending', ?)",
      turn,
      from + index,
      kind,
      text,
      msgId,
      msgSeq,
      buttons ? JSON.stringify(buttons) : null,
    );
    return from + index;
  });
}

/** How words are cut: without `writing` they are one short part. */
export interface Fit {
  writing?: Writing | undefined;
  maxLength: number;
  /** What is said is not the end: more of it is still being written. */
  isMore: boolean;
}

/** Words as at most `most` parts; the last one says so where more of them is kept or still to come. */
export function fitted(
  words: Reply,
  most: number,
  { writing, maxLength, isMore }: Fit,
): { parts: Reply[]; rest: Reply } {
  if (!writing) return { parts: [words].filter(isSaid), rest: NOTHING };
  const limit = isMore ? maxLength - MORE.length : maxLength;
  const { parts, rest } = writing.split(words, { maxLength: limit, maxParts: most, reserve: MORE.length });
  const filled = parts.filter(isSaid);
  const last = filled.at(-1);
  if (last && (isMore || rest.text !== "")) filled[filled.length - 1] = { ...last, text: last.text + MORE };
  return { parts: filled, rest };
}

/** QQ refuses an empty message. */
function isSaid({ text }: Reply): boolean {
  return text.trim() !== "";
}

/**
 * Books the typing notice of a turn, which pays like a part. It counts from here on, whatever becomes of it, and is never
 * sent again. It stands under the negated number of its turn: the release before would take the turn for answered, which
 * to it is one with parts and none of them open.
 */
export function bookTyping(storage: Storage, turn: number, { msgId, msgSeq }: ReplySlot): void {
  run(
    storage,
    "INSERT INTO part (turn, n, form, text, msg_id, msg_seq, state) VALUES (?, ?, 'typing', '', ?, ?, 'sent')",
    -turn,
    TYPING,
    msgId,
    msgSeq,
  );
}

/** What became of the typing notice. */
export function markTyping(storage: Storage, turn: number, state: PartState): void {
  mark(storage, -turn, TYPING, state);
}

/** The number of the typing notice: it stands before the parts, which count from 0. */
const TYPING = -1;

export function mark(storage: Storage, turn: number, n: number, state: PartState): void {
  run(storage, "UPDATE part SET state = ? WHERE turn = ? AND n = ?", state, turn, n);
}

/**
 * What may be or have been on its way: the first open part of a turn with an attempt that did not come to its end. Where
 * QQ does not number replies, a part says so itself before it is sent.
 */
export function markBegun(storage: Storage, turn: Turn): void {
  const part = turn.attempts > 0 && isRepeatable(turn) ? turn.parts.find(isOpen) : undefined;
  if (part?.state === "pending") mark(storage, turn.id, part.n, "uncertain");
}

/** Takes back the parts that did not arrive, and returns their words. What may have arrived is not said again. */
export function takeBack(storage: Storage, turn: number): Reply {
  const pending = partsOf(storage, turn).filter(({ state }) => state === "pending");
  run(storage, "UPDATE part SET state = 'void' WHERE turn = ? AND state = 'pending'", turn);
  run(storage, "UPDATE part SET state = 'unheard' WHERE turn = ? AND state = 'uncertain'", turn);
  return joined(...pending.map(words));
}

export const NOTHING: Reply = { kind: "text", text: "" };

/** The words of a part without the hint that more was kept: what was kept stands elsewhere. */
export function words({ form, text, buttons }: Part): Reply {
  const said = text.endsWith(MORE) ? text.slice(0, -MORE.length) : text;
  return { kind: form, text: said, ...(buttons && { buttons }) };
}

/** Words one after another; as Markdown where any of them are, in which plain text is at worst shown with a mark too many. */
export function joined(...replies: readonly Reply[]): Reply {
  const said = replies.filter(({ text }) => text !== "");
  const [only] = said;
  if (only && said.length === 1) return only;
  return said.some(({ kind }) => kind === "markdown")
    ? { kind: "markdown", text: said.map(({ text }) => text).join("\n\n") }
    : { kind: "text", text: said.map(({ text }) => text).join("") };
}

/**
 * Keeps words that did not reach the person, in place of what was kept of the turn before.
 *
 * @param told whether the person knows; undefined: as before.
 */
export function keep(storage: Storage, turn: number, { kind, text }: Reply, { told }: { told?: boolean }): void {
  run(
    storage,
    "UPDATE turn SET kept = ?, kept_form = ?, told = coalesce(?, told) WHERE id = ?",
    text === "" ? null : text,
    kind,
    told === undefined ? null : Number(told),
    turn,
  );
}

export function keptOf(storage: Storage, turn: number): Reply {
  const [row] = rows<{ text: string | null; kind: Reply["kind"] }>(
    storage,
    "SELECT kept AS text, kept_form AS kind FROM turn WHERE id = ?",
    turn,
  );
  return row?.text ? { kind: row.kind, text: row.text } : NOTHING;
}

/** The newest words that could not be delivered to a person, taken so that they are delivered once. */
export function takeKept(storage: Storage, sender: string): Reply | undefined {
  const [kept] = rows<{ id: number; text: string; kind: Reply["kind"] }>(
    storage,
    `SELECT id, kept AS text, kept_form AS kind FROM turn WHERE sender = ? AND kept IS NOT NULL ORDER BY id DESC LIMIT 1`,
    sender,
  );
  // Whoever gets them knows how it ended.
  if (kept) run(storage, "UPDATE turn SET kept = NULL, told = 1 WHERE id = ?", kept.id);
  return kept && { kind: kept.kind, text: kept.text };
}

/** How far back a person is told of a turn that failed. */
const TOLD_OF = 20;

/**
 * What a person has not been told yet about a recent turn of theirs that failed. From here on they have, by what `byTurn`
 * says: unless that is heard of nowhere, see `untell`.
 */
export function takeUntold(
  storage: Storage,
  sender: string,
  byTurn: number,
): "kept" | "unsure" | "blocked" | "missed" | undefined {
  const failed = rows<{ id: number; kept: string | null; fault: string | null }>(
    storage,
    `SELECT id, kept, fault ->> '$.kind' AS fault FROM turn
     WHERE id BETWEEN ? AND ? AND sender = ? AND outcome = 'failed' AND told = 0 AND kind <> 'notice' ORDER BY id DESC`,
    byTurn - TOLD_OF,
    byTurn - 1,
    sender,
  );
  // Never 1: it comes after the turn that it tells of.
  for (const { id } of failed) run(storage, "UPDATE turn SET told = ? WHERE id = ?", byTurn, id);
  if (failed.length === 0) return undefined;
  if (failed.some(({ kept }) => kept !== null)) return "kept";
  if (failed.some(({ fault }) => fault === "blocked")) return "blocked";
  return failed.some(({ id }) => partsOf(storage, id).some(({ state }) => state === "unheard")) ? "unsure" : "missed";
}

/**
 * What a turn was to tell of earlier ones is not told where nothing of it can have been heard, and its words no longer say
 * it. Parts on their way have to be marked as such before.
 */
export function untell(storage: Storage, byTurn: number): void {
  const parts = partsOf(storage, byTurn);
  if (parts.some(({ state }) => state === "sent" || state === "uncertain" || state === "unheard")) return;
  const earlier = rows<{ id: number }>(
    storage,
    "SELECT id FROM turn WHERE id BETWEEN ? AND ? AND told = ?",
    byTurn - TOLD_OF,
    byTurn - 1,
    byTurn,
  );
  if (earlier.length === 0 || byTurn === 1) return;
  for (const { id } of earlier) run(storage, "UPDATE turn SET told = 0 WHERE id = ?", id);
  const kept = keptOf(storage, byTurn);
  if (kept.text !== "") keep(storage, byTurn, { ...kept, text: withoutHint(kept.text) }, {});
  for (const { n, text } of parts.filter(isOpen)) {
    const rest = withoutHint(text);
    if (rest === text) continue;
    run(storage, "UPDATE part SET text = ?, state = ? WHERE turn = ? AND n = ?", rest, stateOf(rest), byTurn, n);
  }
}

function stateOf(text: string): PartState {
  return text.trim() === "" ? "void" : "pending";
}

/** The first is ours: it stands before what the model wrote. */
function withoutHint(text: string): string {
  for (const hint of Object.values(UNTOLD)) {
    const at = text.indexOf(hint.trimEnd());
    if (at >= 0) return text.slice(0, at) + text.slice(at + hint.trimEnd().length).replace(/^\n+/, "");
  }
  return text;
}
