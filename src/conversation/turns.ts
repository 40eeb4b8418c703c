/**
 * The rows of turns and how they change. Every function here is synchronous; the caller puts what belongs together into
 * one transaction.
 */
import type { Refusal, Remedy } from "../errors.ts";
import type { IncomingMessage } from "../event.ts";
import { readFact } from "./facts.ts";
import { rows, run, type Storage } from "./storage.ts";
import { type Fault, type Outcome, type Part, pointOf, type Turn, type TurnKind, triedAt } from "./turn-machine.ts";

interface TurnRow {
  id: number;
  kind: TurnKind;
  sender: string;
  messages: string;
  restarts: number;
  point: string;
  attempts: number;
  tried: string;
  not_before: number;
  fault: string | null;
  steps: number;
  parts: string;
}

/** A turn with its parts, in one look. */
const TURN = `SELECT id, kind, sender, messages, restarts, point, attempts, tried, not_before, fault,
  (SELECT count(*) FROM step WHERE step.turn = turn.id) AS steps,
  (SELECT json_group_array(json_object('n', n, 'form', form, 'text', text, 'msgId', msg_id, 'msgSeq', msg_seq, 'state', state,
       'buttons', json(buttons))
     ORDER BY n) FROM part WHERE part.turn = turn.id) AS parts
  FROM turn`;

/**
 * Every turn without an end, in order of arrival. The scan starts where the newest row says that open turns start, so
 * it needs no index and stays short however long the history is.
 */
export function openTurns(storage: Storage): Turn[] {
  return rows<TurnRow>(
    storage,
    `${TURN} WHERE id >= (SELECT open_from FROM turn ORDER BY id DESC LIMIT 1) AND ended_at IS NULL ORDER BY id`,
  ).map(toTurn);
}

/** The turn as it is now, or undefined once it has ended. */
export function openTurn(storage: Storage, id: number): Turn | undefined {
  const row = rows<TurnRow>(storage, `${TURN} WHERE id = ? AND ended_at IS NULL`, id)[0];
  return row && toTurn(row);
}

/** When its first message was stored. */
export function createdAtMs(storage: Storage, id: number): number {
  return rows<{ at: number }>(storage, "SELECT created_at AS at FROM turn WHERE id = ?", id)[0]?.at ?? 0;
}

export function hasEnded(storage: Storage, id: number): boolean {
  return rows(storage, "SELECT 1 FROM turn WHERE id = ? AND ended_at IS NULL", id).length === 0;
}

/** Whether a turn is as it was when work on it began: not joined, not ended, nothing booked. */
export function isUnchanged(storage: Storage, { id, messages, parts }: Turn): boolean {
  const [current] = rows<{ messages: number; parts: number }>(
    storage,
    `SELECT json_array_length(messages) AS messages, (SELECT count(*) FROM part WHERE part.turn = turn.id) AS parts
     FROM turn WHERE id = ? AND ended_at IS NULL`,
    id,
  );
  return current?.messages === messages.length && current.parts === parts.length;
}

function toTurn(row: TurnRow): Turn {
  return {
    id: row.id,
    kind: row.kind,
    sender: row.sender,
    messages: JSON.parse(row.messages),
    restarts: row.restarts,
    point: row.point,
    attempts: row.attempts,
    tried: JSON.parse(row.tried),
    notBeforeMs: row.not_before,
    steps: row.steps,
    parts: JSON.parse(row.parts),
    fault: row.fault === null ? undefined : JSON.parse(row.fault),
  };
}

/** One use of a message: a part, or the typing notice. */
export type LedgerRow = Omit<Part, "form"> & { form: Part["form"] | "typing" };

