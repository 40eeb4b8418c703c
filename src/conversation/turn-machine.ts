/**
 * What next? Pure functions from what is stored to what is to be done: no clock, no storage, no network. Everything
 * that can be lost by a crash is in the arguments, so running it again after one gives the same answer.
 */
import type { Refusal, Remedy } from "../errors.ts";
import type { IncomingMessage } from "../event.ts";
import { isGuild } from "../qq/encode.ts";
import { freeSlots, replyWindow } from "../qq/reply-budget.ts";
import type { Button, Reply } from "../reply.ts";

export type TurnKind =
  /** For the model. */
  | "question"
  /** A command that waits its turn. */
  | "command"
  /** Its words were known when it was stored, or are known without the model; it overtakes the queue. */
  | "notice";

/**
 * - `pending`   to be sent; whatever was tried of it is known not to have arrived
 * - `uncertain` tried, and nobody knows whether it arrived: to be sent again under the same number, where QQ numbers replies
 * - `sent`      QQ has it
 * - `unheard`   given up while uncertain: its text is not said again, since it may have arrived
 * - `refused`   QQ said no, and it counts against the message
 * - `uncounted` turned away before QQ's message layer
 * - `closed`    refused because the message takes no reply any more
 * - `void`      never tried, replaced by other parts
 */
export type PartState = "pending" | "uncertain" | "sent" | "unheard" | "refused" | "uncounted" | "closed" | "void";

export interface Part {
  n: number;
  form: Reply["kind"];
  text: string;
  msgId: string;
  msgSeq: number;
  state: PartState;
  buttons?: readonly Button[] | null;
}

/** Why a person gets a sentence instead of an answer. Its reference is what they can quote to the operator. */
export interface Fault {
  kind: "late" | "slow" | "crashed" | "timeout" | "busy" | "setup" | "model" | "refused" | "blocked" | "bug";
  reference: string;
  refusal?: Refusal | undefined;
}

export interface Turn {
  id: number;
  kind: TurnKind;
  sender: string;
  messages: readonly IncomingMessage[];
  restarts: number;
  point: string;
  attempts: number;
  /** The remedies of the orderly repetitions at `point`, in their order. */
  tried: readonly Remedy[];
  notBeforeMs: number;
  steps: number;
  parts: readonly Part[];
  fault?: Fault | undefined;
}

export type Outcome =
  | "answered"
  /** The sentence about why not was delivered. */
  | "apologised"
  /** Told that the answer would come too late; the question is offered again. */
  | "deferred"
  /** Ended by /stop, whose reply is its answer. */
  | "stopped"
  /** The person took the message back. */
  | "withdrawn"
  /** Asked anew by /retry: the model sees only that. */
  | "retried"
  /** From somebody whom the owner has denied. */
  | "dismissed"
  /** QQ takes nothing for it any more, or may not have taken it; recorded for the operator. */
  | "failed";

export type Action =
  /** Ask the model or run the command, then store the parts of the answer. */
  | { kind: "generate"; turn: number }
  | { kind: "send"; turn: number; part: number }
  /** Store the sentence as the next part. */
  | { kind: "apologise"; turn: number; why: "late" | "crashed" }
  /** Parts can no longer go where they were booked: book their text elsewhere, or give up. */
  | { kind: "replan"; turn: number }
  /** A part may have arrived, and sending it again could double it. */
  | { kind: "abandon"; turn: number; part: number }
  | { kind: "finish"; turn: number; outcome: Outcome };

export interface Plan {
  actions: Action[];
  /** When to look again although nothing happened. Undefined: nothing is waiting for time alone. */
  wakeAtMs?: number | undefined;
}

export interface Circumstances {
  nowMs: number;
  /** Turns with an action under way. */
  working: ReadonlySet<number>;
  /** Turns that stored an attempt in this invocation. */
  begun: ReadonlySet<number>;
  /** How long this chat's turns usually take. */
  medianTurnMs: number;
}

/** Model calls of different senders that run side by side in one group. */
const LANES = 3;
/** An attempt at the same point that would be the third is not made: the turn may be what kills the process. */
const MAX_ATTEMPTS = 2;
/** Sending again is harmless and hardly ever what kills: a part is given up later than a model call. */
const MAX_SEND_ATTEMPTS = 4;
/** A message may restart the model call of the running turn this often; then it waits for the next turn. */
export const MAX_RESTARTS = 2;

