/** The simulator's page by its own server, with no QQ behind it: it shows what it is told, and nothing else happens. */
import { once } from "node:events";
import { serve } from "@hono/node-server";
import { Files } from "../../src/simulator/files.ts";
import type { Change, Snapshot } from "../../src/simulator/page/protocol.ts";
import type { Stage } from "../../src/simulator/page-actions.ts";
import { bundlePage } from "../../src/simulator/page-bundle.ts";
import { pageRoutes } from "../../src/simulator/page-server.ts";
import { freePort } from "./workerd.ts";

export interface StillPage {
  url: string;
  files: Files;
  /** To every page that is open. */
  tell(change: Change): void;
  stop(): Promise<void>;
}

export async function startStillPage(snapshot: Snapshot): Promise<StillPage> {
  const listeners = new Set<(change: Change) => void>();
  const subscribe = (listener: (change: Change) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const files = new Files();
  const stage: Partial<Record<keyof Stage, unknown>> = { state: { snapshot, subscribe }, files };
  const app = pageRoutes(stage as unknown as Stage, { bundle: await bundlePage() }); // no action is called
  const port = await freePort();
  const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${port}`,
    files,
    tell: (change) => {
      for (const listener of listeners) listener(change);
    },
    async stop() {
      if ("closeAllConnections" in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
