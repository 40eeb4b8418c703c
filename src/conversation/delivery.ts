/**
 * One part to QQ, and what a refusal of it leads to. The part is stored before it is sent; a repetition carries the same
 * msg_id and msg_seq.
 */
import { type Refusal, toRefusal } from "../errors.ts";
import { log } from "../log.ts";
import type { Writing } from "../qq/writing.ts";
import type { Reply } from "../reply.ts";
import { endAudit, recordAudit } from "./audit.ts";
import { apologise, finish, sayAnew, tryLater } from "./ending.ts";
import { currentLease, forbid, isForbidden, refuseLease } from "./lease.ts";
import { named } from "./named.ts";
import { mark, markBegun, NOTHING, words } from "./outbox.ts";
import { failureOf, recordOutage } from "./report.ts";
import type { TurnContext } from "./turn-context.ts";
import {
  afterRefusedSend,
  isOpen,
  isRepeatable,
  outcomeOf,
  type Part,
  type PartState,
  type Turn,
  triedAt,
} from "./turn-machine.ts";
import { hasEnded, openTurn, openTurns } from "./turns.ts";

/** A part this short is not halved any more. */
const LEAST_PART_LENGTH = 200;
/** A little more than half: cuts fall before the limit, and a third part would cost another reply. */
const A_GOOD_HALF = 0.6;

export async function deliver(context: TurnContext, turn: Turn, n: number): Promise<void> {
  const { storage, now, crashPoint } = context;
  const part = turn.parts.find((candidate) => candidate.n === n);
  const message = turn.messages.find(({ id }) => id === part?.msgId);
  if (!part || !message) return;
  let token: string | undefined;
  let firstTry = false;
  try {
    token = (await currentLease(storage, context.askForLease, now)).token;
    if (hasEnded(storage, turn.id)) return; // stopped while it waited for its token
    await crashPoint("before-send");
    firstTry = context.untried.delete(`${turn.id}/${n}`);
    // Where a repetition could double it, what is on its way must be known after a crash.
    if (!isRepeatable(turn)) mark(storage, turn.id, n, "uncertain");
    const slot = { msgId: part.msgId, msgSeq: part.msgSeq, isEvent: message.isEvent };
    await context.send(
      message.chat,
      { kind: part.form, text: part.text, buttons: buttonsOf(context, part) },
      slot,
      token,
    );
  } catch (error) {
    const refusal = toRefusal(error, "turn.send");
    const writing = await import("../qq/writing.ts");
    // Without a token nothing was sent.
    const unsent = { ...refusal, costsNoReply: true, outcomeUnknown: false };
    refused(context, turn, part, token === undefined ? unsent : refusal, { token, firstTry, writing });
    return;
  }
  await crashPoint("after-send");
  delivered(context, turn, part);
  if (turn.parts.some((other) => other.n > n && isOpen(other))) await crashPoint("between-parts");
}

/** None where QQ does not let this bot have them. */
function buttonsOf(context: TurnContext, { buttons }: Part): Reply["buttons"] {
  const isAllowed = buttons && !isForbidden(context, "keyboard") && !isForbidden(context, "markdown");
  return isAllowed ? buttons : undefined;
}

function delivered(context: TurnContext, turn: Turn, part: Part): void {
  const { storage } = context;
  storage.transactionSync(() => {
    mark(storage, turn.id, part.n, "sent");
    const current = openTurn(storage, turn.id);
    // One look at the tables less on the way of every answer: the last part ends its turn.
    if (current && !current.parts.some(isOpen)) finish(context, current, outcomeOf(current));
  });
}

/** QQ has it, and perhaps looks at it before it shows it. */
function heldBack(context: TurnContext, turn: Turn, part: Part, auditId: string | undefined): void {
  const { storage, now, newReference } = context;
  const isRejected = auditId !== undefined && recordAudit(storage, auditId, turn.id);
  delivered(context, turn, part);
  if (isRejected) endAudit(storage, { auditId, passed: false, reference: newReference(), nowMs: now() });
}

