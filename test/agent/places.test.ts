/** Who may call a model, where a key allows so many calls at a time: in one isolate, and in several over one Bot. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerWith } from "../../src/agent/agent.ts";
import { Cooldowns } from "../../src/agent/fallbacks.ts";
import { Places } from "../../src/agent/places.ts";
import type { ModelEndpoint } from "../../src/config.ts";
import { Secret } from "../../src/log.ts";
import type { Provider } from "../../src/providers.ts";
import { PlacesWorld } from "../support/places-world.ts";
import { message, NOW } from "../support/turns.ts";

/** `PLACES_RUNS=2000` looks longer. */
const RUNS = Number(process.env.PLACES_RUNS ?? 100);

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
  vi.spyOn(console, "warn").mockImplementation((line) => void lines.push(JSON.parse(line)));
});
afterEach(() => vi.restoreAllMocks());

const alone = () => lines.filter(({ event }) => event === "places.alone").length;

describe("the chats of an isolate", () => {
  it("have no more calls under way than the limit, and all get their turn", async () => {
    const world = new PlacesWorld(3);
    const isolate = world.isolate("one");
    for (let chat = 0; chat < 50; chat += 1) world.call(isolate, { callMs: 700 });
    await world.clock.advance(30_000);
    expect(world.most).toBe(3);
    expect(world.callers.map(({ state }) => state)).toEqual(Array(50).fill("answered"));
  });

  it("get their turn in the order in which they asked, whoever looks first", async () => {
    const world = new PlacesWorld(1);
    const isolate = world.isolate("one");
    // The one that is asked about a message of long ago was joined, or has failed before.
    const ages = [500, 100, 900, 300, 700];
    const callers = ages.map((ageMs) => world.call(isolate, { sinceMs: NOW - ageMs, callMs: 400 }));
    await world.clock.advance(10_000);
    const first = callers.findIndex(({ began }) => began === 1);
    const others = callers.filter((_, index) => index !== first);
    const byAge = others.toSorted(
      (one, other) => (ages[callers.indexOf(other)] ?? 0) - (ages[callers.indexOf(one)] ?? 0),
    );
    expect(byAge.map(({ began }) => began)).toEqual([2, 3, 4, 5]);
  });

  it("call at once while there is room, after one ask", async () => {
    const world = new PlacesWorld(10);
    const isolate = world.isolate("one");
    const first = world.call(isolate);
    await world.clock.advance(world.rpcMs);
    expect(first).toMatchObject({ state: "calling", waitedMs: world.rpcMs });
    const second = world.call(isolate);
    await world.clock.advance(0);
    expect(second).toMatchObject({ state: "calling", waitedMs: 0 });
    expect(world.asks).toBe(1);
  });

  it("ask every few seconds together, however many they are and however long it takes", async () => {
    const world = new PlacesWorld(3);
    const isolate = world.isolate("one");
    for (let chat = 0; chat < 200; chat += 1) world.call(isolate, { callMs: 500 });
    await world.clock.advance(30_000);
    expect(world.callers.filter(({ state }) => state === "answered").length).toBeGreaterThan(100);
    expect(world.asks).toBeLessThan(15);
  });

  it("count for each key by itself", async () => {
    const world = new PlacesWorld(1);
    const isolate = world.isolate("one");
    const callers = ["deepseek", "qwen"].map((key) => world.call(isolate, { key }));
    await world.clock.advance(1_000);
    expect(callers.map(({ state }) => state)).toEqual(["calling", "calling"]);
  });

  it("leave the line when they are stopped, and their places when their call is", async () => {
    const world = new PlacesWorld(1);
    const isolate = world.isolate("one");
    const [calling, waiting, last] = [world.call(isolate), world.call(isolate), world.call(isolate)];
    await world.clock.advance(1_000);
    waiting.stop();
    await world.clock.advance(1_000);
    expect(waiting.state).toBe("stopped");
    expect(waiting.began).toBeUndefined();
    expect(last.state).toBe("waiting");
    calling.stop();
    await world.clock.advance(1_000);
    expect(last.state).toBe("calling");
  });

  it("wait no longer than they may", async () => {
    const world = new PlacesWorld(1);
    const isolate = world.isolate("one");
    world.call(isolate);
    const late = world.call(isolate, { withinMs: 5_000 });
    await world.clock.advance(4_900);
    expect(late.state).toBe("waiting");
    await world.clock.advance(400);
    expect(late.state).toBe("none");
  });

  it("get the places of those whose object has died, and their turns", async () => {
    const world = new PlacesWorld(1);
    const isolate = world.isolate("one");
    const [calling, waiting, last] = [world.call(isolate), world.call(isolate), world.call(isolate)];
    await world.clock.advance(1_000);
    calling.die();
    waiting.die();
    await world.clock.advance(9_000);
    expect(last.state).toBe("calling");
  });

  it("keep their places for as long as they call", async () => {
    const world = new PlacesWorld(1);
    const isolate = world.isolate("one");
    world.call(isolate);
    const next = world.call(isolate);
    await world.clock.advance(300_000);
    expect(next.state).toBe("waiting");
  });

  it("leave no timer behind", async () => {
    const world = new PlacesWorld(2);
    const isolate = world.isolate("one");
    const callers = Array.from({ length: 6 }, () => world.call(isolate, { callMs: 2_000 }));
    await world.clock.advance(1_000);
    callers[5]?.stop();
    await world.clock.advance(10_000);
    expect(world.calling + world.waiting).toBe(0);
    expect(world.clock.pending).toBe(0);
  });
});

