/** What the isolates of a deployment are granted of the calls that a key may have at a time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Report, SHARE_MS, Shares } from "../../src/bot/shares.ts";
import { NOW } from "../support/turns.ts";

/** One key, on a clock that only the test moves. */
class Deployment {
  nowMs = NOW;
  readonly shares = new Shares();
  readonly limit: number;
  #n = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  report(
    isolate: string,
    using: number,
    waitingMs: readonly number[] = [],
    more: Partial<Report> & { key?: string } = {},
  ) {
    this.#n += 1;
    const { key = "deepseek", ...fields } = more;
    const report = { isolate, n: this.#n, using, waitingMs, ...fields };
    return this.shares.grant(key, report, { limit: this.limit, nowMs: this.nowMs });
  }
}

describe("a share", () => {
  it("is what is wanted, and half of what nobody needs", () => {
    expect(new Deployment(11).report("a", 0, [0])).toEqual({ places: 6, forMs: SHARE_MS, isScarce: false });
  });

  it("is the whole limit at most", () => {
    expect(new Deployment(3).report("a", 0, Array(50).fill(10))).toEqual({
      places: 3,
      forMs: SHARE_MS,
      isScarce: true,
    });
  });

  it("leaves the others what they hold", () => {
    const bot = new Deployment(4);
    expect(bot.report("a", 0, [5, 5, 5]).places).toBe(3);
    expect(bot.report("b", 0, [9, 9, 9]).places).toBe(1);
    expect(bot.report("c", 0, [9]).places).toBe(0);
  });

  it("goes to whoever has waited longest, also from one that never stops calling", () => {
    const bot = new Deployment(2);
    expect(bot.report("busy", 0, [0, 0]).places).toBe(2);
    expect(bot.report("quiet", 0, [0]).places).toBe(0);
    bot.nowMs += 2_000;
    // Two calls under way; the next ones came after the one that waits elsewhere.
    expect(bot.report("busy", 2, [100, 50]).places).toBe(1);
    expect(bot.report("quiet", 0, [2_000]).places).toBe(0);
    // One has ended, and none was begun for it.
    expect(bot.report("busy", 1, [100, 50]).places).toBe(1);
    expect(bot.report("quiet", 0, [2_000])).toMatchObject({ places: 1, isScarce: true });
  });

  it("may be less than what is under way there, which still counts for the others", () => {
    const bot = new Deployment(3);
    bot.report("a", 3);
    expect(bot.report("b", 0, [500, 400]).places).toBe(0);
    expect(bot.report("a", 3).places).toBe(1);
    expect(bot.report("b", 0, [500, 400]).places).toBe(0);
    bot.report("a", 2);
    expect(bot.report("b", 0, [500, 400]).places).toBe(1);
  });

  it("is over when it is not asked for anew", () => {
    const bot = new Deployment(2);
    bot.report("a", 2);
    bot.nowMs += SHARE_MS - 1;
    expect(bot.report("b", 0, [1]).places).toBe(0);
    bot.nowMs += 1;
    expect(bot.report("b", 0, [1]).places).toBeGreaterThan(0);
  });

  it("is given back by whoever does nothing and wants nothing", () => {
    const bot = new Deployment(1);
    bot.report("a", 1);
    expect(bot.report("a", 0)).toMatchObject({ places: 0 });
    expect(bot.report("b", 0, [1]).places).toBe(1);
  });

  it("is not changed by a report that was overtaken", () => {
    const bot = new Deployment(2);
    bot.report("a", 2, [], { n: 7 });
    expect(bot.report("a", 0, [1], { n: 6 })).toMatchObject({ places: 0 });
    expect(bot.report("b", 0, [1]).places).toBe(0);
  });

  it("is counted for each key by itself", () => {
    const bot = new Deployment(1);
    bot.report("a", 1, [], { key: "deepseek" });
    expect(bot.report("b", 0, [1], { key: "qwen" }).places).toBe(1);
  });
});

describe("whatever is reported", () => {
  const report = fc.record({
    isolate: fc.integer({ min: 0, max: 5 }),
    /** Of what it holds. */
    using: fc.double({ min: 0, max: 1, noNaN: true }),
    waitingMs: fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 8 }),
    afterMs: fc.integer({ min: 0, max: 5_000 }),
  });

  it("no more is granted than the limit, and no call under way is granted twice", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(report, { maxLength: 80, size: "max" }),
        (limit, reports) => {
          const bot = new Deployment(limit);
          const held = new Map<number, { count: number; untilMs: number }>();
          for (const { isolate, using, waitingMs, afterMs } of reports) {
            bot.nowMs += afterMs;
            for (const [id, { untilMs }] of held) if (untilMs <= bot.nowMs) held.delete(id);
            const underWay = Math.floor(using * (held.get(isolate)?.count ?? 0));
            const { places, forMs } = bot.report(String(isolate), underWay, waitingMs);
            held.set(isolate, { count: Math.max(places, underWay), untilMs: bot.nowMs + forMs });
            const sum = [...held.values()].reduce((total, { count }) => total + count, 0);
            expect(sum).toBeLessThanOrEqual(limit);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
