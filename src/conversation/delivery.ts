/**
 * One part to QQ, and what a refusal of it leads to. The part is stored before it is sent; a repetition carries the same
 * msg_id and msg_seq.
 */
import { type Refusal, toRefusal } from "../errors.ts";
import { log } from "../log.ts";
import { defuseLinks } from "../qq/text.ts";
import { apologise, finish, say, tryLater } from "./ending.ts";
import { currentLease, refuseLease } from "./lease.ts";
import { mark, takeBack, words } from "./outbox.ts";
import type { TurnContext } from "./turn-context.ts";
import { afterRefusedSend, isOpen, outcomeOf, type Part, type PartState, type Turn, triedAt } from "./turn-machine.ts";
import { openTurn } from "./turns.ts";

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
    if (!openTurn(storage, turn.id)) return; // stopped while it waited for its token
    await crashPoint("before-send");
    firstTry = context.untried.delete(`${turn.id}/${n}`);
    await context.send(message.chat, part.text, { msgId: part.msgId, msgSeq: part.msgSeq }, token);
  } catch (error) {
    const refusal = toRefusal(error, "turn.send");
    // Without a token nothing was sent.
    const unsent = { ...refusal, costsNoReply: true, outcomeUnknown: false };
    refused(context, turn, part, token === undefined ? unsent : refusal, { token, firstTry });
    return;
  }
  await crashPoint("after-send");
  delivered(context, turn, part);
  if (turn.parts.some((other) => other.n > n && isOpen(other))) await crashPoint("between-parts");
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

function refused(
  context: TurnContext,
  turn: Turn,
  part: Part,
  refusal: Refusal,
  { token, firstTry }: { token: string | undefined; firstTry: boolean },
): void {
  const { storage } = context;
  const verdict = afterRefusedSend(refusal, {
    tried: triedAt(turn),
    firstTry,
    hasLinks: defuseLinks(part.text) !== part.text,
    divisible: part.text.length > LEAST_PART_LENGTH,
  });
  const { summary, code, traceId } = refusal;
  log.warn("send.refused", { turn: turn.id, part: part.n, summary, code, traceId, verdict: verdict.kind });
  storage.transactionSync(() => {
    switch (verdict.kind) {
      case "delivered":
        return delivered(context, turn, part);
      case "again":
        if (verdict.remedy === "refreshToken" && token !== undefined) refuseLease(storage, token);
        if (refusal.outcomeUnknown && token !== undefined) mark(storage, turn.id, part.n, "uncertain");
        return tryLater(context, turn, verdict.remedy, verdict.delayMs);
      case "resequence":
        return sayAgain(context, turn, part, (text) => text);
      case "defuse":
        return sayAgain(context, turn, part, defuseLinks);
      case "split":
        return sayAgain(context, turn, part, (text) => text, Math.ceil(part.text.length * A_GOOD_HALF));
      case "giveUp":
        return giveUp(context, turn, part, refusal);
      default:
        verdict satisfies never;
    }
  });
}

/** Books the text of this part and those behind it anew, under new numbers. */
function sayAgain(
  context: TurnContext,
  turn: Turn,
  part: Part,
  change: (text: string) => string,
  maxLength?: number,
): void {
  const { storage } = context;
  mark(storage, turn.id, part.n, "refused");
  const text = words(part) + takeBack(storage, turn.id);
  const current = openTurn(storage, turn.id);
  if (current) say(context, current, change(text) || text, maxLength);
}

function endState(refusal: Refusal, mayHaveArrived: boolean): PartState {
  if (refusal.closesMessage) return "closed";
  if (mayHaveArrived && !refusal.blocksText) return "unheard";
  return refusal.costsNoReply ? "uncounted" : "refused";
}

/**
 * QQ does not take this part. Its text goes to another message of the turn, or is kept, unless it may have arrived after
 * all; blocked words are said to be blocked.
 */
function giveUp(context: TurnContext, turn: Turn, part: Part, refusal: Refusal): void {
  const { storage } = context;
  const mayHaveArrived = part.state === "uncertain" || refusal.outcomeUnknown === true;
  mark(storage, turn.id, part.n, endState(refusal, mayHaveArrived));
  const current = openTurn(storage, turn.id);
  if (!current) return; // stopped meanwhile
  if (refusal.blocksText && !current.fault) return apologise(context, turn.id, "blocked", refusal);
  const unsaid = mayHaveArrived ? "" : words(part);
  if (refusal.closesMessage && turn.messages.length > 1)
    return say(context, current, unsaid + takeBack(storage, turn.id));
  finish(context, current, "failed", refusal, unsaid);
}
