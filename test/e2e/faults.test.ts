/** QQ and the model misbehave: each ends as the error table says, and nothing is lost. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Asked } from "../../src/simulator/ledger.ts";
import { type Bench, startBench } from "../support/bench.ts";

describe("bad weather", () => {
  let bench: Bench;
  let count = 0;

  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());
  beforeEach(() => {
    bench.qq.weather.clear();
    bench.qq.tokenWeather.clear();
    bench.qq.model.weather.clear();
    bench.qq.refusesAddress = false;
  });

  /** A question in a chat of its own. */
  async function ask(
    text = "",
    more: { scene?: "c2c" | "group"; chatId?: string; sentAtMs?: number } = {},
  ): Promise<Asked> {
    count += 1;
    return bench.qq.say({ chatId: `weather-${count}`, text: `#w${count} ${text}`, ...more });
  }
  const answers = (asked: Asked) => bench.qq.ledger.answersTo(asked.messageId).map(({ text }) => text);
  const refusals = (asked: Asked) => bench.qq.ledger.refused.filter(({ msgId }) => msgId === asked.messageId);

  async function expectOneAnswer(asked: Asked): Promise<void> {
    await bench.qq.until(() => answers(asked).length > 0);
    expect(bench.qq.ledger.judge().fates.get(asked.messageId)).toBe("own");
    expect(bench.qq.ledger.judge().doubled).toEqual([]);
  }

  async function expectOneSentence(asked: Asked, sentence: RegExp): Promise<void> {
    await bench.qq.until(() => answers(asked).length > 0);
    expect(answers(asked)).toHaveLength(1);
    expect(answers(asked)[0]).toMatch(sentence);
    expect(answers(asked)[0]).toMatch(/编号 [0-9a-z]{6}/);
  }

  describe("of QQ", () => {
    it("delivers once when QQ answers 5xx for a while", async () => {
      bench.qq.weather.set({ kind: "refuse", status: 503 }, { times: 3 });
      await expectOneAnswer(await ask());
    });

    it("delivers once when connections break before QQ has read the message", async () => {
      bench.qq.weather.set({ kind: "drop" }, { times: 2 });
      await expectOneAnswer(await ask());
    });

    it("delivers once when the connection breaks after QQ has delivered", async () => {
      bench.qq.weather.set({ kind: "deliverThenDrop" });
      const asked = await ask();
      await bench.qq.until(() => refusals(asked).length > 0);
      expect(refusals(asked).map(({ code }) => code)).toEqual([40054005]);
      await expectOneAnswer(asked);
    });

    it("delivers once when the gateway fails after QQ has delivered", async () => {
      bench.qq.weather.set({ kind: "deliverThenFail", status: 502 });
      const asked = await ask();
      await bench.qq.until(() => refusals(asked).length > 0);
      await expectOneAnswer(asked);
    });

    it("renews a token that QQ forgets early, once, and sends again", async () => {
      await expectOneAnswer(await ask());
      const before = bench.qq.tokenRequests;
      bench.qq.expireToken();
      await expectOneAnswer(await ask());
      expect(bench.qq.tokenRequests).toBe(before + 1);
    });

    it("asks for the token once for many chats", async () => {
      bench.qq.expireToken();
      const before = bench.qq.tokenRequests;
      await Promise.all(Array.from({ length: 10 }, async () => expectOneAnswer(await ask())));
      expect(bench.qq.tokenRequests).toBe(before + 1);
    });

    it("waits as long as a 429 says", async () => {
      bench.qq.weather.set({ kind: "refuse", status: 429, retryAfterS: 2 });
      const asked = await ask();
      await expectOneAnswer(asked);
      const [refused] = refusals(asked);
      const [answer] = bench.qq.ledger.answersTo(asked.messageId);
      expect((answer?.atMs ?? 0) - (refused?.atMs ?? 0)).toBeGreaterThanOrEqual(2_000);
    });

    it("tells the operator of 11298, sends nothing more, and gives the kept answer with the next message", async () => {
      bench.qq.refusesAddress = true;
      const first = await ask("", { chatId: "walled" });
      const requests = bench.qq.tokenRequests;
      await bench.qq.until(() => refusals(first).length > 0);
      await bench.worker.until(
        ({ event, outcome, messages }) =>
          event === "turn.ended" && outcome === "failed" && String(messages).includes(first.messageId),
      );
      // The typing notice and the answer, each once.
      expect(refusals(first).map(({ code }) => code)).toEqual([11298, 11298]);
      expect(bench.qq.tokenRequests).toBe(requests);

      bench.qq.refusesAddress = false;
      const second = await ask("", { chatId: "walled" });
      await bench.qq.until(() => answers(second).length > 0);
      expect(answers(second)[0]).toContain("没能送达");
      const third = await bench.qq.say({ chatId: "walled", text: "继续" });
      await bench.qq.until(() => answers(third).length > 0);
      expect(answers(third)[0]).toContain(first.text.trim());
    });

    it("says that QQ blocked the text when it did", async () => {
      bench.qq.weather.set({
        kind: "refuse",
        status: 400,
        body: { code: 40034006, err_code: 40034006, message: "blocked" },
      });
      await expectOneSentence(await ask(), /没有通过 QQ 的审核/);
    });

    it("defuses links that QQ refuses", async () => {
      bench.qq.weather.set({
        kind: "refuse",
        status: 400,
        body: { code: 40054010, err_code: 40054010, message: "url" },
      });
      const asked = await bench.qq.say({ chatId: "links", text: "see https://www.example.com/a.html" });
      await bench.qq.until(() => answers(asked).length > 0);
      expect(answers(asked)[0]).toContain("www[.]example[.]com");
    });

    it("halves a part that is too long for QQ", async () => {
      bench.qq.weather.set({
        kind: "refuse",
        status: 400,
        body: { code: 40054007, err_code: 40054007, message: "long" },
      });
      const asked = await ask("!long1");
      await bench.qq.until(() => answers(asked).length >= 2);
      expect(bench.qq.ledger.judge().fates.get(asked.messageId)).toBe("own");
    });

    it("gets another token when the token endpoint fails for a while", async () => {
      bench.qq.tokenWeather.set({ kind: "refuse", status: 500 }, { times: 2 });
      bench.qq.expireToken();
      await expectOneAnswer(await ask());
    });

    it("keeps what does not fit the reply budget, and gives it on 「继续」", async () => {
      const asked = await ask("!long9", { chatId: "budget" });
      // Three, beside the typing notice.
      await bench.qq.until(() => answers(asked).length === 3);
      expect(answers(asked)[2]).toContain("发送「继续」");
      const more = await bench.qq.say({ chatId: "budget", text: "继续" });
      const [, of = 0] = /,1\/(\d+)\)/.exec(answers(asked)[0] ?? "") ?? [];
      await bench.qq.until(() => answers(more).at(-1)?.includes(`,${of}/${of})`) === true);
      expect(bench.qq.ledger.judge()).toMatchObject({ torn: [], doubled: [] });
      expect(refusals(asked)).toEqual([]);
    });
  });

  describe("of the model", () => {
    /** In a group, with most of its window gone: what is left for the model is short. */
    const late = () => ({ scene: "group" as const, sentAtMs: Date.now() - 226_000 });

    it.each(["silent", "stall"] as const)(
      "says inside the window that there is nothing yet when the model is $0, and asks again on 「继续」",
      async (kind) => {
        bench.qq.model.weather.set({ kind });
        const asked = await ask("", { ...late(), chatId: `slow-${kind}` });
        await bench.qq.until(() => answers(asked).length > 0);
        expect(answers(asked)).toEqual([expect.stringContaining("过一会儿发送「继续」")]);
        await bench.worker.restart(); // what the model was at is gone
        const more = await bench.qq.say({ scene: "group", chatId: `slow-${kind}`, text: "继续" });
        await bench.qq.until(() => answers(more).length > 0);
        expect(answers(more)[0]).toContain(asked.text.trim());
        expect(answers(asked)).toHaveLength(1);
      },
    );

    it("waits for a slow model", async () => {
      bench.qq.model.weather.set({ kind: "slow", ms: 1_500 });
      await expectOneAnswer(await ask());
    });

    it("asks again after a 429 of the model", async () => {
      bench.qq.model.weather.set({ kind: "status", status: 429, retryAfterS: 1 });
      await expectOneAnswer(await ask());
    });

    it("says so when the model stays too busy", async () => {
      bench.qq.model.weather.set({ kind: "status", status: 429 }, { times: 10 });
      await expectOneSentence(await ask(), /太忙/);
    });

    it("asks again once after a 500 of the model", async () => {
      bench.qq.model.weather.set({ kind: "status", status: 500 });
      await expectOneAnswer(await ask());
    });

    it("says so when the model fails twice", async () => {
      bench.qq.model.weather.set({ kind: "status", status: 500 }, { times: 2 });
      await expectOneSentence(await ask(), /没能给出回答/);
    });

    it("asks again when the model is cut off, and gives one whole answer", async () => {
      bench.qq.model.weather.set({ kind: "cut" });
      await expectOneAnswer(await ask());
    });

    it("asks again after an empty answer", async () => {
      bench.qq.model.weather.set({ kind: "empty" });
      await expectOneAnswer(await ask());
    });

    it("says that the setup is wrong when the model refuses the key", async () => {
      bench.qq.model.weather.set({ kind: "status", status: 401 });
      await expectOneSentence(await ask(), /模型设置有问题/);
    });
  });

  it("tells nobody's secret in all that", () => {
    expect(bench.worker.output).not.toContain(bench.qq.appSecret);
    expect(bench.worker.output).not.toMatch(/token-[0-9a-f]{8}-/);
  });
});
