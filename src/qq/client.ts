/**
 * QQ's REST API. Each call returns data or throws `QQApiError` (QQ said no) or `UpstreamError` (QQ was not reached or
 * not understood). Keeps nothing, retries nothing, never puts a token or an address into an error.
 */
import * as v from "valibot";
import type { Transport } from "../egress/transport.ts";
import { QQApiError, UpstreamError } from "../errors.ts";
import type { Chat, Interaction, Scene } from "../event.ts";
import type { Secret } from "../log.ts";
import type { Reply } from "../reply.ts";
import { encode, encodeTyping, type ReplySlot } from "./encode.ts";
import { findErrorRow } from "./error-codes.ts";
import { WireDone, WireError, WireIdentity, WireSent, WireToken } from "./wire.ts";

/** QQ asks for at least 5 s, so that the result of a message that did go out is not lost. */
const TIMEOUT_MS = 20_000;

export interface QQApi {
  appId: string;
  apiBase: string;
  tokenUrl: string;
  headers: Readonly<Record<string, Secret>>;
  /** Somebody stands before QQ at `apiBase`, who can refuse in QQ's place. */
  isRelayed: boolean;
  transport: Transport;
}

export interface AccessToken {
  value: string;
  expiresAtMs: number;
}

/** QQ makes a new token in the last minute of the old one, which stays valid for that minute; before, it gives the same. */
const LAST_MINUTE_MS = 60_000;

/** Whether a token need not be renewed yet. */
export function isFresh({ expiresAtMs }: Pick<AccessToken, "expiresAtMs">, nowMs: number): boolean {
  return expiresAtMs - nowMs > LAST_MINUTE_MS;
}

/** Sends one part as a passive reply. Returns QQ's id of it: an answer without one says nothing of a delivery. */
export async function sendReply(api: QQApi, chat: Chat, reply: Reply, slot: ReplySlot, token: string): Promise<string> {
  const { id } = await call(api, "qq.send", WireSent, {
    url: messagesOf(api, chat),
    body: encode(chat.scene, reply, slot),
    headers: authorized(api, token),
  });
  return id;
}

/** Shows in a private chat that the bot is at work, for up to a minute. Costs a reply of the message. */
export async function sendTyping(api: QQApi, chat: Chat, slot: ReplySlot, token: string): Promise<void> {
  await call(api, "qq.typing", WireDone, {
    url: messagesOf(api, chat),
    body: encodeTyping(slot),
    headers: authorized(api, token),
  });
}

/** Tells QQ that a pressed button was understood; QQ waits 3 s for it. Once for each interaction. */
export async function acknowledgeInteraction(
  api: QQApi,
  { id }: Pick<Interaction, "id">,
  token: string,
): Promise<void> {
  await call(api, "qq.acknowledge", WireDone, {
    method: "PUT",
    url: `${api.apiBase}/interactions/${encodeURIComponent(id)}`,
    body: { code: 0 },
    // QQ has refused calls without the second one, too (630006).
    headers: { ...authorized(api, token), "x-callback-appid": api.appId },
  });
}

const FOLDERS: Record<Scene, string> = {
  c2c: "v2/users",
  group: "v2/groups",
  guildChannel: "channels",
  guildDm: "dms",
};

function messagesOf({ apiBase }: QQApi, { scene, id }: Chat): string {
  return `${apiBase}/${FOLDERS[scene]}/${encodeURIComponent(id)}/messages`;
}

function authorized({ appId }: QQApi, token: string): Record<string, string> {
  return { authorization: `QQBot ${token}`, "x-union-appid": appId };
}

/**
 * The access token that all callers of this AppID share, with what is left of its life: never assume 7200 s.
 * Asked again inside its validity, QQ returns the same token; only in the last minute does it make a new one.
 */
export async function requestToken(api: QQApi, appSecret: Secret, now: () => number): Promise<AccessToken> {
  const askedAtMs = now();
  const token = await call(api, "qq.token", WireToken, {
    url: api.tokenUrl,
    body: { appId: api.appId, clientSecret: appSecret.reveal() },
    headers: {},
  });
  return { value: token.access_token, expiresAtMs: askedAtMs + token.expires_in * 1000 };
}

