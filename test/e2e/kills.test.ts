/** SIGKILL at every named crash point and at random times: one answer each, in order. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CrashPoint } from "../../src/conversation/crash-point.ts";
import { type Bench, startBench } from "../support/bench.ts";

const POINTS: readonly { point: CrashPoint; text: string }[] = [
  { point: "after-acknowledgement", text: "hello" },
  { point: "during-model-stream", text: "hello" },
  { point: "before-send", text: "hello" },
  { point: "after-send", text: "hello" },
  { point: "between-parts", text: "!long4" },
];
const KILLS = 20;

describe("a killed process", () => {
  let bench: Bench;
  let marker = 0;

  beforeAll(async () => {
    bench = await startBench({ crashPoints: true });
  });
  afterAll(() => bench.stop());

  const ask = (chatId: string, text: string) => {
    marker += 1;
    return bench.qq.say({ chatId, text: `#k${marker} ${text}`, scene: chatId.startsWith("g") ? "group" : "c2c" });
  };

  for (const { point, text } of POINTS) {
    it(`answers once and in order when killed ${KILLS} times at "${point}"`, async () => {
      const { qq, hits } = bench;
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const chat = `${kill % 2 ? "u" : "g"}-${point}-${kill % 5}`;
        bench.killAt(point);
        await ask(chat, text);
        await bench.untilKilled(point, kill);
        await ask(chat, "and then?");
        await qq.until(() => qq.ledger.isSettled());
      }
      bench.disarm();
      expect(hits.get(point)).toBe(KILLS);
      const verdict = qq.ledger.judge();
      expect(verdict).toMatchObject({ lost: [], torn: [], doubled: [], outOfOrder: [], told: 0 });
    });
  }

  it("answers once and in order when killed 20 times at random", async () => {
    const { qq, worker } = bench;
    let kills = 0;
    let talking = true;
    const killing = (async () => {
      // A fixed sequence of pauses: what happens in them is random enough.
      for (; kills < KILLS; kills += 1) {
        await new Promise((resolve) => setTimeout(resolve, 40 + ((kills * 7_919) % 400)));
        await worker.restart();
      }
      talking = false;
    })();
    const chats = Array.from({ length: 6 }, async (_, index) => {
      while (talking) await ask(`${index % 2 ? "u" : "g"}-random-${index}`, index % 3 ? "hello" : "!long3");
    });
    await Promise.all([killing, ...chats]);
    await qq.until(() => qq.ledger.isSettled(), 60_000);
    expect(kills).toBe(KILLS);
    expect(qq.ledger.judge()).toMatchObject({ lost: [], torn: [], doubled: [], outOfOrder: [] });
  });

  it("ends a turn that kills the process each time in one apology, and answers the next message of that chat", async () => {
    const { qq, hits } = bench;
    const before = hits.get("during-model-stream") ?? 0;
    bench.killAt("during-model-stream", {
      times: 100,
      when: () => qq.model.calls.at(-1)?.includes("#poison") === true,
    });
    const poison = await qq.say({ chatId: "u-poison", text: "#poison" });
    await qq.until(() => qq.ledger.answersTo(poison.messageId).length > 0);
    const next = await qq.say({ chatId: "u-poison", text: "#fine" });
    bench.disarm();
    await qq.until(() => qq.ledger.isSettled());
    expect(hits.get("during-model-stream")).toBe(before + 2);
    expect(qq.ledger.answersTo(poison.messageId).map(({ text }) => text.slice(0, 2))).toEqual(["抱歉"]);
    expect(qq.ledger.judge().fates.get(next.messageId)).toBe("own");
  });
});
