/** Limits and accounts over many chats at once, on the real thing: exact within the slack that ARCHITECTURE.md states. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { type Spending, tokensOf, total } from "../../src/spending.ts";
import { type Bench, startBench } from "../support/bench.ts";

const CHATS = 50;
const SPENT = "额度用完了";

async function ask({ qq }: Bench, chatId: string, text: string): Promise<string> {
  const { messageId } = await qq.say({ chatId, text });
  await qq.until(() => qq.ledger.answersTo(messageId).length > 0, 60_000);
  return qq.ledger.answersTo(messageId)[0]?.text ?? "";
}

const sum = (rows: readonly { spent: string | null }[]) =>
  total(rows.flatMap(({ spent }) => (spent ? [JSON.parse(spent) as Spending] : [])));

/** What stands in the accounts of all chats. */
async function carriedByChats({ worker }: Bench): Promise<Spending> {
  return sum(await worker.read("Conversation", "SELECT spent FROM account"));
}

/** What all chats know that they took, turn by turn and in their accounts. */
async function spentByChats(bench: Bench): Promise<Spending> {
  const entries = await bench.worker.read<{ spent: string | null }>(
    "Conversation",
    `SELECT result -> '$.spent' AS spent FROM step
     WHERE turn > coalesce((SELECT value ->> '$.upTo' FROM fact WHERE name = 'carriedOver'), 0)`,
  );
  return total([await carriedByChats(bench), sum(entries)]);
}

const TURN_TOKENS = 140; // of the demo model: 100 of the prompt, and the answer's characters

describe.each([
  { what: "tokens", settings: { DAILY_TOKENS: "15000" }, of: tokensOf, limit: 15_000, turn: TURN_TOKENS },
  {
    what: "money",
    settings: {
      DAILY_TOKENS: "0",
      DAILY_COST: "0.15",
      MODEL_PRICES: '{"openai-compatible/demo":{"input":10,"output":10}}',
    },
    of: ({ yuan }: Spending) => yuan,
    limit: 0.15,
    turn: (TURN_TOKENS * 10) / 1_000_000,
  },
])("the bot's limit in $what, with fifty chats at once", ({ settings, of, limit, turn }) => {
  it("holds but for a thousandth of it and two turns in each chat, and is told once", async () => {
    const bench = await startBench({ settings });
    try {
      const { qq } = bench;
      const chats = Array.from({ length: CHATS }, (_, chat) => `chat${chat}`);
      await Promise.all(
        chats.map(async (chatId) => {
          for (let message = 0; message < 100; message += 1) {
            const answer = await ask(bench, chatId, `#${chatId}x${message}`);
            if (answer.includes(SPENT)) return;
            expect(answer.length + 100).toBeLessThanOrEqual(TURN_TOKENS);
          }
          throw new Error("the limit was never reached");
        }),
      );
      const calls = qq.model.calls.length;
      await Promise.all(
        chats.map(async (chatId) => {
          await qq.say({ chatId, text: "and now?" });
          await ask(bench, chatId, "/ping"); // a command is answered, and after it nothing of the message before is to come
        }),
      );
      expect(qq.model.calls).toHaveLength(calls);
      const spent = await spentByChats(bench);
      expect(spent.calls).toBe(calls);
      expect(of(spent)).toBeGreaterThanOrEqual(limit);
      expect(of(spent)).toBeLessThanOrEqual(limit + CHATS * (limit / 1_000 + 2 * turn));
      for (const chatId of chats) {
        const told = qq.ledger.delivered.filter(({ chat, text }) => chat.id === chatId && text.includes(SPENT));
        expect(told, chatId).toHaveLength(1);
      }
    } finally {
      await bench.stop();
    }
  });
});

const KILLS = 12;
const TALKS = 8;

describe("a process that is killed again and again", () => {
  it("loses no accounting: each answer is in the ledger, each call that died as estimated, and the Bot's books are the chats'", async () => {
    const bench = await startBench({ settings: { DAILY_TOKENS: "2000000" } });
    try {
      const { qq, worker } = bench;
      let isTalking = true;
      const talks = Array.from({ length: TALKS }, async (_, chat) => {
        for (let message = 0; isTalking; message += 1) await ask(bench, `chat${chat}`, `#c${chat}x${message} !md`);
      });
      for (let kill = 0; kill < KILLS; kill += 1) {
        await new Promise((resolve) => setTimeout(resolve, 60 + (((kill + 1) * 7_919) % 300)));
        await worker.restart();
      }
      isTalking = false;
      await Promise.all(talks);
      await qq.until(() => qq.ledger.isSettled(), 60_000);
      // What was carried over is reported; the Bot may hear of it a moment later, or with the next turn where it was not reached.
      let booked: Spending | undefined;
      for (let look = 0; booked === undefined; look += 1) {
        if (look > 20) throw new Error("the Bot was not told");
        const carried = await carriedByChats(bench);
        if ((await worker.read("Conversation", "SELECT n FROM batch")).length > 0) {
          await Promise.all(talks.map((_, chat) => ask(bench, `chat${chat}`, "and now?")));
          continue;
        }
        const read = sum(await worker.read("Bot", "SELECT spent FROM account"));
        const isStill = isDeepStrictEqual(await carriedByChats(bench), carried); // else a chat was just about to tell
        if (!isStill) continue;
        booked = read;
        expect(booked).toEqual(carried);
      }
      expect(booked.calls).toBeGreaterThan(0);
      const chats = await spentByChats(bench);
      const { own } = qq.ledger.judge();
      expect(own).toBeGreaterThan(30);
      expect(chats.calls).toBeGreaterThanOrEqual(own);
      // A call is counted from its attempt on, which is stored before the model hears of it.
      expect(chats.calls).toBeGreaterThanOrEqual(qq.model.calls.length);
      expect(chats.calls).toBeLessThanOrEqual(qq.model.calls.length + KILLS * TALKS);
    } finally {
      await bench.stop();
    }
  });
});
