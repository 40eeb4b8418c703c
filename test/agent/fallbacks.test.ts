/** Which model is asked, for how long, and what is said when none answers. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerWith, type StepLimits } from "../../src/agent/agent.ts";
import { Cooldowns, inOrder } from "../../src/agent/fallbacks.ts";
import { type FailureKind, ModelError } from "../../src/agent/model-error.ts";
import type { ModelEndpoint } from "../../src/config.ts";
import { type Refusal, UpstreamError } from "../../src/errors.ts";
import { Secret } from "../../src/log.ts";
import type { Provider } from "../../src/providers.ts";
import { message, NOW } from "../support/turns.ts";

type Endpoints = readonly [ModelEndpoint, ...ModelEndpoint[]];

const endpoint = (provider: Provider, model = "m", more: Partial<ModelEndpoint> = {}): ModelEndpoint => ({
  provider,
  model,
  baseUrl: `https://${provider}.test/v1`,
  apiKey: new Secret(`sk-${provider}`),
  headers: {},
  ...more,
});
const DEEPSEEK = endpoint("deepseek");
const QWEN = endpoint("qwen");
const ZHIPU = endpoint("zhipu");
const LIMITS: StepLimits = { firstTokenMs: 60_000, silenceMs: 30_000, totalMs: 230_000 };

/** The remedy that such a failure comes with. */
const REMEDIES: Record<FailureKind, Refusal["remedy"]> = {
  key: "tellOperator",
  quota: "backOff",
  service: "retryOnce",
  model: "tellOperator",
  request: "tellOperator",
  question: "retryOnce",
  late: "tellUser",
};
const failure = (kind: FailureKind, more: Partial<Refusal> = {}) =>
  new ModelError(kind, { summary: `${kind} trouble`, remedy: REMEDIES[kind], advice: `${kind} advice`, ...more });

/** Models whose failures are told beforehand, on a clock that only they move. */
class Models {
  nowMs = NOW;
  readonly cooldowns = new Cooldowns();
  readonly asked: string[] = [];
  readonly limits: StepLimits[] = [];
  readonly #failures = new Map<string, { error: unknown; afterMs: number }>();

  fail({ provider, model }: ModelEndpoint, error: unknown, afterMs = 0): void {
    this.#failures.set(`${provider}/${model}`, { error, afterMs });
  }

  heal(): void {
    this.#failures.clear();
  }

  /** The name of the model that answered. */
  async ask(endpoints: Endpoints, { limits = LIMITS, signal = new AbortController().signal } = {}): Promise<string> {
    this.asked.length = 0;
    this.limits.length = 0;
    const { result } = await inOrder(
      endpoints,
      async ({ provider, model }, granted) => {
        const name = `${provider}/${model}`;
        this.asked.push(name);
        this.limits.push(granted);
        const trouble = this.#failures.get(name);
        this.nowMs += trouble?.afterMs ?? 0;
        if (trouble) throw trouble.error;
        return name;
      },
      { limits, signal, cooldowns: this.cooldowns, now: () => this.nowMs },
    );
    return result;
  }

  async refusalOf(endpoints: Endpoints): Promise<Refusal> {
    const error = await this.ask(endpoints).then(
      (name) => new Error(`${name} answered`),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof UpstreamError)) throw error;
    return error.refusal;
  }
}

let models: Models;
let lines: Record<string, unknown>[];

beforeEach(() => {
  models = new Models();
  lines = [];
  vi.spyOn(console, "warn").mockImplementation((line) => void lines.push(JSON.parse(line)));
});
afterEach(() => vi.restoreAllMocks());

