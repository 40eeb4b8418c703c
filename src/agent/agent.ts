/**
 * One model step through the AI SDK, within time limits. Text in, text out: knows nothing of QQ, stores nothing and
 * retries nothing. Loaded with a dynamic `import()`, so that the callback path does not pay for the SDK.
 */
import { APICallError, isStepCount, type LanguageModel, streamText } from "ai";
import { type Refusal, UpstreamError } from "../errors.ts";
import { instructions, type PromptInput, promptMessages } from "./prompt.ts";

export { languageModel } from "./models.ts";

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
  /** It ended at the model's length limit. */
  isCut?: boolean | undefined;
  /** As the provider reports them, if it does. */
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
}

/**
 * @param onText called with the text so far whenever it grows; the stream waits for it.
 * @throws UpstreamError for whatever goes wrong at the model: it names neither prompt nor address.
 * @throws the reason of `signal` where that ended the step.
 */
export async function generateStep(
  model: LanguageModel,
  input: PromptInput,
  { limits, signal, onText }: { limits: StepLimits; signal: AbortSignal; onText?: (text: string) => Promise<void> },
): Promise<StepText> {
  // The SDK's own limit for the first chunk begins with the response; a server that never responds is covered by this.
  // Its limit for the whole is an AbortSignal.timeout, which cannot be cleared: left pending, it would keep the Durable
  // Object in memory, and billed, until it fires (measured).
  const overdue = new AbortController();
  const firstToken = setTimeout(
    () => overdue.abort(late("no first token", limits.firstTokenMs, "retryOnce")),
    limits.firstTokenMs,
  );
  const total = setTimeout(() => overdue.abort(late("took too long", limits.totalMs, "tellUser")), limits.totalMs);
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
    const step: StepText = { text: "" };
    for await (const part of stream) {
      switch (part.type) {
        case "text-delta":
          clearTimeout(firstToken);
          step.text += part.text;
          await onText?.(step.text);
          break;
        case "reasoning-delta": // thinking is a sign of life, and hidden
          clearTimeout(firstToken);
          break;
        case "error":
          throw toUpstreamError(part.error);
        case "abort":
          signal.throwIfAborted();
          overdue.signal.throwIfAborted();
          throw late("silent in mid-answer", limits.silenceMs, "tellUser");
        case "finish":
          // Half an answer is none: this is how Workers AI ends a stream that broke off.
          if (part.finishReason === "error" || part.finishReason === "interrupted")
            throw failure({ summary: "cut off in mid-answer", remedy: "retryOnce" });
          step.inputTokens = part.totalUsage.inputTokens;
          step.outputTokens = part.totalUsage.outputTokens;
          break;
        default: // starts, ends and what this bot does not use
          break;
      }
    }
    step.text = step.text.trim();
    if (step.text === "") throw failure({ summary: "empty answer", remedy: "retryOnce" });
    return step;
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof UpstreamError ? error : toUpstreamError(error);
  } finally {
    clearTimeout(firstToken);
    clearTimeout(total);
  }
}

/** The SDK's errors hold the prompt, the address and the provider's words: only name and status go on. */
function toUpstreamError(error: unknown): UpstreamError {
  const name = error instanceof Error ? error.name : "unknown error";
  const status = APICallError.isInstance(error) ? error.statusCode : undefined;
  const summary = status === undefined ? name : `${name}, HTTP ${status}`;
  if (status === 401 || status === 403) {
    return failure({
      summary,
      code: status,
      remedy: "tellOperator",
      advice: "核对 MODEL_API_KEY 与 MODEL_BASE_URL。Check MODEL_API_KEY and MODEL_BASE_URL.",
    });
  }
  if (status === 400 || status === 404 || status === 405 || status === 422) {
    return failure({
      summary,
      code: status,
      remedy: "tellOperator",
      advice: "核对 MODEL 与 MODEL_BASE_URL。Check MODEL and MODEL_BASE_URL.",
    });
  }
  if (status === 402 || status === 429) {
    const retryAfterS = Number(APICallError.isInstance(error) ? error.responseHeaders?.["retry-after"] : Number.NaN);
    return failure({
      summary,
      code: status,
      remedy: "backOff",
      retryAfterMs: Number.isFinite(retryAfterS) ? retryAfterS * 1000 : undefined,
      advice: "查看模型服务的额度与限速。See the provider's quota and rate limits.",
    });
  }
  return failure({ summary, code: status, remedy: "retryOnce" });
}

function late(what: string, afterMs: number, remedy: "retryOnce" | "tellUser"): UpstreamError {
  return failure({
    summary: `${what} (${Math.round(afterMs / 1000)} s)`,
    remedy,
    otherwise: "tellUser",
    advice: "换一个更快的模型。Choose a faster model.",
  });
}

function failure(refusal: Omit<Refusal, "operation" | "advice"> & { advice?: string }): UpstreamError {
  return new UpstreamError({
    operation: "model.generate",
    advice: "查看模型服务的状态。See the provider's status.",
    ...refusal,
  });
}
