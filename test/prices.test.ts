/** What models cost, as it is shipped and as it is counted. */
import { describe, expect, it } from "vitest";
import { costOf, PRICES } from "../src/prices.ts";
import { isProvider, splitModel } from "../src/providers.ts";
import { isSpent, NOTHING_SPENT, spentOn } from "../src/spending.ts";

const MILLION = 1_000_000;

describe("the list of prices", () => {
  it.each(Object.entries(PRICES))(
    "names a model of a provider that there is, and no cache that costs extra: %s",
    (name, price) => {
      expect(isProvider(splitModel(name).provider)).toBe(true);
      expect(price.input).toBeGreaterThanOrEqual(price.cached ?? 0);
      expect(price.output).toBeGreaterThanOrEqual(price.input);
    },
  );
});

describe("the cost of a call", () => {
  it("is that of what was fresh, what was cached and what was written", () => {
    const tokens = { inputTokens: 3 * MILLION, cachedTokens: MILLION, outputTokens: 2 * MILLION };
    expect(costOf({ input: 2, cached: 0.5, output: 8 }, tokens)).toBe(2 * 2 + 0.5 + 2 * 8);
    expect(costOf({ input: 2, output: 8 }, tokens)).toBe(3 * 2 + 2 * 8);
  });

  it("of a model without a price is unknown, which is not free", () => {
    const usage = { calls: 1, inputTokens: 7, cachedTokens: 0, outputTokens: 3, ms: 5 };
    expect(spentOn(usage, undefined)).toEqual({ ...usage, yuan: 0, unpricedTokens: 10 });
    expect(spentOn(usage, { input: 0, output: 0 })).toEqual({ ...usage, yuan: 0, unpricedTokens: 0 });
  });
});

describe("an allowance", () => {
  const spent = { ...NOTHING_SPENT, inputTokens: 60, outputTokens: 40, yuan: 0.5 };

  it.each([
    [{ tokens: 0, yuan: 0 }, false],
    [{ tokens: 101, yuan: 0.51 }, false],
    [{ tokens: 100, yuan: 0 }, true],
    [{ tokens: 0, yuan: 0.5 }, true],
    [{ tokens: 101, yuan: 0.5 }, true],
  ])("of %o is spent where either of its limits is reached: %s", (allowance, expected) => {
    expect(isSpent(allowance, spent)).toBe(expected);
  });
});
