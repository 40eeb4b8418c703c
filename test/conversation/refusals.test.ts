/**
 * QQ says no and insists, once for every row of the error table and every scene: it is asked as often as the row allows,
 * nobody is left without a word for ever, and nothing is said twice.
 */
import { describe, expect, it } from "vitest";
import type { Remedy } from "../../src/errors.ts";
import type { Scene } from "../../src/event.ts";
import { API_ERRORS, type ErrorRow } from "../../src/qq/error-codes.ts";
import { ChatWorld, type SendOutcome } from "../support/chat-world.ts";

const SCENES: readonly Scene[] = ["c2c", "group", "guildChannel", "guildDm"];
/** A stream that is out of step has been shown: that row is for streams alone. */
const ROWS = API_ERRORS.filter(({ otherwise }) => otherwise !== "alreadySent").map((row) => ({
  row,
  code: row.codes[0] ?? row.ranges?.[0]?.[0] ?? 0,
}));
const ANSWER = "**bold** words and https://www.example.com/page.html";
const RULED = new Set<Remedy>(["refreshToken", "retryOnce", "backOff"]);

/** How often the same words go out under the same number before the next remedy has its turn. */
const REPETITIONS: Partial<Record<Remedy, number>> = { refreshToken: 1, retryOnce: 1, backOff: 6 };

/** Lets QQ answer every attempt in this way until the turn has ended; returns how often it was asked. */
async function insist(world: ChatWorld, outcome: SendOutcome): Promise<number> {
  let sends = 0;
  for (let step = 0; world.openTurns() > 0; step += 1) {
    if (step > 500) throw new Error("it is tried for ever");
    if (world.sending().length > 0) {
      sends += 1;
      await world.settleSend(outcome);
    } else await world.advance(5_000);
  }
  return sends;
}

async function asked(scene: Scene): Promise<ChatWorld> {
  const world = new ChatWorld(scene);
  await world.say("hello");
  await world.settleModel({ kind: "answer", text: ANSWER });
  return world;
}

const remediesOf = ({ remedy, otherwise }: ErrorRow) => [remedy, otherwise].filter((one) => one !== undefined);

describe.each(SCENES)("in a %s", (scene) => {
  it.each(ROWS)("a persistent $code is asked no more often than its row allows", async ({ row, code }) => {
    const world = await asked(scene);
    const sends = await insist(world, { kind: "refuse", code });
    const remedies = remediesOf(row);
    const repetitions = remedies.reduce((sum, remedy) => sum + (REPETITIONS[remedy] ?? 0), 0);
    const changes = remedies.some((remedy) => remedy === "degradeToText" || remedy === "stripLinks") ? 1 : 0;
    if (row.remedy === "alreadySent") {
      // A number that is taken is left for the next one, as often as the message may be answered.
      expect(world.outcomes()[0]?.outcome).toBe(row.isDuplicate ? "failed" : "answered");
      expect(sends).toBeLessThanOrEqual(row.isDuplicate ? 5 : 1);
      return;
    }
    expect(sends).toBeLessThanOrEqual((1 + repetitions) * (1 + changes) * (row.blocksText ? 2 : 1));
    expect(sends).toBeGreaterThanOrEqual(1 + changes);
    expect(world.arrived).toEqual([]);
    await world.drain();
    expect(world.failures).toHaveLength(1);
    expect(world.failures[0]).toMatchObject({ summary: row.meaning, advice: row.advice, told: false });
  });

  it.each(ROWS.filter(({ row }) => row.remedy !== "alreadySent" && row.forbids !== "replies"))(
    "after $code the next answer says that one is missing, and 「继续」 gives it",
    async ({ row, code }) => {
      const world = await asked(scene);
      await insist(world, { kind: "refuse", code });
      await world.say("and now?");
      await world.drain();
      expect(world.texts()).toHaveLength(1);
      expect(world.texts()[0]).toMatch(row.blocksText ? /没有通过 QQ 的审核/ : /没能送达/);
      if (row.blocksText) return;
      await world.say("继续");
      await world.drain();
      expect(world.texts()).toHaveLength(2);
      expect(world.texts()[1]).toContain("words and");
    },
  );

  it.each(ROWS.filter(({ row }) => RULED.has(row.remedy)))(
    "a passing $code delays the answer and changes nothing of it",
    async ({ code }) => {
      const world = await asked(scene);
      await world.settleSend({ kind: "refuse", code });
      await world.drain();
      expect(world.arrived).toMatchObject([{ form: "markdown", text: expect.stringContaining("**bold**") }]);
      expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
      expect(world.broken).toEqual([]);
    },
  );
});