/** Who the bot is. QQ checks everything about the caller on it, and it changes nothing: the call for a health check. */
export async function whoAmI(api: QQApi, token: string): Promise<{ id: string; name: string }> {
  const { id, username } = await call(api, "qq.identity", WireIdentity, {
    method: "GET",
    url: `${api.apiBase}/users/@me`,
    headers: authorized(api, token),
  });
  return { id, name: username ?? "" };
}

type Operation = "qq.send" | "qq.typing" | "qq.acknowledge" | "qq.identity" | "qq.token";

interface Call {
  method?: "GET" | "POST" | "PUT";
  url: string;
  body?: unknown;
  headers: Record<string, string>;
}

/** The answer as `expected`. Its shape decides, not the status: a refusal may come with 200, an audit with 202. */
async function call<S extends v.GenericSchema>(
  api: QQApi,
  operation: Operation,
  expected: S,
  { method = "POST", url, body, headers }: Call,
): Promise<v.InferOutput<S>> {
  // They open the relay, and are its secret: a token endpoint elsewhere does not get them.
  const isOwn = new URL(url).origin === new URL(api.apiBase).origin;
  const all = new Headers(Object.entries(isOwn ? api.headers : {}).map(([name, value]) => [name, value.reveal()]));
  for (const [name, value] of Object.entries(headers)) all.set(name, value); // ours win, however a relay's are spelt
  all.set("content-type", "application/json; charset=utf-8");
  // Not AbortSignal.timeout: what is pending of it keeps a Durable Object in memory, and billed, until it fires (measured).
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), TIMEOUT_MS);
  const request = new Request(url, {
    method,
    headers: all,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: late.signal,
    redirect: "manual", // a redirect would carry the token to another host
  });
  let response: Response;
  let answer: string;
  try {
    response = await api.transport(request);
    answer = await response.text();
  } catch (error) {
    if (error instanceof UpstreamError) throw new UpstreamError({ ...error.refusal, operation });
    // The cause may name the address, which can hold a relay's secret: it goes no further.
    throw unreachable(operation, late.signal.aborted);
  } finally {
    clearTimeout(timer);
  }
  const json = parseJson(answer);
  const success = v.safeParse(expected, json);
  if (response.ok && success.success) return success.output;
  throw refused(operation, response, json, { isRelayed: api.isRelayed && isOwn });
}

function refused(
  operation: Operation,
  { status, headers }: Response,
  json: unknown,
  { isRelayed }: { isRelayed: boolean },
): QQApiError {
  const parsed = v.safeParse(WireError, json);
  const wire = parsed.success ? parsed.output : {};
  const endpoint = operation === "qq.token" ? "token" : "api";
  const found = findErrorRow({ endpoint, status, errCode: wire.err_code, code: wire.code, isRelayed });
  const retryAfterS = Number(headers.get("retry-after") ?? Number.NaN);
  return new QQApiError({
    operation,
    summary: `${found.meaning} (HTTP ${status}${wire.code === undefined ? "" : `, code ${wire.code}`}${
      wire.err_code === undefined ? "" : `, err_code ${wire.err_code}`
    })`,
    advice: found.advice,
    remedy: found.remedy,
    otherwise: found.otherwise,
    code: wire.err_code ?? wire.code ?? status,
    traceId: headers.get("x-tps-trace-id") ?? wire.trace_id,
    retryAfterMs: Number.isFinite(retryAfterS) ? retryAfterS * 1000 : undefined,
    costsNoReply: found.costsNoReply,
    outcomeUnknown: found.outcomeUnknown,
    closesMessage: found.closesMessage,
    blocksText: found.blocksText,
    closesChat: found.closesChat,
    isDuplicate: found.isDuplicate,
    isWall: found.isWall,
    auditId: wire.data?.message_audit.audit_id,
    forbids: found.forbids,
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