describe("whoever has another model to ask", () => {
  it("does not wait where there is no place", async () => {
    const world = new PlacesWorld(1);
    const isolate = world.isolate("one");
    world.call(isolate);
    await world.clock.advance(1_000);
    const hasty = world.call(isolate, { isPatient: false });
    await world.clock.advance(300);
    expect(hasty.state).toBe("none");
  });

  it("waits for the answer where nobody knows yet whether there is one", async () => {
    const world = new PlacesWorld(1);
    const hasty = world.call(world.isolate("one"), { isPatient: false });
    await world.clock.advance(world.rpcMs);
    expect(hasty.state).toBe("calling");
  });

  it("does not wait for a Bot that is silent", async () => {
    const world = new PlacesWorld(1);
    world.bot = "is silent";
    const hasty = world.call(world.isolate("one"), { isPatient: false });
    await world.clock.advance(3_000);
    expect(hasty.state).toBe("none");
  });
});

describe("several isolates", () => {
  it("share one limit", async () => {
    const world = new PlacesWorld(3);
    const isolates = ["one", "two", "three", "four"].map((name) => world.isolate(name));
    for (let chat = 0; chat < 40; chat += 1) {
      const isolate = isolates[chat % isolates.length];
      if (isolate) world.call(isolate, { callMs: 1_000 });
    }
    await world.clock.advance(120_000);
    expect(world.most).toBe(3);
    expect(world.callers.map(({ state }) => state)).toEqual(Array(40).fill("answered"));
  });

  it("make room for whoever asked before their newest callers", async () => {
    const world = new PlacesWorld(2);
    const [busy, quiet] = [world.isolate("busy"), world.isolate("quiet")];
    const crowd = Array.from({ length: 10 }, () => world.call(busy, { callMs: 2_000 }));
    await world.clock.advance(1_000);
    const one = world.call(quiet, { callMs: 1_000 });
    for (let chat = 0; chat < 60; chat += 1) {
      await world.clock.advance(500);
      world.call(busy, { callMs: 2_000 });
    }
    expect(crowd.every(({ state }) => state === "answered")).toBe(true);
    expect(one.state).toBe("answered");
    expect(world.most).toBe(2);
  });

  it("get what another held when it ended without a word", async () => {
    const world = new PlacesWorld(2);
    const [dead, alive] = [world.isolate("dead"), world.isolate("alive")];
    world.call(dead);
    world.call(dead);
    await world.clock.advance(1_000);
    const waiting = world.call(alive);
    world.kill(dead);
    await world.clock.advance(16_000);
    expect(waiting.state).toBe("calling");
  });

  it("get what another has no use for any more, within seconds", async () => {
    const world = new PlacesWorld(1);
    const [one, other] = [world.isolate("one"), world.isolate("other")];
    world.call(one, { callMs: 2_000 });
    await world.clock.advance(1_000);
    const waiting = world.call(other);
    await world.clock.advance(5_000);
    expect(waiting.state).toBe("calling");
  });
});

