/** A CONNECT tunnel. */
import type { Proxy } from "../config.ts";
import { egressError } from "./failure.ts";
import type { WayOut } from "./transport.ts";

export function openTunnel(_proxy: Proxy): WayOut {
  return {
    async transport() {
      throw egressError("proxyUnreached");
    },
    rest() {},
  };
}
