/** The Workers that are measured, each in a process of its own, on plain workerd. */
import { readFileSync } from "node:fs";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { type Bundle, buildBundle } from "../support/bundle.ts";
import { createTestCA } from "../support/programs.ts";
import { WAYS } from "../support/ways.ts";
import { Workerd, type WorkerdOptions } from "../support/workerd.ts";
import { now } from "./load.ts";

/** Storage in memory: this machine's disk would be measured otherwise. */
export const TMPFS = "/dev/shm";

const APP = { appId: "102000001", appSecret: "DG5g3B4j9X2KOErG" };

/** What runs. */
export type Kind =
  /** The least that a Worker can do. */
  | "floor"
  /** Ours, with alarms that do nothing. */
  | "withheld"
  /** Ours, as it is deployed. */
  | "direct"
  /** The same, with its calls of QQ through tinyproxy and TLS of its own. */
  | "tunnel";

export interface Bed {
  worker: Workerd;
  /** QQ and the model that it talks to. */
  qq: FakeQQ;
}

/** Built beside them, each for one measure of its own. */
type Extra = "counted" | "bareHono" | "empty";

export interface Workshop {
  bundles: Readonly<Record<Kind | Extra, Bundle>>;
  /** A new Worker, stopped, with nothing stored; `bundle` runs in its place. */
  make(
    kind: Kind,
    options?: Pick<WorkerdOptions, "within" | "inspectorPort" | "isQuiet" | "objects"> & { bundle?: Bundle },
  ): Promise<Bed>;
  close(): Promise<void>;
}

export async function openWorkshop({ isReadable = false } = {}): Promise<Workshop> {
  const ca = await createTestCA();
  const [plain, secure] = [new FakeQQ({ ...APP, now }), new FakeQQ({ ...APP, now })];
  const plainUrl = await plain.start();
  const secureUrl = await secure.start(0, { tls: await ca.issue("localhost") });
  const [direct, tunnel] = [await WAYS.direct(plainUrl, ca), await WAYS.tunnel(secureUrl, ca)];
  const build = (name: string) => buildBundle({ main: `test/bench/workers/${name}.ts`, isReadable });
  const bundles = {
    floor: await build("floor"),
    withheld: await build("withheld"),
    direct: await buildBundle({ isReadable }),
    tunnel: await buildBundle({ patches: tunnel.patches ?? [], isReadable }),
    counted: await build("counted"),
    bareHono: await build("bare-hono"),
    empty: await build("empty"),
  };
  return {
    bundles,
    async make(kind, { bundle = bundles[kind], ...options } = {}) {
      const [qq, url, way] = kind === "tunnel" ? [secure, secureUrl, tunnel] : [plain, plainUrl, direct];
      const settings = {
        QQ_APP_ID: APP.appId,
        QQ_APP_SECRET: APP.appSecret,
        MODEL: "openai-compatible/demo",
        MODEL_BASE_URL: `${url}/demo-model/v1`,
        ACCESS: "open",
        // Looked at for every turn, as by default, and never reached.
        DAILY_TOKENS: "1000000000000",
        DAILY_TOKENS_PER_PERSON: "1000000000000",
        ...way.settings,
      };
      const objects = kind === "floor" ? { objects: { FLOOR: "Floor" } } : {};
      const worker = await Workerd.create(bundle.file, settings, {
        within: TMPFS,
        isQuiet: true,
        ...objects,
        ...way.options,
        ...options,
      });
      return { worker, qq };
    },
    async close() {
      await Promise.all([plain.stop(), secure.stop(), tunnel.program?.stop()]);
      await Promise.all([ca.remove(), ...Object.values(bundles).map((bundle) => bundle.remove())]);
    },
  };
}

/** Linux counts in these. */
const TICK_MS = 10;

/** CPU that the process has used so far, of all its threads, in milliseconds (proc(5)). */
export function cpuMs({ pid }: Workerd): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Memory that the process holds, in MiB. */
export function memoryMiB({ pid }: Workerd): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