export function ledgerOf(storage: Storage, turn: number): LedgerRow[] {
  return rows<Omit<LedgerRow, "buttons"> & { buttons: string | null }>(
    storage,
    `SELECT n, form, text, msg_id AS "msgId", msg_seq AS "msgSeq", state, buttons FROM part
     WHERE turn IN (?1, -?1) ORDER BY n`,
    turn,
  ).map(({ buttons, ...row }) => ({ ...row, ...(buttons && { buttons: JSON.parse(buttons) }) }));
}

export function partsOf(storage: Storage, turn: number): Part[] {
  return ledgerOf(storage, turn).filter((row): row is Part => row.form !== "typing");
}

export function nextTurnId(storage: Storage): number {
  return (rows<{ id: number | null }>(storage, "SELECT max(id) AS id FROM turn")[0]?.id ?? 0) + 1;
}

export function insertTurn(
  storage: Storage,
  { kind, message, nowMs }: { kind: TurnKind; message: IncomingMessage; nowMs: number },
): number {
  const [inserted] = rows<{ id: number }>(
    storage,
    `INSERT INTO turn (open_from, kind, sender, messages, created_at) VALUES (
       coalesce(
         (SELECT min(id) FROM turn WHERE id >= (SELECT open_from FROM turn ORDER BY id DESC LIMIT 1) AND ended_at IS NULL),
         (SELECT max(id) + 1 FROM turn),
         1),
       ?, ?, ?, ?) RETURNING id`,
    kind,
    message.sender.id,
    JSON.stringify([message]),
    nowMs,
  );
  if (!inserted) throw new Error("no turn was inserted");
  return inserted.id;
}

/** Adds a message to a turn of which nothing is visible yet. What the model gave so far did not know of it. */
export function joinTurn(
  storage: Storage,
  turn: Turn,
  message: IncomingMessage,
  { restart }: { restart: boolean },
): void {
  run(
    storage,
    "UPDATE turn SET messages = json_insert(messages, '$[#]', json(?)), restarts = restarts + ? WHERE id = ?",
    JSON.stringify(message),
    restart ? 1 : 0,
    turn.id,
  );
  if (turn.steps > 0) run(storage, "DELETE FROM step WHERE turn = ?", turn.id);
}

/** To be stored before the work begins, so that a crash in it is counted. */
export function recordAttempt(storage: Storage, turn: Turn, nowMs: number): void {
  const samePoint = turn.point === pointOf(turn);
  run(
    storage,
    "UPDATE turn SET point = ?, attempts = ?, tried = ?, started_at = coalesce(started_at, ?) WHERE id = ?",
    pointOf(turn),
    samePoint ? turn.attempts + 1 : 1,
    JSON.stringify(triedAt(turn)),
    nowMs,
    turn.id,
  );
}

/** An orderly end of an attempt that is to be repeated: it is no longer counted as one that may have died. */
export function recordRetry(
  storage: Storage,
  turn: Turn,
  { refusal, remedy, notBeforeMs }: { refusal: Refusal; remedy: Remedy; notBeforeMs: number },
): void {
  run(
    storage,
    "UPDATE turn SET point = ?, attempts = 0, tried = ?, not_before = ?, trouble = ? WHERE id = ?",
    pointOf(turn),
    JSON.stringify([...triedAt(turn), remedy]),
    notBeforeMs,
    JSON.stringify(refusal),
    turn.id,
  );
}

/** What a turn was last tried again for, if it was. */
export function troubleOf(storage: Storage, turn: number): Refusal | undefined {
  const [row] = rows<{ trouble: string | null }>(storage, "SELECT trouble FROM turn WHERE id = ?", turn);
  return row?.trouble ? JSON.parse(row.trouble) : undefined;
}

export function recordFault(storage: Storage, turn: number, fault: Fault): void {
  run(storage, "UPDATE turn SET fault = ? WHERE id = ?", JSON.stringify(fault), turn);
}

export function recordStep(storage: Storage, turn: Turn, result: unknown): void {
  run(storage, "INSERT INTO step (turn, n, result) VALUES (?, ?, ?)", turn.id, turn.steps, JSON.stringify(result));
}

