/** Many chats at once: nothing lost, doubled or out of order; joined messages count as joined. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Scene } from "../../src/event.ts";
import { type Bench, startBench } from "../support/bench.ts";

const CHATS = 20;
const MESSAGES = 10;
/** One person, several, one, several. */
const SCENES: readonly Scene[] = ["c2c", "group", "guildDm", "guildChannel"];

describe("twenty chats at once", () => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());

  const chats = (name: string) =>
    Array.from({ length: CHATS }, (_, index) => ({
      chatId: `${name}-${index}`,
      scene: SCENES[index % SCENES.length] ?? "c2c",
      people: index % 2 ? 3 : 1,
    }));

  it("answers each message by itself when its chat waits for the answer", async () => {
    const { qq } = bench;
    await Promise.all(
      chats("alone").map(async ({ chatId, scene }, chat) => {
        for (let message = 0; message < MESSAGES; message += 1) {
          const { messageId } = await qq.say({ chatId, scene, text: `#alone${chat}x${message}` });
          await qq.until(() => qq.ledger.answersTo(messageId).length > 0);
        }
      }),
    );
    const verdict = qq.ledger.judge();
    expect(verdict).toMatchObject({
      own: CHATS * MESSAGES,
      joined: 0,
      told: 0,
      lost: [],
      torn: [],
      doubled: [],
      outOfOrder: [],
    });
  });

  it("answers bursts, joining what comes while nothing is visible yet", async () => {
    const { qq } = bench;
    const before = qq.ledger.judge();
    await Promise.all(
      chats("burst").map(async ({ chatId, scene, people }, chat) => {
        for (let message = 0; message < MESSAGES; message += 1) {
          await qq.say({ chatId, scene, sender: `P${message % people}`, text: `#burst${chat}x${message}` });
        }
      }),
    );
    await qq.until(() => qq.ledger.isSettled(), 60_000);
    const verdict = qq.ledger.judge();
    expect(verdict).toMatchObject({ told: 0, lost: [], torn: [], doubled: [], outOfOrder: [] });
    expect(verdict.own + verdict.joined - before.own).toBe(CHATS * MESSAGES);
    expect(verdict.joined).toBeGreaterThan(0);
    // A guild channel takes five messages a second; QQ says so, and the rest follows.
    expect(qq.ledger.refused.filter(({ code }) => code !== 20028)).toEqual([]);
  });

  it("gives one answer and one model call for a callback delivered five times, in parallel and after a restart", async () => {
    const { qq, worker } = bench;
    const calls = qq.model.calls.length;
    const { asked, body } = qq.compose({ chatId: "five", text: "#five" });
    qq.ledger.asked.push(asked);
    await Promise.all(Array.from({ length: 3 }, () => qq.deliver(asked, body)));
    await qq.until(() => qq.ledger.answersTo(asked.messageId).length > 0);
    await qq.deliver(asked, body);
    await worker.restart();
    await qq.deliver(asked, body);
    // Whatever a duplicate would start comes before the answer to a later message of the same chat.
    await qq.say({ chatId: "five", text: "#six" });
    await qq.until(() => qq.ledger.isSettled());
    expect(asked.deliveries).toEqual([200, 200, 200, 200, 200]);
    expect(qq.ledger.answersTo(asked.messageId)).toHaveLength(1);
    expect(qq.model.calls.length - calls).toBe(2);
  });
});
