/** Certificates as no authority would issue them, written in DER by hand, so that each is wrong in one way only. */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export interface Wishes {
  /** The common name of the subject. */
  name: string;
  /** Subject alternative names of kind DNS. None: the extension is not there. */
  hosts?: readonly string[];
  /** Further extensions, maybe of kinds that are there already. */
  again?: Omit<Wishes, "name">;
  /** Alternative names that are IPv4 addresses. */
  addresses?: readonly string[];
  /** Basic constraints. None: the extension is not there. */
  ca?: boolean;
  pathLength?: number;
  /** Bits of the key usage, such as KEY_CERT_SIGN. None: the extension is not there. */
  keyUsage?: number;
  /** Extended key usages by OID. None: the extension is not there. */
  purposes?: readonly string[];
  /** Names that it may issue for, critical. */
  permits?: readonly string[];
  /** Those are not critical. */
  permitsLoosely?: boolean;
  /** A critical extension that nobody knows. */
  oddity?: boolean;
  fromMs?: number;
  toMs?: number;
  key?: "ec" | "ec384" | "rsa" | "rsa1024" | "ed25519";
  hash?: "sha1" | "sha256" | "sha384";
  /** Uses this key pair instead of a new one. */
  keys?: KeyPair;
}

export interface KeyPair {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

export interface Issued extends KeyPair {
  name: string;
  der: Buffer;
  pem: string;
  keyPem: string;
}

export const KEY_CERT_SIGN = 0x04;
export const DIGITAL_SIGNATURE = 0x80;
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

const DAY_MS = 86_400_000;

/** Signed by `issuer`, or by itself. */
export function issue(wishes: Wishes, issuer?: Pick<Issued, "name" | "privateKey">): Issued {
  const { name, fromMs = Date.now() - DAY_MS, toMs = Date.now() + 30 * DAY_MS, hash = "sha256" } = wishes;
  const { privateKey, publicKey } = wishes.keys ?? newKeys(wishes.key ?? "ec");
  const signer = issuer ?? { name, privateKey };
  const algorithm = algorithmOf(signer.privateKey, hash);
  const serial = createHash("sha1").update(`${name}${Math.random()}`).digest();
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  const list = [...extensions(wishes), ...extensions(wishes.again ?? {})];
  const content = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    nameOf(signer.name),
    sequence(time(fromMs), time(toMs)),
    nameOf(name),
    publicKey.export({ type: "spki", format: "der" }),
    ...(list.length > 0 ? [tagged(0xa3, sequence(...list))] : []),
  );
  const digest = signer.privateKey.asymmetricKeyType === "ed25519" ? null : hash;
  const der = sequence(content, algorithm, bits(sign(digest, content, signer.privateKey)));
  const pem = `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
  return { name, privateKey, publicKey, der, pem, keyPem: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
}

export function newKeys(kind: NonNullable<Wishes["key"]>): KeyPair {
  const pair = {
    ec: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    ec384: () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
    rsa: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
    rsa1024: () => generateKeyPairSync("rsa", { modulusLength: 1024 }),
    ed25519: () => generateKeyPairSync("ed25519"),
  }[kind]();
  // A key that was made lacks what one that was read has (its export would differ in nothing).
  return { ...pair, privateKey: createPrivateKey(pair.privateKey.export({ type: "pkcs8", format: "pem" })) };
}

function extensions({
  hosts,
  addresses,
  ca,
  pathLength,
  keyUsage,
  purposes,
  permits,
  permitsLoosely,
  oddity,
}: Omit<Wishes, "name">): Buffer[] {
  const names = [
    ...(hosts ?? []).map((host) => tagged(0x82, Buffer.from(host))),
    ...(addresses ?? []).map((address) => tagged(0x87, Buffer.from(address.split(".").map(Number)))),
  ];
  const limits = ca ? [tagged(0x01, Buffer.from([0xff]))] : [];
  if (pathLength !== undefined) limits.push(integer(Buffer.from([pathLength])));
  const permitted = (permits ?? []).map((host) => sequence(tagged(0x82, Buffer.from(host))));
  return [
    ...(names.length > 0 ? [extension("2.5.29.17", sequence(...names))] : []),
    ...(ca === undefined ? [] : [extension("2.5.29.19", sequence(...limits), true)]),
    ...(keyUsage === undefined ? [] : [extension("2.5.29.15", bits(Buffer.from([keyUsage])), true)]),
    ...(purposes ? [extension("2.5.29.37", sequence(...purposes.map(oid)))] : []),
    ...(permits ? [extension("2.5.29.30", sequence(tagged(0xa0, Buffer.concat(permitted))), !permitsLoosely)] : []),
    ...(oddity ? [extension("1.3.6.1.4.1.99999.1", tagged(0x05, Buffer.alloc(0)), true)] : []),
  ];
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [tagged(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...critical, tagged(0x04, value));
}

function algorithmOf(key: KeyObject, hash: "sha1" | "sha256" | "sha384"): Buffer {
  if (key.asymmetricKeyType === "ed25519") return sequence(oid("1.3.101.112"));
  if (key.asymmetricKeyType === "ec") {
    return sequence(
      oid({ sha1: "1.2.840.10045.4.1", sha256: "1.2.840.10045.4.3.2", sha384: "1.2.840.10045.4.3.3" }[hash]),
    );
  }
  const rsa = { sha1: "1.2.840.113549.1.1.5", sha256: "1.2.840.113549.1.1.11", sha384: "1.2.840.113549.1.1.12" };
  return sequence(oid(rsa[hash]), tagged(0x05, Buffer.alloc(0)));
}

function nameOf(name: string): Buffer {
  return sequence(tagged(0x31, sequence(oid("2.5.4.3"), tagged(0x0c, Buffer.from(name)))));
}

function time(ms: number): Buffer {
  return tagged(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\..*/g, "")}Z`));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}

const integer = (bytes: Buffer) => tagged(0x02, bytes);
const bits = (bytes: Buffer) => tagged(0x03, Buffer.concat([Buffer.from([0]), bytes]));
const sequence = (...parts: readonly Buffer[]) => tagged(0x30, Buffer.concat(parts));

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
