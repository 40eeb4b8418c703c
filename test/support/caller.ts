/** The Worker of `egress-worker.ts` on a real workerd. */
import { X509Certificate } from "node:crypto";
import { type Bundle, buildBundle, type Patch } from "./bundle.ts";
import type { Made, Order } from "./egress-worker.ts";
import { Workerd, type WorkerdOptions } from "./workerd.ts";

export interface Caller {
  worker: Workerd;
  /** `object` names the Durable Object that makes the calls. */
  order(order: Order, object?: string): Promise<Made[]>;
  stop(): Promise<void>;
}

/** Trust of the tunnel's own TLS in an authority; the platform's is given to `Workerd`. */
export function trusting(authority: string): Patch {
  const certificate = new X509Certificate(authority).raw.toString("base64");
  const list = "const CERTIFICATES = [";
  return { file: "egress/roots.ts", find: list, replace: `${list}"${certificate}",` };
}

/** The bundle of that Worker; the caller removes it when done. */
export function buildCaller(patches: readonly Patch[]): Promise<Bundle> {
  return buildBundle({ main: "test/support/egress-worker.ts", patches });
}

export async function startCaller(
  { file }: Bundle,
  settings: Record<string, string>,
  options: WorkerdOptions = {},
): Promise<Caller> {
  const needed = { QQ_APP_ID: "102000001", QQ_APP_SECRET: "DG5g3B4j9X2KOErG", MODEL: "ollama/none" };
  const worker = await Workerd.create(file, { ...needed, ...settings }, { ...options, objects: { CALLER: "Caller" } });
  await worker.start();
  return {
    worker,
    async order(order, object = "one") {
      const response = await fetch(`${worker.url}/${object}`, { method: "POST", body: JSON.stringify(order) });
      if (!response.ok) throw new Error(`the Worker answers ${response.status}: ${await response.text()}`);
      return (await response.json()) as Made[]; // our own Worker
    },
    stop: () => worker.remove(),
  };
}