describe("models in order", () => {
  it("are asked until one answers", async () => {
    models.fail(DEEPSEEK, failure("service"));
    models.fail(QWEN, failure("key"));
    expect(await models.ask([DEEPSEEK, QWEN, ZHIPU])).toBe("zhipu/m");
    expect(models.asked).toEqual(["deepseek/m", "qwen/m", "zhipu/m"]);
  });

  it("are not asked after one has answered", async () => {
    expect(await models.ask([DEEPSEEK, QWEN])).toBe("deepseek/m");
    expect(models.asked).toEqual(["deepseek/m"]);
    expect(lines).toEqual([]);
  });

  it("leave a line in the log for each step from one to the next", async () => {
    models.fail(DEEPSEEK, failure("service"));
    models.fail(QWEN, failure("quota"));
    await models.ask([DEEPSEEK, QWEN, ZHIPU]);
    expect(lines).toEqual([
      { level: "warn", event: "model.fallback", from: "deepseek/m", to: "qwen/m", summary: "service trouble" },
      { level: "warn", event: "model.fallback", from: "qwen/m", to: "zhipu/m", summary: "quota trouble" },
    ]);
  });

  it("are not asked after a failure that is none of theirs", async () => {
    const bug = new RangeError("a bug");
    models.fail(DEEPSEEK, bug);
    await expect(models.ask([DEEPSEEK, QWEN])).rejects.toBe(bug);
    expect(models.asked).toEqual(["deepseek/m"]);
  });

  it("are not asked after the step was given up, and nothing is held against the one that was asked", async () => {
    const controller = new AbortController();
    const reason = new Error("the turn has changed");
    const step = inOrder(
      [DEEPSEEK, QWEN],
      async () => {
        controller.abort(reason);
        throw failure("service");
      },
      { limits: LIMITS, signal: controller.signal, cooldowns: models.cooldowns, now: () => NOW },
    );
    await expect(step).rejects.toBe(reason);
    expect(lines).toEqual([]);
    expect(models.cooldowns.isCooling(DEEPSEEK, NOW)).toBe(false);
  });
});

describe("the time for all of them", () => {
  it("is shared: nobody but the last waits for a first word longer than half of what is left", async () => {
    const limits = { firstTokenMs: 60_000, silenceMs: 30_000, totalMs: 80_000 };
    models.fail(DEEPSEEK, failure("service"), 40_000);
    models.fail(QWEN, failure("service"), 20_000);
    await models.ask([DEEPSEEK, QWEN, ZHIPU], { limits });
    expect(models.limits).toEqual([
      { totalMs: 80_000, firstTokenMs: 40_000, silenceMs: 30_000 },
      { totalMs: 40_000, firstTokenMs: 20_000, silenceMs: 30_000 },
      { totalMs: 20_000, firstTokenMs: 20_000, silenceMs: 20_000 },
    ]);
  });

  it("is not shared where there is enough", async () => {
    await models.ask([DEEPSEEK, QWEN]);
    expect(models.limits).toEqual([LIMITS]);
  });

  it("ends: who has no time left is not asked", async () => {
    models.fail(DEEPSEEK, failure("late"), LIMITS.totalMs - 500);
    expect(await models.refusalOf([DEEPSEEK, QWEN])).toMatchObject({ remedy: "tellUser" });
    expect(models.asked).toEqual(["deepseek/m"]);
    expect(lines).toEqual([]);
  });
});

