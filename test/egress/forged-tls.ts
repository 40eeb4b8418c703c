/**
 * The far end of a TLS handshake, as an attacker in the middle would play it: says what the script says, in any order,
 * with the right keys for whatever was said. One suite for each version, X25519, one connection.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import type { Duplex } from "node:stream";
import type { Issued } from "./forged-certificates.ts";

export const TYPE = {
  helloRequest: 0,
  serverHello: 2,
  newSessionTicket: 4,
  encryptedExtensions: 8,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  finished: 20,
  keyUpdate: 24,
} as const;

interface Hello {
  smuggled?: boolean;
  random?: Buffer;
  /** Further extensions. */
  others?: readonly Buffer[];
}

interface Proof {
  scheme?: number;
  digest?: string;
  signer?: "server" | "client";
  signature?: Buffer;
}

/** Stands for the random in a hello that asks for another one. */
const RETRY = createHash("sha256").update("HelloRetryRequest").digest();

const HANDSHAKE = 22;
const APPLICATION = 23;
const X25519_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

export class Forger {
  readonly version: 12 | 13;
  readonly random: Buffer = randomBytes(32);
  clientRandom: Buffer = Buffer.alloc(0);
  readonly #duplex: Duplex;
  readonly #keys = generateKeyPairSync("x25519");
  #transcript: Buffer[] = [];
  #buffered = Buffer.alloc(0);
  #more: () => void = () => {};
  #clientShare: Buffer = Buffer.alloc(0);
  #sessionId: Buffer = Buffer.alloc(0);
  /** 1.3: handshake secret, later the master secret. 1.2: master secret. */
  #secret: Buffer = Buffer.alloc(0);
  #serverSecret: Buffer = Buffer.alloc(0);
  #writeKey: Buffer = Buffer.alloc(0);
  #writeIv: Buffer = Buffer.alloc(0);
  #sequence = 0n;
  #last: Buffer = Buffer.alloc(0);
  isEnded = false;

  constructor(duplex: Duplex, version: 12 | 13) {
    this.version = version;
    this.#duplex = duplex;
    duplex.on("data", (data: Buffer) => {
      this.#buffered = Buffer.concat([this.#buffered, data]);
      this.#more();
    });
    duplex.on("close", () => {
      this.isEnded = true;
      this.#more();
    });
    duplex.on("error", () => {});
  }

  /** Its own half of the key exchange. */
  get share(): Buffer {
    return publicBytes(this.#keys.publicKey);
  }

  /** The next record; undefined when the client is gone. */
  async record(): Promise<{ type: number; body: Buffer } | undefined> {
    for (;;) {
      const length = this.#buffered.length >= 5 ? 5 + this.#buffered.readUInt16BE(3) : Number.POSITIVE_INFINITY;
      if (this.#buffered.length >= length) {
        const record = this.#buffered.subarray(0, length);
        this.#buffered = this.#buffered.subarray(length);
        return { type: record[0] ?? 0, body: record.subarray(5) };
      }
      if (this.isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#more = resolve;
      });
    }
  }

  async takeHello(): Promise<void> {
    const hello = (await this.record())?.body ?? Buffer.alloc(0);
    this.#transcript.push(hello);
    this.clientRandom = hello.subarray(6, 38);
    const idEnd = 39 + (hello[38] ?? 0);
    this.#sessionId = hello.subarray(39, idEnd);
    let at = idEnd + 2 + hello.readUInt16BE(idEnd) + 2 + 2; // suites, compressions, length of the extensions
    while (at < hello.length) {
      const [type, length] = [hello.readUInt16BE(at), hello.readUInt16BE(at + 2)];
      if (type === 51) this.#clientShare = hello.subarray(at + 4 + 2 + 4, at + 4 + 2 + 4 + 32);
      at += 4 + length;
    }
  }

