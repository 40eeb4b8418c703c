/**
 * From the messages of a turn to the booked parts of its answer: a command, or one step of the model. Its result is
 * dropped where the turn was joined, stopped or ended meanwhile.
 */
import type { StepLimits } from "../agent/agent.ts";
import { parseCommand } from "../commands/index.ts";
import { type Refusal, toRefusal } from "../errors.ts";
import { log } from "../log.ts";
import { replyWindow } from "../qq/reply-budget.ts";
import { apologise, say, tryLater } from "./ending.ts";
import { estimateUtterance, readHistory, type StepResult } from "./history.ts";
import { takeKept, takeUntold } from "./outbox.ts";
import { UNTOLD } from "./sentences.ts";
import type { TurnContext } from "./turn-context.ts";
import { afterModelFailure, type Fault, type Turn, triedAt } from "./turn-machine.ts";
import { openTurn, recordStep } from "./turns.ts";

/** Kept for sending the answer, or the sentence about why not, before the window ends. */
const SEND_RESERVE_MS = 10_000;
/** A model gets at least this long in a private chat, where the window is an hour. */
const LEAST_MODEL_MS = 2 * 60_000;
const FIRST_TOKEN_MS = 60_000;
const SILENCE_MS = 30_000;

export async function answer(context: TurnContext, turn: Turn, signal: AbortSignal): Promise<void> {
  if (turn.kind === "command" && runCommand(context, turn)) return;
  const { storage } = context;
  let step: StepResult;
  try {
    step = await askModel(context, turn, signal);
  } catch (error) {
    if (!signal.aborted) modelFailed(context, turn, toRefusal(error, "turn.answer"));
    return;
  }
  const { toPlainText } = await import("../qq/markdown.ts"); // not before it is needed: start-up is billed too
  const words = toPlainText(step.text) || step.text;
  storage.transactionSync(() => {
    if (!isUnchanged(context, turn)) return;
    recordStep(storage, turn, step);
    const untold = takeUntold(storage, turn.sender, turn.id);
    say(context, turn, (untold ? UNTOLD[untold] : "") + words);
  });
}

/** False where the command leaves the answer to the model. */
function runCommand(context: TurnContext, turn: Turn): boolean {
  return context.storage.transactionSync(() => {
    const text = parseCommand(turn.messages[0]?.text ?? "")?.run({
      stop: () => 0, // acts when it is received, so it never gets here
      takeKept: () => takeKept(context.storage, turn.sender),
    });
    if (text === undefined) return false;
    say(context, turn, text);
    return true;
  });
}

async function askModel(context: TurnContext, turn: Turn, signal: AbortSignal): Promise<StepResult> {
  const history = readHistory(context.storage, turn.id);
  const { text, inputTokens } = await context.generate(
    { history, messages: turn.messages },
    { limits: limitsOf(turn, context.now()), signal },
  );
  const told = [...history, ...turn.messages.map((message) => ({ role: "user" as const, message }))];
  return { text, inputTokens, estimatedTokens: told.reduce((sum, said) => sum + estimateUtterance(said), 0) };
}

function modelFailed(context: TurnContext, turn: Turn, refusal: Refusal): void {
  log.warn("model.failed", { turn: turn.id, summary: refusal.summary, tried: triedAt(turn) });
  const nowMs = context.now();
  const delayMs = afterModelFailure(refusal, triedAt(turn));
  if (delayMs !== undefined && nowMs + delayMs + SEND_RESERVE_MS < answerByMs(turn, nowMs))
    tryLater(context, turn, refusal.remedy, delayMs);
  else apologise(context, turn.id, faultOf(refusal), refusal);
}

function isUnchanged({ storage }: TurnContext, turn: Turn): boolean {
  const current = openTurn(storage, turn.id);
  return current?.messages.length === turn.messages.length && current.parts.length === turn.parts.length;
}

/** When the model has to be done, so that the person sees something in time. */
function answerByMs(turn: Turn, nowMs: number): number {
  const windows = turn.messages.map(replyWindow);
  const closesAtMs = Math.max(...windows.map((window) => window.closesAtMs));
  const firstPartByMs = Math.max(...windows.map((window) => window.firstPartByMs));
  return Math.min(closesAtMs, Math.max(firstPartByMs, nowMs + LEAST_MODEL_MS));
}

function limitsOf(turn: Turn, nowMs: number): StepLimits {
  const totalMs = Math.max(1_000, answerByMs(turn, nowMs) - SEND_RESERVE_MS - nowMs);
  return { totalMs, firstTokenMs: Math.min(FIRST_TOKEN_MS, totalMs), silenceMs: Math.min(SILENCE_MS, totalMs) };
}

function faultOf(refusal: Refusal): Fault["kind"] {
  if (!refusal.operation.startsWith("model.")) return "bug";
  switch (refusal.otherwise ?? refusal.remedy) {
    case "tellUser":
      return "timeout";
    case "backOff":
      return "busy";
    case "tellOperator":
      return "setup";
    default:
      return "model";
  }
}
