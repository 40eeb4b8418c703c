/** What /usage says. */
import { describe, expect, it } from "vitest";
import type { Desk } from "../../src/commands/command.ts";
import { usage } from "../../src/commands/usage.ts";
import type { Scene } from "../../src/event.ts";
import { NOTHING_SPENT, type Spending } from "../../src/spending.ts";
import { message, NOW } from "../support/turns.ts";

const nothing = { today: NOTHING_SPENT, month: NOTHING_SPENT };
const some = (spent: Partial<Spending>) => ({ ...NOTHING_SPENT, ...spent });

async function said(answer: Awaited<ReturnType<Desk["usage"]>>, scene: Scene = "c2c"): Promise<string> {
  const desk = { usage: async () => answer } as Partial<Desk> as Desk; // all that it asks
  const reply = await usage.ask(desk, "", { message: message({ scene }), storedAtMs: NOW, nowMs: NOW });
  return reply.text;
}

describe("/usage", () => {
  it("tells calls, tokens in, cached and out, money and time, today and this month, in both languages", async () => {
    const today = some({
      calls: 2,
      inputTokens: 3_000,
      cachedTokens: 1_000,
      outputTokens: 500,
      ms: 3_000,
      yuan: 0.0123,
    });
    const month = some({ calls: 100, inputTokens: 1_234_567, outputTokens: 9, ms: 250_000, yuan: 3.456 });
    const text = await said({ person: { today, month }, all: nothing });
    expect(text).toContain("今天 2 次,3,500 token(输入 3,000,缓存 1,000,输出 500),¥0.0123,平均 1.5 秒");
    expect(text).toContain("本月 100 次,1,234,576 token(输入 1,234,567,输出 9),¥3.46,平均 2.5 秒");
    expect(text).toContain("today 2 calls, 3,500 tokens (in 3,000, 1,000 cached; out 500), ¥0.0123, 1.5 s each");
    expect(text).toContain("按标价估算");
    expect(text).not.toContain("所有人");
  });

  it("says nothing of money where no price is known, and says what is not in it where some are", async () => {
    const unpriced = some({ calls: 1, inputTokens: 7, unpricedTokens: 7 });
    expect(await said({ person: { today: unpriced, month: unpriced }, all: nothing })).not.toMatch(/¥|价|price/);
    const month = { ...unpriced, yuan: 1 };
    expect(await said({ person: { today: month, month }, all: nothing })).toContain("有 7 token 的模型不知道价格");
  });

  it("tells of everybody where there are several, and of the whole bot to whoever may know", async () => {
    expect(await said({ person: nothing, all: nothing }, "group")).toContain("这里所有人");
    expect(await said({ person: nothing, all: nothing, bot: nothing })).toContain("整个机器人");
  });

  it("never calls a little money none", async () => {
    const today = some({ calls: 1, yuan: 0.000_01 });
    expect(await said({ person: { today, month: today }, all: nothing })).toContain("< ¥0.0001");
  });
});
