/**
 * TLS with the host behind the proxy. On Cloudflare's network `startTls` does not check the name that it is told to expect, but the
 * one that was dialled, which is the proxy's (cloudflare/workerd#6903): the handshake fails, or a proxy could show a certificate of
 * its own. So TLS is done here, by a library. A proxy on this very machine is only ever dialled by a runtime on this machine,
 * which does check the name, and trusts what the machine trusts (NODE_EXTRA_CA_CERTS).
 */
import { Duplex } from "node:stream";
import type { ConnectProxy } from "../way.ts";
import { type Root, readRoot } from "./certificates.ts";
import type { Duct } from "./connection.ts";
import { egressError } from "./failure.ts";
import { handshake } from "./handshake.ts";
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
  return handshake(asNodeStream(socket), { hostname, roots: trustedRoots() });
}

let kept: readonly Root[] | undefined;

function trustedRoots(): readonly Root[] {
  kept ??= ROOTS.map(readRoot);
  return kept;
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
        ({ value, done }) => {
          // What the library answers leaves as one: of two pieces, the second may wait 40 ms for a receipt of the first.
          stream.cork();
          stream.push(done ? null : value);
          queueMicrotask(() => stream.uncork());
        },
        (error) => stream.destroy(error),
      );
    },
    write(chunk, _encoding, done) {
      writer.write(chunk).then(() => done(), done);
    },
    writev(chunks, done) {
      writer.write(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
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
