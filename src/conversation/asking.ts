/**
 * One call of the model for a turn, and what it took: also where it was given up, since what was written until then is paid for.
 */
import type { StepLimits, StepText } from "../agent/agent.ts";
import type { Utterance } from "../agent/prompt.ts";
import { NOTHING_SPENT, spentOn } from "../spending.ts";
import { choicesOf } from "./choices.ts";
import type { Call, Draft } from "./draft.ts";
import { readFact } from "./facts.ts";
import { estimateTokens, estimateUtterance, readHistory, type StepResult } from "./history.ts";
import type { TurnContext } from "./turn-context.ts";
import { attemptsAt, type Turn } from "./turn-machine.ts";

/** The whole is, with the 8 minutes in which an alarm may begin something, short of the 15 that it may run. */
const LIMITS: StepLimits = { totalMs: 6.5 * 60_000, firstTokenMs: 60_000, silenceMs: 30_000 };

export async function askModel(
  context: TurnContext,
  turn: Turn,
  { draft, signal, onSpare }: { draft: Draft; signal: AbortSignal; onSpare: boolean },
): Promise<StepResult> {
  const { storage, now, terms, spareModel } = context;
  const history = readHistory(storage, turn.id);
  const choices = choicesOf(storage, turn.sender, terms);
  const chosen = choices.model.value ?? terms.models[0] ?? "";
  const call: Call = {
    model: onSpare ? (spareModel ?? chosen) : chosen,
    estimatedTokens: estimateOf(history, turn),
    lostCalls: lostCalls(turn),
    askedAtMs: undefined,
  };
  draft.call = call;
  const step = await context.generate(
    { history, messages: turn.messages, choices, since: readFact(storage, "forgottenBefore") ?? 0, onSpare },
    {
      limits: LIMITS,
      signal,
      onAsk(model) {
        draft.call = { ...call, model, askedAtMs: now() };
      },
      onText(text) {
        draft.text = text.trimStart(); // as the whole will be
      },
    },
  );
  return entered(context, draft, step);
}

/** What is known of a call that is still under way, or was given up. */
export function stepSoFar(context: TurnContext, draft: Draft): StepResult {
  return entered(context, draft, { text: draft.text });
}

/** Of a turn that has killed its process: its calls died with it, and nobody knows what they wrote. */
export function lostSteps({ storage, terms, prices }: TurnContext, turn: Turn): StepResult {
  const estimatedTokens = estimateOf(readHistory(storage, turn.id), turn);
  const calls = lostCalls(turn);
  const usage = { ...NOTHING_SPENT, calls, inputTokens: calls * estimatedTokens };
  const model = choicesOf(storage, turn.sender, terms).model.value ?? terms.models[0] ?? "";
  return { text: "", model, estimatedTokens, spent: spentOn(usage, prices[model]) };
}

/** A step with its entry in the ledger: as the provider reports; where it does not, as it is estimated. */
function entered({ now, prices }: TurnContext, { call }: Draft, step: StepText): StepResult {
  const { text, isCut, inputTokens, cachedTokens = 0, outputTokens } = step;
  const { estimatedTokens = 0, lostCalls = 0, askedAtMs, model: asked = "" } = call ?? {};
  const calls = lostCalls + (askedAtMs === undefined ? 0 : 1);
  const model = step.model ?? asked;
  const usage = {
    calls,
    inputTokens: inputTokens === undefined ? calls * estimatedTokens : inputTokens + lostCalls * estimatedTokens,
    cachedTokens,
    outputTokens: outputTokens ?? estimateTokens(text),
    ms: askedAtMs === undefined ? 0 : now() - askedAtMs,
  };
  return { text, isCut, model, inputTokens, outputTokens, estimatedTokens, spent: spentOn(usage, prices[model]) };
}

function lostCalls(turn: Turn): number {
  return turn.restarts + attemptsAt(turn);
}

function estimateOf(history: readonly Utterance[], { messages }: Turn): number {
  const told = [...history, ...messages.map((message) => ({ role: "user" as const, message }))];
  return told.reduce((sum, said) => sum + estimateUtterance(said), 0);
}
