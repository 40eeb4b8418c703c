/**
 * What a command may do to its chat while its message is stored: everything here is a change of the tables, in the one
 * transaction that also stores the message.
 */
import type { ChatContext, ChatStatus } from "../commands/command.ts";
import { type IncomingMessage, isPrivate } from "../event.ts";
import { choicesOf, choose, type Terms } from "./choices.ts";
import { setUnfinished, unfinishedTurns } from "./draft.ts";
import { clearFact, readFact, writeFact } from "./facts.ts";
import { estimateUtterance, readHistory } from "./history.ts";
import { standingOf } from "./lease.ts";
import { keep, markBegun, NOTHING, untell } from "./outbox.ts";
import type { Storage } from "./storage.ts";
import type { Turn } from "./turn-machine.ts";
import { endTurn, lastQuestion, nextTurnId, openTurns, setAside } from "./turns.ts";

interface Where {
  storage: Storage;
  nowMs: number;
  terms: Terms;
}

export interface Acting {
  chat: ChatContext;
  /** Turns whose work is void. */
  stopped: readonly number[];
}

/** @param ask places words in place of the command's. Returns whether the model is to be asked, or whoever asks is refused. */
export function actingIn(where: Where, message: IncomingMessage, ask: (words: IncomingMessage) => boolean): Acting {
  const { storage, nowMs, terms } = where;
  const { chat, sender } = message;
  const stopped: number[] = [];
  const context: ChatContext = {
    message,
    nowMs,
    isOwner: isPrivate(chat) && standingOf(storage) === "owner",
    speaksForChat: speaksForChat(message),
    models: terms.models,
    stop() {
      const ended = stop(where, message);
      stopped.push(...ended);
      return ended.length;
    },
    forget: () => writeFact(storage, "forgottenBefore", nextTurnId(storage)),
    ask: (text) => void ask({ ...message, text }),
    askAgain() {
      const last = lastQuestion(storage, sender.id);
      if (!last) return "nothing";
      if (!last.hasEnded) return "running";
      const { text: _, quote: __, attachments: ___, ...rest } = message;
      if (ask({ ...rest, ...wordsOf(last.messages) })) setAside(storage, last.id);
      return "asked";
    },
    mute(untilMs) {
      if (untilMs === undefined) clearFact(storage, "mutedUntilMs");
      else writeFact(storage, "mutedUntilMs", untilMs);
    },
    choices: () => choicesOf(storage, sender.id, terms),
    choose: (name, value, scope) => choose(storage, { name, value, scope, sender: sender.id }),
    status: () => statusOf(where),
  };
  return { chat: context, stopped };
}

/** Ends what a person may end, also what is written on after its turn; returns the turns concerned. */
function stop({ storage, nowMs }: Where, message: IncomingMessage): readonly number[] {
  // In a group only the asker or an admin ends an answer.
  const mayStop = (turn: { sender: string }) => speaksForChat(message) || turn.sender === message.sender.id;
  const ended = openTurns(storage).filter((turn) => turn.kind !== "notice" && mayStop(turn));
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

/** Everybody in a chat of their own, the admins of a group. */
function speaksForChat({ chat, sender: { role } }: IncomingMessage): boolean {
  return isPrivate(chat) || role === "admin" || role === "owner";
}

/** The messages of a turn as one, for the model to be asked anew. */
function wordsOf(messages: readonly IncomingMessage[]): Pick<IncomingMessage, "text" | "quote" | "attachments"> {
  const quote = messages.find((message) => message.quote)?.quote;
  const attachments = messages.flatMap((message) => message.attachments ?? []);
  return {
    text: messages.map(({ text }) => text).join("\n"),
    ...(quote && { quote }),
    ...(attachments.length > 0 && { attachments }),
  };
}

function statusOf({ storage, nowMs }: Where): ChatStatus {
  const remembered = readHistory(storage, nextTurnId(storage));
  const mutedUntilMs = readFact(storage, "mutedUntilMs");
  return {
    open: waitingMessages(openTurns(storage)),
    remembered: {
      messages: remembered.length,
      tokens: remembered.reduce((sum, said) => sum + estimateUtterance(said), 0),
    },
    mutedUntilMs: mutedUntilMs !== undefined && mutedUntilMs > nowMs ? mutedUntilMs : undefined,
  };
}

/** Messages that wait or are being answered. */
export function waitingMessages(open: readonly Turn[]): number {
  return open.filter(({ kind }) => kind !== "notice").reduce((sum, { messages }) => sum + messages.length, 0);
}
