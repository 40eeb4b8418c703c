/**
 * Which model is asked when another fails: one after the other, as long as there is time. What just failed is put last for a
 * while, so that not every turn pays for finding that out again.
 */
import type { ModelEndpoint } from "../config.ts";
import { UpstreamError } from "../errors.ts";
import { log } from "../log.ts";
import { modelName } from "../providers.ts";
import type { StepLimits } from "./agent.ts";
import { type FailureKind, ModelError } from "./model-error.ts";

/** Less than this is no time for an answer. */
const LEAST_MS = 1_000;

/** What a failure is about, and how long it is believed. A question that failed says nothing about the next one. */
const COOLDOWNS: Record<FailureKind, { about: "key" | "model"; ms: number } | undefined> = {
  key: { about: "key", ms: 10 * 60_000 },
  quota: { about: "key", ms: 60_000 },
  service: { about: "key", ms: 30_000 },
  model: { about: "model", ms: 10 * 60_000 },
  request: { about: "model", ms: 60_000 },
  question: undefined,
  late: undefined,
};
/** However far away a Retry-After is, the model gets its chance again after this. */
const LONGEST_COOLDOWN_MS = 60 * 60_000;

/** Until when which keys and models are not asked first. A cache: it is lost with the isolate, at no harm. */
export class Cooldowns {
  readonly #untilMs = new Map<string, number>();

  isCooling(endpoint: ModelEndpoint, nowMs: number): boolean {
    return Object.values(subjectsOf(endpoint)).some((subject) => (this.#untilMs.get(subject) ?? 0) > nowMs);
  }

  note(endpoint: ModelEndpoint, error: UpstreamError, nowMs: number): void {
    const cooldown = error instanceof ModelError ? COOLDOWNS[error.kind] : undefined;
    if (!cooldown) return;
    const ms = Math.min(error.refusal.retryAfterMs ?? cooldown.ms, LONGEST_COOLDOWN_MS);
    this.#untilMs.set(subjectsOf(endpoint)[cooldown.about], nowMs + ms);
  }

  clear(endpoint: ModelEndpoint): void {
    for (const subject of Object.values(subjectsOf(endpoint))) this.#untilMs.delete(subject);
  }
}

export interface InOrder {
  /** For all of them together. */
  limits: StepLimits;
  signal: AbortSignal;
  cooldowns: Cooldowns;
  now(): number;
}

/**
 * Tries the endpoints until `ask` succeeds with one. A single one is tried whatever happened before.
 *
 * @throws UpstreamError where all failed; what else `ask` throws, and the reason of `signal`, at once.
 */
export async function inOrder<T>(
  endpoints: readonly [ModelEndpoint, ...ModelEndpoint[]],
  ask: (endpoint: ModelEndpoint, limits: StepLimits, isLast: boolean) => Promise<T>,
  { limits, signal, cooldowns, now }: InOrder,
): Promise<{ endpoint: ModelEndpoint; result: T }> {
  const [only, ...others] = endpoints;
  if (others.length === 0) return { endpoint: only, result: await ask(only, limits, true) };

  const endsAtMs = now() + limits.totalMs;
  const waiting = [...endpoints];
  const failures: { endpoint: ModelEndpoint; error: UpstreamError }[] = [];
  for (;;) {
    // Looked up anew each time: what failed just now may have the same key as the next in line.
    const endpoint = waiting.find((one) => !cooldowns.isCooling(one, now())) ?? waiting[0];
    if (!endpoint) break;
    waiting.splice(waiting.indexOf(endpoint), 1);
    const leftMs = endsAtMs - now();
    const failed = failures.at(-1);
    if (failed) {
      if (leftMs < LEAST_MS) break;
      const { summary } = failed.error.refusal;
      log.warn("model.fallback", { from: modelName(failed.endpoint), to: modelName(endpoint), summary });
    }
    try {
      const isLast = waiting.length === 0;
      const result = await ask(endpoint, share(limits, leftMs, isLast ? leftMs : leftMs / 2), isLast);
      cooldowns.clear(endpoint);
      return { endpoint, result };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UpstreamError)) throw error;
      cooldowns.note(endpoint, error, now());
      failures.push({ endpoint, error });
    }
  }
  throw ofAll(failures);
}

/** The limits of one try. Silence at its beginning must not eat the time of those that come after. */
export function share(limits: StepLimits, leftMs: number, firstTokenMs: number): StepLimits {
  return {
    totalMs: leftMs,
    firstTokenMs: Math.min(limits.firstTokenMs, firstTokenMs),
    silenceMs: Math.min(limits.silenceMs, leftMs),
  };
}

/**
 * The failures as one. It is temporary where any of them is, since the whole order is tried again; else it is what the
 * operator can act on.
 */
function ofAll(failures: readonly { endpoint: ModelEndpoint; error: UpstreamError }[]): UpstreamError {
  const refusals = failures.map(({ error }) => error.refusal);
  const waiting = refusals.filter(({ remedy }) => remedy === "backOff");
  const passing = refusals.filter(({ remedy }) => remedy === "retryOnce");
  const chosen =
    waiting[0] ?? passing[0] ?? refusals.find(({ remedy }) => remedy === "tellOperator") ?? refusals.at(-1);
  if (!chosen) throw new RangeError("no model was asked");
  const waits = waiting.map(({ retryAfterMs }) => retryAfterMs ?? 0);
  return new UpstreamError({
    ...chosen,
    summary: failures.map(({ endpoint, error }) => `${modelName(endpoint)}: ${error.refusal.summary}`).join("; "),
    advice: [...new Set(refusals.map(({ advice }) => advice))].join(" "),
    // One that may do better at once is not kept waiting for the quota of another.
    retryAfterMs: passing.length === 0 && waits.length > 0 ? Math.min(...waits) || undefined : undefined,
  });
}

function subjectsOf({ provider, baseUrl, apiKey, model }: ModelEndpoint): { key: string; model: string } {
  return {
    key: JSON.stringify(["key", provider, baseUrl, apiKey?.reveal()]),
    model: JSON.stringify(["model", provider, baseUrl, model]),
  };
}
