/** One model step: the AI SDK's own mock for what a stream can hold, the demo model for what HTTP can do. */
import { inspect } from "node:util";
import { simulateReadableStream } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { generateStep, languageModel, type StepLimits } from "../../src/agent/agent.ts";
import type { PromptInput } from "../../src/agent/prompt.ts";
import { UpstreamError } from "../../src/errors.ts";
import { Secret } from "../../src/log.ts";
import { DEMO_MODEL_PATH } from "../../src/simulator/demo-model.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { message, NOW } from "../support/turns.ts";

const PROMPT = "words that nobody else may read";
const KEY = "sk-that-nobody-else-may-read";
/** Far more than any test needs. */
const AMPLE: StepLimits = { firstTokenMs: 10_000, silenceMs: 10_000, totalMs: 10_000 };

const input: PromptInput = {
  persona: `persona: ${PROMPT}`,
  scene: "c2c",
  nowMs: NOW,
  history: [],
  messages: [message({ scene: "c2c", text: PROMPT })],
};

type StreamResult = Awaited<ReturnType<MockLanguageModelV4["doStream"]>>;
type Chunk = StreamResult["stream"] extends ReadableStream<infer T> ? T : never;

const text = (...deltas: string[]): Chunk[] => deltas.map((delta) => ({ type: "text-delta", id: "t", delta }));
const thinking = (...deltas: string[]): Chunk[] => deltas.map((delta) => ({ type: "reasoning-delta", id: "r", delta }));
const finish = (
  unified: Extract<Chunk, { type: "finish" }>["finishReason"]["unified"] = "stop",
  raw?: string,
): Chunk => ({
  type: "finish",
  finishReason: { unified, raw },
  usage: {
    inputTokens: { total: 12, noCache: 12, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 34, text: 34, reasoning: undefined },
  },
});
const say = (chunks: Chunk[]): Chunk[] => [{ type: "text-start", id: "t" }, ...chunks, { type: "text-end", id: "t" }];
const think = (chunks: Chunk[]): Chunk[] => [
  { type: "reasoning-start", id: "r" },
  ...chunks,
  { type: "reasoning-end", id: "r" },
];

function scripted(chunks: Chunk[], { chunkDelayInMs = null }: { chunkDelayInMs?: number | null } = {}) {
  const start: Chunk = { type: "stream-start", warnings: [] };
  return new MockLanguageModelV4({
    doStream: async () => ({ stream: simulateReadableStream({ chunks: [start, ...chunks], chunkDelayInMs }) }),
  });
}

function generate(
  model: Parameters<typeof generateStep>[0],
  {
    limits,
    signal = new AbortController().signal,
    onText,
  }: {
    limits?: Partial<StepLimits>;
    signal?: AbortSignal;
    onText?: (text: string) => Promise<void>;
  } = {},
) {
  return generateStep(model, input, { limits: { ...AMPLE, ...limits }, signal, ...(onText && { onText }) });
}

/** The refusal of a step that must fail. */
async function refusalOf(step: Promise<unknown>) {
  const error = await step.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof UpstreamError)) throw error;
  const shown = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error) + (error.stack ?? "");
  expect(shown).not.toContain(PROMPT);
  expect(shown).not.toContain(KEY);
  expect(shown).not.toMatch(/https?:/);
  return error.refusal;
}

afterEach(() => vi.restoreAllMocks());

describe("an answer", () => {
  it("is the text of the stream, without the space around it, and what it cost", async () => {
    const step = await generate(scripted([...say(text("\n好的", ",明天", "见。\n")), finish()]));
    expect(step).toEqual({ text: "好的,明天见。", inputTokens: 12, outputTokens: 34 });
  });

  it("does not show the thinking", async () => {
    const chunks = [...think(thinking("hm, ", "let me see")), ...say(text("42")), finish()];
    expect((await generate(scripted(chunks))).text).toBe("42");
  });

  it("may end in what looks like the beginning of thinking", async () => {
    expect((await generate(scripted([...say(text("<th")), finish()]))).text).toBe("<th");
  });

  it("is told while it grows, and the stream waits for the listener", async () => {
    const heard: string[] = [];
    let listening = 0;
    const onText = async (soFar: string) => {
      expect(++listening).toBe(1);
      await new Promise(setImmediate);
      heard.push(soFar);
      listening -= 1;
    };
    await generate(scripted([...say(text("a", "b", "c")), finish()]), { onText });
    expect(heard).toEqual(["a", "ab", "abc"]);
  });

  it("that the provider stopped at its longest is given, and known to be cut", async () => {
    const step = await generate(scripted([...say(text("long")), finish("length")]));
    expect(step).toMatchObject({ text: "long", isCut: true });
  });

  it.each(["model_context_window_exceeded", "max_tokens", "token_limit"])(
    "is known to be cut by a provider's own word for it: %s",
    async (raw) => {
      const step = await generate(scripted([...say(text("long")), finish("other", raw)]));
      expect(step).toMatchObject({ text: "long", isCut: true });
    },
  );

  it.each(["eos", "stop_sequence", "end_turn"])("is whole where it ended for a harmless reason: %s", async (raw) => {
    const step = await generate(scripted([...say(text("42")), finish("other", raw)]));
    expect(step).toEqual({ text: "42", inputTokens: 12, outputTokens: 34 });
  });

  it("is whole where the model itself refuses in its own words", async () => {
    const step = await generate(scripted([...say(text("I would rather not.")), finish("content-filter", "stop")]));
    expect(step.text).toBe("I would rather not.");
  });

  it("asks the model once, with the persona and the words of the person", async () => {
    const model = scripted([...say(text("ok")), finish()]);
    await generate(model);
    expect(model.doStreamCalls).toHaveLength(1);
    const [system, user] = model.doStreamCalls[0]?.prompt ?? [];
    expect(system).toMatchObject({ role: "system", content: expect.stringContaining(input.persona) });
    expect(user).toMatchObject({ role: "user", content: [{ type: "text", text: PROMPT }] });
  });
});