describe("an isolate whose Bot does not answer", () => {
  it.each(["fails", "is silent"] as const)("keeps the limit by itself, and says so once: it %s", async (bot) => {
    const world = new PlacesWorld(2);
    world.bot = bot;
    const isolate = world.isolate("one");
    for (let chat = 0; chat < 20; chat += 1) world.call(isolate, { callMs: 1_000 });
    await world.clock.advance(30_000);
    expect(world.most).toBe(2);
    expect(world.callers.map(({ state }) => state)).toEqual(Array(20).fill("answered"));
    expect(world.callers[0]?.waitedMs).toBeLessThan(9_000);
    expect(alone()).toBe(1);
    expect(lines).toHaveLength(1);
  });

  it("shares again when it answers", async () => {
    const world = new PlacesWorld(2);
    const [one, other] = [world.isolate("one"), world.isolate("other")];
    world.bot = "fails";
    world.call(one, { callMs: 20_000 });
    world.call(one, { callMs: 20_000 });
    await world.clock.advance(10_000);
    world.bot = "answers";
    await world.clock.advance(3_000);
    const waiting = world.call(other);
    await world.clock.advance(5_000);
    expect(waiting.state).toBe("waiting");
    await world.clock.advance(10_000);
    expect(waiting.state).toBe("calling");
    expect(world.most).toBe(2);
  });
});

