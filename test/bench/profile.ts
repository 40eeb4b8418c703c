/**
 * Where the time goes: `node test/bench/profile.ts direct` (or `floor`, `withheld`, `tunnel`) drives one Worker and prints what
 * its CPU was used for, by module and by function, in microseconds for each callback. Under the profiler everything is slower.
 */
import { readFileSync } from "node:fs";
import { WebSocket } from "undici";
import { freePort } from "../support/workerd.ts";
import { type Kind, openWorkshop } from "./beds.ts";
import { compose } from "./load.ts";
import { giveEach } from "./measures.ts";

const COUNT = 2_000;
const CHATS = 200;
const SAMPLE_US = 500;
const SHOWN = 40;

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; lineNumber: number }; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
}

const kind = (process.argv[2] ?? "direct") as Kind; // an unknown one has no bundle, which says so
const workshop = await openWorkshop({ isReadable: true });
try {
  const inspectorPort = await freePort();
  const bed = await workshop.make(kind, { inspectorPort });
  await bed.worker.start();
  try {
    const drive = async (count: number) => {
      const callbacks = await compose(bed.qq, { name: "profile", chats: CHATS, count });
      return () => giveEach(bed, { callbacks, answered: kind === "direct" || kind === "tunnel" });
    };
    await (await drive(2 * CHATS))();
    const measured = await drive(COUNT);
    const profile = await profiled(inspectorPort, measured);
    print(profile, modulesOf(readFileSync(workshop.bundles[kind].file, "utf8")));
  } finally {
    await bed.worker.remove();
  }
} finally {
  await workshop.close();
}

async function profiled(port: number, work: () => Promise<void>): Promise<Profile> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? "");
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const answers = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id: number; result: unknown };
    answers.get(id)?.(result);
  });
  let id = 0;
  const ask = (method: string, params = {}) =>
    new Promise<unknown>((resolve) => {
      id += 1;
      answers.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
  await ask("Profiler.enable");
  await ask("Profiler.setSamplingInterval", { interval: SAMPLE_US });
  await ask("Profiler.start");
  await work();
  const { profile } = (await ask("Profiler.stop")) as { profile: Profile };
  socket.close();
  return profile;
}

/** The bundle names each module in a comment before it: line -> module. */
function modulesOf(bundle: string): (line: number) => string {
  const starts = bundle.split("\n").flatMap((text, line) => {
    const [, path] = /^\s*\/\/ \S*?((?:src|test|node_modules)\/\S+)$/.exec(text) ?? [];
    return path ? [{ line, path: path.replace(/^.*node_modules\//, "") }] : [];
  });
  return (line) => (line < 0 ? "(runtime)" : (starts.findLast((start) => start.line <= line)?.path ?? "(bundle)"));
}

function print({ nodes, samples, timeDeltas }: Profile, moduleOf: (line: number) => string): void {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const [bySelf, byTotal, byModule] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  const add = (map: Map<string, number>, key: string, us: number) => map.set(key, (map.get(key) ?? 0) + us);
  const nameOf = (node: number) => {
    const { functionName = "", lineNumber = -1 } = frames.get(node) ?? {};
    return `${functionName || "(anonymous)"}  ${moduleOf(lineNumber)}:${lineNumber}`;
  };
  for (const [n, sample] of samples.entries()) {
    const us = timeDeltas[n] ?? 0;
    add(bySelf, nameOf(sample), us);
    const seen = new Set<string>();
    let owner: string | undefined;
    for (let node: number | undefined = sample; node !== undefined; node = parents.get(node)) {
      const name = nameOf(node);
      if (!seen.has(name)) add(byTotal, name, us);
      seen.add(name);
      const line = frames.get(node)?.lineNumber ?? -1;
      if (line >= 0) owner ??= moduleOf(line); // what the runtime does for a module is that module's
    }
    add(byModule, owner ?? nameOf(sample), us);
  }
  for (const [title, map] of Object.entries({
    "by module": byModule,
    "by function": bySelf,
    "with callees": byTotal,
  })) {
    console.log(`\n${title}, µs per callback`);
    for (const [name, us] of [...map].sort(([, a], [, b]) => b - a).slice(0, SHOWN))
      console.log(`${(us / COUNT).toFixed(0).padStart(8)}  ${name}`);
  }
}
