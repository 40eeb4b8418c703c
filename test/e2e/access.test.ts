/** Who may spend the owner's tokens: strangers, the owner, approvals and denials, on the real Worker. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimCode } from "../../src/claim-code.ts";
import type { Scene } from "../../src/event.ts";
import { Secret } from "../../src/log.ts";
import type { Asked } from "../../src/simulator/ledger.ts";
import { tokensOf } from "../../src/spending.ts";
import { type Bench, startBench } from "../support/bench.ts";

describe("a bot that pairs", () => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await startBench({ settings: { ACCESS: "pairing" } });
  });
  afterAll(() => bench.stop());

  async function say(text: string, chatId: string, more: { scene?: Scene; sender?: string } = {}): Promise<Asked> {
    return bench.qq.say({ text, chatId, ...more });
  }
  async function answerTo(asked: Asked): Promise<string> {
    await bench.qq.until(() => bench.qq.ledger.answersTo(asked.messageId).length > 0);
    return bench.qq.ledger.answersTo(asked.messageId)[0]?.text ?? "";
  }
  const ask = async (text: string, chatId: string, more: { scene?: Scene; sender?: string } = {}) =>
    answerTo(await say(text, chatId, more));
  const codeIn = (text: string) => /配对码 ([2-9A-Z]{6})/.exec(text)?.[1] ?? "";
  const modelCalls = () => bench.qq.model.calls.length;

  it("asks no model for strangers, and tells them how they get in", async () => {
    const first = await ask("hello", "stranger");
    expect(first).toContain("/claim");
    expect(codeIn(first)).toHaveLength(6);
    expect(codeIn(await ask("继续", "stranger"))).toBe(codeIn(first));
    expect(modelCalls()).toBe(0);
  });

  it("belongs to whoever knows the claim code, and to nobody who guesses", async () => {
    const code = await claimCode(new Secret(bench.qq.appSecret));
    expect(bench.worker.output.split(code)).toHaveLength(2); // logged once
    for (let guess = 0; guess < 6; guess += 1) await ask(`/claim AAAAA-${10_000 + guess}`, "guesser");
    expect(await ask(`/claim ${code}`, "guesser")).toContain("输错太多次");
    expect(await ask(`/claim ${code}`, "nobody", { scene: "group" })).toContain("认领码不对");
    expect(await ask(`/claim ${code.toLowerCase()}`, "owner")).toContain("认领成功");
    expect(await ask(`/claim ${code}`, "owner")).toContain("已经是主人");
    expect(await ask(`/claim ${code}`, "stranger")).toContain("已经有主人");
    expect(modelCalls()).toBe(0);
    expect(await ask("#mine", "owner")).toContain("#mine");
  });

  it("lets in whom the owner allows, and only on the owner's word", async () => {
    const code = codeIn(await ask("hello", "stranger"));
    expect(await ask(`/allow ${code}`, "stranger")).toContain("只有主人");
    expect(await ask("/allow", "owner")).toContain(code);
    expect(await ask("/allow WRONG2", "owner")).toContain("没有这个配对码");
    expect(await ask(`/allow ${code.toLowerCase()}`, "owner")).toContain("可以和我聊天了");
    expect(await ask("#in", "stranger")).toContain("#in");
    expect(await ask("/deny c2c:owner", "owner")).toContain("主人自己");
  });

  it("opens a group by the owner's word, for everybody in it", async () => {
    const group = { scene: "group" as const };
    const code = codeIn(await ask("hello", "club", { ...group, sender: "ann" }));
    const calls = modelCalls();
    expect(await ask(`/pair ${code}`, "club", { ...group, sender: "ann" })).toContain("只有主人");
    expect(await ask(`/pair ${code}`, "owner")).toContain("可以和我聊天了");
    expect(modelCalls()).toBe(calls);
    expect(await ask("#bob", "club", { ...group, sender: "bob" })).toContain("#bob");
  });

  it("ends what runs for somebody who is denied, says so once, and is silent from then on", async () => {
    bench.qq.model.weather.set({ kind: "slow", ms: 3_000 });
    const running = await say("#cut", "stranger");
    await bench.qq.until(() => bench.qq.typings.some(({ msgId }) => msgId === running.messageId));
    expect(await ask("/deny c2c:stranger", "owner")).toContain("不再理会");
    const calls = modelCalls();
    expect(await ask("hello?", "stranger")).toContain("主人没有同意");
    const ignored = await say("hello??", "stranger");
    await bench.worker.until(
      ({ event, outcome, messages }) =>
        event === "turn.ended" && outcome === "dismissed" && String(messages).includes(ignored.messageId),
    );
    expect(bench.qq.ledger.answersTo(ignored.messageId)).toEqual([]);
    expect(bench.qq.ledger.answersTo(running.messageId)).toEqual([]);
    expect(modelCalls()).toBe(calls);
    await ask("/allow c2c:stranger", "owner");
    expect(await ask("#again", "stranger")).toContain("#again");
  });

  it("keeps its rules over a restart", async () => {
    await bench.worker.restart();
    expect(await ask("#still", "owner")).toContain("#still");
    expect(codeIn(await ask("hello", "another"))).toHaveLength(6);
  });
});

describe("a bot with a list", () => {
  it("says that it talks only to whom its owner has named, without a code", async () => {
    const bench = await startBench({ settings: { ACCESS: "allowlist" } });
    try {
      const asked = await bench.qq.say({ text: "hello" });
      await bench.qq.until(() => bench.qq.ledger.answersTo(asked.messageId).length > 0);
      expect(bench.qq.ledger.answersTo(asked.messageId)[0]?.text).toContain("主人指定的人");
      expect(bench.qq.model.calls).toEqual([]);
    } finally {
      await bench.stop();
    }
  });
});

describe("a day's tokens", () => {
  const answered = async ({ qq }: Bench, text: string, chatId: string) => {
    const asked = await qq.say({ text, chatId });
    await qq.until(() => qq.ledger.answersTo(asked.messageId).length > 0);
    return qq.ledger.answersTo(asked.messageId)[0]?.text ?? "";
  };

  it("of a person are told to be spent, at no further cost, and another person still has theirs", async () => {
    const bench = await startBench({ settings: { DAILY_TOKENS_PER_PERSON: "150" } });
    try {
      const { qq } = bench;
      await answered(bench, "#one", "ann"); // the demo model says 100 and as many as its answer has characters
      await answered(bench, "#two", "ann");
      const calls = qq.model.calls.length;
      expect(await answered(bench, "#three", "ann")).toContain("你今天的额度用完了");
      expect(qq.model.calls).toHaveLength(calls);
      expect(await answered(bench, "#mine", "bob")).toContain("#mine");
    } finally {
      await bench.stop();
    }
  });

  it("of the bot are told to be spent in every chat, once its chats have reported them", async () => {
    const bench = await startBench({ settings: { DAILY_TOKENS: "15000" } });
    try {
      const { qq, worker } = bench;
      await answered(bench, "#first", "late");
      for (let turn = 0; turn < 2; turn += 1) await answered(bench, `#long${turn} !long9`, "ann");
      // A thousandth of the limit is told at once; the answer does not wait for that.
      const spent = async () => {
        const accounts = await worker.read<{ spent: string }>("Bot", "SELECT spent FROM account");
        return accounts.reduce((sum, account) => sum + tokensOf(JSON.parse(account.spent)), 0);
      };
      for (let look = 0; (await spent()) < 15_000; look += 1) {
        if (look > 100) throw new Error("the Bot was not told");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const calls = qq.model.calls.length;
      expect(await answered(bench, "#more", "ann")).toContain("机器人今天的额度用完了");
      expect(await answered(bench, "#new", "newcomer")).toContain("机器人今天的额度用完了");
      expect(qq.model.calls).toHaveLength(calls);
    } finally {
      await bench.stop();
    }
  });
});
