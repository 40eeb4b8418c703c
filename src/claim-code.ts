/**
 * The code by which the owner claims the bot. Derived from the AppSecret, so that setup, doctor and Worker know it without
 * keeping it anywhere; void as soon as there is an owner.
 */
import type { Secret } from "./log.ts";

/** Without those that are read for one another. */
const ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const LENGTH = 10;

/** `XXXXX-XXXXX`: some 50 bits, which nobody guesses through a chat. */
export async function claimCode(appSecret: Secret): Promise<string> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes(appSecret.reveal()), algorithm, false, ["sign"]);
  const digest = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes("qq-edge claim code 1")));
  const code = Array.from(digest.slice(0, LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}

/** However it was typed: with or without the dash, in any case. */
export function isSameCode(given: string, code: string): boolean {
  const plain = (text: string) => text.toUpperCase().replace(/[^0-9A-Z]/g, "");
  return plain(given) === plain(code);
}
