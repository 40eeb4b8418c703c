/**
 * A TLS connection by lemon-tls, and what the library leaves unchecked: the order of messages and records, the limits of
 * certificates, the length of it all. Whoever upgrades it runs test/egress/handshake-contract.ts, with its men in the middle.
 */
import type { Duplex } from "node:stream";
import { type TLSSession, TLSSocket } from "lemon-tls";
import { type Root, trustedRoot } from "./certificates.ts";
import type { Duct } from "./connection.ts";
import { type EgressFailure, egressError } from "./failure.ts";
import { recordWatch } from "./records.ts";

export interface HandshakeOptions {
  hostname: string;
  roots: readonly Root[];
  now?: () => number;
}

/** @throws UpstreamError `certificateRefused`, or `handshakeFailed` for any other reason. */
export async function handshake(raw: Duplex, { hostname, roots, now = Date.now }: HandshakeOptions): Promise<Duct> {
  // The library parses all of these at every handshake, and must not see none: then any certificate would do. So it
  // gets the one that the chain leads to, when there is one. It may be a list, which its types do not say.
  const ca: [string | Uint8Array] = ["nobody"];
  const tls = new TLSSocket(raw, { servername: hostname, ca: ca as unknown as string });
  const { _getTLSSession: session } = tls as unknown as { _getTLSSession: () => TLSSession }; // `session` is declared, and not there
  session().set_context({ local_supported_cipher_suites: SUITES }); // the option for that is for servers
  const said: string[] = [];
  let isDone = false;
  let isBroken = false;
  // Asked for new keys before it has used the first, the library says two things under one nonce.
  let hasWritten = false;
  const breakOff = () => {
    isBroken = true;
    tls.destroy();
  };
  tls.on("error", () => {
    isBroken = true; // "close" follows
  });
  let heardBytes = 0;
  const areInPlace = recordWatch();
  // What the library would hear goes by here first; and what it throws, it throws at whoever fills the stream.
  const hear = raw.listeners("data").at(-1) as (chunk: Uint8Array) => void;
  raw.removeListener("data", hear);
  raw.on("data", (chunk: Uint8Array) => {
    heardBytes += chunk.length;
    if (!areInPlace(chunk) || (!isDone && heardBytes > LONGEST_HANDSHAKE)) return breakOff();
    try {
      hear(chunk);
    } catch {
      breakOff();
    }
  });
  tls.on("handshakeMessage", (type, _raw, message: Message) => {
    if (isDone) return AFTERWARDS.includes(type) && (hasWritten || !message.request_update) ? undefined : breakOff();
    said.push(wordFor(type, message));
    if (type !== "certificate") return;
    const chain = message.entries?.map(({ cert }) => cert) ?? [];
    ca[0] = trustedRoot(chain, { hostname, roots, nowMs: now() })?.raw ?? "nobody";
  });
  // It may be at its end before anybody has been told that it stands.
  const readable = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        tls.on("data", (chunk: Uint8Array) => {
          controller.enqueue(chunk);
          // The library reads on whatever happens: what is under it has to stop.
          if ((controller.desiredSize ?? 0) <= 0) raw.pause();
        });
        // The far end has said its last, in TLS or in TCP, or we have: raw's own "close" comes late, if at all.
        const ended = new Promise<void>((resolve) => {
          for (const event of ["end", "finish"]) raw.once(event, () => resolve());
          for (const event of ["error", "close"] as const) tls.once(event, () => resolve());
        });
        void ended.then(() => (isBroken ? controller.error(egressError("lost")) : controller.close()));
      },
      pull() {
        raw.resume();
      },
    },
    { highWaterMark: 65_536, size: (chunk) => chunk.byteLength },
  );
  await new Promise<void>((resolve, reject) => {
    tls.once("secureConnect", () => {
      isDone = true;
      if (ORDERS[tls.getProtocol() ?? ""]?.test(said.join(" "))) return resolve();
      breakOff();
      reject(egressError("certificateRefused"));
    });
    tls.once("error", (error) => reject(egressError(failureOf(error))));
    raw.once("end", () => reject(egressError("handshakeFailed")));
    tls.once("close", () => reject(egressError("handshakeFailed")));
  });
  return {
    readable,
    writable: new WritableStream<Uint8Array>({
      write: (chunk) =>
        new Promise((resolve, reject) => {
          hasWritten = true;
          tls.write(chunk, (error) => (error ? reject(error) : resolve()));
        }),
    }),
    close: async () => void raw.destroy(),
  };
}

/** Ephemeral keys and AEAD. The library would offer TLS 1.2 with ChaCha20, too, and cannot do it. */
const SUITES = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030];

/** In bytes. The library would collect sixteen million of them, again and again. */
const LONGEST_HANDSHAKE = 262_144;

interface Message {
  random?: Uint8Array;
  extensions?: readonly { type: number }[];
  entries?: readonly { cert: Uint8Array }[];
  sig_alg?: number;
  request_update?: number;
}

/**
 * lemon-tls 0.7.0 takes messages in any order. So whoever is in the middle could show QQ's certificate, and in place of
 * the proof that it is their own what QQ's server signed for another connection: a ServerKeyExchange of TLS 1.2 within
 * TLS 1.3, or one whose key is overruled by a key share in the hello of TLS 1.2. Both were tried, and worked. Nothing
 * but these orders is taken (RFC 8446, 2; RFC 5246, 7.3; RFC 5077, 3.1).
 */
const ORDERS: Readonly<Record<string, RegExp>> = {
  "TLSv1.3": /^(retry )?hello13 encrypted_extensions (certificate_request )?certificate certificate_verify finished$/,
  "TLSv1.2":
    /^hello12 certificate server_key_exchange (certificate_request )?server_hello_done (new_session_ticket )?finished$/,
};
const AFTERWARDS = ["new_session_ticket", "key_update"];

/** SHA-256 of "HelloRetryRequest": such a hello asks for another one. */
const RETRY = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";
const SUPPORTED_VERSIONS = 43;
const KEY_SHARE = 51;
/** RSA and ECDSA, both with SHA-1. */
const WEAK_SCHEMES = [0x0201, 0x0203];

function wordFor(type: string, { random, extensions = [], sig_alg: scheme }: Message): string {
  if (type === "server_key_exchange" && (scheme === undefined || WEAK_SCHEMES.includes(scheme))) return "weak";
  if (type !== "server_hello") return type;
  if (random && Buffer.from(random).toString("hex") === RETRY) return "retry";
  const [is13, hasShare] = [SUPPORTED_VERSIONS, KEY_SHARE].map((id) => extensions.some((one) => one.type === id));
  if (is13) return "hello13";
  return hasShare ? "smuggled" : "hello12";
}

function failureOf({ message }: Error): EgressFailure {
  return message.startsWith("Peer certificate validation failed") ? "certificateRefused" : "handshakeFailed";
}
