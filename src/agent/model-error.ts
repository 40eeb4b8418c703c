/**
 * What can go wrong at a model, as an error of ours. The SDK's errors hold the prompt, the address and the provider's words:
 * only name and status go on. The words are read for well-known codes alone.
 */
import { APICallError } from "@ai-sdk/provider";
import { type Refusal, UpstreamError } from "../errors.ts";

/**
 * Which other requests would fail as well.
 *
 * - `key`      every one with this key
 * - `quota`    every one with this key, for a while
 * - `service`  every one to this service, for a moment: it is down, unreachable, silent, or broke off
 * - `model`    every one for this model
 * - `request`  perhaps every one for this model, perhaps only this one
 * - `question` only this one: it is too long, not allowed, or got an empty answer
 * - `late`     nobody knows: the time was up
 */
export type FailureKind = "key" | "quota" | "service" | "model" | "request" | "question" | "late";

/** A model step failed. */
export class ModelError extends UpstreamError {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, refusal: Omit<Refusal, "operation" | "advice"> & { advice?: string }) {
    super({
      operation: "model.generate",
      advice: "查看模型服务的状态。See the provider's status.",
      ...refusal,
    });
    this.kind = kind;
  }
}

interface Rule {
  kind: FailureKind;
  statuses?: readonly number[];
  /** Well-known codes and messages of vendors that say more than their status does. Only for a refused request. */
  words?: RegExp;
  remedy: Refusal["remedy"];
  advice: string;
}

/** The first row that fits. What no row knows is a service that may do better in a moment. */
const RULES: readonly Rule[] = [
  {
    kind: "question",
    statuses: [413],
    words:
      /context_length_exceeded|context_window_exceeded|maximum context length|context window|prompt is too long|input is too long|range of input length|too many tokens|exceeds? the (model|max\w*).{0,30}(token|context|length)/i,
    remedy: "tellOperator",
    advice:
      "对话超过了模型的上下文长度:换用上下文更长的模型,或缩短 SYSTEM_PROMPT。" +
      "The conversation is too long for the model: choose one with a larger context, or shorten SYSTEM_PROMPT.",
  },
  {
    kind: "question",
    words:
      /content_filter|content_policy|data_?inspection_?failed|content exists risk|sensitive_?content|contentfilter|prohibited_content/i,
    remedy: "drop",
    advice: "模型服务拒绝了这些内容,无需处理。The provider refused these words; nothing to do.",
  },
  {
    kind: "key",
    statuses: [401, 403],
    // Google answers a wrong key with status 400.
    words: /invalid_api_key|api_key_invalid|api key not valid/i,
    remedy: "tellOperator",
    advice:
      "核对 MODEL_API_KEY(或该服务自己的密钥变量)与 MODEL_BASE_URL。" +
      "Check MODEL_API_KEY (or the provider's own key variable) and MODEL_BASE_URL.",
  },
  {
    kind: "model",
    statuses: [404, 405],
    remedy: "tellOperator",
    advice: "核对 MODEL 与 MODEL_BASE_URL。Check MODEL and MODEL_BASE_URL.",
  },
  {
    kind: "request",
    statuses: [400, 422],
    remedy: "tellOperator",
    advice: "核对 MODEL 与 MODEL_BASE_URL。Check MODEL and MODEL_BASE_URL.",
  },
  {
    kind: "quota",
    statuses: [402, 429],
    remedy: "backOff",
    advice: "查看模型服务的额度与限速。See the provider's quota and rate limits.",
  },
];

/** Any thrown thing as a failure of the model. */
export function toModelError(error: unknown, nowMs: number): ModelError {
  if (error instanceof ModelError) return error;
  const name = error instanceof Error ? error.name : "unknown error";
  const { status, words, headers } = told(error);
  const summary = status === undefined ? name : `${name}, HTTP ${status}`;
  const refused = status === undefined || status === 400 || status === 413 || status === 422;
  const rule = RULES.find(
    (row) => (status !== undefined && row.statuses?.includes(status)) || (refused && row.words?.test(words)),
  );
  if (!rule) return new ModelError("service", { summary, code: status, remedy: "retryOnce" });
  return new ModelError(rule.kind, {
    summary,
    code: status,
    remedy: rule.remedy,
    advice: rule.advice,
    ...(rule.remedy === "backOff" && { retryAfterMs: retryAfterMs(headers, words, nowMs) }),
    ...(rule.remedy === "drop" && { blocksText: true }),
  });
}