describe("a model that failed", () => {
  it.each([
    ["key", 10 * 60_000],
    ["quota", 60_000],
    ["service", 30_000],
    ["model", 10 * 60_000],
    ["request", 60_000],
  ] as const)("by %s is not asked first for %d ms", async (kind, ms) => {
    models.fail(DEEPSEEK, failure(kind));
    await models.ask([DEEPSEEK, QWEN]);
    models.heal();
    models.nowMs += ms - 1;
    expect(await models.ask([DEEPSEEK, QWEN])).toBe("qwen/m");
    expect(models.asked).toEqual(["qwen/m"]);
    models.nowMs += 1;
    expect(await models.ask([DEEPSEEK, QWEN])).toBe("deepseek/m");
  });

  it.each(["question", "late"] as const)("by %s is asked again at once", async (kind) => {
    models.fail(DEEPSEEK, failure(kind));
    await models.ask([DEEPSEEK, QWEN]);
    models.heal();
    expect(await models.ask([DEEPSEEK, QWEN])).toBe("deepseek/m");
  });

  it("is left alone as long as it asked for, but not for ever", async () => {
    models.fail(DEEPSEEK, failure("quota", { retryAfterMs: 120_000 }));
    models.fail(ZHIPU, failure("quota", { retryAfterMs: 24 * 60 * 60_000 }));
    await models.ask([DEEPSEEK, ZHIPU, QWEN]);
    expect(models.cooldowns.isCooling(DEEPSEEK, NOW + 119_999)).toBe(true);
    expect(models.cooldowns.isCooling(DEEPSEEK, NOW + 120_000)).toBe(false);
    expect(models.cooldowns.isCooling(ZHIPU, NOW + 60 * 60_000 - 1)).toBe(true);
    expect(models.cooldowns.isCooling(ZHIPU, NOW + 60 * 60_000)).toBe(false);
  });

  it.each(["key", "quota", "service"] as const)("by %s says something about its key, nowhere else", async (kind) => {
    models.fail(DEEPSEEK, failure(kind));
    await models.ask([DEEPSEEK, QWEN]);
    const cools = (other: ModelEndpoint) => models.cooldowns.isCooling(other, NOW);
    expect(cools(endpoint("deepseek", "another"))).toBe(true);
    expect(cools(endpoint("deepseek", "m", { apiKey: new Secret("another") }))).toBe(false);
    expect(cools(endpoint("deepseek", "m", { baseUrl: "https://another.test" }))).toBe(false);
    expect(cools(QWEN)).toBe(false);
  });

  it.each(["model", "request"] as const)("by %s says something about that model alone", async (kind) => {
    models.fail(DEEPSEEK, failure(kind));
    await models.ask([DEEPSEEK, QWEN]);
    expect(models.cooldowns.isCooling(DEEPSEEK, NOW)).toBe(true);
    expect(models.cooldowns.isCooling(endpoint("deepseek", "another"), NOW)).toBe(false);
  });

  it("takes those with the same key to the end of the line with it", async () => {
    models.fail(DEEPSEEK, failure("service"));
    expect(await models.ask([DEEPSEEK, endpoint("deepseek", "another"), QWEN])).toBe("qwen/m");
    expect(models.asked).toEqual(["deepseek/m", "qwen/m"]);
  });

  it("is asked last, when the others fail as well", async () => {
    models.fail(DEEPSEEK, failure("service"));
    await models.ask([DEEPSEEK, QWEN]);
    models.heal();
    models.fail(QWEN, failure("key"));
    expect(await models.ask([DEEPSEEK, QWEN])).toBe("deepseek/m");
    expect(models.asked).toEqual(["qwen/m", "deepseek/m"]);
  });

  it("keeps its place where all have failed", async () => {
    for (const one of [DEEPSEEK, QWEN, ZHIPU]) models.fail(one, failure("service"));
    await models.refusalOf([DEEPSEEK, QWEN, ZHIPU]);
    await models.refusalOf([DEEPSEEK, QWEN, ZHIPU]);
    expect(models.asked).toEqual(["deepseek/m", "qwen/m", "zhipu/m"]);
  });

  it("is forgiven when it answers", async () => {
    for (const one of [DEEPSEEK, QWEN]) models.fail(one, failure("key"));
    await models.refusalOf([DEEPSEEK, QWEN]);
    models.heal();
    await models.ask([DEEPSEEK, QWEN]);
    expect(models.cooldowns.isCooling(DEEPSEEK, NOW)).toBe(false);
    expect(models.cooldowns.isCooling(QWEN, NOW)).toBe(true);
  });
});

describe("a single model", () => {
  it("is asked whatever happened before, with all the time there is, and its failure is told as it is", async () => {
    const error = failure("key");
    models.fail(DEEPSEEK, error);
    await expect(models.ask([DEEPSEEK])).rejects.toBe(error);
    await expect(models.ask([DEEPSEEK])).rejects.toBe(error);
    expect(models.limits).toEqual([LIMITS]);
    expect(models.cooldowns.isCooling(DEEPSEEK, NOW)).toBe(false);
    expect(lines).toEqual([]);
  });
});