describe("no answer", () => {
  it.each([
    ["nothing at all", []],
    ["nothing but space", say(text(" ", "\n"))],
    ["nothing but thinking", think(thinking("hm"))],
  ])("is asked for again: %s", async (_, chunks) => {
    const refusal = await refusalOf(generate(scripted([...chunks, finish()])));
    expect(refusal).toMatchObject({ operation: "model.generate", remedy: "retryOnce" });
  });

  it("is an error in mid-stream, whatever was said before", async () => {
    const error = new Error(`the provider repeats ${PROMPT} and https://model.test/?key=${KEY}`);
    const refusal = await refusalOf(generate(scripted([...say(text("half an ans")), { type: "error", error }])));
    expect(refusal).toMatchObject({ operation: "model.generate", remedy: "retryOnce" });
  });

  it.each([
    ["error", undefined],
    ["interrupted", undefined],
    ["tool-calls", "tool_calls"],
    ["content-filter", "content_filter"],
    ["other", undefined],
    ["other", "network_error"],
    ["other", "insufficient_system_resource"],
    ["other", "time_limit"],
    ["other", "aborted"],
    ["other", "sensitive"],
  ] as const)("is half an answer: the stream ended as %j, %j", async (unified, raw) => {
    const refusal = await refusalOf(generate(scripted([...say(text("half an ans")), finish(unified, raw)])));
    expect(refusal.remedy).toBe("retryOnce");
  });

  it("is a model that cannot be called", async () => {
    const model = new MockLanguageModelV4({
      doStream: async () => {
        throw new TypeError(`fetch failed: https://model.test/${KEY} ${PROMPT}`);
      },
    });
    expect(await refusalOf(generate(model))).toMatchObject({ summary: "TypeError", remedy: "retryOnce" });
  });

  it("prints nothing: the SDK would show the prompt", async () => {
    const prints = (["log", "info", "warn", "error"] as const).map((method) => vi.spyOn(console, method));
    await refusalOf(generate(scripted([{ type: "error", error: new Error(PROMPT) }])));
    for (const print of prints) expect(print).not.toHaveBeenCalled();
  });
});

