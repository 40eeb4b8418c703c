/**
 * How long and how often a message may be answered. Pure: the stored parts of a turn are the ledger, and this reads it.
 *
 * Numbers: C2C 60 min and 4 replies (docs overview.html; the notice of 2026-01-10), group 5 min and 5 replies, guild
 * channel and guild direct message 5 min without a count (docs dms.html), where five are our own limit. Every message POST
 * counts, also one whose outcome is unknown; a refusal by 401 or 11298 never reached the message layer.
 */
import type { IncomingMessage, Scene } from "../event.ts";
import type { ReplySlot } from "./encode.ts";

const RULES = {
  // One C2C page says 5 min for the same field, so the first visible part goes out before that.
  c2c: { windowMs: 60 * 60_000, marginMs: 5 * 60_000, replies: 4, firstPartMs: 4.5 * 60_000 },
  group: { windowMs: 5 * 60_000, marginMs: 60_000, replies: 5, firstPartMs: 4 * 60_000 },
  guildChannel: { windowMs: 5 * 60_000, marginMs: 60_000, replies: 5, firstPartMs: 4 * 60_000 },
  guildDm: { windowMs: 5 * 60_000, marginMs: 60_000, replies: 5, firstPartMs: 4 * 60_000 },
} satisfies Record<Scene, { windowMs: number; marginMs: number; replies: number; firstPartMs: number }>;

/** QQ states neither window nor count for the answer to an event; more than one has been refused in the field. */
const EVENT_RULE = { windowMs: 5 * 60_000, marginMs: 60_000, replies: 1, firstPartMs: 4 * 60_000 };

type Answerable = Pick<IncomingMessage, "chat" | "isEvent" | "sentAtMs" | "receivedAtMs">;

function ruleOf({ chat, isEvent }: Pick<Answerable, "chat" | "isEvent">) {
  return isEvent ? EVENT_RULE : RULES[chat.scene];
}

/** No published limit exists. Clients cut between 900 and 5000 characters; on a length error the part is halved. */
export const PART_LENGTH = 1800;

export interface ReplyWindow {
  /** The `msg_id` must not be used from here on. */
  closesAtMs: number;
  /** The person should see something by then. */
  firstPartByMs: number;
}

/** The clock starts at the earlier of QQ's time and receipt; a time ahead of our clock counts as receipt. */
export function replyWindow(message: Answerable): ReplyWindow {
  const { windowMs, marginMs, firstPartMs } = ruleOf(message);
  const startMs = Math.min(message.sentAtMs, message.receivedAtMs);
  return { closesAtMs: startMs + windowMs - marginMs, firstPartByMs: startMs + firstPartMs };
}

/** One use of a message, as the outbox has stored it. */
export interface BookedReply extends ReplySlot {
  /** False where QQ turned it away before counting, or where it was never tried. */
  counts: boolean;
}

/**
 * The slots that are left for a turn, in the order in which they are to be used: the newest message pays first, then
 * the others, newest to oldest. `msg_seq` goes on counting from what was booked, whether or not that counted.
 */
export function freeSlots(
  messages: readonly IncomingMessage[],
  booked: readonly BookedReply[],
  nowMs: number,
): ReplySlot[] {
  return messages.toReversed().flatMap((message) => {
    if (nowMs >= replyWindow(message).closesAtMs) return [];
    const own = booked.filter(({ msgId }) => msgId === message.id);
    const used = own.filter(({ counts }) => counts).length;
    const lastSeq = Math.max(0, ...own.map(({ msgSeq }) => msgSeq));
    const left = Math.max(0, ruleOf(message).replies - used);
    return Array.from({ length: left }, (_, index) => ({ msgId: message.id, msgSeq: lastSeq + 1 + index }));
  });
}
