/**
 * Whether a chain of certificates speaks for a host (RFC 5280, 6; RFC 9525). lemon-tls checks signatures, dates and
 * that issuers are authorities; it takes the name from the subject, too, and does not look at what else limits a
 * certificate. Whatever is not understood here is refused. Revocation is not asked for.
 */
import { X509Certificate } from "node:crypto";

export type Root = X509Certificate;

export function readRoot(pem: string): Root {
  return new X509Certificate(pem);
}

export interface Question {
  hostname: string;
  roots: readonly Root[];
  nowMs: number;
}

/** What a server sends is at most a leaf, a few intermediates and a root. */
const LONGEST_CHAIN = 8;

/** The root that the chain (DER, leaf first, the rest in any order) leads to; undefined where it may not be trusted. */
export function trustedRoot(chain: readonly Uint8Array[], { hostname, roots, nowMs }: Question): Root | undefined {
  if (chain.length > LONGEST_CHAIN) return undefined;
  try {
    const [leaf, ...others] = chain.map((der) => new X509Certificate(der));
    if (!leaf || !isSound(leaf, nowMs) || !speaksFor(leaf, hostname)) return undefined;
    let lowest = leaf;
    for (let below = 0; below < LONGEST_CHAIN; below++) {
      const root = roots.find((candidate) => isIssuedBy(lowest, candidate));
      if (root) return isCurrent(root, nowMs) ? root : undefined;
      const issuer = others.find((one) => isIssuedBy(lowest, one) && isSound(one, nowMs) && isAuthority(one, below));
      if (!issuer) return undefined;
      lowest = issuer;
    }
  } catch {
    // not a certificate, or none whose key can be used
  }
  return undefined;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false; // another kind of key
  }
}

function isCurrent({ validFrom, validTo }: X509Certificate, nowMs: number): boolean {
  return Date.parse(validFrom) <= nowMs && nowMs <= Date.parse(validTo);
}

/** With SHA-2: of older ones, signatures can be made that fit another certificate. */
const SIGNATURES = [
  "2a864886f70d01010b", // RSA with SHA-256
  "2a864886f70d01010c", // RSA with SHA-384
  "2a864886f70d01010d", // RSA with SHA-512
  "2a8648ce3d040302", // ECDSA with SHA-256
  "2a8648ce3d040303", // ECDSA with SHA-384
  "2a8648ce3d040304", // ECDSA with SHA-512
];
const SHORTEST_RSA = 2048;

const BASIC_CONSTRAINTS = "551d13";
const KEY_USAGE = "551d0f";
const PURPOSES = "551d25";
const NAMES = "551d11";
const NAME_CONSTRAINTS = "551d1e";
const POLICIES = ["551d20", "551d24", "551d36"]; // nobody asks for one
const KNOWN = [BASIC_CONSTRAINTS, KEY_USAGE, PURPOSES, NAMES, ...POLICIES];
const SERVER_AUTH = "2b06010505070301";
const ANY_PURPOSE = "551d2500";
const DIGITAL_SIGNATURE = 0x80;

/** What holds for every certificate below the root. */
function isSound(certificate: X509Certificate, nowMs: number): boolean {
  const { signature, extensions } = contentOf(certificate.raw);
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = certificate.publicKey;
  const isStrong = kind === "ec" || (kind === "rsa" && (details?.modulusLength ?? 0) >= SHORTEST_RSA);
  const purposes = extensions.get(PURPOSES)?.value;
  const isForServers =
    !purposes || inside(only(purposes)).some((purpose) => [SERVER_AUTH, ANY_PURPOSE].includes(hex(purpose.content)));
  const isUnderstood = [...extensions].every(([id, { isCritical }]) => KNOWN.includes(id) || !isCritical);
  // Nothing here compares names with constraints, so who is constrained is not trusted at all.
  const isFree = !extensions.has(NAME_CONSTRAINTS);
  return (
    isCurrent(certificate, nowMs) &&
    SIGNATURES.includes(signature) &&
    isStrong &&
    isForServers &&
    isUnderstood &&
    isFree
  );
}

function speaksFor(leaf: X509Certificate, hostname: string): boolean {
  const { extensions } = contentOf(leaf.raw);
  const usage = extensions.get(KEY_USAGE)?.value;
  // The first byte says how many bits are not used.
  if (usage && ((only(usage).content[1] ?? 0) & DIGITAL_SIGNATURE) === 0) return false;
  return leaf.checkHost(hostname, { subject: "never", partialWildcards: false }) !== undefined;
}

/** `below`: how many authorities stand between it and the leaf. */
function isAuthority(certificate: X509Certificate, below: number): boolean {
  const constraints = contentOf(certificate.raw).extensions.get(BASIC_CONSTRAINTS)?.value;
  if (!constraints || !certificate.ca) return false;
  const [, length] = inside(only(constraints));
  return !length || (length.content.length === 1 && (length.content[0] ?? 0) >= below);
}

interface Extension {
  isCritical: boolean;
  value: Uint8Array;
}

interface Content {
  /** OID, in hex as it is encoded. */
  signature: string;
  /** By OID, in the same form. */
  extensions: ReadonlyMap<string, Extension>;
}

/** @throws Error where it is not DER. */
function contentOf(der: Uint8Array): Content {
  const [content, algorithm] = inside(only(der));
  const signature = hex(inside(algorithm)[0]?.content ?? new Uint8Array());
  const list = inside(content).find(({ tag }) => tag === EXTENSIONS);
  const extensions = new Map<string, Extension>();
  for (const extension of list ? inside(only(list.content)) : []) {
    const [id, ...rest] = inside(extension);
    const value = rest.at(-1);
    if (!id || value?.tag !== OCTETS || extensions.has(hex(id.content))) throw new Error("not an extension");
    const isCritical = rest.length > 1 && rest[0]?.content[0] !== 0;
    extensions.set(hex(id.content), { isCritical, value: value.content });
  }
  return { signature, extensions };
}

interface Node {
  tag: number;
  content: Uint8Array;
}

const OCTETS = 0x04;
const EXTENSIONS = 0xa3;

function only(der: Uint8Array): Node {
  const [node, ...more] = nodes(der);
  if (!node || more.length > 0) throw new Error("not one value");
  return node;
}

function inside(node: Node | undefined): Node[] {
  return node ? nodes(node.content) : [];
}

function nodes(der: Uint8Array): Node[] {
  const found: Node[] = [];
  for (let at = 0; at < der.length; ) {
    const [tag = 0, first = 0] = der.subarray(at, at + 2);
    const width = first < 0x80 ? 0 : first - 0x80;
    const start = at + 2 + width;
    const length = width === 0 ? first : der.subarray(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
    if (at + 2 > der.length || width > 3 || start + length > der.length) throw new Error("not DER");
    found.push({ tag, content: der.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
