/**
 * Table: what QQ answers -> remedy and advice. The only place that knows QQ's numbers.
 * Sources: the official tables (api-call-guide.html and the page of each call), field reports where noted.
 * Looked up by `err_code`, then `code`, then HTTP status: the status alone does not tell an expired token from an
 * address off the allow-list, both are 401.
 */
import type { Capability, Remedy } from "../errors.ts";

export interface ErrorRow {
  codes: readonly number[];
  meaning: string;
  remedy: Remedy;
  otherwise?: Remedy;
  /** For the operator: one imperative sentence, Chinese first. */
  advice: string;
  /** Turned away before the message layer, so it cost no reply. */
  costsNoReply?: true;
  /** The gateway failed behind or before the message layer: the message may have gone out. */
  outcomeUnknown?: true;
  /** The message takes no reply any more. */
  closesMessage?: true;
  /** Only the words were refused. */
  blocksText?: true;
  /** The chat is gone, or the bot is no member of it. */
  closesChat?: true;
  /** QQ has had a message with this number before. */
  isDuplicate?: true;
  /** Refused to this bot in all chats of the scene. */
  forbids?: Capability;
}

const CHECK_SECRET =
  "核对 QQ_APP_ID 与 QQ_APP_SECRET(重置过 AppSecret 要重新设置)。Check QQ_APP_ID and QQ_APP_SECRET; set them again after a reset.";
const CHECK_CONSOLE = "到 q.qq.com 查看机器人的状态与接口权限。See the bot's state and API permissions at q.qq.com.";
const WAIT = "等待片刻,程序会自动重试。Wait; it is retried by itself.";
const REPORT = "这是程序错误,请带上编号反馈。This is a bug; report it with its reference.";
const NOTHING = "无需处理。Nothing to do.";
const WORDING = "QQ 没有放行这段文字,请换个说法。QQ blocked this text; put it differently.";
const ALLOW_LIST =
  "到 q.qq.com「开发设置 → IP 白名单」清空白名单,或让请求从名单里的固定地址发出(QQ_API_BASE 中转)。" +
  "Empty the IP allow-list at q.qq.com, or send through a fixed address on it (a relay in QQ_API_BASE).";

const row = (
  codes: readonly number[],
  meaning: string,
  remedy: Remedy,
  advice: string,
  otherwise?: Remedy,
): ErrorRow => ({
  codes,
  meaning,
  remedy,
  advice,
  ...(otherwise && { otherwise }),
});

/** Codes of the token endpoint. Some numbers mean something else on the API, so they stand apart. */
export const TOKEN_ERRORS: readonly ErrorRow[] = [
  row([100001], "too many token requests", "backOff", WAIT, "tellOperator"),
  row([100007], "AppID invalid, or the bot is banned or deleted", "tellOperator", CHECK_SECRET),
  row([100016], "AppID or AppSecret wrong", "tellOperator", CHECK_SECRET),
  row([10004], "no bot has this AppID", "tellOperator", CHECK_SECRET),
];

