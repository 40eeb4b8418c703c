/**
 * One delivery from QQ: verify the raw bytes, then parse, then decode. Returns a typed value or throws; there is no
 * boolean to forget. The order of the checks is the security of the endpoint (ARCHITECTURE.md, law 1).
 */
import * as v from "valibot";
import { SignatureError } from "../errors.ts";
import type { BotEvent } from "../event.ts";
import type { Secret } from "../log.ts";
import { decode } from "./decode.ts";
import { signedMessage, type WebhookKey, webhookKey } from "./signature.ts";
import { OP, WireEnvelope, WireValidation } from "./wire.ts";

/** QQ documents no window and no implementation has one: without it a captured request replays for ever. */
export const FRESHNESS_MS = 15 * 60_000;

/** The acknowledgement, to be given only once the event is stored. */
export const STORED = { op: OP.callbackAck, d: 0 };
/** Asks QQ to deliver again; with HTTP 500, so that both the status and the body say so (botgo, `GenDispatchACK`). */
export const NOT_STORED = { op: OP.callbackAck, d: 1 };

const TIMESTAMP = /^[0-9]{1,13}$/;

export interface Delivery {
  body: Uint8Array<ArrayBuffer>;
  /** `X-Signature-Ed25519`, `X-Signature-Timestamp`, `X-Bot-Appid`; null where absent. */
  signature: string | null;
  timestamp: string | null;
  appId: string | null;
  /** The AppID in the callback's path, where there is one. */
  pathAppId?: string | undefined;
}

export interface WebhookBot {
  appId: string;
  appSecret: Secret;
}

export type Received =
  /** Answer with `answer`; nothing else happens. */
  | { kind: "validation"; appId: string; signed: boolean; answer: { plain_token: string; signature: string } }
  | { kind: "event"; appId: string; event: BotEvent; ageMs: number }
  | { kind: "heartbeat"; appId: string; answer: { op: number; d: unknown } }
  /** Genuine, and means nothing to us: acknowledge it. */
  | { kind: "ignored"; appId: string; why: string }
  /** Genuine, and not readable: refuse it. */
  | { kind: "malformed"; appId: string; why: string };

/** @throws SignatureError unless the delivery comes from QQ, for one of `bots`, and is fresh. */
export async function receive(delivery: Delivery, bots: readonly WebhookBot[], now: () => number): Promise<Received> {
  const candidates = addressedBots(delivery, bots);
  const signer = await verifiedBot(delivery, candidates).catch((error: unknown) => {
    throw labelled(error, delivery, candidates);
  });
  const envelope = parseEnvelope(delivery.body);

  if (envelope?.op === OP.validation) {
    const bot = signer ?? (candidates.length === 1 ? candidates[0] : undefined);
    if (!bot) throw new SignatureError("unsigned validation that names none of several bots");
    return {
      kind: "validation",
      appId: bot.appId,
      signed: signer !== undefined,
      answer: await answerValidation(envelope, bot, signer !== undefined),
    };
  }
  if (!signer) throw new SignatureError("not signed");

  const receivedAtMs = now();
  const ageMs = receivedAtMs - timestampMs(delivery.timestamp ?? "");
  if (Math.abs(ageMs) > FRESHNESS_MS)
    throw new SignatureError(`stale or future timestamp, ${Math.round(ageMs / 1000)} s old`);

  const { appId } = signer;
  if (!envelope) return { kind: "malformed", appId, why: "body is no JSON object with an op" };
  switch (envelope.op) {
    case OP.dispatch: {
      const decoded = decode(envelope, { appId, receivedAtMs });
      return decoded.kind === "event" ? { ...decoded, appId, ageMs } : { ...decoded, appId };
    }
    // botgo answers it over HTTP too, although the docs call it WebSocket only.
    case OP.heartbeat:
      return { kind: "heartbeat", appId, answer: { op: OP.heartbeatAck, d: envelope.d ?? null } };
    default:
      return { kind: "ignored", appId, why: `unknown op ${envelope.op}` };
  }
}

/** The bots that this delivery may be for: one when it names one, else all. */
function addressedBots({ appId, pathAppId }: Delivery, bots: readonly WebhookBot[]): readonly WebhookBot[] {
  if (appId !== null && pathAppId !== undefined && appId !== pathAppId)
    throw new SignatureError("AppID of header and path differ");
  const named = appId ?? pathAppId;
  if (named === undefined) return bots;
  const bot = bots.find((candidate) => candidate.appId === named);
  if (!bot) throw new SignatureError("unknown AppID");
  return [bot];
}

/** The bot whose key verifies the delivery; undefined when it carries no signature at all. */
async function verifiedBot(delivery: Delivery, bots: readonly WebhookBot[]): Promise<WebhookBot | undefined> {
  const { signature, timestamp, body } = delivery;
  if (signature === null && timestamp === null) return undefined;
  if (!signature || !timestamp) throw new SignatureError("one signature header without the other");
  // Digits only: a laxer header would let the signed text be split elsewhere.
  if (!TIMESTAMP.test(timestamp)) throw new SignatureError("malformed timestamp header");
  const message = signedMessage(timestamp, body);
  for (const bot of bots) {
    const key: WebhookKey = await webhookKey(bot.appSecret.reveal());
    if (await key.verify(signature, message)) return bot;
  }
  throw new SignatureError("signature does not verify");
}

function parseEnvelope(body: Uint8Array<ArrayBuffer>): WireEnvelope | undefined {
  try {
    const result = v.safeParse(
      WireEnvelope,
      JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body)),
    );
    return result.success ? result.output : undefined;
  } catch {
    return undefined; // not UTF-8 or not JSON
  }
}

/** No freshness here: the answer has no side effect, and QQ's own sample is years old. */
async function answerValidation(
  envelope: WireEnvelope,
  bot: WebhookBot,
  signed: boolean,
): Promise<{ plain_token: string; signature: string }> {
  const wire = v.safeParse(WireValidation, envelope.d);
  if (!wire.success)
    throw new SignatureError("validation of a shape that must not be signed", { appId: bot.appId, signed });
  const { event_ts, plain_token } = wire.output;
  const key = await webhookKey(bot.appSecret.reveal());
  return { plain_token, signature: await key.sign(signedMessage(event_ts, new TextEncoder().encode(plain_token))) };
}

/** A refused callback-address check is told to the operator, whose console only says that the check failed. */
function labelled(error: unknown, { body }: Delivery, bots: readonly WebhookBot[]): unknown {
  const bot = bots.length === 1 ? bots[0] : undefined;
  if (!(error instanceof SignatureError) || !bot || body.length > 1024) return error;
  return parseEnvelope(body)?.op === OP.validation
    ? new SignatureError(error.message, { appId: bot.appId, signed: true })
    : error;
}

/** Seconds, or milliseconds when it has more than 11 digits. */
function timestampMs(timestamp: string): number {
  return timestamp.length > 11 ? Number(timestamp) : Number(timestamp) * 1000;
}
