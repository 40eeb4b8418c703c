/**
 * What a tunnel costs: calls over kept-alive connections from a Durable Object in workerd to an HTTPS server on this machine,
 * straight by `fetch` and through tinyproxy, in turns. `node test/bench/egress.ts` prints it; the benchmark imports it.
 */
import { buildCaller, startCaller, trusting } from "../support/caller.ts";
import type { Made } from "../support/egress-worker.ts";
import { createTestCA, startTinyproxy } from "../support/programs.ts";
import { startUpstream } from "../support/upstream.ts";
import { median } from "./statistics.ts";

/** Milliseconds of one call, the median of the rounds; each round is the mean of its calls, made one after the other. */
export interface EgressFigures {
  calls: number;
  rounds: number;
  direct: number;
  /** With the library's TLS, as when deployed. */
  tunnel: number;
  /** With the runtime's TLS, for a proxy on the same machine. */
  localTunnel: number;
  /** Times `direct`. */
  ratio: number;
  localRatio: number;
}

const CALLS = 50;
const ROUNDS = 15;

export async function measureEgress(): Promise<EgressFigures> {
  const ca = await createTestCA();
  const upstream = await startUpstream(await ca.issue("localhost"));
  const proxy = await startTinyproxy({ auth: { user: "ann", password: "p4ss" } });
  const bundle = await buildCaller([trusting(ca.cert)]);
  const through = (host: string) =>
    startCaller(bundle, { QQ_EGRESS_PROXY: `http://ann:p4ss@${host}:${proxy.port}` }, { trusts: [ca.cert] });
  const [remote, local] = [await through("0.0.0.0"), await through("127.0.0.1")];
  try {
    const body = JSON.stringify({ content: "你好", msg_type: 0, msg_id: "ROBOT1.0_0123456789", msg_seq: 1 });
    const call = { url: `${upstream.url}/echo`, method: "POST", body };
    const calls = Array.from({ length: CALLS }, () => call);
    const ways = {
      direct: () => remote.order({ calls, straight: true }),
      tunnel: () => remote.order({ calls }),
      localTunnel: () => local.order({ calls }),
    };
    const times = { direct: [] as number[], tunnel: [] as number[], localTunnel: [] as number[] };
    for (let round = -2; round < ROUNDS; round += 1) {
      for (const way of ["direct", "tunnel", "localTunnel"] as const) {
        const ms = meanMs(await ways[way]());
        if (round >= 0) times[way].push(ms); // the first ones open connections and warm up
      }
    }
    const [direct, tunnel, localTunnel] = [median(times.direct), median(times.tunnel), median(times.localTunnel)];
    const ratios = { ratio: tunnel / direct, localRatio: localTunnel / direct };
    return { calls: CALLS, rounds: ROUNDS, direct, tunnel, localTunnel, ...ratios };
  } finally {
    await Promise.all([remote.stop(), local.stop(), proxy.stop(), upstream.stop()]);
    await Promise.all([bundle.remove(), ca.remove()]);
  }
}

/** @throws Error if a call failed. */
function meanMs(made: readonly Made[]): number {
  const times = made.map((one) => {
    if ("failed" in one || one.status !== 200) throw new Error(`a call failed: ${JSON.stringify(one)}`);
    return one.tookMs;
  });
  return times.reduce((sum, ms) => sum + ms, 0) / times.length;
}

if (import.meta.main) console.log(JSON.stringify(await measureEgress(), undefined, 2));
