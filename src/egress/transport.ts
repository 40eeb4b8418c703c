/**
 * How bytes leave the Worker towards QQ. One type, shaped like `fetch`; the way is chosen by settings alone. QQ's calls take
 * it, calls of models and pages never do.
 */
import type { Way } from "../config.ts";
import { egressError } from "./failure.ts";

/**
 * Follows no redirect, whatever the request says. Rejects with an `UpstreamError` that says what is to be done, or, where
 * the platform gives no reason, with whatever it throws.
 */
export type Transport = (request: Request) => Promise<Response>;

/** A way out, with the connections that it keeps. Belongs to the object that opened it: sockets cannot be shared. */
export interface WayOut {
  transport: Transport;
  /**
   * Closes the connections that nothing uses. To be called when the work is done: an open one keeps its Durable Object in
   * memory, and billed (measured).
   */
  rest(): void;
}

/** Straight out, or to a relay when `QQ_API_BASE` names one. */
export const direct: Transport = (request) => fetch(request);

export function openWay(way: Way): WayOut {
  switch (way.kind) {
    case "direct":
      return { transport: direct, rest() {} };
    case "binding":
      return {
        transport: (request) =>
          way.binding.fetch(request).catch(() => {
            throw egressError("bindingFailed");
          }),
        rest() {},
      };
    case "tunnel": {
      let opened: Promise<WayOut> | undefined;
      return {
        async transport(request) {
          opened ??= import("./tunnel.ts").then(({ openTunnel }) => openTunnel(way.proxy));
          return (await opened).transport(request);
        },
        rest() {
          void opened?.then((tunnel) => tunnel.rest());
        },
      };
    }
    default:
      return way satisfies never;
  }
}
