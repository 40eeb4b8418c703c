/** NUMBERS.md, of what was measured. */
import { isReached, type Limit, limitsOf } from "./limits.ts";
import type { Rounds } from "./rounds.ts";
import { CHATS, CROWD, RATES } from "./run.ts";
import type { Figure } from "./statistics.ts";

/** Where and when. */
export interface About {
  date: string;
  machine: string;
  versions: string;
  commit: string;
  command: string;
  rounds: number;
  tookMin: number;
  bundleKiB: number;
  bundleRawKiB: number;
}

export interface Run {
  about: About;
  rounds: Rounds;
}

const CROWDED = CROWD.toLocaleString("en");
const RATE_NAMES = Object.keys(RATES).map((rate) => `${rate}/s`);

export function reportOf(run: Run, before: Run | undefined): string {
  return [
    HEAD,
    aboutRun(run, before),
    limits(run, before),
    noise(run),
    acknowledgements(run),
    answers(run),
    crowded(run),
    billed(run),
    starts(run),
    onDisk(run),
    tunnel(run),
  ].join("\n\n");
}

const HEAD = `# Numbers

Written by \`npm run bench\`; do not edit. 由 \`npm run bench\` 生成,不要手改。

All on one machine: the deployable bundle on plain workerd, the local QQ, the demo model and the load, which share its two cores.
Storage is in memory (tmpfs) unless it says otherwise. So times say nothing of Cloudflare's network; **ratios** do, beside the
*floor*: a Worker and object that verify, store one row, set an alarm and run an empty one
(\`test/bench/workers/floor.ts\`), measured within the same seconds. Nothing here is an assertion of a test.

A figure is the median of the rounds; behind it the lowest and the highest. All of it as JSON: [docs/numbers.json](docs/numbers.json).`;

function aboutRun({ about }: Run, before: Run | undefined): string {
  const { date, machine, versions, commit, command, rounds, tookMin } = about;
  return [
    `${date} · ${machine} · ${versions} · commit ${commit} · \`${command}\`: ${rounds === 1 ? "one round" : `${rounds} rounds`}, ${tookMin.toFixed(0)} minutes.`,
    before ? `“The run before” is of ${before.about.date}, commit ${before.about.commit}.` : "",
  ]
    .filter(Boolean)
    .join("\n");
}

function limits({ rounds }: Run, before: Run | undefined): string {
  const earlier = new Map((before ? limitsOf(before.rounds) : []).map((limit) => [limit.what, limit]));
  const list = limitsOf(rounds);
  const rows = list.map((limit) => {
    const old = earlier.get(limit.what);
    return [
      limit.what,
      limit.atMost === undefined ? `≥ ${withUnit(limit.atLeast ?? 0, limit)}` : `≤ ${withUnit(limit.atMost, limit)}`,
      shown(limit.figure, limit),
      old ? shown(old.figure, old) : "–",
      isReached(limit) ? "yes" : "**no**",
    ];
  });
  const missed = list.filter((limit) => !isReached(limit));
  const why = missed.map(({ what, why = "not looked into yet." }) => `Not reached: ${what}. ${why}`);
  return ["## What is asked for", table(["", "limit", "this run", "the run before", "reached"], rows), ...why].join(
    "\n\n",
  );
}

function noise({ rounds }: Run): string {
  const rows = RATE_NAMES.map((rate) => [
    rate,
    ...["p50", "p99"].map((part) =>
      times(rounds.ratio(`acknowledged floor again ${rate} ${part}`, `acknowledged floor ${rate} ${part}`)),
    ),
  ]);
  return `## How large the noise is

The floor beside itself, as a second process, in the same rounds: what differs by no more than this does not differ.

${table(["callbacks", "p50", "p99"], rows)}

Highest rate of the floor beside itself: ${times(rounds.ratio("most floor again perSecond", "most floor perSecond"))}.`;
}

