/**
 * One model step through the AI SDK's provider packages, within time limits, and where one model fails the next. Text in,
 * text out: knows nothing of QQ, stores nothing and asks no model twice. Loaded with a dynamic `import()`, so that the
 * callback path does not pay for the SDK.
 */
import type { LanguageModelV4StreamPart, LanguageModelV4Usage } from "@ai-sdk/provider";
import type { Thinking } from "../choice.ts";
import type { ModelEndpoint } from "../config.ts";
import { isAgent, modelName } from "../providers.ts";
import { Cooldowns, inOrder, share } from "./fallbacks.ts";
import { ModelError, noPlace, toModelError, tooLate } from "./model-error.ts";
import { languageModel, type Model, type ModelFetch } from "./models.ts";
import { type Concurrency, Places } from "./places.ts";
import { type PromptInput, promptOf } from "./prompt.ts";
import { ThinkingFilter, withoutUnopenedThinking } from "./thinking.ts";

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
  /** As the provider reports them, if it does. */
  inputTokens?: number | undefined;
  /** Those of `inputTokens` that the provider had in its cache. */
  cachedTokens?: number | undefined;
  outputTokens?: number | undefined;
  /** The model reached its longest answer: the text ends where it was cut. */
  isCut?: true;
  /** Which model answered, as `<provider>/<model id>`. Absent where one model was asked directly. */
  model?: string;
}

export interface StepOptions {
  limits: StepLimits;
  signal: AbortSignal;
  /** How much the model thinks first, where it can. Undefined: as it does by itself. */
  thinking?: Thinking | undefined;
  /** The model remembers by itself, and is told the newest messages alone. */
  remembers?: boolean;
  /**
   * Called with the text so far whenever it grows; the stream waits for it. It begins anew where another model takes over,
   * and is a draft: of a server that does not mark where thinking begins, it may be thinking.
   */
  onText?: (text: string) => Promise<void>;
  now?: () => number;
}

/** Shared by the chats of this isolate: a key that is refused in one is refused in all. */
const sharedCooldowns = new Cooldowns();
const sharedPlaces = new Places();

interface AnswerOptions extends StepOptions {
  /** Called as each model is asked: no longer waiting for a place. */
  onAsk?: (model: string) => void;
  cooldowns?: Cooldowns;
  places?: Places;
  /** Undefined: as many calls at a time as there are. */
  concurrency?: Concurrency | undefined;
}

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
  { onAsk, cooldowns = sharedCooldowns, places = sharedPlaces, concurrency, now = Date.now, ...options }: AnswerOptions,
): Promise<StepText & { model: string }> {
  const ask = (endpoint: ModelEndpoint, limits: StepLimits) => {
    const model = languageModel(endpoint, fetch);
    onAsk?.(modelName(endpoint));
    if (!isAgent(endpoint.provider)) return generateStep(model, input, { ...options, limits, now });
    // It may be at work with its tools for as long as it likes, without a word.
    const patient = { ...limits, firstTokenMs: limits.totalMs, silenceMs: limits.totalMs };
    return generateStep(model, input, { ...options, limits: patient, now, remembers: true });
  };
  /** Waits for a place only where no other model is left to ask. */
  const askInTurn = async (endpoint: ModelEndpoint, limits: StepLimits, isLast: boolean) => {
    if (!concurrency) return ask(endpoint, limits);
    const startMs = now();
    const sinceMs = Math.min(startMs, ...input.messages.map(({ receivedAtMs }) => receivedAtMs));
    const wanted = { key: endpoint.provider, sinceMs, withinMs: limits.totalMs, isPatient: isLast };
    const place = await places.take({ ...concurrency, ...wanted, signal: options.signal, now });
    const waitedMs = now() - startMs;
    if (!place) throw noPlace(waitedMs);
    try {
      const leftMs = limits.totalMs - waitedMs;
      return await ask(endpoint, share(limits, leftMs, leftMs));
    } finally {
      place.release();
    }
  };
  const { endpoint, result } = await inOrder(endpoints, askInTurn, { ...options, cooldowns, now });
  return { ...result, model: modelName(endpoint) };
}

/**
 * Asks one model once: by the call that every provider package has, since what `streamText` puts around it costs more than
 * anything else of a turn (ARCHITECTURE.md, "What a turn costs").
 *
 * @throws ModelError for whatever goes wrong at the model: it names neither prompt nor address.
 * @throws the reason of `signal` where that ended the step.
 */