function refused(
  context: TurnContext,
  turn: Turn,
  part: Part,
  refusal: Refusal,
  { token, firstTry, writing }: { token: string | undefined; firstTry: boolean; writing: Writing },
): void {
  const { storage, now } = context;
  const reply = words(part);
  const verdict = afterRefusedSend(refusal, {
    tried: triedAt(turn),
    firstTry,
    repeatable: isRepeatable(turn),
    form: part.form,
    hasButtons: buttonsOf(context, part) !== undefined,
    hasLinks: writing.defused(reply) !== reply,
    divisible: part.text.length > LEAST_PART_LENGTH,
  });
  const { summary, code, traceId } = refusal;
  log.warn("send.refused", { ...named(turn), part: part.n, summary, code, traceId, verdict: verdict.kind });
  const again = (change: (reply: Reply) => Reply, maxLength?: number) => {
    mark(storage, turn.id, part.n, "refused");
    sayAnew(context, turn.id, { first: reply, change, writing, maxLength });
  };
  storage.transactionSync(() => {
    if (refusal.forbids) forbid(storage, refusal.forbids, now());
    switch (verdict.kind) {
      case "delivered":
        return heldBack(context, turn, part, refusal.auditId);
      case "again":
        if (verdict.remedy === "refreshToken" && token !== undefined) refuseLease(storage, token);
        if (refusal.outcomeUnknown && token !== undefined) mark(storage, turn.id, part.n, "uncertain");
        else if (!isRepeatable(turn)) mark(storage, turn.id, part.n, "pending");
        if (verdict.isOutage) reportOutage(context, turn, refusal);
        return tryLater(context, turn, { ...verdict, refusal });
      case "resequence":
        return again((same) => same);
      case "degrade":
        return again(writing.degraded);
      case "defuse":
        return again(writing.defused);
      case "split":
        return again((same) => same, Math.ceil(part.text.length * A_GOOD_HALF));
      case "abandon":
        return abandon(context, turn, part, refusal);
      case "giveUp":
        return giveUp(context, turn, part, refusal, writing);
      default:
        verdict satisfies never;
    }
  });
  if (refusal.forbids) context.reportForbidden(refusal.forbids);
}

/** The answer may still arrive, so that nothing has failed; but somebody may have to mend the way there. */
function reportOutage({ storage, now, newReference }: TurnContext, turn: Turn, refusal: Refusal): void {
  const cause = { ...refusal, summary: `${refusal.summary}; tried again for a minute so far` };
  recordOutage(storage, failureOf(turn, { cause, reference: newReference(), atMs: now(), told: false }));
}

/** One may be a hiccup. */
const PERHAPS_LOST =
  "若反复出现,检查网络、代理或中转:频道消息发出后没有回音,不能安全重发。" +
  "If it recurs, check the network, the proxy or the relay: a guild message may be lost, and cannot be sent again safely.";

function abandon(context: TurnContext, turn: Turn, part: Part, refusal: Refusal): void {
  const { storage } = context;
  mark(storage, turn.id, part.n, "unheard");
  const current = openTurn(storage, turn.id);
  if (!current || current.parts.some(isOpen)) return;
  finish(context, current, outcomeOf(current), { ...refusal, advice: PERHAPS_LOST });
}

function endState(refusal: Refusal, mayHaveArrived: boolean): PartState {
  if (refusal.closesMessage) return "closed";
  if (mayHaveArrived && !refusal.blocksText) return "unheard";
  return refusal.costsNoReply ? "uncounted" : "refused";
}

/**
 * QQ does not take this part. Its words go to another message of the turn, or are kept, unless they may have arrived after
 * all; blocked words are said to be blocked. Where the chat itself is closed, whatever else waits there ends with it.
 */
function giveUp(context: TurnContext, turn: Turn, part: Part, refusal: Refusal, writing: Writing): void {
  const { storage } = context;
  const mayHaveArrived = part.state === "uncertain" || refusal.outcomeUnknown === true;
  mark(storage, turn.id, part.n, endState(refusal, mayHaveArrived));
  if (refusal.closesChat) {
    for (const other of openTurns(storage).filter(({ id }) => id !== turn.id)) {
      markBegun(storage, other); // it may be on its way at this moment
      finish(context, other, "failed", refusal);
    }
  }
  const current = openTurn(storage, turn.id);
  if (!current) return; // stopped meanwhile
  if (refusal.blocksText && !current.fault) return apologise(context, turn.id, "blocked", refusal);
  const unsaid = mayHaveArrived ? NOTHING : words(part);
  if (refusal.closesMessage && turn.messages.length > 1) return sayAnew(context, turn.id, { first: unsaid, writing });
  finish(context, current, "failed", refusal, unsaid);
}
