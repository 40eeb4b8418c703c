/** The way out of the Worker towards QQ, as the settings say. */
import type { Way } from "../way.ts";
import { egressError } from "./failure.ts";
import { direct, type Transport } from "./transport.ts";

/** A way out, with the connections that it keeps. Belongs to the object that opened it: sockets cannot be shared. */
export interface WayOut {
  transport: Transport;
  /**
   * Closes the connections that nothing uses. To be called when the work is done: an open one keeps its Durable Object in
   * memory, and billed (measured).
   */
  rest(): void;
}

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