/** What the model gave in the end, in place of what had been said of it. */
export function replaceStep(storage: Storage, turn: number, result: unknown): void {
  run(storage, "INSERT OR REPLACE INTO step (turn, n, result) VALUES (?, 0, ?)", turn, JSON.stringify(result));
}

/** Ends a turn. Of a failure the person is told with the next answer, whatever they were told before it. */
export function endTurn(storage: Storage, turn: number, outcome: Outcome, nowMs: number): void {
  run(
    storage,
    `UPDATE turn SET outcome = ?1, ended_at = ?2, told = CASE ?1 WHEN 'failed' THEN 0 ELSE told END
     WHERE id = ?3 AND ended_at IS NULL`,
    outcome,
    nowMs,
    turn,
  );
}

/** Takes a message out of a turn that answers others, too. What was tried and given so far was about it. */
export function withdrawMessage(storage: Storage, turn: Turn, messageId: string): void {
  const others = turn.messages.filter(({ id }) => id !== messageId);
  run(storage, "UPDATE turn SET messages = ?, attempts = 0 WHERE id = ?", JSON.stringify(others), turn.id);
  if (turn.steps > 0) run(storage, "DELETE FROM step WHERE turn = ?", turn.id);
}

/** What somebody asked last, as far as the model still sees it. */
export function lastQuestion(
  storage: Storage,
  sender: string,
): { id: number; messages: IncomingMessage[]; hasEnded: boolean } | undefined {
  const [row] = rows<{ id: number; messages: string; ended: number }>(
    storage,
    `SELECT id, messages, ended_at IS NOT NULL AS ended FROM turn
     WHERE id >= ? AND kind = 'question' AND sender = ? AND coalesce(outcome, '') NOT IN ('withdrawn', 'retried')
     ORDER BY id DESC LIMIT 1`,
    readFact(storage, "forgottenBefore") ?? 0,
    sender,
  );
  return row && { id: row.id, messages: JSON.parse(row.messages), hasEnded: row.ended === 1 };
}

/** More than anybody is allowed in a minute is not counted. */
const RECENT_TURNS = 200;

/** Messages of one person since a time, that were for the model and not left alone. */
export function messagesSince(storage: Storage, sender: string, sinceMs: number): number {
  const [row] = rows<{ count: number }>(
    storage,
    `SELECT count(*) AS count FROM turn, json_each(turn.messages) AS message
     WHERE turn.id > (SELECT max(id) FROM turn) - ${RECENT_TURNS} AND turn.sender = ? AND turn.kind = 'question'
       AND coalesce(turn.outcome, '') <> 'dismissed' AND message.value ->> '$.receivedAtMs' > ?`,
    sender,
    sinceMs,
  );
  return row?.count ?? 0;
}

/** A question that is asked anew: the model sees it no more, and nothing of its answer is kept. */
export function setAside(storage: Storage, turn: number): void {
  run(storage, "UPDATE turn SET outcome = 'retried', kept = NULL, told = 1, unfinished = 0 WHERE id = ?", turn);
}

/** The newest message of any turn: it tells which chat of which bot this is. */
export function lastMessage(storage: Storage): IncomingMessage | undefined {
  const row = rows<{ messages: string }>(storage, "SELECT messages FROM turn ORDER BY id DESC LIMIT 1")[0];
  return row && (JSON.parse(row.messages) as IncomingMessage[]).at(-1);
}

/** How long this chat's last turns took, from their first attempt to their end; a guess where there is none. */
export function medianTurnMs(storage: Storage): number {
  const times = rows<{ ms: number }>(
    storage,
    `SELECT ended_at - started_at AS ms FROM (SELECT * FROM turn ORDER BY id DESC LIMIT 20)
     WHERE outcome = 'answered' AND kind = 'question' ORDER BY ms`,
  );
  return times[Math.floor(times.length / 2)]?.ms ?? 10_000;
}