function acknowledgements({ rounds }: Run): string {
  const beds = ["floor", "withheld", "direct", "tunnel"] as const;
  const rows = RATE_NAMES.flatMap((rate) =>
    beds.map((bed) => {
      const key = `acknowledged ${bed} ${rate}`;
      const beside = (part: string) =>
        bed === "floor" ? "–" : times(rounds.ratio(`${key} ${part}`, `acknowledged floor ${rate} ${part}`));
      return [
        rate,
        BED_WORDS[bed],
        ms(rounds.of(`${key} p50`)),
        beside("p50"),
        ms(rounds.of(`${key} p99`)),
        beside("p99"),
      ];
    }),
  );
  return `## Until a callback is acknowledged

Over ${CHATS} chats, half private and half groups, each callback over a connection of its own.

${table(["callbacks", "", "p50", "beside the floor", "p99", "beside the floor"], rows)}

Where turns run, the acknowledgement waits for its share of the one thread that all objects have here; on Cloudflare's network chats
are spread over machines.`;
}

const BED_WORDS = {
  floor: "floor",
  withheld: "ours, turns withheld",
  direct: "ours, turns running",
  tunnel: "ours, turns running, through the tunnel",
} as const;

function answers({ rounds }: Run): string {
  const ways = ["direct", "tunnel"] as const;
  const rows = [
    ["added to an answer, p50", ...ways.map((way) => ms(rounds.of(`added ${way} p50`)))],
    ["added to an answer, p99", ...ways.map((way) => ms(rounds.of(`added ${way} p99`)))],
    ["highest rate without a loss", ...ways.map((way) => number(rounds.of(`most ${way} perSecond`), 0, "/s"))],
    ["CPU of workerd for a turn, less the floor's callback", ...ways.map((way) => cpuBeyondFloor(rounds, way))],
    ["memory of workerd at rest", ...ways.map((way) => number(rounds.of(`at rest ${way} memoryMiB`), 0, " MiB"))],
    [
      "memory of workerd after the highest rate",
      ...ways.map((way) => number(rounds.of(`most ${way} memoryMiB`), 0, " MiB")),
    ],
  ];
  return `## Until a message is answered

Added: from the post of the callback until QQ has the answer, less the time of the model; nothing is taken off for QQ. At 20
messages a second over ten chats. Highest rate: ${CHATS} chats, each writing again as soon as it is answered, the ledger of the local
QQ clean: nothing lost, doubled or out of order. CPU is that of the whole process over all rounds of it.

${table(["", "direct", "through the tunnel"], rows)}

CPU for a callback with turns withheld, less the floor's: ${cpuBeyondFloor(rounds, "withheld")}; the floor itself:
${number(rounds.of("most floor cpuMs"), 2, " ms")}.`;
}

function cpuBeyondFloor(rounds: Rounds, bed: string): string {
  return number(rounds.difference(`most ${bed} cpuMs`, "most floor cpuMs"), 2, " ms");
}

function crowded({ rounds }: Run): string {
  const pairs: [string, string, string, (figure: Figure) => string][] = [
    ...RATE_NAMES.flatMap((rate) =>
      (["withheld", "direct", "tunnel"] as const).flatMap((bed) =>
        ["p50", "p99"].map((part): [string, string, string, typeof ms] => [
          `acknowledged, ${rate}, ${BED_WORDS[bed].replace("ours, ", "")}, ${part}`,
          `acknowledged ${bed} ${rate} ${part}`,
          `acknowledged crowded ${bed} ${rate} ${part}`,
          ms,
        ]),
      ),
    ),
    ...(["direct", "tunnel"] as const).flatMap((bed): [string, string, string, (figure: Figure) => string][] => [
      [`added to an answer, ${bed}, p50`, `added ${bed} p50`, `added crowded ${bed} p50`, ms],
      [`added to an answer, ${bed}, p99`, `added ${bed} p99`, `added crowded ${bed} p99`, ms],
      [
        `highest rate, ${bed}`,
        `most ${bed} perSecond`,
        `most crowded ${bed} perSecond`,
        (figure) => number(figure, 0, "/s"),
      ],
      [
        `CPU for a turn, ${bed}`,
        `most ${bed} cpuMs`,
        `most crowded ${bed} cpuMs`,
        (figure) => number(figure, 2, " ms"),
      ],
    ]),
    ["added to an answer, direct, p50, beside ten chats in all", "added ten p50", "added crowded direct p50", ms],
  ];
  const rows = pairs.map(([what, few, many, write]) => [
    what,
    write(rounds.of(few)),
    write(rounds.of(many)),
    times(rounds.ratio(many, few)),
  ]);
  return `## With ${CROWDED} chats

The same, where ${CROWDED} chats have been answered before, of which the same number takes part; beside the few hundred that take part.

${table(["", "few", CROWDED, "times"], rows)}`;
}