/** Still to be sent. */
export function isOpen({ state }: Pick<Part, "state">): boolean {
  return state === "pending" || state === "uncertain";
}

/** Nobody asked for it, so that nobody waits for it. A pressed button has said something. */
export function isGreeting({ kind, messages }: Pick<Turn, "kind" | "messages">): boolean {
  return kind === "notice" && messages.every(({ isEvent, text }) => isEvent && text === "");
}

/** Where a turn stands. Attempts and retries count for one point and start anew at the next. */
export function pointOf(turn: Pick<Turn, "restarts" | "steps" | "parts">): string {
  const open = turn.parts.findIndex(isOpen);
  return turn.parts.length === 0 ? `step ${turn.steps} of try ${turn.restarts}` : `part ${open}`;
}

export function triedAt(turn: Turn): readonly Remedy[] {
  return turn.point === pointOf(turn) ? turn.tried : [];
}

export function attemptsAt(turn: Turn): number {
  return turn.point === pointOf(turn) ? turn.attempts : 0;
}

/** What one turn leads to: something to do now, or a time to look again; undefined while its work is under way. */
type Step = Action | { kind: "wait"; untilMs: number } | undefined;

/**
 * What is to be done now with the open turns of a chat, given in their order of arrival. At most one action per turn.
 * Parts of a turn go out only when no earlier turn is open, except notices and late sentences, which overtake.
 */
export function nextActions(turns: readonly Turn[], circumstances: Circumstances): Plan {
  const { working, begun } = circumstances;
  const died = (turn: Turn) => attemptsAt(turn) > 0 && !begun.has(turn.id);
  // After a death one thing at a time: else a neighbour would be blamed for what the poisoned turn does.
  const cautious = turns.some(died);
  // A part of a turn that was stopped may still be on its way; nothing overtakes it.
  const lingering = [...working].some((id) => turns.every((turn) => turn.id !== id));
  let underWay = working.size;
  let generating = turns.filter((turn) => working.has(turn.id) && turn.parts.length === 0 && !overtakes(turn)).length;
  let queued = 0;

  const steps = turns.map((turn, index): Step => {
    if (working.has(turn.id)) return undefined;
    const ahead = turns.slice(0, index).filter((earlier) => !overtakes(earlier));
    const mayWork = !cautious || underWay === 0;
    const deaths = died(turn) ? attemptsAt(turn) : 0;
    let step: Exclude<Step, undefined>;
    if (turn.parts.length > 0) {
      const mustWait = !mayWork || ((ahead.length > 0 || lingering) && !overtakes(turn));
      step = deliver(turn, { ...circumstances, poisoned: deaths >= MAX_SEND_ATTEMPTS, mustWait });
    } else if (mayWork && (overtakes(turn) || mayBegin(turn, { ahead, generating }))) {
      step = answer(turn, { ...circumstances, poisoned: deaths >= MAX_ATTEMPTS });
      if (step.kind === "generate" && !overtakes(turn)) generating += 1;
    } else {
      queued += 1;
      step = queue(turn, { ...circumstances, turnsAhead: Math.ceil((queued + generating) / (cautious ? 1 : LANES)) });
    }
    if (step.kind === "generate" || step.kind === "send") underWay += 1;
    return step;
  });

  const waits = steps.filter((step) => step?.kind === "wait").map(({ untilMs }) => untilMs);
  return {
    actions: steps.filter((step) => step !== undefined && step.kind !== "wait"),
    wakeAtMs: waits.length > 0 ? Math.min(...waits) : undefined,
  };
}

/** Turns of one sender run one after another, and few run side by side. */
function mayBegin({ sender }: Turn, { ahead, generating }: { ahead: readonly Turn[]; generating: number }): boolean {
  return generating < LANES && ahead.every((earlier) => earlier.sender !== sender);
}

