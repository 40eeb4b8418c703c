/** Somebody in the middle of a handshake. Runs on Node and inside workerd, whose libraries differ beneath. */
import { X509Certificate } from "node:crypto";
import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Duct } from "../../src/egress/connection.ts";
import { handshake } from "../../src/egress/handshake.ts";
import { toRefusal } from "../../src/errors.ts";
import { settled } from "./far-end.ts";
import { type Issued, issue, KEY_CERT_SIGN } from "./forged-certificates.ts";
import { extension, Forger, foreignShare, TYPE } from "./forged-tls.ts";

export const HOST = "api.qq.example";

export async function say(duct: Duct, text: string): Promise<void> {
  const writer = duct.writable.getWriter();
  await writer.write(Buffer.from(text));
  writer.releaseLock();
}

/** What comes, up to so many bytes or the end. */
export async function hear(duct: Duct, most: number): Promise<string> {
  const reader = duct.readable.getReader();
  let text = "";
  while (text.length < most) {
    const { value, done } = await reader.read();
    if (done) return `${text} END`;
    text += Buffer.from(value).toString("latin1");
  }
  reader.releaseLock();
  return text;
}

export const REFUSED = "the certificate at the far end is not QQ's, or not valid";
const BROKEN = "the connection through the proxy broke";
export const FAILED = "no TLS connection with QQ came about through the proxy";

