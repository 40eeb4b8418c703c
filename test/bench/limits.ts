/** What the figures have to be, on a machine of two cores, and what stands in the way where one is not reached. */

import type { Rounds } from "./rounds.ts";
import { CROWD } from "./run.ts";
import type { Figure } from "./statistics.ts";

export interface Limit {
  what: string;
  figure: Figure;
  /** In what the figure counts. */
  unit: "times" | "ms" | "/s";
  atMost?: number;
  atLeast?: number;
  /** Found by profiling: said where the limit is not reached. */
  why?: string;
}

const CROWDED = CROWD.toLocaleString("en");
const UP_TO_A_TENTH = 1.1;

export function limitsOf(rounds: Rounds): Limit[] {
  const withheld = "acknowledged withheld 200/s";
  const floor = "acknowledged floor 200/s";
  return [
    {
      what: "acknowledgement at 200/s, turns withheld, p50, beside the floor",
      figure: rounds.ratio(`${withheld} p50`, `${floor} p50`),
      unit: "times",
      atMost: 1.3,
    },
    {
      what: "acknowledgement at 200/s, turns withheld, p99, beside the floor",
      figure: rounds.ratio(`${withheld} p99`, `${floor} p99`),
      unit: "times",
      atMost: 1.5,
      why:
        "Of 1,600 callbacks 16 decide it, which are two or three stalls of 20 ms, of the machine or of a collection of garbage: the " +
        "floor has them as well, in other rounds (see how far it is from itself, below).",
    },
    { what: "added to an answer, p50", figure: rounds.of("added direct p50"), unit: "ms", atMost: 10 },
    { what: "answers, without a loss", figure: rounds.of("most direct perSecond"), unit: "/s", atLeast: 170 },
    {
      what: `added to an answer, p50, with ${CROWDED} chats beside ten`,
      figure: rounds.ratio("added crowded direct p50", "added ten p50"),
      unit: "times",
      atMost: UP_TO_A_TENTH,
    },
    {
      what: `time of an answer at the highest rate, with ${CROWDED} chats beside few`,
      figure: rounds.ratio("most direct perSecond", "most crowded direct perSecond"),
      unit: "times",
      atMost: UP_TO_A_TENTH,
    },
    {
      what: `acknowledgement at 200/s, turns withheld, p50, with ${CROWDED} chats beside few`,
      figure: rounds.ratio("acknowledged crowded withheld 200/s p50", `${withheld} p50`),
      unit: "times",
      atMost: UP_TO_A_TENTH,
    },
    {
      what: "start-up until the first answer, beside bare hono",
      figure: rounds.ratio("start-up ours totalMs", "start-up bareHono totalMs"),
      unit: "times",
      atMost: 2,
      why:
        "V8 reads the whole bundle before anything of it runs, also what is only evaluated with the first turn: nearly all of " +
        "the difference lies before the process listens. Most of the bundle are the AI SDK's provider packages with zod, and " +
        "TLS for the tunnel. A module of its own would not help: workerd compiles every module of an upload when it starts.",
    },
  ];
}

export function isReached({ figure, atMost, atLeast }: Limit): boolean {
  return (atMost === undefined || figure.median <= atMost) && (atLeast === undefined || figure.median >= atLeast);
}
