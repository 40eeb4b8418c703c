/**
 * The code that makes its sender the bot's owner. Derived from the AppSecret, so that setup can print it and the Worker can
 * check it without storing or exchanging anything; whoever knows it learns nothing of the secret.
 */
import type { Secret } from "./log.ts";

const PURPOSE = "qq-edge claim code 1";
/** Nothing that looks like something else on a phone: no 0 and O, no 1 and I. 31 of them: Z would be taken for a 2. */
const ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXY";
const LENGTH = 10;

/** `XXXXX-XXXXX`, the same for the same AppSecret. */
export async function claimCode(appSecret: Secret): Promise<string> {
  const utf8 = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", utf8.encode(appSecret.reveal()), algorithm, false, ["sign"]);
  const digest = new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode(PURPOSE)));
  const code = Array.from(digest.subarray(0, LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
  return `${code.slice(0, 5)}-${code.slice(5)}`;
}

/** However it was typed: with or without the dash, in any case. */
export function isSameCode(given: string, code: string): boolean {
  const plain = (text: string) => text.toUpperCase().replace(/[^0-9A-Z]/g, "");
  return plain(given) === plain(code);
}
