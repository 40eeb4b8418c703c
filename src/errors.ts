/**
 * The one family of errors. Its four leaves answer "whose turn is it to act?"; the remedy says what the code does about it.
 */

/**
 * What the code does about a refusal. A closed set: code acts on the remedy, never on a number.
 *
 * - `refreshToken`   new access token, the same request once more
 * - `retryOnce`      the same request (same `msg_seq`) once more after about a second
 * - `backOff`        wait (Retry-After, or growing delays) and repeat inside the reply window
 * - `alreadySent`    count the part as delivered
 * - `degradeToText`  send the same content as plain text, new `msg_seq`
 * - `stripLinks`     defuse what looks like a link, new `msg_seq`, once
 * - `reupload`       forget the media reference, upload again
 * - `split`          cut into smaller parts, new `msg_seq` each
 * - `drop`           give up on this item and log it
 * - `tellUser`       no retry; keep the answer and say so with the next thing that can be sent
 * - `tellOperator`   no retry; record the failure for the operator
 */
export type Remedy =
  | "refreshToken"
  | "retryOnce"
  | "backOff"
  | "alreadySent"
  | "degradeToText"
  | "stripLinks"
  | "reupload"
  | "split"
  | "drop"
  | "tellUser"
  | "tellOperator";

/** What QQ may forbid a bot in all chats of a scene. */
export type Capability = "markdown" | "keyboard" | "links" | "replies";

/** A refusal as plain data: crosses RPC, is stored, is logged. Holds no secret, no URL and no text of a person. */
export interface Refusal {
  /** Who refused, and in which operation, such as `qq.send` or `model.generate`. */
  operation: string;
  /** What failed, for logs. */
  summary: string;
  /** What a person should do about it. Chinese first. */
  advice: string;
  remedy: Remedy;
  /** The second remedy, for when the first does not help. */
  otherwise?: Remedy | undefined;
  /** QQ's `err_code` or `code`, or an HTTP status, whichever told most. */
  code?: number | undefined;
  /** QQ's trace id; its support asks for it. */
  traceId?: string | undefined;
  retryAfterMs?: number | undefined;
  /** The request was turned away before the message layer saw it, so it cost no reply. */
  costsNoReply?: boolean | undefined;
  /** Nobody knows whether the request did its work: it may have been answered, and the answer lost. */
  outcomeUnknown?: boolean | undefined;
  /** The message that was to be answered takes no reply any more. */
  closesMessage?: boolean | undefined;
  /** Only the words were refused: other words may go through. */
  blocksText?: boolean | undefined;
  /** The chat takes nothing any more: it is gone, or the bot is no member of it. */
  closesChat?: boolean | undefined;
  /** No call gets through for now, whatever it says: QQ does not take them from this address, or the proxy lets none out. */
  isWall?: boolean | undefined;
  /** QQ has had a message with this number before. */
  isDuplicate?: boolean | undefined;
  /** QQ has taken the message and looks at it before it shows it. */
  auditId?: string | undefined;
  /** QQ does not let this bot do that in this scene, in no chat. */
  forbids?: Capability | undefined;
}

export abstract class BotError extends Error {
  abstract override readonly name: string;
  /** One imperative sentence for a person: which setting or console page, and what to do there. */
  readonly advice: string;

  constructor(message: string, advice: string, options?: ErrorOptions) {
    super(message, options);
    this.advice = advice;
  }
}

export type Problem = {
  setting: string;
  problem: string;
  advice: string;
};

/** One or more settings are missing or malformed. Lists all of them, never a value. */
export class ConfigError extends BotError {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(
      problems.map(({ setting, problem }) => `${setting}: ${problem}`).join("; "),
      problems.map(({ advice }) => advice).join(" "),
    );
    this.problems = problems;
  }
}

/** The delivery does not come from QQ. Answered 401 with an empty body; the reason goes to the log alone. */
export class SignatureError extends BotError {
  override readonly name = "SignatureError";
  /** Set where what was refused claims to be the callback-address check of a bot. */
  readonly validation: { appId: string; signed: boolean } | undefined;

  constructor(reason: string, validation?: { appId: string; signed: boolean }) {
    super(reason, "若这是 QQ 发来的请求,请核对 AppID 与 AppSecret。If QQ sent this, check AppID and AppSecret.");
    this.validation = validation;
  }
}

/** QQ said no. */
export class QQApiError extends BotError {
  override readonly name = "QQApiError";
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(`${refusal.operation}: ${refusal.summary}`, refusal.advice);
    this.refusal = refusal;
  }
}

/** QQ, the model or a proxy was unreachable, late or unreadable. */
export class UpstreamError extends BotError {
  override readonly name = "UpstreamError";
  readonly refusal: Refusal;

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(`${refusal.operation}: ${refusal.summary}`, refusal.advice, options);
    this.refusal = refusal;
  }
}

/** Any thrown thing as a refusal. What is none of ours is a bug: the operator hears of it. */
export function toRefusal(error: unknown, operation: string): Refusal {
  if (error instanceof QQApiError || error instanceof UpstreamError) return error.refusal;
  return {
    operation,
    summary: error instanceof Error ? `${error.name}: ${error.message}` : "unknown error",
    advice:
      error instanceof BotError
        ? error.advice
        : "这是程序错误,请带上编号反馈。This is a bug; report it with its reference.",
    remedy: "tellOperator",
  };
}