/** Before its first word another try is worth its time; after that the person has waited long enough. */
const LATE = {
  "no first token": { kind: "service", remedy: "retryOnce" },
  "silent in mid-answer": { kind: "service", remedy: "tellUser" },
  "took too long": { kind: "late", remedy: "tellUser" },
} as const;

/** The model was too slow. */
export function tooLate(what: keyof typeof LATE, afterMs: number): ModelError {
  const { kind, remedy } = LATE[what];
  return new ModelError(kind, {
    summary: `${what} (${Math.round(afterMs / 1000)} s)`,
    remedy,
    otherwise: "tellUser",
    advice: "换一个更快的模型。Choose a faster model.",
  });
}

/** As many calls as the key may have at a time were under way, all the while. Nothing is known of the model itself. */
export function noPlace(waitedMs: number): ModelError {
  return new ModelError("late", {
    summary: `no free place for another call (waited ${Math.round(waitedMs / 1000)} s)`,
    remedy: "backOff",
    advice:
      "同时进行的模型调用已满:调大 MODEL_CONCURRENCY,或用 MODEL_FALLBACKS 加备用模型。" +
      "All model calls that may run at a time do: raise MODEL_CONCURRENCY, or add a model with MODEL_FALLBACKS.",
  });
}

/** What a failed response tells, before and after its stream began. */
function told(error: unknown): { status?: number | undefined; words: string; headers: Record<string, string> } {
  if (APICallError.isInstance(error)) {
    return { status: error.statusCode, words: error.responseBody ?? "", headers: error.responseHeaders ?? {} };
  }
  const said = fieldsOf(error);
  if (!said || error instanceof Error) return { words: "", headers: {} };
  return { status: statusIn(said), words: JSON.stringify(said), headers: {} };
}

/** The status that a server tells in words of its own, in whatever depth: `{ error: { message, type, code } }`. */
export function statusIn(told: unknown): number | undefined {
  const said = fieldsOf(told);
  if (!said) return undefined;
  const inner = fieldsOf(fieldsOf(said.response)?.error) ?? fieldsOf(said.error) ?? said;
  const codes = [inner, said].flatMap(({ statusCode, status, code, type }) => [statusCode, status, code, type]);
  return codes.map(statusOfCode).find((known) => known !== undefined);
}

function fieldsOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

/** Vendors' words for what HTTP has a status for. */
const STATUSES: readonly (readonly [RegExp, number])[] = [
  [/invalid_api_key|authentication|unauthorized|permission/i, 401],
  [/quota|insufficient_?(?:balance|credit|fund)|rate_?limit|too_many_requests|resource_exhausted|arrearage/i, 429],
  [/context_length|invalid_request|invalid_parameter/i, 400],
];

/** For a server that reports an error where HTTP's own status is already spent. */
function statusOfCode(code: unknown): number | undefined {
  const status = Number(code);
  if (Number.isInteger(status) && status >= 400 && status <= 599) return status;
  return STATUSES.find(([words]) => words.test(String(code)))?.[1];
}

/** `Retry-After` in seconds or as a date; Google's only stands in the body, as `"retryDelay": "34.4s"`. */
function retryAfterMs(headers: Record<string, string>, body: string, nowMs: number): number | undefined {
  const header = headers["retry-after"]?.trim();
  if (header) {
    if (/^\d+(\.\d+)?$/.test(header)) return Number(header) * 1000;
    const atMs = Date.parse(header);
    return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
  }
  const delay = /"retryDelay":\s*"(\d+(?:\.\d+)?)s"/.exec(body)?.[1];
  return delay === undefined ? undefined : Number(delay) * 1000;
}