/** Codes of the API, as far as they concern text in private chats and groups. */
export const API_ERRORS: readonly ErrorRow[] = [
  // Who we are.
  { ...row([11244], "token unknown or expired", "refreshToken", CHECK_SECRET, "tellOperator"), costsNoReply: true },
  { ...row([11241], "token missing", "refreshToken", CHECK_SECRET, "tellOperator"), costsNoReply: true },
  { ...row([11243], "token check failed", "refreshToken", CHECK_SECRET, "tellOperator"), costsNoReply: true },
  {
    ...row([11251, 11261, 11275], "AppID wrong or missing", "refreshToken", CHECK_SECRET, "tellOperator"),
    costsNoReply: true,
  },
  row([11242, 11252, 11263, 11281], "a check failed on the platform's side", "retryOnce", WAIT, "tellOperator"),
  row([11245], "the fixed token form is disabled", "tellOperator", REPORT),
  // Not in the official tables: tencent-connect/botpy#189, openclaw-qqbot#240. Never refresh, never retry.
  {
    ...row(
      [11298, 40023002],
      "接口访问源IP不在白名单 (source address not on the allow-list)",
      "tellOperator",
      ALLOW_LIST,
    ),
    costsNoReply: true,
  },
  row([11253, 11254, 11262, 11264, 11273, 11274, 11282], "no right to call this API", "tellOperator", CHECK_CONSOLE),
  row([11265, 40054016], "the bot is banned or delisted", "tellOperator", CHECK_CONSOLE),
  row([11301, 11302], "HTTP header invalid", "tellOperator", REPORT),
  // Whom we talk to.
  row(
    [11255, 40011028],
    "user or group is gone, or the openid belongs to another AppID",
    "drop",
    CHECK_SECRET,
    "tellOperator",
  ),
  row([12001], "openid not usable", "drop", CHECK_SECRET, "tellOperator"),
  row([10001, 10003, 10004], "account or chat unknown", "drop", NOTHING),
  row([40054013], "the person refuses messages", "drop", NOTHING),
  row([40054002], "the bot or the group is muted", "drop", NOTHING),
  row([40054003, 40034101, 1100301, 1100306], "the bot is no member of the group", "drop", NOTHING),
  row([40054004], "not friends", "drop", NOTHING),
  row([1100104], "the group no longer exists", "drop", NOTHING),
  // How often.
  row([22009], "msg limit exceed: too frequent, or reply budget spent", "backOff", WAIT, "tellUser"),
  row([1100100], "rate limited for safety", "backOff", WAIT, "tellOperator"),
  row([40034100], "proactive messages over their rate", "backOff", WAIT, "tellUser"),
  row([40034105, 40034102], "proactive message not permitted", "tellUser", NOTHING),
  // Which message is answered, and when.
  row([40054005], "deduplicated: this msg_id and msg_seq came through before", "alreadySent", NOTHING),
  { ...row([40034005, 304027, 304103], "msg_id expired", "tellUser", NOTHING), closesMessage: true },
  { ...row([40034128], "reply window or reply count exceeded", "tellUser", NOTHING), closesMessage: true },
  row([40034024, 304026], "msg_id invalid or not ours", "tellOperator", CHECK_SECRET, "tellUser"),
  row([304028], "this message may not be answered", "drop", NOTHING),
  // What is said.
  { ...row([40034006, 304025, 1100101, 1100103, 3300006], "content blocked", "tellUser", WORDING), blocksText: true },
  row([1100102], "feature not granted", "tellOperator", CHECK_CONSOLE),
  row(
    [304003],
    "address not registered",
    "stripLinks",
    "在 q.qq.com 登记消息里的域名。Register the domain at q.qq.com.",
    "degradeToText",
  ),
  row([40054010], "address not allowed", "stripLinks", NOTHING, "tellUser"),
  row([40054007, 40054018], "too long, or abnormal", "split", NOTHING, "tellUser"),
  row([50006, 50035, 12002], "empty message or broken body", "tellOperator", REPORT),
  row([22006, 50059, 304061, 340069], "type and content do not match", "degradeToText", REPORT, "tellOperator"),
  // Their fault.
  row([12003], "platform answer wrong", "retryOnce", WAIT, "tellOperator"),
  row([340067, 304008], "bot information could not be read", "retryOnce", WAIT, "tellOperator"),
  row([50055001, 50055002, 50055006, 40054006], "transient send failure", "retryOnce", WAIT, "tellUser"),
];

const HTTP_ROWS: readonly { from: number; to: number; row: ErrorRow }[] = [
  {
    from: 401,
    to: 401,
    row: { ...row([], "not authorised", "refreshToken", CHECK_SECRET, "tellOperator"), costsNoReply: true },
  },
  { from: 404, to: 404, row: row([], "no such API", "tellOperator", "核对 QQ_API_BASE。Check QQ_API_BASE.") },
  { from: 405, to: 405, row: row([], "wrong method", "tellOperator", "核对 QQ_API_BASE。Check QQ_API_BASE.") },
  { from: 429, to: 429, row: row([], "rate limit", "backOff", WAIT, "tellUser") },
  { from: 400, to: 499, row: row([], "unknown refusal", "degradeToText", CHECK_CONSOLE, "tellOperator") },
  // The table of the platform says `retryOnce`. A reply carries its msg_seq, so repeating it inside the window is
  // harmless, and it outlives an outage of half a minute.
  { from: 500, to: 599, row: { ...row([], "QQ failed", "backOff", WAIT, "tellUser"), outcomeUnknown: true } },
];

const UNREADABLE: ErrorRow = { ...row([], "answer not understood", "backOff", WAIT, "tellUser"), outcomeUnknown: true };

export interface WireRefusal {
  endpoint: "token" | "api";
  status: number;
  errCode?: number | undefined;
  code?: number | undefined;
}

/** The row for an answer; every answer has one. */
export function findErrorRow({ endpoint, status, errCode, code }: WireRefusal): ErrorRow {
  const table = endpoint === "token" ? TOKEN_ERRORS : API_ERRORS;
  const byCode = (wanted: number | undefined) =>
    table.find(({ codes }) => wanted !== undefined && codes.includes(wanted));
  const hasCode = Boolean(errCode ?? code);
  // An unknown code is a refusal, whatever the status claims.
  const asStatus = hasCode && status < 400 ? 400 : status;
  const byStatus = HTTP_ROWS.find(({ from, to }) => asStatus >= from && asStatus <= to)?.row;
  return byCode(errCode) ?? byCode(code) ?? byStatus ?? UNREADABLE;
}
