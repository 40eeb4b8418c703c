/** TLS through a tunnel: with Node's own servers, honest or not, and with a forger in the middle. */
import { X509Certificate } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { handshake } from "../../src/egress/handshake.ts";
import { toRefusal } from "../../src/errors.ts";
import { CLIENT_AUTH, type Issued, issue, KEY_CERT_SIGN } from "./forged-certificates.ts";
import { FAILED, HOST, handshakeContract, hear, REFUSED, say } from "./handshake-contract.ts";

const root = issue({ name: "Root", ca: true, keyUsage: KEY_CERT_SIGN });
const rsaRoot = issue({ name: "RSA root", ca: true, keyUsage: KEY_CERT_SIGN, key: "rsa" });
const roots = [root, rsaRoot].map(({ der }) => new X509Certificate(der));
const leaf = issue({ name: "leaf", hosts: [HOST] }, root);

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Server extends TlsOptions {
  /** Its leaf first. */
  chain?: readonly Issued[];
  /** What it does with a connection: says back what it hears, unless told otherwise. */
  serve?: (socket: TLSSocket) => void;
}

/** A connection to a new server of Node's. */
async function openTo({ chain = [leaf], serve = echo, ...options }: Server = {}): Promise<Socket> {
  const cert = chain.map(({ pem }) => pem).join("");
  const server = createServer({ cert, ...(chain[0] && { key: chain[0].keyPem }), ...options });
  const sockets: TLSSocket[] = [];
  server.on("secureConnection", (socket) => {
    sockets.push(socket.on("error", () => {}));
    serve(socket);
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  closing.push(() => {
    socket.destroy();
    for (const one of sockets) one.destroy();
    server.close();
  });
  return socket;
}

const echo = (socket: TLSSocket) => void socket.on("data", (data) => socket.write(data));

/** `taken`, or the sentence of the refusal. */
async function outcome(options: Server, hostname = HOST, trusted = roots): Promise<string> {
  const socket = await openTo(options);
  return handshake(socket, { hostname, roots: trusted }).then(
    () => "taken",
    (error) => toRefusal(error, "test").summary,
  );
}

describe("servers that are who they say", () => {
  const rsaLeaf = issue({ name: "rsa leaf", hosts: [HOST], key: "rsa" }, rsaRoot);
  const leaf384 = issue({ name: "leaf 384", hosts: [HOST], key: "ec384", hash: "sha384" }, root);
  const SERVERS: readonly [string, Server][] = [
    ["TLS 1.3", { minVersion: "TLSv1.3" }],
    ["TLS 1.2", { maxVersion: "TLSv1.2" }],
    ["TLS 1.3, RSA", { minVersion: "TLSv1.3", chain: [rsaLeaf] }],
    ["TLS 1.2, RSA", { maxVersion: "TLSv1.2", chain: [rsaLeaf] }],
    ["TLS 1.3, P-384", { minVersion: "TLSv1.3", chain: [leaf384] }],
    ["TLS 1.3, a retry for P-384", { minVersion: "TLSv1.3", ecdhCurve: "P-384" }],
    ["TLS 1.3, a retry for P-256", { minVersion: "TLSv1.3", ecdhCurve: "P-256" }],
    ["TLS 1.2, P-384 exchange", { maxVersion: "TLSv1.2", ecdhCurve: "P-384" }],
    ["TLS 1.3, AES-256", { minVersion: "TLSv1.3", ciphers: "TLS_AES_256_GCM_SHA384" }],
    ["TLS 1.3, ChaCha20", { minVersion: "TLSv1.3", ciphers: "TLS_CHACHA20_POLY1305_SHA256" }],
    ["TLS 1.2, AES-256", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" }],
    ["TLS 1.2, RSA, AES-128", { maxVersion: "TLSv1.2", chain: [rsaLeaf], ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }],
    [
      "TLS 1.2, ChaCha20 rather than AES",
      {
        maxVersion: "TLSv1.2",
        ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
        honorCipherOrder: true,
      },
    ],
    ["TLS 1.3, asks for a certificate", { minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: false }],
  ];

  it.each(SERVERS)("%s", async (_name, options) => {
    const duct = await handshake(await openTo(options), { hostname: HOST, roots });
    await say(duct, "hello");
    expect(await hear(duct, 5)).toBe("hello");
    await say(duct, "again");
    expect(await hear(duct, 5)).toBe("again");
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("carries a megabyte each way, %s", async (version) => {
    const duct = await handshake(await openTo({ minVersion: version, maxVersion: version }), { hostname: HOST, roots });
    const text = "0123456789abcdef".repeat(65_536);
    const [heard] = await Promise.all([hear(duct, text.length), say(duct, text)]);
    expect(heard === text).toBe(true);
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("hears the end, in order or abrupt, %s", async (version) => {
    for (const serve of [
      (socket: TLSSocket) => void socket.end("bye"),
      (socket: TLSSocket) => void socket.write("bye", () => socket.destroy()),
    ]) {
      const duct = await handshake(await openTo({ minVersion: version, maxVersion: version, serve }), {
        hostname: HOST,
        roots,
      });
      expect(await hear(duct, 100)).toBe("bye END");
    }
  });
});

describe("servers that are not", () => {
  const other = issue({ name: "Other", ca: true, keyUsage: KEY_CERT_SIGN });
  const DAY_MS = 86_400_000;
  const CASES: readonly [string, Server, string][] = [
    ["another name", { chain: [issue({ name: "leaf", hosts: ["other.example"] }, root)] }, REFUSED],
    ["an unknown authority", { chain: [issue({ name: "leaf", hosts: [HOST] }, other), other] }, REFUSED],
    ["a self-signed certificate", { chain: [issue({ name: "leaf", hosts: [HOST] })] }, REFUSED],
    ["an expired one", { chain: [issue({ name: "leaf", hosts: [HOST], toMs: Date.now() - DAY_MS }, root)] }, REFUSED],
    ["the name in the subject", { chain: [issue({ name: HOST }, root)] }, REFUSED],
    ["one for clients", { chain: [issue({ name: "leaf", hosts: [HOST], purposes: [CLIENT_AUTH] }, root)] }, REFUSED],
    ["TLS 1.1", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }, FAILED],
    ["TLS 1.2 with ChaCha20 only", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305" }, FAILED],
    ["CBC only", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" }, FAILED],
    [
      "RSA key exchange only",
      {
        maxVersion: "TLSv1.2",
        ciphers: "AES128-GCM-SHA256",
        chain: [issue({ name: "leaf", hosts: [HOST], key: "rsa" }, rsaRoot)],
      },
      FAILED,
    ],
    ["no certificate at all", { maxVersion: "TLSv1.2", chain: [], ciphers: "AECDH-AES128-SHA:@SECLEVEL=0" }, FAILED],
  ];
  it.each(CASES)("refuses %s", async (_name, options, sentence) => {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const range = options.maxVersion ? {} : { minVersion: version, maxVersion: version };
      expect(await outcome({ ...options, ...range })).toBe(sentence);
    }
  });

  it("refuses all, where nobody is trusted", async () => {
    expect(await outcome({}, HOST, [])).toBe(REFUSED);
  });

  it("goes by its own clock as well", async () => {
    const socket = await openTo();
    const late = handshake(socket, { hostname: HOST, roots, now: () => Date.now() + 60 * DAY_MS });
    await expect(late).rejects.toMatchObject({ refusal: { summary: REFUSED } });
  });
});

handshakeContract();