export async function generateStep(
  model: Model,
  input: PromptInput,
  { limits, signal, thinking: effort, remembers = false, onText, now = Date.now }: StepOptions,
): Promise<StepText> {
  signal.throwIfAborted();
  const watch = new Watch(limits, signal);
  let reader: ReadableStreamDefaultReader<LanguageModelV4StreamPart> | undefined;
  try {
    const call = model.doStream({
      prompt: promptOf(input, { remembers }),
      abortSignal: watch.signal,
      ...(effort && { reasoning: effort }),
      ...(input.session && { providerOptions: { qq: { session: input.session } } }),
    });
    reader = (await watch.unlessEnded(call)).stream.getReader();
    const thinking = new ThinkingFilter();
    const step: StepText = { text: "" };
    const say = async (words: string) => {
      step.text += words;
      if (words !== "") await onText?.(step.text);
    };
    let isWhole = false;
    for (;;) {
      const { done, value: part } = await watch.unlessEnded(reader.read());
      if (done) break;
      watch.heard(part);
      switch (part.type) {
        case "text-delta":
          await say(thinking.push(part.delta));
          break;
        case "error":
          throw toModelError(part.error, now());
        case "finish":
          if (endingOf(part.finishReason.unified, part.finishReason.raw) === "cut") step.isCut = true;
          step.inputTokens = part.usage.inputTokens.total;
          step.cachedTokens = cachedIn(part.usage);
          step.outputTokens = part.usage.outputTokens.total;
          isWhole = true;
          break;
        default: // starts, ends, thinking and what this bot does not use
          break;
      }
    }
    if (!isWhole) throw new ModelError("service", BROKEN_OFF);
    await say(thinking.end());
    step.text = withoutUnopenedThinking(step.text).trim();
    if (step.text === "") throw new ModelError("question", { summary: "empty answer", remedy: "retryOnce" });
    return step;
  } catch (error) {
    signal.throwIfAborted();
    watch.signal.throwIfAborted();
    throw toModelError(error, now());
  } finally {
    watch.end();
    void reader?.cancel().catch(() => {}); // whatever it still says is not wanted
  }
}

/** Moonshot tells it beside the other counts, where the SDK does not look. */
function cachedIn({ inputTokens, raw }: LanguageModelV4Usage): number | undefined {
  return typeof raw?.cached_tokens === "number" ? raw.cached_tokens : inputTokens.cacheRead;
}

const BROKEN_OFF = { summary: "cut off in mid-answer", remedy: "retryOnce" } as const;

/**
 * Ends a step that is given up or too late. Timers that are cleared, no AbortSignal.timeout: left pending, that would keep the
 * Durable Object in memory, and billed, until it fires (measured).
 */
class Watch {
  readonly signal: AbortSignal;
  readonly #overdue = new AbortController();
  readonly #ended: Promise<never>;
  readonly #silenceMs: number;
  readonly #total: Timer;
  #life: Timer;
  #hasBegun = false;

  constructor({ firstTokenMs, silenceMs, totalMs }: StepLimits, givenUp: AbortSignal) {
    this.signal = AbortSignal.any([givenUp, this.#overdue.signal]);
    this.#ended = new Promise((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
    });
    this.#ended.catch(() => {}); // nobody may be waiting
    this.#silenceMs = silenceMs;
    this.#total = this.#limit("took too long", totalMs);
    this.#life = this.#limit("no first token", firstTokenMs);
  }

  /** @throws what ended the step, also where `work` does not listen to being given up. */
  unlessEnded<T>(work: PromiseLike<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  /** A word, thinking too, is a sign of life; from the first one on, so is anything. */
  heard({ type }: LanguageModelV4StreamPart): void {
    this.#hasBegun ||= type === "text-delta" || type === "reasoning-delta";
    if (!this.#hasBegun) return;
    clearTimeout(this.#life);
    this.#life = this.#limit("silent in mid-answer", this.#silenceMs);
  }

  end(): void {
    clearTimeout(this.#life);
    clearTimeout(this.#total);
  }

  #limit(what: Parameters<typeof tooLate>[0], ms: number): Timer {
    return setTimeout(() => this.#overdue.abort(tooLate(what, ms)), ms);
  }
}

type Timer = ReturnType<typeof setTimeout>;

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
  if (isBroken) throw new ModelError("service", BROKEN_OFF);
  return reason === "length" || (reason === "other" && CUT.test(raw)) ? "cut" : "whole";
}
