/**
 * The door of a chat: knows what was heard before, puts a message into its turn, and acts at once on what must not wait.
 * Everything here happens inside the one transaction that also sets the alarm.
 */
import { parseCommand } from "../commands/index.ts";
import type { AuditResult, BotEvent, IncomingMessage, Interaction, Recall, Relation, Sender } from "../event.ts";
import type { Reply } from "../reply.ts";
import { endAudit } from "./audit.ts";
import { setUnfinished, unfinishedTurns } from "./draft.ts";
import { writeFact } from "./facts.ts";
import { book, keep, markBegun, NOTHING, slotsLeft, untell } from "./outbox.ts";
import { failureOf, recordFailure } from "./report.ts";
import { GREETINGS, queueFull } from "./sentences.ts";
import { rows, run, type Storage } from "./storage.ts";
import { isGreeting, MAX_RESTARTS, type Turn } from "./turn-machine.ts";
import { endTurn, insertTurn, joinTurn, nextTurnId, openTurns, withdrawMessage } from "./turns.ts";

/** Messages of one chat that wait or run. One more is refused with a sentence. */
export const QUEUE_LIMIT = 50;

export type Receipt =
  /** Heard before: nothing was stored. */
  | { kind: "duplicate" }
  /** Stored. Work under way for the turns in `interrupted` is void. */
  | { kind: "accepted"; turn: number; interrupted: readonly number[] };

interface Door {
  storage: Storage;
  nowMs: number;
  /** A short random reference that the operator can look up. */
  newReference: () => string;
}

/** The turn that an event belongs to, or the next one where it belongs to none. */
type Placed = Omit<Extract<Receipt, { kind: "accepted" }>, "kind">;

export function accept(storage: Storage, event: BotEvent, more: Omit<Door, "storage">): Receipt {
  // A message may come as two events (both group events, both guild events): it is known by its own id.
  const key = event.kind === "message" ? event.id : event.eventId;
  if (rows(storage, "SELECT turn FROM seen WHERE key = ?", key).length > 0) return { kind: "duplicate" };
  const placed = place({ storage, ...more }, event);
  run(storage, "INSERT INTO seen (key, turn) VALUES (?, ?)", key, placed.turn);
  return { kind: "accepted", ...placed };
}

function place(door: Door, event: BotEvent): Placed {
  switch (event.kind) {
    case "message":
      return placeMessage(door, event);
    case "interaction":
      return placeInteraction(door, event);
    case "relation":
      return placeRelation(door, event);
    case "recall":
      return placeRecall(door, event);
    case "audit":
      return placeAudit(door, event);
    default:
      return event satisfies never;
  }
}

function placeMessage(door: Door, message: IncomingMessage): Placed {
  const { storage, nowMs } = door;
  const open = openTurns(storage);
  const command = parseCommand(message.text)?.command;

  if (command && "immediate" in command && command.immediate) {
    let stopped: readonly number[] = [];
    const reply = command.run({
      stop() {
        stopped = stop(door, message, open);
        return stopped.length;
      },
      takeKept: () => undefined,
    });
    return { turn: insertNotice(door, message, reply ?? NOTHING), interrupted: stopped };
  }

  const waiting = open.filter(({ kind }) => kind !== "notice").reduce((sum, { messages }) => sum + messages.length, 0);
  if (waiting >= QUEUE_LIMIT) {
    return { turn: insertNotice(door, message, { kind: "text", text: queueFull(QUEUE_LIMIT) }), interrupted: [] };
  }

  const last = open.findLast(({ sender, kind }) => sender === message.sender.id && kind !== "notice");
  if (last && !command && joinable(last)) {
    joinTurn(storage, last, message, { restart: last.attempts > 0 });
    return { turn: last.id, interrupted: [last.id] };
  }
  const kind = command ? "command" : "question";
  return { turn: insertTurn(storage, { kind, message, nowMs }), interrupted: [] };
}

/** Ends what a person may end, also what is written on after its turn; returns the turns concerned. */
function stop({ storage, nowMs }: Door, { chat, sender }: IncomingMessage, open: readonly Turn[]): readonly number[] {
  // In a group only the asker or an admin ends an answer.
  const mayStopAll = chat.scene === "c2c" || chat.scene === "guildDm" || isAdmin(sender);
  const mayStop = (turn: { sender: string }) => mayStopAll || turn.sender === sender.id;
  const ended = open.filter((turn) => turn.kind !== "notice" && mayStop(turn));
  for (const turn of ended) {
    markBegun(storage, turn); // it may be on its way at this moment
    untell(storage, turn.id);
    endTurn(storage, turn.id, "stopped", nowMs);
    keep(storage, turn.id, NOTHING, { told: true }); // what is left of it is not wanted
  }
  const stopped = ended.map(({ id }) => id);
  const drafts = unfinishedTurns(storage)
    .filter(mayStop)
    .map(({ id }) => id);
  for (const id of drafts) setUnfinished(storage, id, false);
  return [...new Set([...stopped, ...drafts])];
}

