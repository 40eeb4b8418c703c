/**
 * One run of the benchmark: all Workers side by side, each measure of each of them once in a round, the floor among them.
 */
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bed, type Kind, memoryMiB, openWorkshop, type Workshop } from "./beds.ts";
import { measureBilled } from "./billed.ts";
import { measureEgress } from "./egress.ts";
import { measureFirstAnswer } from "./first-answer.ts";
import { compose } from "./load.ts";
import {
  giveEach,
  measureAcknowledgement,
  measureAdded,
  measureFirstCallback,
  measureStartUp,
  measureThroughput,
  warmUp,
} from "./measures.ts";
import { Rounds } from "./rounds.ts";

/** Callbacks in a second, and how many are measured: more where turns are withheld, or a single stall would be the p99. */
export const RATES = {
  50: { withheld: 200, answered: 150 },
  100: { withheld: 400, answered: 300 },
  200: { withheld: 1_600, answered: 600 },
} as const;
export const CHATS = 200;
export const CROWD = 10_000;
/** Chats that are measured where the others are only there. */
const FEW = 10;
const ADDED = { perSecond: 20, count: 120 } as const;
/** At the highest rate: 10,000 in five rounds of what CPU is told of, fewer where only the rate is. */
const MANY = 2_000;
const FEWER = 800;
const WARM = 800;
const REST_MS = 1_000;

/**
 * - `floor again` the floor once more: how far two measurements of the same thing are apart
 * - `crowded …`   where 10,000 chats exist
 * - `ten`         where no more than ten chats exist
 * - `disk …`      with its storage on this machine's disk
 */
export type BedName =
  | "floor"
  | "floor again"
  | "withheld"
  | "direct"
  | "tunnel"
  | "crowded withheld"
  | "crowded direct"
  | "crowded tunnel"
  | "ten"
  | "disk floor"
  | "disk withheld"
  | "disk direct";

const BEDS: Record<BedName, Kind> = {
  floor: "floor",
  "floor again": "floor",
  withheld: "withheld",
  direct: "direct",
  tunnel: "tunnel",
  "crowded withheld": "withheld",
  "crowded direct": "direct",
  "crowded tunnel": "tunnel",
  ten: "direct",
  "disk floor": "floor",
  "disk withheld": "withheld",
  "disk direct": "direct",
};
const NAMES = Object.keys(BEDS) as BedName[];
const IN_MEMORY = NAMES.filter((name) => name !== "ten" && !isOnDisk(name));
const ON_DISK = NAMES.filter(isOnDisk);
const ANSWERING = NAMES.filter(isAnswering);

/** Where it says how far it has come. */
export type Tell = (words: string) => void;

export async function measureAll(rounds: number, tell: Tell): Promise<Rounds> {
  const figures = new Rounds();
  tell("building");
  const workshop = await openWorkshop();
  const beds = new Map<BedName, Bed>();
  try {
    for (const name of NAMES)
      beds.set(name, await workshop.make(BEDS[name], isOnDisk(name) ? { within: tmpdir() } : {}));
    const bed = (name: BedName) => beds.get(name) as Bed; // all were made just now
    figures.note("billed", flat(await measureBilled(workshop)));
    tell(`making ${CROWD} chats`);
    await crowd(bed);
    for (const name of NAMES) {
      await bed(name).worker.start();
      await sleep(REST_MS);
      figures.note(`at rest ${name}`, { memoryMiB: memoryMiB(bed(name).worker) });
    }
    for (const name of ANSWERING) await warm(bed(name), name);
    for (let round = 0; round < rounds; round += 1) {
      tell(`round ${round + 1} of ${rounds}`);
      await measureRound(figures, bed, round);
      await measureStarts(figures, workshop, round);
    }
    for (const name of NAMES) await bed(name).worker.kill();
    tell("the tunnel by itself, and a newcomer's first answer");
    figures.note("egress", await measureEgress());
    figures.note("newcomer", await measureFirstAnswer());
    return figures;
  } finally {
    for (const { worker } of beds.values()) await worker.remove();
    await workshop.close();
  }
}

type Beds = (name: BedName) => Bed;

