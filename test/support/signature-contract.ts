/**
 * What the webhook key must do, whichever WebCrypto is underneath: OpenSSL's on Node, BoringSSL's in workerd. The second is
 * the one that people rely on; the first makes a failure quick to look into.
 */
import { verifyAsync } from "@noble/ed25519";
import { describe, expect, it } from "vitest";
import { seedFromSecret, signedMessage, webhookKey } from "../../src/qq/signature.ts";
import vectors from "../fixtures/vectors.json" with { type: "json" };
import { bytesOf, hex, publicKeyOf, signBytes } from "./signed-request.ts";

/** Order of the group: S + L is the same number to a careless verifier (RFC 8032, 5.1.7). */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

const messageOf = ({ timestamp = "", body = "" }) => signedMessage(timestamp, bytesOf(body));

export function signatureContract({ samples, seed = randomSeed() }: { samples: number; seed?: number }): void {
  describe("key from the AppSecret", () => {
    it.each([...vectors.seed_cases, ...vectors.vectors.map((vector) => ({ ...vector, why: vector.id }))])(
      "has the seed and the public key of the reference: $why",
      async ({ secret, seed_hex, public_key_hex }) => {
        expect(hex(seedFromSecret(secret))).toBe(seed_hex);
        // The public key itself is never given away; only its own noble signature verifies with it.
        expect(hex(await publicKeyOf(secret))).toBe(public_key_hex);
        const message = bytesOf("anything");
        expect(await (await webhookKey(secret)).verify(await signBytes(secret, message), message)).toBe(true);
      },
    );

    it("repeats the bytes, not the letters, of a secret outside ASCII", () => {
      expect(hex(seedFromSecret("密")).startsWith("e5af86e5af86")).toBe(true);
      expect(seedFromSecret("密")).toHaveLength(32);
    });

    it("refuses an empty secret", async () => {
      expect(() => seedFromSecret("")).toThrow(RangeError);
      await expect(webhookKey("")).rejects.toThrow(RangeError);
    });
  });

  describe("reference vectors", () => {
    it.each(vectors.vectors.filter(({ kind }) => kind === "event"))(
      "verifies $id, and signs it to the same digits",
      async ({ secret, signature_hex, ...delivery }) => {
        const key = await webhookKey(secret);
        expect(await key.verify(signature_hex, messageOf(delivery))).toBe(true);
        expect(await key.verify(signature_hex.toUpperCase(), messageOf(delivery))).toBe(true);
        expect(await key.sign(messageOf(delivery))).toBe(signature_hex);
      },
    );

    it.each(vectors.vectors.filter(({ kind }) => kind === "op13"))("signs and verifies $id", async (vector) => {
      const { secret, signed_utf8 = "", signature_hex, request, derived_request_signature } = vector;
      const key = await webhookKey(secret);
      expect(await key.sign(bytesOf(signed_utf8))).toBe(signature_hex);
      const delivery = messageOf({ ...derived_request_signature, ...request });
      expect(await key.verify(derived_request_signature?.signature_hex ?? "", delivery)).toBe(true);
    });

    it.each(vectors.negative)(
      "says $expect.signature_valid to $id, without an exception",
      async ({ secret, signature_hex, expect: expected, ...delivery }) => {
        const key = await webhookKey(secret);
        expect(await key.verify(signature_hex, messageOf(delivery))).toBe(expected.signature_valid);
      },
    );

    it("takes nothing for hex that is none, even where a lax reader finds the same bytes in it", async () => {
      const {
        secret = "",
        signature_hex: genuine = "",
        ...delivery
      } = vectors.vectors.find(({ id }) => id === "V2") ?? {};
      const key = await webhookKey(secret);
      for (const malformed of [
        genuine.replace(/0([1-9a-f])(?=(..)*$)/, "$1g"),
        `${genuine}00`,
        `${genuine}\n`,
        ` ${genuine}`,
        `0x${genuine}`,
        genuine.slice(0, -1),
      ]) {
        expect(malformed).not.toBe(genuine);
        expect(await key.verify(malformed, messageOf(delivery)), JSON.stringify(malformed)).toBe(false);
      }
    });

    it("verifies the documentation's misprinted body by its derived signature only", async () => {
      const misprint = vectors.negative.find(({ id }) => id === "N-PRINTED");
      const key = await webhookKey(misprint?.secret ?? "");
      const signature = misprint?.signature_that_verifies_for_this_body ?? "";
      expect(await key.verify(signature, messageOf(misprint ?? {}))).toBe(true);
    });

    it.each(vectors.op13.must_sign)("signs an address check to the same digits: $why", async (check) => {
      const key = await webhookKey(vectors.op13.secret);
      expect(await key.sign(bytesOf(check.event_ts + check.plain_token))).toBe(check.signature_hex);
    });
  });

  describe("agreement with noble", () => {
    it(`holds for ${samples} genuine, damaged and invented signatures`, { timeout: 120_000 }, async () => {
      const random = generator(seed);
      const genuine = await genuineSamples(random);
      const verdicts = { accepted: 0, refused: 0 };
      for (let index = 0; index < samples; index += 1) {
        const { how, secret, signature, message } = damaged(pick(genuine, random), genuine, random);
        const ours = await (await webhookKey(secret)).verify(hex(signature), message);
        const nobles = await verifyWithNoble(secret, signature, message);
        if (ours !== nobles)
          expect.fail(`seed ${seed}, sample ${index} (${how}): WebCrypto says ${ours}, noble says ${nobles}`);
        verdicts[ours ? "accepted" : "refused"] += 1;
      }
      // Else the two would agree about nothing.
      expect(verdicts.accepted, `seed ${seed}`).toBeGreaterThan(samples / 20);
      expect(verdicts.refused, `seed ${seed}`).toBeGreaterThan(samples / 2);
    });
  });
}

