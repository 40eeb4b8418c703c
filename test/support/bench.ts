/**
 * The whole thing on one machine: a real bundle on a real workerd, the fake QQ and the demo model. What kills the process
 * is the test, at a crash point of the bundle or whenever it likes.
 */
import { EventEmitter, once } from "node:events";
import { createServer, type Server } from "node:http";
import type { CrashPoint } from "../../src/conversation/crash-point.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { buildBundle, type Patch } from "./bundle.ts";
import { createTestCA, type Program } from "./programs.ts";
import { WAYS, type WayName } from "./ways.ts";
import { Workerd } from "./workerd.ts";

const APP_ID = "102000001";
const APP_SECRET = "DG5g3B4j9X2KOErG";

export interface Bench {
  qq: FakeQQ;
  worker: Workerd;
  /** What the calls of QQ go through. Absent where they go straight. */
  program?: Program | undefined;
  /** Kills the process the next `times` times that it gets to `point` while `when` holds, and starts it again. */
  killAt(point: CrashPoint, options?: { times?: number; when?: () => boolean }): void;
  disarm(): void;
  /** How often the process was killed at each point, and started again. */
  hits: ReadonlyMap<CrashPoint, number>;
  /** Resolves when the process has been killed at `point` so often. */
  untilKilled(point: CrashPoint, times: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startBench({
  patches = [],
  crashPoints = false,
  settings = {},
  way: wayName = "direct",
}: {
  patches?: readonly Patch[];
  crashPoints?: boolean;
  settings?: Record<string, string>;
  way?: WayName;
} = {}): Promise<Bench> {
  const hits = new Map<CrashPoint, number>();
  let armed: { point: CrashPoint; left: number; when: () => boolean } | undefined;
  const killer = createServer(async (request, response) => {
    const point = (request.url ?? "").slice(1) as CrashPoint; // only the bundle's own crash points call here
    if (armed?.point !== point || armed.left === 0 || !armed.when()) return void response.end();
    armed.left -= 1;
    await worker.restart();
    hits.set(point, (hits.get(point) ?? 0) + 1);
    kills.emit("kill");
  });
  const kills = new EventEmitter();
  const killerUrl = crashPoints ? await listen(killer) : undefined;
  const ca = await createTestCA();
  const qq = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET });
  const url = await qq.start(0, wayName === "tunnel" ? { tls: await ca.issue("localhost") } : {});
  const way = await WAYS[wayName](url, ca);
  const bundle = await buildBundle({
    patches: [...patches, ...(way.patches ?? [])],
    ...(killerUrl !== undefined && { crashPointUrl: killerUrl }),
  });
  const worker = await Workerd.create(
    bundle.file,
    {
      QQ_APP_ID: APP_ID,
      QQ_APP_SECRET: APP_SECRET,
      MODEL: "openai-compatible/demo",
      MODEL_BASE_URL: `${url}/demo-model/v1`,
      ACCESS: "open",
      ...way.settings,
      ...settings,
    },
    way.options,
  );
  qq.callbackUrl = worker.callbackUrl;
  await worker.start();

  return {
    qq,
    worker,
    program: way.program,
    hits,
    killAt(point, { times = 1, when = () => true } = {}) {
      armed = { point, left: times, when };
    },
    async untilKilled(point, times) {
      while ((hits.get(point) ?? 0) < times) await once(kills, "kill", { signal: AbortSignal.timeout(30_000) });
    },
    disarm() {
      armed = undefined;
    },
    async stop() {
      await worker.remove();
      killer.closeAllConnections();
      killer.close();
      await qq.stop();
      await way.program?.stop();
      await ca.remove();
      await bundle.remove();
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}