describe("when no model answers", () => {
  it("names every model that was tried, and no address or key", async () => {
    models.fail(DEEPSEEK, failure("service"));
    models.fail(QWEN, failure("key"));
    const refusal = await models.refusalOf([DEEPSEEK, QWEN]);
    expect(refusal).toMatchObject({
      operation: "model.generate",
      summary: "deepseek/m: service trouble; qwen/m: key trouble",
      advice: "service advice key advice",
    });
    expect(JSON.stringify(refusal)).not.toMatch(/https|sk-/);
  });

  it("gives each advice once", async () => {
    models.fail(DEEPSEEK, failure("key"));
    models.fail(QWEN, failure("key"));
    expect((await models.refusalOf([DEEPSEEK, QWEN])).advice).toBe("key advice");
  });

  it.each([
    [["key", "service"], "retryOnce"],
    [["service", "key"], "retryOnce"],
    [["question", "model"], "retryOnce"],
    [["key", "quota"], "backOff"],
    [["quota", "service"], "backOff"],
    [["late", "key"], "tellOperator"],
    [["key", "late"], "tellOperator"],
    [["late", "late"], "tellUser"],
  ] as const)("the turn goes on as the best of them allows: %j leads to %s", async (kinds, remedy) => {
    models.fail(DEEPSEEK, failure(kinds[0]));
    models.fail(QWEN, failure(kinds[1]));
    expect(await models.refusalOf([DEEPSEEK, QWEN])).toMatchObject({ remedy });
  });

  it("waits no longer than the first of them asks for", async () => {
    models.fail(DEEPSEEK, failure("quota", { retryAfterMs: 40_000 }));
    models.fail(QWEN, failure("quota", { retryAfterMs: 7_000 }));
    expect((await models.refusalOf([DEEPSEEK, QWEN])).retryAfterMs).toBe(7_000);
    models.fail(QWEN, failure("quota"));
    expect((await models.refusalOf([DEEPSEEK, QWEN])).retryAfterMs).toBeUndefined();
    models.fail(QWEN, failure("service"));
    expect((await models.refusalOf([DEEPSEEK, QWEN])).retryAfterMs).toBeUndefined();
  });
});

describe("an answer", () => {
  const input = { persona: "p", scene: "c2c", nowMs: NOW, history: [], messages: [message({ scene: "c2c" })] } as const;
  const said = (text: string) =>
    new Response(
      `data: {"choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
      { headers: { "content-type": "text/event-stream" } },
    );
  /** Half of an answer that the first gives. */
  const broken = () =>
    new Response('data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\ndata: [DONE]\n\n', {
      headers: { "content-type": "text/event-stream" },
    });

  it("tells which model gave it, and begins anew where another took over", async () => {
    const heard: string[] = [];
    const step = await answerWith(
      [endpoint("deepseek", "deepseek-chat"), endpoint("openrouter", "qwen/qwen3:free")],
      async (url) => (String(url).includes("deepseek") ? broken() : said("whole")),
      input,
      {
        limits: LIMITS,
        signal: new AbortController().signal,
        cooldowns: new Cooldowns(),
        onText: async (text) => void heard.push(text),
      },
    );
    expect(step).toMatchObject({ text: "whole", model: "openrouter/qwen/qwen3:free" });
    expect(heard).toEqual(["half", "whole"]);
  });

  it("of a single model tells its name as well", async () => {
    const options = { limits: LIMITS, signal: new AbortController().signal };
    expect(await answerWith([DEEPSEEK], async () => said("42"), input, options)).toMatchObject({
      text: "42",
      model: "deepseek/m",
    });
  });

  it("that is put off until a date is put off by our clock", async () => {
    const headers = { "retry-after": new Date(NOW + 90_000).toUTCString() };
    const step = answerWith([DEEPSEEK], async () => new Response("{}", { status: 429, headers }), input, {
      limits: LIMITS,
      signal: new AbortController().signal,
      now: () => NOW,
    });
    await expect(step).rejects.toMatchObject({ refusal: { remedy: "backOff", retryAfterMs: 90_000 } });
  });

  it.each([
    ["for its limit", LIMITS, 60_000],
    ["for its share of the time", { ...LIMITS, totalMs: 80_000 }, 40_000],
  ])("is asked of the next one when the first keeps silent %s", async (_, limits, afterMs) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const asked: string[] = [];
      const silent = new ReadableStream({ pull: () => new Promise<void>(() => {}) });
      const step = answerWith(
        [DEEPSEEK, QWEN],
        async (url) => {
          asked.push(new URL(String(url)).hostname);
          return asked.length === 1 ? new Response(silent) : said("42");
        },
        input,
        { limits, signal: new AbortController().signal, cooldowns: models.cooldowns, now: () => NOW },
      );
      await vi.advanceTimersByTimeAsync(afterMs - 1);
      expect(asked).toEqual(["deepseek.test"]);
      await vi.advanceTimersByTimeAsync(1);
      expect((await step).model).toBe("qwen/m");
      expect(models.cooldowns.isCooling(DEEPSEEK, NOW + 29_999)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});