export function handshakeContract(): void {
  const root = issue({ name: "Root", ca: true, keyUsage: KEY_CERT_SIGN });
  const rsaRoot = issue({ name: "RSA root", ca: true, keyUsage: KEY_CERT_SIGN, key: "rsa" });
  const roots = [root, rsaRoot].map(({ der }) => new X509Certificate(der));
  const leaf = issue({ name: "leaf", hosts: [HOST] }, root);

  describe("somebody in the middle", () => {
    const nothing = Buffer.alloc(0);
    const noExtensions = Buffer.from([0, 0]);
    const version12 = extension(43, Buffer.from([3, 3]));

    /** What comes of it, and what the client hears of a sentence that follows. */
    async function meet(version: 12 | 13, script: (forger: Forger) => unknown): Promise<string> {
      const [near, far] = duplexPair();
      const forger = new Forger(far, version);
      const connected = handshake(near, { hostname: HOST, roots });
      connected.catch(() => {}); // it is looked at below
      await forger.takeHello();
      await script(forger);
      far.end();
      return connected.then((duct) => hear(duct, 1000)).catch((error) => toRefusal(error, "test").summary);
    }

    async function genuine13(forger: Forger): Promise<void> {
      forger.sendHello();
      forger.send(TYPE.encryptedExtensions, noExtensions);
      forger.sendCertificate(leaf);
      forger.sendProof(leaf.privateKey);
      forger.sendFinished13();
    }

    async function genuine12(forger: Forger): Promise<void> {
      forger.sendHello();
      forger.sendCertificate(leaf);
      forger.sendKeyExchange(leaf.privateKey);
      forger.send(TYPE.serverHelloDone, nothing);
      await forger.finish12();
    }

    // The forger is able to do it right: what is refused below is refused for what it is.
    it.each([
      ["TLS 1.3", 13, genuine13],
      ["TLS 1.2", 12, genuine12],
    ] as const)("is the server itself, %s", async (_name, version, genuine) => {
      const heard = await meet(version, async (forger) => {
        await genuine(forger);
        forger.sendData("hello");
      });
      expect(heard).toBe("hello END");
    });

    it("is the server itself with new keys", async () => {
      const [near, far] = duplexPair();
      const forger = new Forger(far, 13);
      const connected = handshake(near, { hostname: HOST, roots });
      await forger.takeHello();
      await genuine13(forger);
      const duct = await connected;
      await say(duct, "hello");
      forger.sendData("one ");
      forger.updateKeys();
      forger.sendData("two ");
      forger.updateKeys({ isWanted: true });
      forger.sendData("three");
      expect(await hear(duct, 13)).toBe("one two three");
    });

    it("wants new keys before anything was said", async () => {
      const heard = await meet(13, async (forger) => {
        await genuine13(forger);
        forger.updateKeys({ isWanted: true });
      });
      expect(heard).toBe(BROKEN);
    });

    it("is held back while nobody reads, and loses nothing", async () => {
      const [near, far] = duplexPair();
      const forger = new Forger(far, 13);
      const connected = handshake(near, { hostname: HOST, roots });
      await forger.takeHello();
      await genuine13(forger);
      const text = "x".repeat(16_000);
      for (let i = 0; i < 200; i++) forger.sendData(text);
      const duct = await connected;
      await settled();
      expect(far.writableLength).toBeGreaterThan(150 * text.length);
      expect((await hear(duct, 200 * text.length)).length).toBe(200 * text.length);
      expect(far.writableLength).toBe(0);
    });

    const UNPROVED_13: readonly [string, (forger: Forger) => void][] = [
      ["nothing", () => {}],
      ["a certificate alone", (forger) => forger.sendCertificate(leaf)],
      ["a proof alone", (forger) => forger.sendProof(leaf.privateKey)],
      [
        "a proof before the certificate",
        (forger) => {
          forger.sendProof(leaf.privateKey);
          forger.sendCertificate(leaf);
        },
      ],
      [
        "a proof with another key",
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendProof(root.privateKey);
        },
      ],
      [
        "what the server signed for TLS 1.2",
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendKeyExchange(leaf.privateKey, { share: foreignShare() });
        },
      ],
      [
        "its own certificate after the server's",
        (forger) => {
          const own = issue({ name: "own", hosts: [HOST] });
          forger.sendCertificate(leaf);
          forger.sendCertificate(own);
          forger.sendProof(own.privateKey);
        },
      ],
      [
        "the server's certificate after its own",
        (forger) => {
          const own = issue({ name: "own", hosts: [HOST] });
          forger.sendCertificate(own);
          forger.sendProof(own.privateKey);
          forger.sendCertificate(leaf);
        },
      ],
      [
        "two certificates of the server's",
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendCertificate(leaf);
          forger.sendProof(leaf.privateKey);
        },
      ],
      [
        "an end of the hello as in TLS 1.2",
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendProof(leaf.privateKey);
          forger.send(TYPE.serverHelloDone, nothing);
        },
      ],
    ];
    it.each(UNPROVED_13)("proves itself in TLS 1.3 with %s", async (_name, prove) => {
      const heard = await meet(13, (forger) => {
        forger.sendHello();
        forger.send(TYPE.encryptedExtensions, noExtensions);
        prove(forger);
        forger.sendFinished13();
        forger.sendData("evil");
      });
      expect([REFUSED, FAILED]).toContain(heard);
    });

    // All else is as it should be.
    const rsaLeaf = issue({ name: "rsa leaf", hosts: [HOST], key: "rsa" }, rsaRoot);
    const zeros = Buffer.alloc(32);
    const WRONG_13: readonly [string, (forger: Forger) => unknown][] = [
      [
        "a resumption that nobody asked for",
        (forger) => finish(forger, { others: [extension(41, Buffer.from([0, 0]))] }),
      ],
      ["SHA-1", (forger) => finish(forger, { proof: { scheme: 0x0203, digest: "sha1" } })],
      ["SHA-1 under another name", (forger) => finish(forger, { proof: { digest: "sha1" } })],
      ["another curve's scheme", (forger) => finish(forger, { proof: { scheme: 0x0503, digest: "sha384" } })],
      ["padding of TLS 1.2", (forger) => finish(forger, { chain: [rsaLeaf], proof: { scheme: 0x0401 } })],
      ["a scheme for other keys", (forger) => finish(forger, { chain: [rsaLeaf] })],
      ["what a client signs", (forger) => finish(forger, { proof: { signer: "client" } })],
      ["an empty signature", (forger) => finish(forger, { proof: { signature: nothing } })],
      ["a signature of zeros", (forger) => finish(forger, { proof: { signature: zeros } })],
      ["zeros at the end", (forger) => finish(forger, { end: zeros })],
      ["nothing at the end", (forger) => finish(forger, { end: nothing })],
      [
        "two retries",
        async (forger) => {
          if ((await forger.retry()) && (await forger.retry())) finish(forger);
        },
      ],
    ];

    interface Deviation {
      others?: readonly Buffer[];
      chain?: readonly [Issued];
      proof?: Parameters<Forger["sendProof"]>[1];
      end?: Buffer;
    }

    function finish(forger: Forger, { others = [], chain = [leaf], proof, end }: Deviation = {}): void {
      forger.sendHello({ others });
      forger.send(TYPE.encryptedExtensions, noExtensions);
      forger.sendCertificate(...chain);
      forger.sendProof(chain[0].privateKey, proof);
      forger.sendFinished13(end);
      forger.sendData("evil");
    }

    it("is the server itself after a retry for a cookie", async () => {
      const heard = await meet(13, async (forger) => {
        if (await forger.retry()) finish(forger);
      });
      expect(heard).toBe("evil END");
    });

    it.each(WRONG_13)("does all of TLS 1.3 right but for %s", async (_name, script) => {
      expect([REFUSED, FAILED]).toContain(await meet(13, script));
    });

    it.each([
      ["names its version in a new way", async (forger: Forger) => forger.sendHello({ others: [version12] })],
      [
        "asks for another hello",
        async (forger: Forger) => {
          await forger.retry({ versions: Buffer.from([3, 3]) });
          forger.sendHello();
        },
      ],
    ] as const)("does TLS 1.2, and %s", async (_name, hello) => {
      const heard = await meet(12, async (forger) => {
        await hello(forger);
        forger.sendCertificate(leaf);
        forger.sendKeyExchange(leaf.privateKey);
        forger.send(TYPE.serverHelloDone, nothing);
        if (await forger.finish12()) forger.sendData("evil");
      });
      expect(heard).toBe(REFUSED);
    });

    it("sends what no hello came before", async () => {
      const [near, far] = duplexPair();
      const forger = new Forger(far, 12);
      const connected = handshake(near, { hostname: HOST, roots });
      connected.catch(() => {}); // it is looked at below
      await forger.takeHello();
      forger.sendCertificate(leaf);
      forger.sendKeyExchange(leaf.privateKey);
      await expect(connected).rejects.toMatchObject({ refusal: { summary: FAILED } });
      expect(near.destroyed).toBe(true);
    });

    it("leaves the extensions out of TLS 1.3", async () => {
      const heard = await meet(13, (forger) => {
        forger.sendHello();
        forger.sendCertificate(leaf);
        forger.sendProof(leaf.privateKey);
        forger.sendFinished13();
        forger.sendData("evil");
      });
      expect(heard).toBe(REFUSED);
    });

    const UNPROVED_12: readonly [string, { smuggled?: boolean; random?: Buffer }, (forger: Forger) => void][] = [
      [
        "a key share in the hello beside what the server signed",
        { smuggled: true },
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendKeyExchange(leaf.privateKey, { share: foreignShare() });
        },
      ],
      [
        "what the server signed, twice",
        {},
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendKeyExchange(leaf.privateKey);
          forger.sendKeyExchange(leaf.privateKey, { share: foreignShare() });
        },
      ],
      [
        "a signature with another key",
        {},
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendKeyExchange(root.privateKey);
        },
      ],
      [
        "a signature with SHA-1",
        {},
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendKeyExchange(leaf.privateKey, { scheme: 0x0203, digest: "sha1" });
        },
      ],
      ["no certificate", {}, (forger) => forger.sendKeyExchange(leaf.privateKey)],
      [
        "a proof as in TLS 1.3",
        {},
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendKeyExchange(leaf.privateKey);
          forger.sendProof(leaf.privateKey);
        },
      ],
      [
        "a hello of somebody who could do better",
        { random: Buffer.from(`${"00".repeat(24)}444f574e47524401`, "hex") },
        (forger) => {
          forger.sendCertificate(leaf);
          forger.sendKeyExchange(leaf.privateKey);
        },
      ],
    ];
    it.each(UNPROVED_12)("proves itself in TLS 1.2 with %s", async (_name, hello, prove) => {
      const heard = await meet(12, async (forger) => {
        forger.sendHello(hello);
        prove(forger);
        forger.send(TYPE.serverHelloDone, nothing);
        if (await forger.finish12()) forger.sendData("evil");
      });
      expect([REFUSED, FAILED]).toContain(heard);
    });

    it("signs nothing in TLS 1.2", async () => {
      const heard = await meet(12, (forger) => {
        forger.sendHello({ smuggled: true });
        forger.sendCertificate(leaf);
        forger.send(TYPE.serverHelloDone, nothing);
      });
      expect(heard).toBe(FAILED);
    });

    it.each([12, 13] as const)("speaks before the handshake is done (%s)", async (version) => {
      const plain = Buffer.from("170303000465766967", "hex");
      for (const early of [
        (forger: Forger) => forger.raw(plain),
        (forger: Forger) => {
          forger.sendHello();
          forger.raw(plain);
        },
      ]) {
        const heard = await meet(version, early);
        expect(heard).toBe(FAILED);
      }
    });

    const LATE: readonly [string, number][] = [
      ["a wish to begin anew", TYPE.helloRequest],
      ["a certificate", TYPE.certificate],
      ["a wish for a certificate", TYPE.certificateRequest],
      ["a hello", TYPE.serverHello],
      ["a key exchange", TYPE.serverKeyExchange],
      ["the end", TYPE.finished],
    ];
    it.each(LATE)("slips %s in between, when all is done", async (_name, type) => {
      for (const isPlain of [true, false]) {
        const heard = await meet(13, async (forger) => {
          await genuine13(forger);
          forger.sendData("hello");
          forger.send(type, Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(60)]), { isPlain });
          forger.sendData(" world");
        });
        expect(heard).toBe(BROKEN);
      }
    });

    it.each(LATE)("slips %s in between in TLS 1.2, when all is done", async (_name, type) => {
      for (const isPlain of [true, false]) {
        const heard = await meet(12, async (forger) => {
          await genuine12(forger);
          forger.send(type, Buffer.alloc(0), { isPlain });
          forger.sendData("hello");
        });
        expect(heard).toBe(BROKEN);
      }
    });

    // Without the keys: a ticket, or other keys, that the server never sent; a part that nothing completes.
    it.each([
      ["a ticket", Buffer.from("0400000f00000e100000000001000001aa0000", "hex")],
      ["new keys", Buffer.from("1800000100", "hex")],
      ["a wish for new keys", Buffer.from("1800000101", "hex")],
      ["the beginning of something long", Buffer.from("04ffffff00", "hex")],
    ])("slips %s in between, well-formed, without the keys", async (_name, message) => {
      const heard = await meet(13, async (forger) => {
        await genuine13(forger);
        forger.sendData("hello");
        forger.raw(Buffer.concat([Buffer.from([22, 3, 3, 0, message.length]), message]));
      });
      expect(heard).toBe(BROKEN);
    });

    it.each([12, 13] as const)("slips another record in between, cut in pieces (%s)", async (version) => {
      const heard = await meet(version, async (forger) => {
        await (version === 13 ? genuine13 : genuine12)(forger);
        forger.sendData("hello");
        for (const byte of Buffer.from("140303000101", "hex")) forger.raw(Buffer.from([byte]));
      });
      expect(heard).toBe(BROKEN);
    });

    it("repeats a record after another change of ciphers in TLS 1.2", async () => {
      const heard = await meet(12, async (forger) => {
        await genuine12(forger);
        forger.sendData("hello");
        forger.raw(Buffer.from("140303000101", "hex"));
        forger.repeatLast();
      });
      expect(heard).toBe(BROKEN);
    });

    it("holds on to a connection that is broken off", async () => {
      const plain = Buffer.from("160303000104", "hex");
      for (const script of [
        async (forger: Forger) => forger.raw(plain),
        async (forger: Forger) => forger.raw(Buffer.from("1703030020".concat("00".repeat(32)), "hex")),
      ]) {
        const [near, far] = duplexPair();
        near._destroy = () => {}; // it never comes to its end
        const forger = new Forger(far, 13);
        const connected = handshake(near, { hostname: HOST, roots });
        await forger.takeHello();
        await genuine13(forger);
        const duct = await connected;
        await script(forger);
        await expect(hear(duct, 1)).rejects.toMatchObject({ refusal: { summary: BROKEN } });
      }
    });

    it("holds on to a connection whose handshake is broken off", async () => {
      const [near, far] = duplexPair();
      near._destroy = () => {};
      const forger = new Forger(far, 12);
      const connected = handshake(near, { hostname: HOST, roots });
      connected.catch(() => {}); // it is looked at below
      await forger.takeHello();
      forger.raw(Buffer.from("17030300011616030300010b", "hex"));
      await expect(connected).rejects.toMatchObject({ refusal: { summary: FAILED } });
    });

    it("changes what the server says", async () => {
      const heard = await meet(13, async (forger) => {
        await genuine13(forger);
        forger.sendData("hello");
        forger.raw(Buffer.from("1703030020".concat("00".repeat(32)), "hex"));
        forger.sendData(" world");
      });
      expect(heard).toBe(BROKEN);
    });

    it("never comes to the end of its certificate", async () => {
      const [near, far] = duplexPair();
      const forger = new Forger(far, 12);
      const connected = handshake(near, { hostname: HOST, roots });
      connected.catch(() => {}); // it is looked at below
      await forger.takeHello();
      forger.sendHello();
      forger.raw(Buffer.from("16030300040bffffff", "hex"));
      for (let i = 0; i < 30; i++) forger.raw(Buffer.concat([Buffer.from("1603032710", "hex"), Buffer.alloc(10_000)]));
      await expect(connected).rejects.toMatchObject({ refusal: { summary: FAILED } });
      expect(near.destroyed).toBe(true);
    });

    it("says what is no TLS", async () => {
      for (const noise of ["HTTP/1.1 400 Bad Request\r\n\r\n", "\0".repeat(100), "\x16\x03\x03\0\x05\x02\0\0\x01\0"]) {
        const heard = await meet(13, (forger) => forger.raw(Buffer.from(noise, "latin1")));
        expect(heard).toBe(FAILED);
      }
    });
  });
}
