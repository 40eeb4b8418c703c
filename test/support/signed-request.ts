/**
 * Deliveries as QQ signs them. Key and signature are made here from scratch, with noble: what the Worker does with
 * WebCrypto then has a second opinion.
 */
import { getPublicKeyAsync, signAsync } from "@noble/ed25519";

/** The bot of vitest.config.ts. */
export const APP_ID = "102000001";
export const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";

/** UTF-8. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

/** The rule of the documentation, for secrets of ASCII letters: repeat, then cut. */
const seedOf = (secret: string) => bytesOf(secret.repeat(32).slice(0, 32));

/** Lower-case hex. */
export async function signBytes(secret: string, message: Uint8Array): Promise<string> {
  return hex(await signAsync(message, seedOf(secret)));
}

export async function publicKeyOf(secret: string): Promise<Uint8Array> {
  return getPublicKeyAsync(seedOf(secret));
}

export interface DeliveryOptions {
  appId?: string;
  secret?: string;
  /** Unix seconds, as the header carries them. */
  timestamp?: string;
}

/** The headers of a signed delivery of `body`; signed now unless a timestamp is given. */
export async function signedHeaders(
  body: string | Uint8Array,
  { appId = APP_ID, secret = APP_SECRET, timestamp = secondsNow() }: DeliveryOptions = {},
): Promise<Record<string, string>> {
  const raw = typeof body === "string" ? bytesOf(body) : body;
  return {
    "content-type": "application/json",
    "user-agent": "QQBot-Callback",
    "x-bot-appid": appId,
    "x-signature-timestamp": timestamp,
    "x-signature-ed25519": await signBytes(secret, Uint8Array.from([...bytesOf(timestamp), ...raw])),
  };
}

export function secondsNow(offset = 0): string {
  return String(Math.floor(Date.now() / 1000) + offset);
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
