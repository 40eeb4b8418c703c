/**
 * TLS with the host behind the proxy. On Cloudflare's network `startTls` does not check the name that it is told to expect, but the
 * one that was dialled, which is the proxy's (cloudflare/workerd#6903): the handshake fails, or a proxy could show a certificate of
 * its own. So TLS is done here, by a library. A proxy on this very machine is only ever dialled by a runtime on this machine,
 * which does check the name, and trusts what the machine trusts (NODE_EXTRA_CA_CERTS).
 */
import { Duplex } from "node:stream";
import { TLSSocket } from "lemon-tls";
import type { ConnectProxy } from "../way.ts";
import type { Duct } from "./connection.ts";
import { type EgressFailure, egressError } from "./failure.ts";
import { ROOTS } from "./roots.ts";

interface Peer {
  proxy: ConnectProxy;
  hostname: string;
}

/** @throws UpstreamError `certificateRefused`, or `handshakeFailed` for any other reason. */
export async function secure(socket: Socket, { proxy, hostname }: Peer): Promise<Duct> {
  return isLoopback(proxy.hostname) && !proxy.secure ? byRuntime(socket, hostname) : byLibrary(socket, hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d+){3}$/.test(hostname);
}

async function byRuntime(socket: Socket, hostname: string): Promise<Duct> {
  const tls = socket.startTls({ expectedServerHostname: hostname });
  tls.closed.catch(() => {}); // whoever uses it hears of it
  await tls.opened.catch(() => {
    throw egressError("certificateRefused"); // it does not say more
  });
  return tls;
}

async function byLibrary(socket: Socket, hostname: string): Promise<Duct> {
  const raw = asNodeStream(socket);
  // `ca` must never be empty: then any certificate would do. It may be a list, which its types do not say.
  const tls = new TLSSocket(raw, { servername: hostname, ca: ROOTS as unknown as string });
  tls.on("error", () => {}); // once it stands, "close" follows
  await new Promise<void>((resolve, reject) => {
    tls.once("secureConnect", resolve);
    tls.once("error", (error) => reject(egressError(failureOf(error))));
    tls.once("close", () => reject(egressError("handshakeFailed")));
  });
  return {
    readable: new ReadableStream<Uint8Array>(
      {
        start(controller) {
          tls.on("data", (chunk: Uint8Array) => {
            controller.enqueue(chunk);
            // The library reads on whatever happens: what is under it has to stop.
            if ((controller.desiredSize ?? 0) <= 0) raw.pause();
          });
          // The far end has said its last, in TLS or in TCP, or we have: `close` itself comes late.
          const ended = new Promise<void>((resolve) => {
            for (const event of ["end", "finish", "close"]) raw.once(event, () => resolve());
          });
          void ended.then(() => controller.close());
        },
        pull() {
          raw.resume();
        },
      },
      { highWaterMark: 65_536, size: (chunk) => chunk.byteLength },
    ),
    writable: new WritableStream<Uint8Array>({
      write: (chunk) =>
        new Promise((resolve, reject) => {
          tls.write(chunk, (error) => (error ? reject(error) : resolve()));
        }),
    }),
    close: () => socket.close(),
  };
}

/** `Duplex.fromWeb` would leave the socket open when the library ends the stream (measured). */
function asNodeStream(socket: Socket): Duplex {
  const reader = socket.readable.getReader();
  const writer = socket.writable.getWriter();
  writer.closed.catch(() => {}); // whoever writes hears of it
  const stream = new Duplex({
    allowHalfOpen: false,
    read() {
      reader.read().then(
        ({ value, done }) => stream.push(done ? null : value),
        () => stream.destroy(),
      );
    },
    write(chunk, _encoding, done) {
      writer.write(chunk).then(() => done(), done);
    },
    destroy(error, done) {
      socket.close().then(
        () => done(error),
        () => done(error),
      );
    },
  });
  return stream;
}

function failureOf({ message }: Error): EgressFailure {
  return message.startsWith("Peer certificate validation failed") ? "certificateRefused" : "handshakeFailed";
}
