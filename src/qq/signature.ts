/**
 * The Ed25519 key of a bot's webhook: derived from the AppSecret, used to verify deliveries and to answer the
 * callback-address check. WebCrypto, because a cold verification in JavaScript alone exceeds the 10 ms of CPU
 * that the free plan grants a request.
 */

/** PKCS#8 wrapping of a raw Ed25519 seed (RFC 8410). */
const PKCS8_PREFIX = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const SEED_BYTES = 32;
const SIGNATURE_HEX = /^[0-9a-f]{128}$/i;

export interface WebhookKey {
  /** Lower-case hex, 128 digits. */
  sign(message: Uint8Array<ArrayBuffer>): Promise<string>;
  /** False for anything malformed; never throws. */
  verify(signatureHex: string, message: Uint8Array<ArrayBuffer>): Promise<boolean>;
}

const encoder = new TextEncoder();

/**
 * The AppSecret repeated until it has 32 bytes, cut there (official sign.md).
 *
 * @throws RangeError for an empty secret.
 */
export function seedFromSecret(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(secret);
  if (bytes.length === 0) throw new RangeError("AppSecret is empty");
  return Uint8Array.from({ length: SEED_BYTES }, (_, index) => bytes[index % bytes.length] ?? 0);
}

const keys = new Map<string, Promise<WebhookKey>>();

/** The key of a secret, derived once per isolate. */
export function webhookKey(secret: string): Promise<WebhookKey> {
  const known = keys.get(secret);
  if (known) return known;
  const key = deriveKey(secret);
  keys.set(secret, key);
  return key;
}

async function deriveKey(secret: string): Promise<WebhookKey> {
  const pkcs8 = Uint8Array.from([...PKCS8_PREFIX, ...seedFromSecret(secret)]);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, true, ["sign"]);
  // "jwk" gives an object, never a buffer; these are the members of an OKP public key (RFC 8037).
  const { kty, crv, x } = (await crypto.subtle.exportKey("jwk", privateKey)) as { kty: string; crv: string; x: string };
  const publicKey = await crypto.subtle.importKey("jwk", { kty, crv, x }, { name: "Ed25519" }, false, ["verify"]);
  return {
    async sign(message) {
      return toHex(new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, message)));
    },
    async verify(signatureHex, message) {
      if (!SIGNATURE_HEX.test(signatureHex)) return false;
      const signature = fromHex(signatureHex);
      // The three highest bits of S are always zero (checked by every official sample before verifying).
      if (((signature[63] ?? 0xff) & 0xe0) !== 0) return false;
      return crypto.subtle.verify("Ed25519", publicKey, signature, message);
    },
  };
}

/** What QQ signs for a delivery: the timestamp header followed by the raw body bytes. */
export function signedMessage(timestamp: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(timestamp);
  const message = new Uint8Array(head.length + body.length);
  message.set(head);
  message.set(body, head.length);
  return message;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}
