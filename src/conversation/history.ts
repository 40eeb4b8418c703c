/**
 * What the model gets to see of earlier turns: the newest that fit a token budget. Read from the turns themselves; there
 * is no second copy of what was said.
 */
import type { Utterance } from "../agent/prompt.ts";
import type { IncomingMessage } from "../event.ts";
import type { Spending } from "../spending.ts";
import { readFact } from "./facts.ts";
import { rows, type Storage } from "./storage.ts";
import type { Outcome } from "./turn-machine.ts";

/** What one model step gave, as stored. What it took is the turn's entry in the ledger. */
export interface StepResult {
  /** Empty where it was stopped: then only its tokens count. */
  text: string;
  /** It ended at the model's length limit. */
  isCut?: true | undefined;
  /** Which model gave it, as `<provider>/<model id>`. */
  model?: string | undefined;
  /** Tokens of the whole prompt as the provider reported them, and as they had been estimated. */
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  estimatedTokens?: number | undefined;
  spent?: Spending;
}

export const HISTORY_TOKENS = 6_000;
const MOST_TURNS = 60;
const UNANSWERED = "(这条没有回答)";

/**
 * A tokenizer is too heavy for the bundle. Chinese, Japanese and Korean text takes about one token per character in the
 * tokenizers of the day, other text one per four.
 */
export function estimateTokens(text: string): number {
  const wide = text.match(/[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]/g)?.length ?? 0;
  return Math.ceil(wide + (text.length - wide) / 4);
}

/** Of what the model reads, all that can be long; what frames it is left out. */
export function estimateUtterance(said: Utterance): number {
  if (said.role === "assistant") return estimateTokens(said.text);
  const { text, quote, attachments = [] } = said.message;
  const words = [text, quote?.text, ...attachments.map(({ transcript }) => transcript)];
  return words.reduce((sum, each) => sum + estimateTokens(each ?? ""), 0);
}

/**
 * Ended turns before `beforeTurn`, as many of the newest as fit. A question that was offered again stands there alone, for
 * 「继续」 to answer; one that ended without an answer is marked, or the model would answer it together with the next.
 */
export function readHistory(storage: Storage, beforeTurn: number, budget: number = HISTORY_TOKENS): Utterance[] {
  const turns = rows<{ messages: string; outcome: Outcome; result: string | null }>(
    storage,
    `SELECT messages, outcome, (SELECT result FROM step WHERE step.turn = turn.id ORDER BY n DESC LIMIT 1) AS result FROM turn
     WHERE id BETWEEN ? AND ? AND ended_at IS NOT NULL AND outcome NOT IN ('withdrawn', 'retried')
       AND (kind = 'question' OR (kind = 'command' AND result IS NOT NULL))
     ORDER BY id DESC LIMIT ${MOST_TURNS}`,
    readFact(storage, "forgottenBefore") ?? 0,
    beforeTurn - 1,
  ).map(({ messages, outcome, result }) => ({
    messages: JSON.parse(messages) as IncomingMessage[],
    outcome,
    step: result === null ? undefined : (JSON.parse(result) as StepResult),
  }));
  const allowed = budget / correction(turns.map(({ step }) => step));

  const said: Utterance[][] = [];
  let tokens = 0;
  for (const { messages, outcome, step } of turns) {
    const utterances: Utterance[] = messages.map((message) => ({ role: "user", message }));
    if (step?.text) utterances.push({ role: "assistant", text: step.text });
    else if (outcome !== "deferred") utterances.push({ role: "assistant", text: UNANSWERED });
    tokens += utterances.reduce((sum, said) => sum + estimateUtterance(said), 0);
    if (tokens > allowed) break;
    said.unshift(utterances);
  }
  return said.flat();
}

/** How far the estimate was off when the provider last reported: above 1 where it counted more than we did. */
function correction(steps: readonly (StepResult | undefined)[]): number {
  const reported = steps.find((step) => step?.inputTokens && step.estimatedTokens);
  if (!reported?.inputTokens || !reported.estimatedTokens) return 1;
  return Math.min(3, Math.max(0.5, reported.inputTokens / reported.estimatedTokens));
}
