/** An HTTPS server with manners of every kind, for what a way out has to stand. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";

export interface Upstream {
  /** `https://localhost:<port>` */
  url: string;
  port: number;
  /** TCP connections so far, and those that are open. */
  connections: number;
  open: ReadonlySet<Socket>;
  /** Method and path of each call, in order. */
  calls: string[];
  /** Resolves when as many connections are open. */
  untilOpen(count: number): Promise<void>;
  stop(): Promise<void>;
}

type Manner = (request: IncomingMessage, response: ServerResponse, received: Buffer) => void;

const MANNERS: Record<string, Manner> = {
  /** What came in. */
  "/echo": ({ method, headers }, response, received) =>
    response.end(JSON.stringify({ method, headers, received: received.length })),
  "/big": (_, response) => {
    const piece = Buffer.alloc(65_536, "b");
    let left = 20_000_000;
    const write = () => {
      while (left > 0) {
        const size = Math.min(left, piece.length);
        left -= size;
        if (!response.write(piece.subarray(0, size))) return void response.once("drain", write);
      }
      response.end();
    };
    write();
  },
  "/gzip": (_, response) => {
    response.setHeader("content-encoding", "gzip");
    response.end(gzipSync("compressed ".repeat(1_000)));
  },
  "/close": (_, response) => {
    response.setHeader("connection", "close");
    response.end("the last one");
  },
  /** Says a part of what it promises, then breaks off. */
  "/cut": (_, response) => {
    response.setHeader("content-length", "1000");
    response.write("only this");
    setImmediate(() => response.socket?.destroy());
  },
  /** Answers, and ends its side of the connection when that is read. */
  "/halfclose": ({ socket }, response) => {
    response.once("finish", () => socket.end()).end("bye");
  },
  /** Takes the call and breaks off without a word. */
  "/dropped": (request) => {
    request.socket.destroy();
  },
  "/silent": () => {},
};

export async function startUpstream(tls: { key: string; cert: string }): Promise<Upstream> {
  const open = new Set<Socket>();
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const server: Server = createServer({ ...tls, keepAliveTimeout: 60_000 }, (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "https://localhost");
    upstream.calls.push(`${request.method} ${pathname}`);
    if (pathname === "/early") {
      response.statusCode = 413;
      return void response.end("too large");
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => {});
    request.on("end", () => MANNERS[pathname]?.(request, response, Buffer.concat(chunks)));
  });
  server.on("connection", (socket: Socket) => {
    upstream.connections += 1;
    open.add(socket);
    changed();
    socket
      .on("error", () => {})
      .once("close", () => {
        open.delete(socket);
        changed();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // listening on a port
  const upstream: Upstream = {
    url: `https://localhost:${port}`,
    port,
    connections: 0,
    open,
    calls: [],
    async untilOpen(count) {
      if (open.size === count) return;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${open.size} are open, not ${count}`)), 10_000);
        const look = () => {
          if (open.size !== count) return;
          clearTimeout(timer);
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
      });
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return upstream;
}
