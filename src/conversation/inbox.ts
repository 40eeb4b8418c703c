/**
 * The door of a chat: knows what was heard before, puts a message into its turn, and acts at once on what must not wait.
 * Everything here happens inside the one transaction that also sets the alarm.
 */
import { parseCommand } from "../commands/index.ts";
import type { IncomingMessage } from "../event.ts";
import { book, keep } from "./outbox.ts";
import { queueFull } from "./sentences.ts";
import { rows, run, type Storage } from "./storage.ts";
import { MAX_RESTARTS, type Turn } from "./turn-machine.ts";
import { endTurn, insertTurn, joinTurn, openTurns } from "./turns.ts";

/** Messages of one chat that wait or run. One more is refused with a sentence. */
export const QUEUE_LIMIT = 50;

export type Receipt =
  /** Heard before: nothing was stored. */
  | { kind: "duplicate" }
  /** Stored. Work under way for the turns in `interrupted` is void. */
  | { kind: "accepted"; turn: number; interrupted: readonly number[] };

export function accept(storage: Storage, message: IncomingMessage, nowMs: number): Receipt {
  if (rows(storage, "SELECT turn FROM seen WHERE key = ?", message.id).length > 0) return { kind: "duplicate" };
  const receipt = place(storage, message, nowMs);
  run(storage, "INSERT INTO seen (key, turn) VALUES (?, ?)", message.id, receipt.turn);
  return receipt;
}

function place(storage: Storage, message: IncomingMessage, nowMs: number): Extract<Receipt, { kind: "accepted" }> {
  const open = openTurns(storage);
  const command = parseCommand(message.text);

  if (command?.immediate) {
    const stopped = open.filter((turn) => turn.kind !== "notice" && mayStop(message, turn));
    const reply = command.run({
      stop() {
        for (const { id } of stopped) {
          endTurn(storage, id, "stopped", nowMs);
          keep(storage, id, "", { told: true }); // what is left of it is not wanted
        }
        return stopped.length;
      },
      takeKept: () => undefined,
    });
    const turn = insertNotice(storage, message, reply ?? "", nowMs);
    return { kind: "accepted", turn, interrupted: stopped.map(({ id }) => id) };
  }

  const waiting = open.filter(({ kind }) => kind !== "notice").reduce((sum, { messages }) => sum + messages.length, 0);
  if (waiting >= QUEUE_LIMIT) {
    return { kind: "accepted", turn: insertNotice(storage, message, queueFull(QUEUE_LIMIT), nowMs), interrupted: [] };
  }

  const last = open.findLast(({ sender, kind }) => sender === message.sender.id && kind !== "notice");
  if (last && !command && joinable(last)) {
    joinTurn(storage, last, message, { restart: last.attempts > 0 });
    return { kind: "accepted", turn: last.id, interrupted: [last.id] };
  }
  const kind = command ? "command" : "question";
  return { kind: "accepted", turn: insertTurn(storage, { kind, message, nowMs }), interrupted: [] };
}

/** Text that one turn takes; a row of the database holds 2 MB. */
const LONGEST_TURN = 100_000;

/** Nothing of it is visible or on its way, and its model call was not given up too often. */
function joinable(turn: Turn): boolean {
  if (turn.messages.reduce((sum, { text }) => sum + text.length, 0) > LONGEST_TURN) return false;
  if (turn.kind !== "question" || turn.parts.length > 0 || turn.fault) return false;
  return turn.attempts === 0 || turn.restarts < MAX_RESTARTS;
}

/** In a group only the asker or an admin ends an answer. */
function mayStop(message: IncomingMessage, turn: Turn): boolean {
  const { chat, sender } = message;
  return chat.scene === "c2c" || turn.sender === sender.id || sender.role === "admin" || sender.role === "owner";
}

/** A turn whose words are known: it needs no work but sending, and overtakes the queue. */
function insertNotice(storage: Storage, message: IncomingMessage, text: string, nowMs: number): number {
  const id = insertTurn(storage, { kind: "notice", message, nowMs });
  book(storage, { id, messages: [message] }, text, { nowMs, passing: true });
  return id;
}