describe("a model behind HTTP", () => {
  let qq: FakeQQ;
  let model: ReturnType<typeof languageModel>;

  beforeEach(async () => {
    qq = new FakeQQ({ appId: "1", appSecret: "s" });
    const baseUrl = `${await qq.start()}${DEMO_MODEL_PATH}`;
    const endpoint = {
      provider: "openai-compatible",
      model: "demo",
      baseUrl,
      apiKey: new Secret(KEY),
      headers: {},
    } as const;
    model = languageModel(endpoint, fetch);
  });
  afterEach(() => qq.stop());

  it("answers, and says what it cost", async () => {
    const step = await generate(model);
    expect(step.text).toContain(PROMPT);
    expect(step).toMatchObject({ inputTokens: 100, outputTokens: step.text.length });
  });

  it.each([
    [400, "tellOperator", "MODEL_BASE_URL"],
    [401, "tellOperator", "MODEL_API_KEY"],
    [402, "backOff", ""],
    [403, "tellOperator", "MODEL_API_KEY"],
    [404, "tellOperator", "MODEL_BASE_URL"],
    [405, "tellOperator", "MODEL_BASE_URL"],
    [422, "tellOperator", "MODEL_BASE_URL"],
    [429, "backOff", ""],
    [500, "retryOnce", ""],
    [503, "retryOnce", ""],
  ])("that refuses with %d leads to %s", async (status, remedy, setting) => {
    qq.model.weather.set({ kind: "status", status });
    const refusal = await refusalOf(generate(model));
    expect(refusal).toMatchObject({ operation: "model.generate", remedy, code: status });
    expect(refusal.retryAfterMs).toBeUndefined();
    expect(refusal.advice).toContain(setting);
    // The turn machine alone asks again.
    expect(qq.model.calls).toHaveLength(1);
  });

  it("says how long to wait, if it does", async () => {
    qq.model.weather.set({ kind: "status", status: 429, retryAfterS: 7 });
    expect(await refusalOf(generate(model))).toMatchObject({ remedy: "backOff", retryAfterMs: 7_000 });
  });

  it("that is cut off in mid-answer gives no half answer", async () => {
    qq.model.weather.set({ kind: "cut" });
    expect(await refusalOf(generate(model))).toMatchObject({ remedy: "retryOnce" });
  });

  it("that says nothing is asked again", async () => {
    qq.model.weather.set({ kind: "empty" });
    expect(await refusalOf(generate(model))).toMatchObject({ remedy: "retryOnce" });
  });

  it("that nobody can reach is asked again", async () => {
    await qq.stop();
    expect(await refusalOf(generate(model))).toMatchObject({ operation: "model.generate", remedy: "retryOnce" });
  });

  it("that takes the question and stays silent is given up on the first limit", async () => {
    qq.model.weather.set({ kind: "silent" });
    const refusal = await refusalOf(generate(model, { limits: { firstTokenMs: 20 } }));
    expect(refusal).toMatchObject({ remedy: "retryOnce", otherwise: "tellUser" });
  });

  it("that stops talking is given up on the limit of silence", async () => {
    qq.model.weather.set({ kind: "stall" });
    const refusal = await refusalOf(generate(model, { limits: { silenceMs: 20 } }));
    expect(refusal).toMatchObject({ remedy: "tellUser" });
  });

  it("is left in the lurch at once when the step is given up", async () => {
    qq.model.weather.set({ kind: "silent" });
    const controller = new AbortController();
    const step = generate(model, { signal: controller.signal });
    const reason = new Error("the turn has changed");
    await vi.waitUntil(() => qq.model.calls.length > 0, { interval: 1 });
    controller.abort(reason);
    await expect(step).rejects.toBe(reason);
  });
});

describe("the limits", () => {
  it("end a step that takes too long in all, though it keeps talking", async () => {
    const chunks = [...say(text(..."a".repeat(500))), finish()];
    const refusal = await refusalOf(generate(scripted(chunks, { chunkDelayInMs: 5 }), { limits: { totalMs: 40 } }));
    expect(refusal).toMatchObject({ remedy: "tellUser" });
  });

  it("take thinking for a sign of life", async () => {
    // Thinks for half as long again as the limits allow.
    const chunks = [...think(thinking(..."hm".repeat(15))), ...say(text("42")), finish()];
    const limits = { firstTokenMs: 200, silenceMs: 200 };
    expect((await generate(scripted(chunks, { chunkDelayInMs: 10 }), { limits })).text).toBe("42");
  });

  it("do not take the mere start of a stream for one", async () => {
    const model = new MockLanguageModelV4({
      doStream: async () => ({
        stream: new ReadableStream<Chunk>({
          start: (controller) => controller.enqueue({ type: "stream-start", warnings: [] }),
        }),
      }),
    });
    expect(await refusalOf(generate(model, { limits: { firstTokenMs: 20 } }))).toMatchObject({ remedy: "retryOnce" });
  });

  it("end a step whose provider does not listen to being given up", async () => {
    const model = new MockLanguageModelV4({ doStream: () => new Promise<never>(() => {}) });
    expect(await refusalOf(generate(model, { limits: { firstTokenMs: 20 } }))).toMatchObject({ remedy: "retryOnce" });
  });

  // A pending timer keeps a Durable Object in memory, where every second is billed; an AbortSignal.timeout cannot be
  // cleared. Measured on workerd: with one of them pending, the object outlives its idle time.
  it.each([
    ["answered", [...say(text("42")), finish()]],
    ["failed", [finish()]],
  ])("leave no timer behind when the step has %s", async (_, chunks) => {
    const signals = vi.spyOn(AbortSignal, "timeout");
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
    const before = timers();
    await generate(scripted(chunks)).catch(() => {});
    expect(signals).not.toHaveBeenCalled();
    expect(timers()).toBe(before);
  });
});

describe("a step that is given up", () => {
  const reason = new Error("the turn has changed");

  it("ends with the reason that was given, before the first word", async () => {
    const controller = new AbortController();
    const model = new MockLanguageModelV4({
      doStream: async ({ abortSignal }) => {
        controller.abort(reason);
        throw abortSignal?.reason;
      },
    });
    await expect(generate(model, { signal: controller.signal })).rejects.toBe(reason);
  });

  it("ends with it in mid-answer", async () => {
    const controller = new AbortController();
    const onText = async (soFar: string) => {
      if (soFar === "ab") controller.abort(reason);
    };
    const model = scripted([...say(text("a", "b", "c", "d")), finish()], { chunkDelayInMs: 1 });
    await expect(generate(model, { signal: controller.signal, onText })).rejects.toBe(reason);
  });

  it("does not begin when it was given up before", async () => {
    await expect(generate(scripted([...say(text("a")), finish()]), { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });
});