/** A turn whose parts are booked. */
function deliver(
  turn: Turn,
  { nowMs, poisoned, mustWait }: { nowMs: number; poisoned: boolean; mustWait: boolean },
): Exclude<Step, undefined> {
  const part = turn.parts.find(isOpen);
  if (!part) return { kind: "finish", turn: turn.id, outcome: outcomeOf(turn) };
  if (part.state === "uncertain" && !isRepeatable(turn)) return { kind: "abandon", turn: turn.id, part: part.n };
  const closesAtMs = windowOf(turn, part.msgId);
  // Its own window may end while it waits for its place: order gives way to being heard.
  if (mustWait && nowMs < closesAtMs - SEND_MARGIN_MS) return { kind: "wait", untilMs: closesAtMs - SEND_MARGIN_MS };
  if (nowMs >= closesAtMs) return { kind: "replan", turn: turn.id };
  if (poisoned) return { kind: "finish", turn: turn.id, outcome: "failed" };
  if (nowMs < turn.notBeforeMs) return { kind: "wait", untilMs: Math.min(turn.notBeforeMs, closesAtMs) };
  return { kind: "send", turn: turn.id, part: part.n };
}

/** A turn without parts whose time has come. */
function answer(turn: Turn, { nowMs, poisoned }: { nowMs: number; poisoned: boolean }): Exclude<Step, undefined> {
  if (freeSlots(turn.messages, [], nowMs).length === 0) return { kind: "finish", turn: turn.id, outcome: "failed" };
  if (poisoned) return { kind: "apologise", turn: turn.id, why: "crashed" };
  if (nowMs < turn.notBeforeMs) return { kind: "wait", untilMs: turn.notBeforeMs };
  return { kind: "generate", turn: turn.id };
}

/** A turn that waits for others: nobody waits past the window in silence. */
function queue(
  turn: Turn,
  { nowMs, medianTurnMs, turnsAhead }: { nowMs: number; medianTurnMs: number; turnsAhead: number },
): Exclude<Step, undefined> {
  const closesAtMs = Math.max(...turn.messages.map((message) => replyWindow(message).closesAtMs));
  if (nowMs >= closesAtMs) return { kind: "finish", turn: turn.id, outcome: "failed" };
  const expectedWaitMs = Math.min(turnsAhead * medianTurnMs, MAX_EXPECTED_WAIT_MS);
  const tellByMs = closesAtMs - expectedWaitMs - SEND_MARGIN_MS;
  return nowMs >= tellByMs ? { kind: "apologise", turn: turn.id, why: "late" } : { kind: "wait", untilMs: tellByMs };
}

/** Enough to send a sentence before a window ends. */
const SEND_MARGIN_MS = 5_000;
/** Nobody is sent away because an estimate ran wild: a wait is expected to take at most half a group's window. */
const MAX_EXPECTED_WAIT_MS = 2 * 60_000;

/** Answers without waiting for its place: a notice, or the sentence that the place would come too late. */
function overtakes(turn: Turn): boolean {
  return turn.kind === "notice" || turn.fault?.kind === "late";
}

/** How a turn ends whose parts are all through. */
export function outcomeOf({ fault, parts }: Turn): Outcome {
  // The sentence about a fault stands last; whoever heard it knows what became of the parts before it.
  const counted = fault ? parts.slice(-1) : parts;
  if (counted.some(({ state }) => state === "unheard")) return "failed";
  if (!fault) return "answered";
  return fault.kind === "late" || fault.kind === "slow" ? "deferred" : "apologised";
}

/** Whether QQ tells a repeated part from a second one. Guilds have no `msg_seq`: what may have arrived there is left alone. */
export function isRepeatable({ messages }: Pick<Turn, "messages">): boolean {
  return messages.every(({ chat }) => !isGuild(chat.scene));
}

function windowOf(turn: Turn, msgId: string): number {
  const message = turn.messages.find(({ id }) => id === msgId);
  return message ? replyWindow(message).closesAtMs : 0;
}

export type Verdict =
  | { kind: "delivered" }
  | {
      kind: "again";
      remedy: Remedy;
      delayMs: number;
      /** It has been tried for about a minute: the operator is to hear of it. So once for a part. */
      isOutage?: boolean;
    }
  /** The same words under the next `msg_seq`. */
  | { kind: "resequence" }
  /** The same words without Markdown. */
  | { kind: "degrade" }
  | { kind: "defuse" }
  | { kind: "split" }
  /** It may have arrived, and there is no way to find out. */
  | { kind: "abandon" }
  | { kind: "giveUp" };