async function measureRound(figures: Rounds, bed: Beds, round: number): Promise<void> {
  // No two rounds in the same order: what comes later is not worse off each time.
  const inTurn = (names: readonly BedName[]) => names.map((_, n) => names[(n + round) % names.length] as BedName);
  for (const name of inTurn(NAMES.filter((one) => isAnswering(one)))) {
    const chats = chatsFor(name, { round, chats: FEW, part: 0 });
    figures.note(`added ${name}`, await measureAdded(bed(name), { ...chats, ...ADDED }));
  }
  for (const [part, [rate, counts]] of Object.entries(RATES).entries()) {
    for (const name of inTurn(IN_MEMORY)) {
      const count = counts[isAnswering(name) ? "answered" : "withheld"];
      const chats = chatsFor(name, { round, chats: CHATS, part: part + 1 });
      const load = { ...chats, perSecond: Number(rate), count, answered: isAnswering(name) };
      figures.note(`acknowledged ${name} ${rate}/s`, await measureAcknowledgement(bed(name), load));
    }
  }
  for (const name of inTurn(IN_MEMORY)) {
    const chats = chatsFor(name, { round, chats: CHATS, part: 4 });
    const count = name === "direct" || !isAnswering(name) ? MANY : FEWER;
    const load = { ...chats, count, answered: isAnswering(name) };
    figures.note(`most ${name}`, await measureThroughput(bed(name), load));
  }
  for (const name of inTurn(ON_DISK)) {
    const chats = chatsFor(name, { round, chats: CHATS, part: 1 });
    const load = { ...chats, perSecond: 50, count: RATES[50].withheld, answered: isAnswering(name) };
    figures.note(`acknowledged ${name} 50/s`, await measureAcknowledgement(bed(name), load));
  }
}

async function measureStarts(figures: Rounds, workshop: Workshop, round: number): Promise<void> {
  for (const kind of ["floor", "direct"] as const) {
    const cold = await workshop.make(kind);
    const name = `cold-${round}`;
    figures.note(`cold ${kind}`, await measureFirstCallback(cold, { answered: kind === "direct", name }));
    await cold.worker.remove();
  }
  const { direct, bareHono, empty } = workshop.bundles;
  for (const [name, bundle] of Object.entries({ ours: direct, bareHono, empty })) {
    const { worker } = await workshop.make("direct", { bundle, ...(bundle !== direct && { objects: {} }) });
    figures.note(`start-up ${name}`, await measureStartUp(worker, bundle === direct ? "/healthz" : "/"));
    await worker.remove();
  }
}

/** Ten thousand chats with a message and its answer each, for all that are to have them. */
async function crowd(bed: Beds): Promise<void> {
  const first = bed("crowded direct");
  await first.worker.start();
  for (let from = 0; from < CROWD; from += CHATS) {
    const callbacks = await compose(first.qq, { name: "crowd", from, chats: CHATS, count: CHATS });
    await giveEach(first, { callbacks, answered: true });
  }
  await first.worker.kill();
  for (const name of ["crowded withheld", "crowded tunnel"] as const) await bed(name).worker.inherit(first.worker);
}

/** The compiler has seen the code, as it has in a Worker that people use. */
async function warm(bed: Bed, name: BedName): Promise<void> {
  const chats = name === "ten" ? { name: "ten", chats: FEW } : { name: "warm", chats: CHATS };
  for (let given = 0; given < WARM; given += chats.chats) await warmUp(bed, { ...chats, answered: true });
}

/**
 * New chats in each round, so that no history grows; where 10,000 exist, some of those. Where turns are withheld, new ones for
 * each measurement, or questions would pile up.
 */
function chatsFor(name: BedName, { round, chats, part }: { round: number; chats: number; part: number }) {
  if (name === "ten") return { name: "ten", chats };
  const place = isAnswering(name) ? round : round * 5 + part;
  if (name.startsWith("crowded")) return { name: "crowd", chats, from: (place * CHATS) % CROWD };
  return { name: `${place}of${chats}`, chats };
}

function isOnDisk(name: BedName): boolean {
  return name.startsWith("disk");
}

function isAnswering(name: BedName): boolean {
  return BEDS[name] === "direct" || BEDS[name] === "tunnel";
}

/** `{ c2c: { plain: { rows: 10 } } }` as `{ "c2c plain rows": 10 }`. */
function flat(fields: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      typeof value === "number"
        ? [[name, value]]
        : Object.entries(flat(value as object)).map(([rest, inner]) => [`${name} ${rest}`, inner]),
    ),
  );
}