function isAdmin({ role }: Sender): boolean {
  return role === "admin" || role === "owner";
}

/** A pressed button or menu entry says what a command says. */
function placeInteraction(door: Door, interaction: Interaction): Placed {
  const { action, appId, chat, eventId, receivedAtMs, sender, data: text } = interaction;
  if (action === "clear") writeFact(door.storage, "forgottenBefore", nextTurnId(door.storage));
  if ((action !== "button" && action !== "menu") || !parseCommand(text)) return nowhere(door);
  return placeMessage(door, {
    ...{ kind: "message", isEvent: true, id: eventId, appId, chat, eventId, sender, text },
    ...{ sentAtMs: receivedAtMs, receivedAtMs },
  });
}

function placeRelation(door: Door, relation: Relation): Placed {
  const { storage, nowMs, newReference } = door;
  switch (relation.change) {
    case "joined":
      return greet(door, relation);
    case "left": {
      const open = openTurns(storage);
      for (const turn of open) {
        endTurn(storage, turn.id, "failed", nowMs);
        if (isGreeting(turn)) continue;
        recordFailure(storage, failureOf(turn, { cause: LEFT, reference: newReference(), atMs: nowMs, told: false }));
      }
      return { ...nowhere(door), interrupted: open.map(({ id }) => id) };
    }
    case "pushAllowed":
    case "pushRefused":
      writeFact(storage, "push", relation.change === "pushAllowed" ? "allowed" : "refused");
      return nowhere(door);
    default:
      return relation.change satisfies never;
  }
}

const LEFT = { summary: "the bot was removed from the chat", advice: "无需处理。Nothing to do." };

/** One friendly sentence under the event. QQ may not take it: nobody waits for it. */
function greet(door: Door, { appId, chat, eventId, receivedAtMs, sender }: Relation): Placed {
  if (chat.scene !== "c2c" && chat.scene !== "group") return nowhere(door);
  const occasion: IncomingMessage = {
    ...{ kind: "message", isEvent: true, id: eventId, appId, chat, eventId, sender, text: "" },
    ...{ sentAtMs: receivedAtMs, receivedAtMs },
  };
  return { turn: insertNotice(door, occasion, { kind: "text", text: GREETINGS[chat.scene] }), interrupted: [] };
}

/** A question that nothing was said to yet is withdrawn with its message. */
function placeRecall(door: Door, { messageId }: Recall): Placed {
  const { storage, nowMs } = door;
  const turn = openTurns(storage).find(
    ({ parts, messages }) => parts.length === 0 && messages.some(({ id }) => id === messageId),
  );
  if (!turn) return nowhere(door);
  if (turn.messages.length === 1) endTurn(storage, turn.id, "withdrawn", nowMs);
  else withdrawMessage(storage, turn, messageId);
  return { turn: turn.id, interrupted: [turn.id] };
}

function placeAudit(door: Door, { auditId, passed }: AuditResult): Placed {
  const { storage, nowMs, newReference } = door;
  endAudit(storage, { auditId, passed, reference: newReference(), nowMs });
  return nowhere(door);
}

function nowhere({ storage }: Door): Placed {
  return { turn: nextTurnId(storage), interrupted: [] };
}

/** Text that one turn takes; a row of the database holds 2 MB. */
const LONGEST_TURN = 100_000;

/** Nothing of it is visible or on its way, and its model call was not given up too often. */
function joinable(turn: Turn): boolean {
  if (turn.messages.reduce((sum, message) => sum + lengthOf(message), 0) > LONGEST_TURN) return false;
  if (turn.kind !== "question" || turn.parts.length > 0 || turn.fault) return false;
  return turn.attempts === 0 || turn.restarts < MAX_RESTARTS;
}

function lengthOf({ text, quote }: IncomingMessage): number {
  return text.length + (quote?.text.length ?? 0);
}

/** A turn whose words are known: it needs no work but sending, and overtakes the queue. */
function insertNotice({ storage, nowMs }: Door, message: IncomingMessage, reply: Reply): number {
  const id = insertTurn(storage, { kind: "notice", message, nowMs });
  book(storage, id, [reply], slotsLeft(storage, { id, messages: [message] }, nowMs));
  return id;
}