const BACK_OFFS_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** Between two tries of a part whose fate is unknown, until its window ends. */
const LONG_BACK_OFF_MS = 60_000;
const MODEL_BACK_OFFS = 3;

/** The wait before the repetition that follows `waits` others, or undefined when it has been enough. */
export function backOffMs(waits: number, retryAfterMs = 0): number | undefined {
  const delayMs = BACK_OFFS_MS[waits];
  return delayMs === undefined ? undefined : Math.max(delayMs, retryAfterMs);
}

export interface SendCircumstances {
  /** What was tried for this part before. */
  tried: readonly Remedy[];
  /** True only where it is certain that this part was never tried before. */
  firstTry: boolean;
  /** QQ refuses the copy of a part. */
  repeatable: boolean;
  form: Reply["kind"];
  /** It has buttons under it. */
  hasButtons: boolean;
  /** Defusing its links would change the text. */
  hasLinks: boolean;
  /** Long enough to be halved. */
  divisible: boolean;
}

/** What a refused send leads to. The first remedy, then the second, then giving up with the text kept. */
export function afterRefusedSend(
  refusal: Refusal,
  { tried, firstTry, repeatable, form, hasButtons, hasLinks, divisible }: SendCircumstances,
): Verdict {
  if (refusal.outcomeUnknown && !repeatable) return { kind: "abandon" };
  for (const remedy of [refusal.remedy, refusal.otherwise]) {
    switch (remedy) {
      case "alreadySent":
        // On a first try it cannot have arrived: the number was taken by somebody else's reply to the same message.
        return firstTry && refusal.isDuplicate ? { kind: "resequence" } : { kind: "delivered" };
      case "refreshToken":
        if (!tried.includes(remedy)) return { kind: "again", remedy, delayMs: 0 };
        break;
      case "retryOnce":
        if (!tried.includes(remedy)) return { kind: "again", remedy, delayMs: 1_000 };
        break;
      case "backOff": {
        const waits = tried.filter((one) => one === remedy).length;
        // Repeating is harmless, and giving up would leave the person without a word: as long as the window is open.
        const delayMs = backOffMs(waits, refusal.retryAfterMs);
        if (delayMs !== undefined) return { kind: "again", remedy, delayMs };
        if (!refusal.outcomeUnknown) break;
        return { kind: "again", remedy, delayMs: LONG_BACK_OFF_MS, isOutage: waits === BACK_OFFS_MS.length };
      }
      case "stripLinks":
        if (hasLinks) return { kind: "defuse" };
        break;
      case "split":
        if (divisible) return { kind: "split" };
        break;
      case "degradeToText":
        if (form !== "text" || hasButtons) return { kind: "degrade" };
        break;
      // There is no media to upload again yet; the rest ends here.
      case "reupload":
      case "drop":
      case "tellUser":
      case "tellOperator":
      case undefined:
        break;
      default:
        remedy satisfies never;
    }
  }
  return { kind: "giveUp" };
}

/** How long to wait before the model is asked again, or undefined when the person is to be told instead. */
export function afterModelFailure(refusal: Refusal, tried: readonly Remedy[]): number | undefined {
  const before = tried.filter((one) => one === refusal.remedy).length;
  switch (refusal.remedy) {
    case "retryOnce":
      return before === 0 ? 1_000 : undefined;
    case "backOff":
      return before < MODEL_BACK_OFFS ? backOffMs(before, refusal.retryAfterMs) : undefined;
    default:
      return undefined;
  }
}

/** What the next alarm is for. */
export interface Dues {
  /** Open turns: `nextActions` has something to do, or will have at `wakeAtMs`. */
  plan: Plan;
  reportAtMs?: number | undefined;
  pruneAtMs?: number | undefined;
}

/** When the object has to wake up next; undefined when it may sleep for good. The only source of alarm times. */
export function nextDue({ plan, reportAtMs, pruneAtMs }: Dues, nowMs: number): number | undefined {
  const dues = [plan.actions.length > 0 ? nowMs : plan.wakeAtMs, reportAtMs, pruneAtMs].filter(
    (due) => due !== undefined,
  );
  return dues.length > 0 ? Math.max(nowMs, Math.min(...dues)) : undefined;
}
