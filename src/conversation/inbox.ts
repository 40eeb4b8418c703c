/**
 * The door of a chat: knows what was heard before, puts a message into its turn, and acts at once on what must not wait.
 * Everything here happens inside the one transaction that also sets the alarm.
 */
import type { ReceivedCommand } from "../commands/command.ts";
import { unknownCommand, usageOf } from "../commands/help.ts";
import { readCommand } from "../commands/index.ts";
import type { AuditResult, BotEvent, IncomingMessage, Interaction, Recall, Relation } from "../event.ts";
import type { Reply } from "../reply.ts";
import { actingIn, waitingMessages } from "./acting.ts";
import { endAudit } from "./audit.ts";
import type { Terms } from "./choices.ts";
import { readFact, writeFact } from "./facts.ts";
import { standingOf } from "./lease.ts";
import { book, slotsLeft } from "./outbox.ts";
import { failureOf, recordFailure } from "./report.ts";
import { GREETINGS, MUTED, queueFull, tooFast } from "./sentences.ts";
import { rows, run, type Storage } from "./storage.ts";
import { tellOnce } from "./told.ts";
import { attemptsAt, isGreeting, MAX_RESTARTS, type Turn, type TurnKind } from "./turn-machine.ts";
import {
  endTurn,
  insertTurn,
  joinTurn,
  messagesSince,
  nextTurnId,
  openTurn,
  openTurns,
  withdrawMessage,
} from "./turns.ts";

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
  /** What people may choose here. */
  terms: Terms;
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
  const typed = readCommand(message.text);
  // Whom the owner has denied has no commands either.
  if (!typed || standingOf(storage) === "denied")
    return isMuted(door) ? leaveAlone(door, message) : placeQuestion(door, message);
  if (typed.kind === "usage") return placeNotice(door, message, usageOf(typed.command));
  if (typed.kind === "unknown") return placeNotice(door, message, unknownCommand(typed.word, typed.nearest));
  const { command, argument } = typed;
  switch (command.when) {
    case "received":
      return act(door, message, command, argument);
    case "asking":
      return { turn: insertTurn(storage, { kind: "notice", message, nowMs }), interrupted: [] };
    case "queued":
      return queueTurn(door, message, { kind: "command" });
    default:
      return command satisfies never;
  }
}

/** What a command lets be asked has the answer; else its own reply is sent at once. */
function act(door: Door, message: IncomingMessage, command: ReceivedCommand, argument: string): Placed {
  let asked: Placed | undefined;
  const acting = actingIn(door, message, (words) => {
    asked = isMuted(door) ? placeNotice(door, message, MUTED) : placeQuestion(door, words);
    return openTurn(door.storage, asked.turn)?.kind === "question";
  });
  const reply = command.run(acting.chat, argument);
  const interrupted = [...acting.stopped, ...(asked?.interrupted ?? [])];
  if (asked) return { turn: asked.turn, interrupted };
  if (!reply) throw new Error(`/${command.names[0]} neither answers nor asks`);
  return { turn: insertNotice(door, message, reply), interrupted };
}

const MINUTE_MS = 60_000;

/** Somebody writes faster than the operator lets them: told once in a minute, the rest is left alone. */
function isTooFast(
  { storage, nowMs, terms: { messagesPerMinute: limit } }: Door,
  { sender }: IncomingMessage,
): boolean {
  if (limit === 0 || standingOf(storage) === "owner") return false;
  return messagesSince(storage, sender.id, nowMs - MINUTE_MS) >= limit;
}

function slowDown(door: Door, message: IncomingMessage): Placed {
  const { storage, nowMs, terms } = door;
  const isNews = tellOnce(storage, { sender: message.sender.id, limit: "pace", nowMs, untilMs: nowMs + MINUTE_MS });
  if (!isNews) return leaveAlone(door, message);
  return placeNotice(door, message, { kind: "text", text: tooFast(terms.messagesPerMinute) });
}

/** A message for the model: with an open turn of its sender while that may be, else with one of its own. */
function placeQuestion(door: Door, message: IncomingMessage): Placed {
  if (isTooFast(door, message)) return slowDown(door, message);
  const open = openTurns(door.storage);
  const last = open.findLast(({ sender, kind }) => sender === message.sender.id && kind !== "notice");
  if (!last || !joinable(last) || isFull(open)) return queueTurn(door, message, { kind: "question", open });
  joinTurn(door.storage, last, message, { restart: attemptsAt(last) > 0 });
  return { turn: last.id, interrupted: [last.id] };
}

function queueTurn(
  door: Door,
  message: IncomingMessage,
  { kind, open = openTurns(door.storage) }: { kind: TurnKind; open?: readonly Turn[] },
): Placed {
  const { storage, nowMs } = door;
  if (isFull(open)) return placeNotice(door, message, { kind: "text", text: queueFull(QUEUE_LIMIT) });
  return { turn: insertTurn(storage, { kind, message, nowMs }), interrupted: [] };
}

function isFull(open: readonly Turn[]): boolean {
  return waitingMessages(open) >= QUEUE_LIMIT;
}

function placeNotice(door: Door, message: IncomingMessage, reply: Reply): Placed {
  return { turn: insertNotice(door, message, reply), interrupted: [] };
}

function isMuted({ storage, nowMs }: Door): boolean {
  return (readFact(storage, "mutedUntilMs") ?? 0) > nowMs;
}

/** Somebody who speaks for the chat wants it so: the message is known, and nothing is said to it. */
function leaveAlone({ storage, nowMs }: Door, message: IncomingMessage): Placed {
  const turn = insertTurn(storage, { kind: "question", message, nowMs });
  endTurn(storage, turn, "dismissed", nowMs);
  return { turn, interrupted: [] };
}

/** A pressed button or menu entry says what a command says. */
function placeInteraction(door: Door, interaction: Interaction): Placed {
  const { action, appId, chat, eventId, receivedAtMs, sender, data: text } = interaction;
  if (action === "clear") writeFact(door.storage, "forgottenBefore", nextTurnId(door.storage));
  if ((action !== "button" && action !== "menu") || readCommand(text)?.kind !== "command") return nowhere(door);
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
  return attemptsAt(turn) === 0 || turn.restarts < MAX_RESTARTS;
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