  /** `smuggled`: puts the half of a key exchange into the hello of TLS 1.2, where none belongs. */
  sendHello({ smuggled = false, random = this.random, others = [] }: Hello = {}): void {
    random.copy(this.random);
    const share = extension(51, Buffer.concat([u16(0x001d), u16(32), this.share]));
    const list =
      this.version === 13
        ? [extension(43, u16(0x0304)), share, ...others]
        : [extension(23, Buffer.alloc(0)), ...(smuggled ? [share] : []), ...others];
    this.send(TYPE.serverHello, this.#helloBody(this.random, list));
    if (this.version === 12) return;
    const early = extract(Buffer.alloc(32), Buffer.alloc(32));
    this.#secret = extract(derive(early, "derived", hash()), this.#shared(this.#clientShare));
    this.#serverSecret = derive(this.#secret, "s hs traffic", hash(...this.#transcript));
    this.#use13(this.#serverSecret);
  }

  /** Asks for another hello, with a cookie in it, and takes it. False where the client is gone. */
  async retry({ versions = u16(0x0304) }: { versions?: Buffer | undefined } = {}): Promise<boolean> {
    const first = hash(...this.#transcript);
    this.#transcript = [Buffer.concat([Buffer.from([254, 0, 0, first.length]), first])];
    const extensions = [extension(43, versions), extension(44, Buffer.from([0, 1, 7]))];
    this.send(TYPE.serverHello, this.#helloBody(RETRY, extensions));
    for (;;) {
      const record = await this.record();
      if (record?.type === HANDSHAKE) return this.#transcript.push(record.body) > 0;
      if (record?.type !== 20) return false;
    }
  }

  /** A handshake message, protected if there are keys. */
  send(type: number, body: Buffer, { isPlain = false, isCounted = true } = {}): void {
    const message = Buffer.concat([Buffer.from([type, 0]), u16(body.length), body]);
    if (isCounted) this.#transcript.push(message);
    if (isPlain || this.#writeKey.length === 0) this.#write(HANDSHAKE, message);
    else this.#protect(HANDSHAKE, message);
  }

  sendCertificate(...chain: readonly Issued[]): void {
    const entries = chain.map(({ der }) =>
      Buffer.concat([u24(der.length), der, ...(this.version === 13 ? [u16(0)] : [])]),
    );
    const list = Buffer.concat(entries);
    const context = this.version === 13 ? [Buffer.from([0])] : [];
    this.send(TYPE.certificate, Buffer.concat([...context, u24(list.length), list]));
  }

  /** What proves in TLS 1.3 that the certificate is the server's own. `signer` may be the client, too. */
  sendProof(key: KeyObject, { scheme = 0x0403, digest = "sha256", signer = "server", signature }: Proof = {}): void {
    const padding = Buffer.from(`${" ".repeat(64)}TLS 1.3, ${signer} CertificateVerify\0`);
    const made = signature ?? sign(digest, Buffer.concat([padding, hash(...this.#transcript)]), key);
    this.send(TYPE.certificateVerify, Buffer.concat([u16(scheme), u16(made.length), made]));
  }

  /** What proves it in TLS 1.2: signed halves of a key exchange. `share` may be another server's. */
  sendKeyExchange(key: KeyObject, { share = this.share, scheme = 0x0403, digest = "sha256" } = {}): void {
    const params = Buffer.concat([Buffer.from([3]), u16(0x001d), Buffer.from([share.length]), share]);
    const signature = sign(digest, Buffer.concat([this.clientRandom, this.random, params]), key);
    this.send(TYPE.serverKeyExchange, Buffer.concat([params, u16(scheme), u16(signature.length), signature]));
  }

  sendFinished13(data?: Buffer): void {
    const key = expand(this.#serverSecret, "finished", Buffer.alloc(0), 32);
    const right = createHmac("sha256", key)
      .update(hash(...this.#transcript))
      .digest();
    this.send(TYPE.finished, data ?? right);
    const master = extract(derive(this.#secret, "derived", hash()), Buffer.alloc(32));
    this.#serverSecret = derive(master, "s ap traffic", hash(...this.#transcript));
    this.#use13(this.#serverSecret);
  }

  /** Takes the client's half and its Finished, and answers. False where the client is gone. */
  async finish12(): Promise<boolean> {
    const exchanged = await this.record();
    if (exchanged?.type !== HANDSHAKE) return false;
    this.#transcript.push(exchanged.body);
    const shared = this.#shared(exchanged.body.subarray(5, 37));
    this.#secret = prf(shared, "extended master secret", hash(...this.#transcript), 48);
    const block = prf(this.#secret, "key expansion", Buffer.concat([this.random, this.clientRandom]), 40);
    const [clientKey, clientIv] = [block.subarray(0, 16), block.subarray(32, 36)];
    if ((await this.record())?.type !== 20) return false;
    const finished = await this.record();
    if (!finished) return false;
    const nonce = finished.body.subarray(0, 8);
    const sealed = finished.body.subarray(8);
    const length = sealed.length - 16;
    const decipher = createDecipheriv("aes-128-gcm", clientKey, Buffer.concat([clientIv, nonce]));
    decipher.setAAD(Buffer.concat([Buffer.alloc(8), Buffer.from([HANDSHAKE, 3, 3]), u16(length)]));
    decipher.setAuthTag(sealed.subarray(length));
    this.#transcript.push(Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()]));
    this.#write(20, Buffer.from([1]));
    this.#writeKey = block.subarray(16, 32);
    this.#writeIv = block.subarray(36, 40);
    this.#sequence = 0n;
    this.send(TYPE.finished, prf(this.#secret, "server finished", hash(...this.#transcript), 12));
    return true;
  }

  sendData(text: string): void {
    this.#protect(APPLICATION, Buffer.from(text));
  }

  /** The server's next sending keys. */
  updateKeys({ isWanted = false } = {}): void {
    this.send(TYPE.keyUpdate, Buffer.from([isWanted ? 1 : 0]));
    this.#serverSecret = expand(this.#serverSecret, "traffic upd", Buffer.alloc(0), 32);
    this.#use13(this.#serverSecret);
  }

  raw(bytes: Buffer): void {
    this.#duplex.write(bytes);
  }

  /** Needs no keys. */
  repeatLast(): void {
    this.#duplex.write(this.#last);
  }

  #helloBody(random: Buffer, list: readonly Buffer[]): Buffer {
    const extensions = Buffer.concat(list);
    return Buffer.concat([
      u16(0x0303),
      random,
      Buffer.from([this.#sessionId.length]),
      this.#sessionId,
      u16(this.version === 13 ? 0x1301 : 0xc02b),
      Buffer.from([0]),
      u16(extensions.length),
      extensions,
    ]);
  }

  #shared(peer: Buffer): Buffer {
    const publicKey = createPublicKey({ key: Buffer.concat([X25519_PREFIX, peer]), format: "der", type: "spki" });
    return diffieHellman({ privateKey: this.#keys.privateKey, publicKey });
  }

  #use13(secret: Buffer): void {
    this.#writeKey = expand(secret, "key", Buffer.alloc(0), 16);
    this.#writeIv = expand(secret, "iv", Buffer.alloc(0), 12);
    this.#sequence = 0n;
  }

  #protect(type: number, content: Buffer): void {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(this.#sequence++);
    if (this.version === 12) {
      const cipher = createCipheriv("aes-128-gcm", this.#writeKey, Buffer.concat([this.#writeIv, counter]));
      cipher.setAAD(Buffer.concat([counter, Buffer.from([type, 3, 3]), u16(content.length)]));
      const sealed = Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
      this.#write(type, Buffer.concat([counter, sealed]));
      return;
    }
    const nonce = Buffer.from(this.#writeIv);
    for (let i = 0; i < 8; i++) nonce[4 + i] = (nonce[4 + i] ?? 0) ^ (counter[i] ?? 0);
    const cipher = createCipheriv("aes-128-gcm", this.#writeKey, nonce);
    const header = Buffer.concat([Buffer.from([APPLICATION, 3, 3]), u16(content.length + 1 + 16)]);
    cipher.setAAD(header);
    const inner = Buffer.concat([content, Buffer.from([type])]);
    this.#write(APPLICATION, Buffer.concat([cipher.update(inner), cipher.final(), cipher.getAuthTag()]));
  }

  #write(type: number, body: Buffer): void {
    this.#last = Buffer.concat([Buffer.from([type, 3, 3]), u16(body.length), body]);
    this.#duplex.write(this.#last);
  }
}

/** Half of a key exchange whose other half nobody has, as another server's is to an attacker. */
export function foreignShare(): Buffer {
  return publicBytes(generateKeyPairSync("x25519").publicKey);
}

function publicBytes(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" }).subarray(-32);
}

function hash(...parts: readonly Buffer[]): Buffer {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

function extract(salt: Buffer, key: Buffer): Buffer {
  return createHmac("sha256", salt).update(key).digest();
}

function derive(secret: Buffer, label: string, context: Buffer): Buffer {
  return expand(secret, label, context, 32);
}

function expand(secret: Buffer, label: string, context: Buffer, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([u16(length), Buffer.from([name.length]), name, Buffer.from([context.length]), context]);
  const blocks = [
    createHmac("sha256", secret)
      .update(Buffer.concat([info, Buffer.from([1])]))
      .digest(),
  ];
  return Buffer.concat(blocks).subarray(0, length);
}

function prf(secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const full = Buffer.concat([Buffer.from(label), seed]);
  let a = full;
  let out = Buffer.alloc(0);
  while (out.length < length) {
    a = createHmac("sha256", secret).update(a).digest();
    out = Buffer.concat([
      out,
      createHmac("sha256", secret)
        .update(Buffer.concat([a, full]))
        .digest(),
    ]);
  }
  return out.subarray(0, length);
}

export function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([u16(type), u16(body.length), body]);
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

function u24(value: number): Buffer {
  return Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);
}