describe("whatever happens", () => {
  const isolate = fc.integer({ min: 0, max: 3 });
  const which = fc.integer({ min: 0, max: 30 });
  const step = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant("call" as const),
        isolate,
        callMs: fc.integer({ min: 10, max: 8_000 }),
        isPatient: fc.integer({ min: 0, max: 3 }).map((chance) => chance > 0),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 4_000 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("stop" as const), which }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("die" as const), which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill" as const), isolate }) },
    // From here on asks take so long, those that take too long included: they overtake one another.
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("rpc" as const), ms: fc.integer({ min: 0, max: 3_500 }) }) },
  );

  it("the calls under way never exceed the limit, and nobody waits for ever", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 400 }),
        fc.array(step, { minLength: 5, maxLength: 60, size: "max" }),
        async (limit, rpcMs, steps) => {
          lines = [];
          const world = new PlacesWorld(limit);
          world.rpcMs = rpcMs;
          const isolates = Array.from({ length: 4 }, (_, index) => world.isolate(String(index)));
          for (const one of steps) {
            if (one.kind === "rpc") world.rpcMs = one.ms;
            if (one.kind === "advance") await world.clock.advance(one.ms);
            if (one.kind === "stop" || one.kind === "die") {
              const caller = world.callers[one.which];
              if (caller?.state === "waiting" || caller?.state === "calling") caller[one.kind]();
            }
            if (one.kind !== "call" && one.kind !== "kill") continue;
            const at = isolates[one.isolate] ?? world.isolate("new");
            if (one.kind === "call") world.call(at, one);
            else {
              world.kill(at);
              isolates[one.isolate] = world.isolate(`${one.isolate} after ${world.callers.length}`);
            }
          }
          // As if each went alone, with a share to lapse before the first and a hand-over before each.
          await world.clock.advance(30_000 + world.callers.length * (8_000 + 6_000));
          // An isolate that gets no answer four times in a row counts for itself.
          expect({ most: alone() > 0 || world.most <= limit, waiting: world.waiting, calling: world.calling }).toEqual({
            most: true,
            waiting: 0,
            calling: 0,
          });
          expect(
            world.callers.filter(({ state }) => state === "none").every((caller) => caller.began === undefined),
          ).toBe(true);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

describe("an answer", () => {
  const endpoint = (provider: Provider): ModelEndpoint => ({
    provider,
    model: "m",
    baseUrl: `https://${provider}.test/v1`,
    apiKey: new Secret(`sk-${provider}`),
    headers: {},
  });
  const [DEEPSEEK, QWEN] = [endpoint("deepseek"), endpoint("qwen")];
  const input = { persona: "p", scene: "c2c", nowMs: NOW, history: [], messages: [message({ scene: "c2c" })] } as const;
  const LIMITS = { firstTokenMs: 60_000, silenceMs: 30_000, totalMs: 230_000 };
  const said = () =>
    new Response(
      `data: {"choices":[{"index":0,"delta":{"content":"42"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
      { headers: { "content-type": "text/event-stream" } },
    );

  /** Of one isolate; `taken` is how many places are taken already. */
  async function world(limit: number, ...taken: string[]) {
    const all = new PlacesWorld(limit);
    const isolate = { name: "one", places: new Places(() => "one") };
    const others = taken.map((key) => all.call(isolate, { key }));
    await all.clock.advance(100);
    const concurrency = {
      limit,
      wait: all.clock.wait,
      askForShare: async (key: string, report: Parameters<typeof all.shares.grant>[1]) =>
        all.shares.grant(key, report, { limit, nowMs: all.clock.nowMs }),
    };
    const options = {
      limits: LIMITS,
      signal: new AbortController().signal,
      cooldowns: new Cooldowns(),
      places: isolate.places,
      concurrency,
      now: all.clock.now,
    };
    return { all, others, options };
  }

  it("is asked of the next model where the first has no free place, which is not held against it", async () => {
    const { all, others, options } = await world(1, "deepseek");
    const asked: string[] = [];
    const onAsk = (model: string) => void asked.push(model);
    const step = answerWith([DEEPSEEK, QWEN], async () => said(), input, { ...options, onAsk });
    await all.clock.advance(500);
    expect((await step).model).toBe("qwen/m");
    expect(asked).toEqual(["qwen/m"]);
    expect(options.cooldowns.isCooling(DEEPSEEK, all.clock.nowMs)).toBe(false);
    for (const other of others) other.end();
    await all.clock.advance(1_000);
    const next = answerWith([DEEPSEEK, QWEN], async () => said(), input, options);
    await all.clock.advance(1_500);
    expect((await next).model).toBe("deepseek/m");
  });

  it("waits for the last model, and gives its place back", async () => {
    const { all, others, options } = await world(1, "deepseek");
    let calls = 0;
    const ask = async () => {
      calls += 1;
      return said();
    };
    const onAsk = vi.fn();
    const steps = [1, 2].map(() => answerWith([DEEPSEEK], ask, input, { ...options, onAsk }));
    await all.clock.advance(100_000);
    expect(calls).toBe(0);
    expect(onAsk).not.toHaveBeenCalled();
    for (const other of others) other.end();
    await vi.waitFor(async () => {
      await all.clock.advance(200);
      expect(calls).toBe(2);
    });
    expect((await Promise.all(steps)).map(({ text }) => text)).toEqual(["42", "42"]);
  });

  it("that gets no place in time is told of as a model that is too busy", async () => {
    const { all, options } = await world(1, "deepseek");
    const step = answerWith([DEEPSEEK], async () => said(), input, options).catch((error: unknown) => error);
    await all.clock.advance(231_000);
    expect(await step).toMatchObject({
      kind: "late",
      refusal: { operation: "model.generate", remedy: "backOff", summary: expect.stringContaining("no free place") },
    });
  });

  it("that is stopped while it waits ends for that reason, and asks nobody", async () => {
    const { all, options } = await world(1, "deepseek");
    const controller = new AbortController();
    const step = answerWith([DEEPSEEK], async () => said(), input, { ...options, signal: controller.signal });
    const ended = step.catch((error: unknown) => error);
    await all.clock.advance(1_000);
    const reason = new Error("the turn has changed");
    controller.abort(reason);
    expect(await ended).toBe(reason);
  });

  it("without a limit asks for no place", async () => {
    const places = new Places();
    const take = vi.spyOn(places, "take");
    const options = { limits: LIMITS, signal: new AbortController().signal, cooldowns: new Cooldowns(), places };
    await answerWith([DEEPSEEK], async () => said(), input, options);
    expect(take).not.toHaveBeenCalled();
  });
});
