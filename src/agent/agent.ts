/**
 * One model step through the AI SDK, within time limits, and where one model fails the next. Text in, text out: knows
 * nothing of QQ, stores nothing and asks no model twice. Loaded with a dynamic `import()`, so that the callback path does
 * not pay for the SDK.
 */
import { isStepCount, type LanguageModel, streamText } from "ai";
import type { ModelEndpoint } from "../config.ts";
import { Cooldowns, inOrder, nameOf } from "./fallbacks.ts";
import { ModelError, toModelError, tooLate } from "./model-error.ts";
import { languageModel, type ModelFetch } from "./models.ts";
import { instructions, type PromptInput, promptMessages } from "./prompt.ts";
import { ThinkingFilter, withoutUnopenedThinking } from "./thinking.ts";

export { languageModel } from "./models.ts";

// Its warnings would go to the console, in a form of their own.
globalThis.AI_SDK_LOG_WARNINGS = false;

export interface StepLimits {
  /** Until the first sign of life. */
  firstTokenMs: number;
  /** Between two signs of life. */
  silenceMs: number;
  /** For the whole step. */
  totalMs: number;
}

export interface StepText {
  text: string;
  /** As the provider reports them, if it does. */
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  /** The model reached its longest answer: the text ends where it was cut. */
  isCut?: true;
  /** Which model answered, as `<provider>/<model id>`. Absent where one model was asked directly. */
  model?: string;
}

export interface StepOptions {
  limits: StepLimits;
  signal: AbortSignal;
  /**
   * Called with the text so far whenever it grows; the stream waits for it. It begins anew where another model takes over,
   * and is a draft: of a server that does not mark where thinking begins, it may be thinking.
   */
  onText?: (text: string) => Promise<void>;
  now?: () => number;
}

/** Shared by the chats of this isolate: a key that is refused in one is refused in all. */
const sharedCooldowns = new Cooldowns();

/**
 * Asks the models in order until one answers, all within `limits`.
 *
 * @throws UpstreamError where none does: temporary if the failure of any of them is.
 * @throws the reason of `signal` where that ended the step.
 */
export async function answerWith(
  endpoints: readonly [ModelEndpoint, ...ModelEndpoint[]],
  fetch: ModelFetch,
  input: PromptInput,
  { cooldowns = sharedCooldowns, now = Date.now, ...options }: StepOptions & { cooldowns?: Cooldowns },
): Promise<StepText & { model: string }> {
  const ask = (endpoint: ModelEndpoint, limits: StepLimits) =>
    generateStep(languageModel(endpoint, fetch), input, { ...options, limits, now });
  const { endpoint, result } = await inOrder(endpoints, ask, { ...options, cooldowns, now });
  return { ...result, model: nameOf(endpoint) };
}

/**
 * Asks one model once.
 *
 * @throws ModelError for whatever goes wrong at the model: it names neither prompt nor address.
 * @throws the reason of `signal` where that ended the step.
 */
export async function generateStep(
  model: LanguageModel,
  input: PromptInput,
  { limits, signal, onText, now = Date.now }: StepOptions,
): Promise<StepText> {
  // The SDK's own limit for the first chunk begins with the response; a server that never responds is covered by this.
  // Its limit for the whole is an AbortSignal.timeout, which cannot be cleared: left pending, it would keep the Durable
  // Object in memory, and billed, until it fires (measured).
  const overdue = new AbortController();
  const firstToken = setTimeout(
    () => overdue.abort(tooLate("no first token", limits.firstTokenMs)),
    limits.firstTokenMs,
  );
  const total = setTimeout(() => overdue.abort(tooLate("took too long", limits.totalMs)), limits.totalMs);
  try {
    const { stream } = streamText({
      model,
      instructions: instructions(input),
      messages: promptMessages(input),
      stopWhen: isStepCount(1),
      maxRetries: 0, // the turn machine alone retries
      abortSignal: AbortSignal.any([signal, overdue.signal]),
      timeout: { chunkMs: limits.silenceMs },
      onError() {}, // the default prints the prompt and the address
    });
    const thinking = new ThinkingFilter();
    const step: StepText = { text: "" };
    const say = async (words: string) => {
      step.text += words;
      if (words !== "") await onText?.(step.text);
    };
    for await (const part of stream) {
      switch (part.type) {
        case "text-delta":
          clearTimeout(firstToken);
          await say(thinking.push(part.text));
          break;
        case "reasoning-delta": // thinking is a sign of life, and hidden
          clearTimeout(firstToken);
          break;
        case "error":
          throw toModelError(part.error, now());
        case "abort":
          signal.throwIfAborted();
          overdue.signal.throwIfAborted();
          throw tooLate("silent in mid-answer", limits.silenceMs);
        case "finish":
          if (endingOf(part.finishReason, part.rawFinishReason) === "cut") step.isCut = true;
          step.inputTokens = part.totalUsage.inputTokens;
          step.outputTokens = part.totalUsage.outputTokens;
          break;
        default: // starts, ends and what this bot does not use
          break;
      }
    }
    await say(thinking.end());
    step.text = withoutUnopenedThinking(step.text).trim();
    if (step.text === "") throw new ModelError("question", { summary: "empty answer", remedy: "retryOnce" });
    return step;
  } catch (error) {
    signal.throwIfAborted();
    throw toModelError(error, now());
  } finally {
    clearTimeout(firstToken);
    clearTimeout(total);
  }
}

/** Vendors' own reasons to stop, which the SDK does not know. The rest is taken for a whole answer. */
const CUT = /max_?tokens|token_limit|context_window|length/i;
const BROKEN = /error|insufficient|interrupt|abort|cancel|fail|time_?(?:out|limit)|overload/i; // such as `network_error`
const FILTERED = /sensitive|filter|safety|refus|prohibit/i;

/**
 * How an answer ended.
 *
 * @throws ModelError where it broke off: half an answer is none.
 */
function endingOf(reason: string, raw = ""): "whole" | "cut" {
  // A refusal that the model put into words is whole; it ends with the raw reason `stop`.
  const isFiltered = reason === "content-filter" ? raw !== "stop" : reason === "other" && FILTERED.test(raw);
  if (isFiltered) {
    throw new ModelError("question", {
      summary: "stopped by the provider's content filter",
      remedy: "retryOnce",
      advice: "模型服务拒绝了这些内容,无需处理。The provider refused these words; nothing to do.",
      blocksText: true,
    });
  }
  if (reason === "tool-calls") {
    throw new ModelError("question", { summary: "called a tool that it was not given", remedy: "retryOnce" });
  }
  const isBroken =
    reason === "error" || reason === "interrupted" || (reason === "other" && (raw === "" || BROKEN.test(raw)));
  if (isBroken) throw new ModelError("service", { summary: "cut off in mid-answer", remedy: "retryOnce" });
  return reason === "length" || (reason === "other" && CUT.test(raw)) ? "cut" : "whole";
}
