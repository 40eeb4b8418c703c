/** From where QQ is called: which address, over which connection. Addresses are those of TCP; no header is believed. */
import type { HttpBindings } from "@hono/node-server";
import type { Context, MiddlewareHandler } from "hono";

type Bindings = { Bindings: HttpBindings };

/** A call of QQ, the token included, as it came in. */
export interface Call {
  method: string;
  /** As it was written, with what is escaped in it. */
  path: string;
  headers: Headers;
  /** Where the TCP connection comes from. */
  address: string;
  /** The same number for all calls of one TCP connection, from 1. */
  connection: number;
}

export class Callers {
  /** How many TCP connections have brought at least one call of QQ. What asks only the model or `/egress-address` has no number. */
  connections = 0;
  /** How many of those are open. */
  openConnections = 0;
  /** Calls of QQ so far, by the address they came from. */
  readonly callsFrom = new Map<string, number>();
  /** Called for every call of QQ before it is answered. */
  onCall: ((call: Call) => void) | undefined;
  /** Called when one of the connections has closed. */
  onClose: (() => void) | undefined;
  readonly #numbers = new WeakMap<object, number>();

  /** Counts what is routed after it. */
  count(): MiddlewareHandler<Bindings> {
    return async (c, next) => {
      const { method, headers, url } = c.req.raw;
      const address = addressOf(c);
      const connection = this.#numberOf(c);
      this.callsFrom.set(address, (this.callsFrom.get(address) ?? 0) + 1);
      this.onCall?.({ method, path: new URL(url).pathname, headers, address, connection });
      await next();
    };
  }

  #numberOf(c: Context<Bindings>): number {
    const { socket } = c.env.incoming;
    const known = this.#numbers.get(socket);
    if (known) return known;
    this.connections += 1;
    this.openConnections += 1;
    socket.once("close", () => {
      this.openConnections -= 1;
      this.onClose?.();
    });
    this.#numbers.set(socket, this.connections);
    return this.connections;
  }
}

export function addressOf({ env }: { env: HttpBindings }): string {
  return plainAddress(env.incoming.socket.remoteAddress ?? "");
}

/** A socket that listens on IPv6, too, names IPv4 as `::ffff:192.0.2.1`. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}

/** What Cloudflare's trace page tells of its caller, as far as anybody reads it. */
export function traceOf(c: Context<Bindings>): Response {
  return c.text(`ip=${addressOf(c)}\n`);
}
