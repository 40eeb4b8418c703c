/**
 * Calls through a CONNECT proxy. To each host a few connections, kept alive between calls and shared by all of them, each with
 * one call at a time; what finds none free waits in order.
 */
import pLimit, { type LimitFunction } from "p-limit";
import type { ConnectProxy } from "../way.ts";
import { type Duct, openConnection, type Target } from "./connection.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { egressError } from "./failure.ts";
import { Line } from "./line.ts";
import { type Outgoing, outgoing } from "./outgoing.ts";
import type { WayOut } from "./way-out.ts";

/** The platform gives an invocation six connections, and up to three models are asked beside. */
const MOST_CONNECTIONS = 3;
/** Longer, and something between us and QQ may have forgotten the connection without a word. */
const LONGEST_REST_MS = 30_000;
/** May be made again where the connection broke before a byte of the answer (RFC 9110, 9.2.2). */
const IDEMPOTENT = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"];

export interface TunnelOptions {
  now?: () => number;
  open?: (proxy: ConnectProxy, target: Target) => Promise<Duct>;
}

export function openTunnel(proxy: ConnectProxy, options: TunnelOptions = {}): WayOut {
  const hosts = new Map<string, Lines>();
  return {
    async transport(request) {
      const { origin, protocol, hostname, port } = new URL(request.url);
      const secure = protocol === "https:";
      const target = { secure, hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || (secure ? 443 : 80) };
      const lines = hosts.get(origin) ?? new Lines(proxy, target, options);
      hosts.set(origin, lines);
      return lines.call(await outgoing(request), request.signal);
    },
    rest() {
      for (const lines of hosts.values()) lines.rest();
    },
  };
}

/** The connections to one host. */
class Lines {
  readonly #open: () => Promise<Duct>;
  readonly #now: () => number;
  readonly #limit: LimitFunction = pLimit(MOST_CONNECTIONS);
  readonly #resting: Line[] = [];
  /** What becomes free is closed at once. */
  #isOver = false;

  constructor(proxy: ConnectProxy, target: Target, { now = Date.now, open = openConnection }: TunnelOptions) {
    this.#open = () => open(proxy, target);
    this.#now = now;
  }

  call(call: Outgoing, signal: AbortSignal): Promise<Response> {
    this.#isOver = false;
    return new Promise((resolve, reject) => {
      // Who gives up before anything is sent does not wait for a connection to do so.
      const giveUp = () => reject(egressError("proxyLate"));
      if (signal.aborted) return giveUp();
      signal.addEventListener("abort", giveUp);
      const sent = () => signal.removeEventListener("abort", giveUp);
      this.#limit(() => this.#make(call, signal, { sent, answered: resolve }))
        .catch(reject)
        .finally(sent);
    });
  }

  /** Resolves when its connection is free again. */
  async #make(call: Outgoing, signal: AbortSignal, { sent, answered }: Progress): Promise<void> {
    if (signal.aborted) return;
    const resting = this.#wake();
    let line = resting ?? (await this.#newLine());
    if (signal.aborted) return this.#free(line);
    sent();
    let answer: Exchange;
    try {
      answer = await exchange(line, call, signal);
    } catch (error) {
      // The far end may have closed it at the very moment in which it was taken up again.
      if (!resting || !isRepeatable(call) || signal.aborted) throw error;
      line = await this.#newLine().catch(() => {
        throw error; // the first attempt may have arrived, whatever becomes of the second
      });
      if (signal.aborted) {
        this.#free(line);
        throw egressError("late");
      }
      answer = await exchange(line, call, signal);
    }
    answered(answer.response);
    if (await answer.finished) this.#free(line);
    else line.close();
  }

  /** A connection that rests and is still open, the latest first. */
  #wake(): Line | undefined {
    for (;;) {
      const line = this.#resting.pop();
      if (!line || line.wake(this.#now(), LONGEST_REST_MS)) return line;
    }
  }

  async #newLine(): Promise<Line> {
    return new Line(await this.#open());
  }

  #free(line: Line): void {
    if (this.#isOver) return line.close();
    line.rest(this.#now());
    this.#resting.push(line);
  }

  rest(): void {
    this.#isOver = true;
    for (const line of this.#resting.splice(0)) line.close();
  }
}

interface Progress {
  /** From here on the call may have arrived. */
  sent(): void;
  answered(response: Response): void;
}

function isRepeatable({ method, stream }: Outgoing): boolean {
  return IDEMPOTENT.includes(method) && !stream;
}