type Random = () => number;

interface Sample {
  secret: string;
  signature: Uint8Array;
  message: Uint8Array<ArrayBuffer>;
}

const DAMAGES: Record<string, (sample: Sample, others: readonly Sample[], random: Random) => Partial<Sample>> = {
  none: () => ({}),
  "bit of R": ({ signature }, _, random) => ({ signature: withBitFlipped(signature, random() % 256) }),
  "bit of S": ({ signature }, _, random) => ({ signature: withBitFlipped(signature, 256 + (random() % 256)) }),
  "bit of the message": ({ message }, _, random) =>
    message.length === 0 ? {} : { message: withBitFlipped(message, random() % (message.length * 8)) },
  "message cut": ({ message }) => ({ message: message.slice(0, -1) }),
  "signature cut": ({ signature }, _, random) => ({ signature: signature.slice(0, random() % 64) }),
  "signature longer": ({ signature }, _, random) => ({ signature: Uint8Array.from([...signature, random() % 256]) }),
  "S + L": ({ signature }) => ({ signature: withS(signature, sOf(signature) + L) }),
  "L - S": ({ signature }) => ({ signature: withS(signature, L - sOf(signature)) }),
  "S = 0": ({ signature }) => ({ signature: withS(signature, 0n) }),
  "high bits of S": ({ signature }, _, random) => ({
    signature: signature.map((byte, index) => (index === 63 ? byte | ((1 + (random() % 7)) << 5) : byte)),
  }),
  "random signature": (_sample, _others, random) => ({ signature: randomBytes(64, random) }),
  "random S": ({ signature }, _, random) => ({
    signature: Uint8Array.from([...signature.slice(0, 32), ...randomBytes(31, random), random() % 16]),
  }),
  "all zero": () => ({ signature: new Uint8Array(64) }),
  "key of another bot": (_sample, others, random) => ({ secret: pick(others, random).secret }),
  "signature of another message": (_sample, others, random) => ({ signature: pick(others, random).signature }),
};

function damaged(sample: Sample, others: readonly Sample[], random: Random): Sample & { how: string } {
  const how = pick(Object.keys(DAMAGES), random);
  return { ...sample, ...DAMAGES[how]?.(sample, others, random), how };
}

/** A few keys and messages of many lengths, signed by noble. */
async function genuineSamples(random: Random): Promise<Sample[]> {
  const secrets = Array.from({ length: 6 }, () => hex(randomBytes(4 + (random() % 14), random)));
  return Promise.all(
    Array.from({ length: 120 }, async () => {
      const secret = pick(secrets, random);
      const message = randomBytes(random() % 400, random);
      const signature = await signBytes(secret, message);
      return {
        secret,
        message,
        signature: Uint8Array.from(signature.match(/../g) ?? [], (pair) => Number(`0x${pair}`)),
      };
    }),
  );
}

const publicKeys = new Map<string, Promise<Uint8Array>>();

/** The strict rules of RFC 8032, as WebCrypto has them. Noble throws on what has not even the right length. */
async function verifyWithNoble(secret: string, signature: Uint8Array, message: Uint8Array): Promise<boolean> {
  const publicKey = publicKeys.get(secret) ?? publicKeyOf(secret);
  publicKeys.set(secret, publicKey);
  return verifyAsync(signature, message, await publicKey, { zip215: false }).catch(() => false);
}

function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes, (byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
}

function sOf(signature: Uint8Array): bigint {
  return BigInt(`0x${hex(signature.slice(32).toReversed())}`);
}

function withS(signature: Uint8Array, s: bigint): Uint8Array {
  const digits = s.toString(16).padStart(64, "0").match(/../g) ?? [];
  return Uint8Array.from([...signature.slice(0, 32), ...digits.map((pair) => Number(`0x${pair}`)).toReversed()]);
}

function randomBytes(length: number, random: Random): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => random() % 256);
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random() % list.length] as T; // the remainder is an index of it
}

/** mulberry32: whole numbers of 32 bits, the same ones for the same seed. */
function generator(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Another one in each run; a failure prints it, and `seed` brings it back. */
function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
