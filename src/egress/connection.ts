/** One connection to a host behind the proxy: TCP to the proxy, CONNECT, and TLS with the host itself. */
import { connect } from "cloudflare:sockets";
import { lookup } from "node:dns/promises";
import { UpstreamError } from "../errors.ts";
import { type ConnectProxy, hostOf } from "../way.ts";
import { connectFailure, type EgressFailure, egressError } from "./failure.ts";
import { secure } from "./tls.ts";

/** Where calls go. */
export interface Target {
  secure: boolean;
  hostname: string;
  port: number;
}

/** What a socket is, whoever encrypts it. */
export interface Duct {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
  close(): Promise<void>;
}

/** Of the call itself. The caller's own time runs on beside it. */
const WITHIN_MS = 10_000;
/** What a proxy may say before the tunnel is open. */
const LONGEST_HEAD = 16_384;

/** @throws UpstreamError that says which step failed. Nothing of a call has left by then. */
export async function openConnection(proxy: ConnectProxy, target: Target): Promise<Duct> {
  const { hostname, port } = proxy;
  const socket = connect(
    { hostname, port },
    { secureTransport: proxy.secure ? "on" : "starttls", allowHalfOpen: false },
  );
  socket.closed.catch(() => {}); // whoever uses it hears of it
  let step: EgressFailure = "proxyLate";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(egressError(step)), WITHIN_MS);
  });
  async function open(): Promise<Duct> {
    await socket.opened.catch(async () => {
      throw egressError((await isUnknown(hostname)) ? "proxyUnresolved" : "proxyUnreached");
    });
    await askForTunnel(socket, proxy, target);
    step = "handshakeFailed";
    return target.secure ? await secure(socket, { proxy, hostname: target.hostname }) : socket;
  }
  try {
    return await Promise.race([open(), late]);
  } catch (error) {
    socket.close().catch(() => {}); // it never opened
    throw error instanceof UpstreamError ? error : egressError(step);
  } finally {
    clearTimeout(timer);
  }
}

/** The platform does not say why a socket did not open. Asks Cloudflare's resolver. */
async function isUnknown(hostname: string): Promise<boolean> {
  if (hostname === "localhost") return false;
  return lookup(hostname).then(
    () => false,
    (error: { code?: unknown }) => error.code === "ENOTFOUND",
  );
}

async function askForTunnel(socket: Duct, { authorization }: ConnectProxy, target: Target): Promise<void> {
  const reader = socket.readable.getReader();
  const writer = socket.writable.getWriter();
  try {
    const host = hostOf(target);
    const credentials = authorization ? `Proxy-Authorization: ${authorization.reveal()}\r\n` : "";
    const request = `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n${credentials}\r\n`;
    await writer.write(new TextEncoder().encode(request)).catch(() => {}); // what it said before it went tells more
    const status = await readStatus(reader);
    if (status < 200 || status > 299) throw egressError(connectFailure(status));
  } finally {
    reader.releaseLock();
    writer.releaseLock();
  }
}

const BROKEN = { value: undefined, done: true } as const;

/** Nothing may follow the head: the host behind the proxy speaks when it is spoken to. */
async function readStatus(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<number> {
  const decoder = new TextDecoder("latin1");
  let head = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => BROKEN);
    if (done) throw egressError(head === "" ? "proxyUnreached" : "noProxy"); // without a word, it is on its way down
    head += decoder.decode(value, { stream: true });
    const status = /^HTTP\/1\.\d (\d{3})\b/.exec(head)?.[1];
    if (head.length > LONGEST_HEAD || (!status && head.length > "HTTP/1.1 200".length)) return notAProxy();
    const end = head.indexOf("\r\n\r\n");
    // A refusal may have a body, which nobody reads.
    if (status && end !== -1 && (!status.startsWith("2") || end + 4 === head.length)) return Number(status);
    if (end !== -1) return notAProxy();
  }
}

function notAProxy(): never {
  throw egressError("noProxy");
}
