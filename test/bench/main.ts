/**
 * `npm run bench`: measures, prints NUMBERS.md and writes it, with docs/numbers.json beside it. `--rounds N` makes fewer rounds
 * or more; only five or more are written.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { buildBundle, ROOT } from "../support/bundle.ts";
import { type About, type Run, reportOf } from "./report.ts";
import { Rounds } from "./rounds.ts";
import { measureAll } from "./run.ts";

const ENOUGH_ROUNDS = 5;
const NUMBERS = join(ROOT, "NUMBERS.md");
const JSON_FILE = join(ROOT, "docs/numbers.json");

const { values: flags } = parseArgs({
  options: { rounds: { type: "string", default: String(ENOUGH_ROUNDS) }, json: { type: "boolean", default: false } },
});
const count = Number(flags.rounds);
if (!Number.isInteger(count) || count < 1) throw new RangeError("--rounds must be a whole number from 1 up");

const startedAtMs = performance.now();
const since = () => (performance.now() - startedAtMs) / 60_000;
const rounds = await measureAll(count, (words) => console.error(`${since().toFixed(1)} min  ${words}`));
const run: Run = { about: await about(count), rounds };
const report = reportOf(run, readBefore());
const json = JSON.stringify({ about: run.about, rounds: rounds.values }, (_, value) => rounded(value), 2);
console.log(flags.json ? json : report);
if (count >= ENOUGH_ROUNDS) {
  writeFileSync(NUMBERS, report);
  writeFileSync(JSON_FILE, `${json}\n`);
}

async function about(count: number): Promise<About> {
  const bundle = await buildBundle();
  const code = readFileSync(bundle.file);
  await bundle.remove();
  const [cpu] = cpus();
  const memoryGiB = Math.round(totalmem() / 2 ** 30);
  const version = (name: string) => {
    const { version } = JSON.parse(readFileSync(join(ROOT, `node_modules/${name}/package.json`), "utf8"));
    return `${name} ${version}`;
  };
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpu?.model.trim()}), ${memoryGiB} GiB, Linux ${release()}`,
    versions: [`Node ${process.version.slice(1)}`, version("workerd"), version("wrangler")].join(", "),
    commit: git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "src") === "" ? "" : " and changes"),
    command: `npm run bench${count === ENOUGH_ROUNDS ? "" : ` -- --rounds ${count}`}`,
    rounds: count,
    tookMin: since(),
    bundleKiB: gzipSync(code).length / 1024,
    bundleRawKiB: code.length / 1024,
  };
}

function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
}

/** The run that was written last. */
function readBefore(): Run | undefined {
  try {
    const { about, rounds } = JSON.parse(readFileSync(JSON_FILE, "utf8"));
    return { about, rounds: new Rounds(rounds) };
  } catch {
    return undefined; // there was none
  }
}

function rounded(value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}
