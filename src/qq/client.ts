/**
 * QQ's REST API. Each call returns data or throws `QQApiError` (QQ said no) or `UpstreamError` (QQ was not reached or
 * not understood). Keeps nothing, retries nothing, never puts a token or an address into an error.
 */
import * as v from "valibot";
import type { Transport } from "../egress/transport.ts";
import { QQApiError, UpstreamError } from "../errors.ts";
import type { Chat } from "../event.ts";
import type { Secret } from "../log.ts";
import type { Reply } from "../reply.ts";
import { encode, type ReplySlot } from "./encode.ts";
import { findErrorRow, type WireRefusal } from "./error-codes.ts";
import { WireError, WireSent, WireToken } from "./wire.ts";

/** QQ asks for at least 5 s, so that the result of a message that did go out is not lost. */
const TIMEOUT_MS = 20_000;

export interface QQApi {
  appId: string;
  apiBase: string;
  tokenUrl: string;
  headers: Readonly<Record<string, Secret>>;
  transport: Transport;
}

export interface AccessToken {
  value: string;
  expiresAtMs: number;
}

/** Sends one part as a passive reply. Returns QQ's id of it, where QQ gives one. */
export async function sendReply(
  api: QQApi,
  chat: Chat,
  reply: Reply,
  slot: ReplySlot,
  token: string,
): Promise<string | undefined> {
  const folder = chat.scene === "group" ? "groups" : "users";
  const body = await call(api, "qq.send", "api", {
    url: `${api.apiBase}/v2/${folder}/${encodeURIComponent(chat.id)}/messages`,
    body: encode(reply, slot),
    headers: { authorization: `QQBot ${token}`, "x-union-appid": api.appId },
  });
  const sent = v.safeParse(WireSent, body);
  return sent.success ? sent.output.id : undefined;
}

/**
 * The access token that all callers of this AppID share, with what is left of its life: never assume 7200 s.
 * Asked again inside its validity, QQ returns the same token; only in the last minute does it make a new one.
 */
export async function requestToken(api: QQApi, appSecret: Secret, now: () => number): Promise<AccessToken> {
  const askedAtMs = now();
  const body = await call(api, "qq.token", "token", {
    url: api.tokenUrl,
    body: { appId: api.appId, clientSecret: appSecret.reveal() },
    headers: {},
  });
  const wire = v.safeParse(WireToken, body);
  // A refusal may come with status 200: the presence of the token decides.
  if (!wire.success) throw refused("qq.token", { endpoint: "token", status: 200 }, body, new Headers());
  return { value: wire.output.access_token, expiresAtMs: askedAtMs + wire.output.expires_in * 1000 };
}

interface Call {
  url: string;
  body: unknown;
  headers: Record<string, string>;
}

async function call(
  api: QQApi,
  operation: string,
  endpoint: "token" | "api",
  { url, body, headers }: Call,
): Promise<unknown> {
  const all = new Headers(Object.entries(api.headers).map(([name, value]) => [name, value.reveal()]));
  for (const [name, value] of Object.entries(headers)) all.set(name, value); // ours win, however a relay's are spelt
  all.set("content-type", "application/json; charset=utf-8");
  // Not AbortSignal.timeout: what is pending of it keeps a Durable Object in memory, and billed, until it fires (measured).
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), TIMEOUT_MS);
  const request = new Request(url, {
    method: "POST",
    headers: all,
    body: JSON.stringify(body),
    signal: late.signal,
    redirect: "manual", // a redirect would carry the token to another host
  });
  let response: Response;
  let answer: string;
  try {
    response = await api.transport(request);
    answer = await response.text();
  } catch {
    // The cause may name the address, which can hold a relay's secret: it goes no further.
    throw unreachable(operation, late.signal.aborted);
  } finally {
    clearTimeout(timer);
  }
  const json = parseJson(answer);
  const error = v.safeParse(WireError, json);
  const code = error.success ? (error.output.err_code ?? error.output.code) : undefined;
  // 204 has no body. A page with status 200 is a relay that leads elsewhere: nothing was sent.
  const readable = json !== undefined || answer === "";
  // 201 and 202 are an asynchronous "success" that carries an error body.
  if (response.ok && readable && (code === undefined || code === 0)) return json;
  throw refused(operation, { endpoint, status: response.status }, json, response.headers);
}

function refused(
  operation: string,
  at: Pick<WireRefusal, "endpoint" | "status">,
  json: unknown,
  headers: Headers,
): QQApiError {
  const parsed = v.safeParse(WireError, json);
  const wire = parsed.success ? parsed.output : {};
  const found = findErrorRow({ ...at, errCode: wire.err_code, code: wire.code });
  const retryAfterS = Number(headers.get("retry-after") ?? Number.NaN);
  return new QQApiError({
    operation,
    summary: `${found.meaning} (HTTP ${at.status}${wire.code === undefined ? "" : `, code ${wire.code}`}${
      wire.err_code === undefined ? "" : `, err_code ${wire.err_code}`
    })`,
    advice: found.advice,
    remedy: found.remedy,
    otherwise: found.otherwise,
    code: wire.err_code ?? wire.code ?? at.status,
    traceId: headers.get("x-tps-trace-id") ?? wire.trace_id,
    retryAfterMs: Number.isFinite(retryAfterS) ? retryAfterS * 1000 : undefined,
    costsNoReply: found.costsNoReply,
    outcomeUnknown: found.outcomeUnknown,
    closesMessage: found.closesMessage,
    blocksText: found.blocksText,
  });
}

function unreachable(operation: string, late: boolean): UpstreamError {
  return new UpstreamError({
    operation,
    summary: late ? `no answer within ${TIMEOUT_MS / 1000} s` : "QQ was not reached",
    advice: "检查 QQ_API_BASE 与网络,程序会自动重试。Check QQ_API_BASE and the network; it is retried by itself.",
    remedy: "backOff",
    otherwise: "tellUser",
    outcomeUnknown: true,
  });
}

/** The gateway can answer HTML on 413, 429 and 5xx. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