function billed({ rounds }: Run): string {
  const cell = (key: string) =>
    `${rounds.of(`billed ${key} rows`).median} / ${rounds.of(`billed ${key} requests`).median}`;
  return `## What a turn is billed

Rows written and requests to objects, counted in the running Worker, up to the answer; forgetting it later costs four or five rows
more. The free plan has 100,000 of each a day.

${table(
  ["rows / requests", "private chat", "group"],
  [
    ["first message of a chat", cell("c2c first"), cell("group first")],
    ["any later one", cell("c2c plain"), cell("group plain")],
  ],
)}`;
}

function starts({ about, rounds }: Run): string {
  const row = (name: string, key: string) => [
    name,
    ms(rounds.of(`start-up ${key} readyMs`)),
    ms(rounds.of(`start-up ${key} firstRequestMs`)),
    ms(rounds.of(`start-up ${key} totalMs`)),
  ];
  return `## Start-up

The bundle has ${about.bundleKiB.toFixed(0)} KiB gzip, ${about.bundleRawKiB.toFixed(0)} KiB unpacked.

${table(
  ["from the start of the process", "until it listens: read", "first request: evaluated", "together"],
  [row("an empty Worker", "empty"), row("bare hono", "bareHono"), row("ours", "ours")],
)}

First callback of a cold process with nothing stored, until acknowledged: the floor ${ms(rounds.of("cold floor acknowledgedMs"))},
ours ${ms(rounds.of("cold direct acknowledgedMs"))}; until its answer, with the access token fetched and the agent loaded:
${ms(rounds.of("cold direct answeredMs"))}.

A newcomer: ${seconds(rounds.of("newcomer page"))} from \`npm start\` to the page, ${seconds(rounds.of("newcomer answer"))} to the first
answer on it.`;
}

function onDisk({ rounds }: Run): string {
  const rows = (["disk floor", "disk withheld", "disk direct"] as const).map((bed) => [
    bed.replace("disk ", ""),
    ...["p50", "p99"].map((part) => ms(rounds.of(`acknowledged ${bed} 50/s ${part}`))),
  ]);
  return `## On a disk

The same at 50 callbacks a second, with the storage on this machine's own disk, which has to say that it has written.

${table(["", "acknowledged, p50", "p99"], rows)}

Added to an answer there: p50 ${ms(rounds.of("added disk direct p50"))}, p99 ${ms(rounds.of("added disk direct p99"))}.`;
}

function tunnel({ rounds }: Run): string {
  return `## What the tunnel costs

Fifty calls over kept-alive connections (\`node test/bench/egress.ts\`): ${ms(rounds.of("egress direct"))} a call straight,
${ms(rounds.of("egress tunnel"))} through tinyproxy with the library's TLS (${times(rounds.of("egress ratio"))}),
${ms(rounds.of("egress localTunnel"))} with the runtime's.
`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, n) => (n === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

function shown(figure: Figure, { unit }: Limit): string {
  if (unit === "times") return times(figure);
  return unit === "ms" ? ms(figure) : number(figure, 0, "/s");
}

function withUnit(value: number, { unit }: Limit): string {
  return unit === "times" ? `${value}×` : `${value}${unit === "ms" ? " ms" : unit}`;
}

function times(figure: Figure): string {
  return number(figure, 2, "×");
}

function ms(figure: Figure): string {
  return number(figure, figure.median < 10 ? 2 : 0, " ms");
}

function seconds(figure: Figure): string {
  return number(figure, 1, " s");
}

/** Without the rounds where there was only one. */
function number({ median, low, high }: Figure, digits: number, unit: string): string {
  const middle = `${median.toFixed(digits)}${unit}`;
  return low === high ? middle : `${middle} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}
