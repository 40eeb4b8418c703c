/**
 * What every provider is held to: the request that goes out, and what is made of what comes back. The streams in
 * `test/fixtures/models` have the forms of real ones; where each comes from stands in the README there.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { answerWith, generateStep, languageModel, type StepText } from "../../src/agent/agent.ts";
import type { ModelFetch } from "../../src/agent/models.ts";
import type { PromptInput } from "../../src/agent/prompt.ts";
import type { ModelEndpoint } from "../../src/config.ts";
import { type Refusal, UpstreamError } from "../../src/errors.ts";
import { Secret } from "../../src/log.ts";
import { PROVIDERS, type Provider } from "../../src/providers.ts";
import { message, NOW } from "../support/turns.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/models");
const KEY = "sk-that-nobody-else-may-read";
const PROMPT = "words that nobody else may read";
/** What every whole stream of the fixtures says, and what every thought in them begins with. */
const ANSWER = "好的,明天见 🌙。";
const THOUGHT = "(hidden)";

const ALL = Object.keys(PROVIDERS) as Provider[];
const BEHIND_HTTP = ALL.filter((provider) => provider !== "workers-ai");
/** They are told the whole conversation, in the words of the chat. */
const CHAT_LIKE = BEHIND_HTTP.filter((provider) => !["anthropic", "google", "openclaw"].includes(provider));
const OPENAI_LIKE = BEHIND_HTTP.filter((provider) => provider !== "anthropic" && provider !== "google");

const input: PromptInput = {
  persona: "persona",
  scene: "c2c",
  nowMs: NOW,
  history: [
    { role: "user", message: message({ scene: "c2c", text: "earlier" }) },
    { role: "assistant", text: "an earlier answer" },
  ],
  messages: [message({ scene: "c2c", text: PROMPT })],
};
const limits = { firstTokenMs: 5_000, silenceMs: 5_000, totalMs: 5_000 };

function endpointOf(provider: Provider, more: Partial<ModelEndpoint> = {}): ModelEndpoint {
  const { baseUrl }: { baseUrl?: string; keys?: readonly string[]; needsBinding?: true } = PROVIDERS[provider];
  return {
    provider,
    model: "vendor/model-1",
    apiKey: new Secret(KEY),
    baseUrl: baseUrl ?? "https://model.test/v1",
    headers: { "X-Tunnel": new Secret("tunnel-secret") },
    ...more,
  };
}

/** Cuts the bytes of a stream; the pieces arrive one by one. */
type Cut = (bytes: Uint8Array) => Uint8Array[];
const whole: Cut = (bytes) => [bytes];
const every =
  (size: number): Cut =>
  (bytes) =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));

function streamOf(text: string, cut: Cut = whole): ReadableStream<Uint8Array> {
  const pieces = cut(new TextEncoder().encode(text));
  return new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
  });
}

interface Served {
  status?: number;
  headers?: Record<string, string>;
  cut?: Cut;
}

/** Asks a provider that serves this body. */
function ask(provider: Provider, body: string, { status = 200, headers, cut = whole }: Served = {}): Promise<StepText> {
  const fetch: ModelFetch = async () =>
    new Response(streamOf(body, cut), { status, headers: { "content-type": "text/event-stream", ...headers } });
  const binding = { run: async () => streamOf(body, cut) };
  const model = languageModel(endpointOf(provider, { binding }), fetch);
  return generateStep(model, input, { limits, signal: new AbortController().signal, now: () => NOW });
}

/** The refusal of a step that must fail, which shows nothing that only the provider may know. */
async function refusalOf(step: Promise<unknown>): Promise<Refusal> {
  const error = await step.then(
    (result) => new Error(`it did not fail: ${JSON.stringify(result)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof UpstreamError)) throw error;
  const shown = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error) + (error.stack ?? "");
  for (const secret of [KEY, PROMPT, "tunnel-secret", THOUGHT, "半句"]) expect(shown).not.toContain(secret);
  expect(shown).not.toMatch(/https?:/);
  expect(error.refusal.advice).toMatch(/\p{Script=Han}.*[a-z]/u);
  return error.refusal;
}

const read = (file: string) => readFileSync(join(FIXTURES, file), "utf8");
const filesOf = (provider: Provider) => readdirSync(join(FIXTURES, provider)).map((file) => `${provider}/${file}`);
const STREAMS = ALL.flatMap(filesOf).filter((file) => file.endsWith(".sse"));

const CUT_OFF = { remedy: "retryOnce", summary: "cut off in mid-answer" };
const EMPTY = { remedy: "retryOnce", summary: "empty answer" };
const FILTERED = { remedy: "retryOnce", summary: expect.stringContaining("content filter"), blocksText: true };
const TOOLS = { remedy: "retryOnce", summary: "called a tool that it was not given" };
const AGAIN = { remedy: "retryOnce" };

/** The streams that are no answer. All others are. */
const FAILURES: Record<string, object> = {
  "openai/content-filter.sse": FILTERED,
  "openai/error-in-stream.sse": AGAIN,
  "openai/context-too-long-in-stream.sse": {
    remedy: "tellOperator",
    advice: expect.stringContaining("larger context"),
  },
  "deepseek/only-reasoning.sse": EMPTY,
  "deepseek/insufficient-resource.sse": CUT_OFF,
  "moonshot/error-in-stream.sse": AGAIN,
  "moonshot/quota-in-stream.sse": { remedy: "backOff", code: 429 },
  "zhipu/network-error.sse": CUT_OFF,
  "zhipu/sensitive.sse": FILTERED,
  "openrouter/error-in-stream.sse": { remedy: "retryOnce", code: 502 },
  "openrouter/error-402-in-stream.sse": { remedy: "backOff", code: 402 },
  "openclaw/error-in-stream.sse": AGAIN,
  "openai-compatible/think-only.sse": EMPTY,
  "openai-compatible/think-unclosed.sse": EMPTY,
  "openai-compatible/empty.sse": EMPTY,
  "openai-compatible/nothing.sse": AGAIN,
  "openai-compatible/done-only.sse": AGAIN,
  "openai-compatible/no-finish.sse": AGAIN,
  "openai-compatible/cut-in-event.sse": AGAIN,
  "openai-compatible/broken-json.sse": AGAIN,
  "openai-compatible/error-like-vllm.sse": AGAIN,
  "openai-compatible/error-as-event.sse": { remedy: "retryOnce", code: 503 },
  "openai-compatible/tools-never-closed.sse": TOOLS,
  "openai-compatible/tools-without-index.sse": TOOLS,
  "openai-compatible/tools-without-id.sse": AGAIN,
  "openai-compatible/tools-without-name.sse": AGAIN,
  "openai-compatible/tools-index-is-text.sse": AGAIN,
  "anthropic/refusal.sse": FILTERED,
  "anthropic/empty.sse": EMPTY,
  "anthropic/no-finish.sse": CUT_OFF,
  "anthropic/only-start.sse": AGAIN,
  "anthropic/error-in-stream.sse": { remedy: "retryOnce", code: 529 },
  "anthropic/error-at-once.sse": { remedy: "retryOnce", code: 529 },
  "anthropic/rate-limit-at-once.sse": { remedy: "backOff", code: 429 },
  "anthropic/tools-never-closed.sse": TOOLS,
  "google/blocked.sse": FILTERED,
  "google/safety.sse": FILTERED,
  "google/empty.sse": EMPTY,
  "google/no-finish.sse": CUT_OFF,
  "google/malformed-call.sse": CUT_OFF,
  "google/error-in-stream.sse": { remedy: "retryOnce", code: 503 },
  "google/quota-in-stream.sse": { remedy: "backOff", code: 429 },
  "workers-ai/empty.sse": EMPTY,
  "workers-ai/no-finish.sse": CUT_OFF,
  "workers-ai/error-in-stream.sse": AGAIN,
};
/** Answers that the provider cut at its longest. */
const CUT_SHORT = ["deepseek/length.sse", "anthropic/length.sse", "google/length.sse"];
const WITHOUT_USAGE = /no-usage|usage-in-choice-only|content-in-parts|tools-empty/;

/** Who may serve a stream: the provider of its folder, or everybody of that wire. */
function serversOf(file: string): readonly Provider[] {
  const folder = file.split("/")[0] as Provider;
  return folder === "openai-compatible" ? OPENAI_LIKE : [folder];
}

async function check(provider: Provider, file: string, body: string, served?: Served): Promise<void> {
  const failure = FAILURES[file];
  if (failure) {
    expect(await refusalOf(ask(provider, body, served))).toMatchObject({ operation: "model.generate", ...failure });
    return;
  }
  const step = await ask(provider, body, served);
  expect(step.text).toBe(ANSWER);
  expect(step.isCut).toBe(CUT_SHORT.includes(file) ? true : undefined);
  if (!WITHOUT_USAGE.test(file)) expect(step).toMatchObject({ inputTokens: 12, outputTokens: 34 });
}

describe("the streams", () => {
  it("are all known here, and no other", () => {
    expect(Object.keys(FAILURES).filter((file) => !STREAMS.includes(file))).toEqual([]);
    expect(CUT_SHORT.filter((file) => !STREAMS.includes(file))).toEqual([]);
    for (const provider of ALL) expect(filesOf(provider).length).toBeGreaterThan(0);
  });
});

describe("a stream is the whole answer without its thinking, or no answer", () => {
  it.each(STREAMS.flatMap((file) => serversOf(file).map((provider) => ({ file, provider }))))(
    "$file from $provider",
    ({ file, provider }) => check(provider, file, read(file)),
  );
});

describe("wherever the network cuts it", () => {
  it.each(STREAMS)("%s", async (file) => {
    const provider = file.split("/")[0] as Provider;
    const body = read(file);
    await check(provider, file, body, { cut: every(1) });
    await check(provider, file, body, { cut: every(7) });
    await check(provider, file, body.replaceAll("\n", "\r\n"), { cut: every(5) });
    await check(provider, file, body.replaceAll("\n\n", "\n\n: keep-alive\n\n"), { cut: every(64) });
  });
});

describe("a connection that breaks", () => {
  it.each(ALL)("in mid-answer of %s is no answer", async (provider) => {
    const plain = filesOf(provider).find((file) => file.endsWith(".sse") && !FAILURES[file]) ?? "";
    const bytes = new TextEncoder().encode(read(plain));
    const half = bytes.slice(0, bytes.length / 2);
    let told = false;
    const broken = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (told) return controller.error(new TypeError("the connection was lost"));
          told = true;
          controller.enqueue(half);
        },
      });
    const fetch: ModelFetch = async () => new Response(broken(), { headers: { "content-type": "text/event-stream" } });
    const model = languageModel(endpointOf(provider, { binding: { run: async () => broken() } }), fetch);
    const step = generateStep(model, input, { limits, signal: new AbortController().signal });
    expect(await refusalOf(step)).toMatchObject({ remedy: "retryOnce" });
  });
});

describe("an error in JSON although the status is 200", () => {
  const json = { headers: { "content-type": "application/json; charset=utf-8" } };

  it.each(BEHIND_HTTP)("is told as it is by %s", async (provider) => {
    const quota =
      provider === "anthropic" ? '{"error":{"type":"rate_limit_error"}}' : read("openrouter/error-402.json");
    expect(await refusalOf(ask(provider, quota, json))).toMatchObject({ remedy: "backOff" });
    const key = await refusalOf(ask(provider, read("openai-compatible/error-plain.json"), json));
    expect(key).toMatchObject({ remedy: "tellOperator", code: 401, advice: expect.stringContaining("MODEL_API_KEY") });
  });

  it.each(BEHIND_HTTP)("that says nothing more may pass: %s", async (provider) => {
    const refusal = await refusalOf(ask(provider, read("openai-compatible/error-no-code.json"), json));
    expect(refusal).toMatchObject({ remedy: "retryOnce" });
    expect(await refusalOf(ask(provider, "{", json))).toMatchObject({ remedy: "retryOnce" });
  });

  it("does not stand in the way of a stream that calls itself JSON, nor holds it back", async () => {
    expect((await ask("deepseek", read("deepseek/plain.sse"), { ...json, cut: every(1) })).text).toBe(ANSWER);
    const first = read("qwen/plain.sse").split("\n\n").slice(0, 2).join("\n\n");
    let asked = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (asked++ > 0) return new Promise<void>(() => {});
        controller.enqueue(new TextEncoder().encode(`${first}\n\n`));
      },
    });
    const model = languageModel(endpointOf("qwen"), async () => new Response(endless, json));
    const heard = new AbortController();
    const onText = async () => heard.abort(new Error("heard"));
    await expect(generateStep(model, input, { limits, signal: heard.signal, onText })).rejects.toThrow("heard");
  });
});

describe("a refused request", () => {
  const json = (status: number, headers = {}) => ({
    status,
    headers: { "content-type": "application/json", ...headers },
  });
  const error = (code: string, words = "no") => JSON.stringify({ error: { code, message: words, type: code } });

  it.each([
    [401, "tellOperator", "MODEL_API_KEY"],
    [402, "backOff", "额度"],
    [403, "tellOperator", "MODEL_API_KEY"],
    [404, "tellOperator", "MODEL 与"],
    [429, "backOff", "额度"],
    [500, "retryOnce", "状态"],
    [503, "retryOnce", "状态"],
  ])("with %d leads to %s, whoever refuses", async (status, remedy, advice) => {
    for (const provider of BEHIND_HTTP) {
      const refusal = await refusalOf(ask(provider, error("refused", PROMPT), json(status)));
      expect(refusal).toMatchObject({ remedy, code: status, advice: expect.stringContaining(advice) });
    }
  });

  // As OpenAI, Anthropic, Google, Alibaba, DeepSeek and vLLM say it.
  it.each([
    ["context_length_exceeded", "This model's maximum context length is 8192 tokens."],
    ["invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"],
    ["INVALID_ARGUMENT", "The input token count (1300000) exceeds the maximum number of tokens allowed (1048576)."],
    ["invalid_parameter_error", "Range of input length should be [1, 129024]"],
    ["BadRequestError", "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens."],
  ])("for a conversation that is too long says so: %s, %s", async (code, words) => {
    const refusal = await refusalOf(ask("openai-compatible", error(code, words), json(400)));
    expect(refusal).toMatchObject({ remedy: "tellOperator", code: 400 });
    expect(refusal.advice).toContain("larger context");
    expect(JSON.stringify(refusal)).not.toContain(words);
  });

  it("with 413 is too long, whatever it says", async () => {
    const refusal = await refusalOf(ask("anthropic", error("request_too_large"), json(413)));
    expect(refusal).toMatchObject({ remedy: "tellOperator", advice: expect.stringContaining("larger context") });
  });

  it("is what its own status says, whatever stands in it", async () => {
    expect(await refusalOf(ask("openai", error("invalid_api_key"), json(503)))).toMatchObject({ code: 503 });
  });

  it("for any other reason is not taken for too long", async () => {
    for (const words of ["temperature exceeds 2", "unknown parameter: stream_options", "the model is not supported"]) {
      const refusal = await refusalOf(ask("openai-compatible", error("invalid_request_error", words), json(400)));
      expect(refusal.advice).toContain("MODEL_BASE_URL");
    }
    // A server that is down may say anything.
    const down = await refusalOf(ask("openai-compatible", error("x", "maximum context length"), json(500)));
    expect(down.remedy).toBe("retryOnce");
  });

  it.each(["data_inspection_failed", "content_filter", "Content Exists Risk"])(
    "for its words does not send anybody to the settings: %s",
    async (code) => {
      const refusal = await refusalOf(ask("qwen", error(code), json(400)));
      expect(refusal).toMatchObject({ remedy: "drop", blocksText: true, advice: expect.stringContaining("无需处理") });
    },
  );

  it("for a wrong key is about the key, though Google calls it a bad request", async () => {
    const inWords = '{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}';
    const inItsReason = '{"error":{"code":400,"message":"no","status":"x","details":[{"reason":"API_KEY_INVALID"}]}}';
    for (const body of [read("google/wrong-key.json"), inWords, inItsReason]) {
      const refusal = await refusalOf(ask("google", body, json(400)));
      expect(refusal).toMatchObject({ remedy: "tellOperator", advice: expect.stringContaining("MODEL_API_KEY") });
    }
  });

  it.each([
    ["7", 7_000],
    ["0.5", 500],
    [new Date(NOW + 90_000).toUTCString(), 90_000],
    [new Date(NOW - 90_000).toUTCString(), 0],
    ["soon", undefined],
    ["", undefined],
  ])("says how long to wait: %j", async (retryAfter, retryAfterMs) => {
    const refusal = await refusalOf(ask("openai", error("slow"), json(429, { "retry-after": retryAfter })));
    expect(refusal.remedy).toBe("backOff");
    expect(refusal.retryAfterMs).toBe(retryAfterMs);
  });

  it("says how long to wait in Google's own way", async () => {
    const refusal = await refusalOf(ask("google", read("google/quota.json"), json(429)));
    expect(refusal).toMatchObject({ remedy: "backOff", retryAfterMs: 34_400 });
  });
});

/** What goes out for this endpoint. */
async function requestOf(endpoint: ModelEndpoint): Promise<{ request: Request; body: Record<string, unknown> }> {
  const requests: Request[] = [];
  const fetch: ModelFetch = async (url, init) => {
    requests.push(new Request(url, init));
    return new Response("data: [DONE]\n\n", { headers: { "content-type": "text/event-stream" } });
  };
  const step = generateStep(languageModel(endpoint, fetch), input, { limits, signal: new AbortController().signal });
  await step.catch(() => {});
  expect(requests).toHaveLength(1);
  const request = requests[0] as Request; // one, as just checked
  return { request, body: await request.json() };
}

describe("the request", () => {
  const URLS: Record<Exclude<Provider, "workers-ai">, string> = {
    openai: "https://api.openai.com/v1/chat/completions",
    anthropic: "https://api.anthropic.com/v1/messages",
    google: "https://generativelanguage.googleapis.com/v1beta/models/model-1:streamGenerateContent?alt=sse",
    deepseek: "https://api.deepseek.com/v1/chat/completions",
    qwen: "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions",
    moonshot: "https://api.moonshot.cn/v1/chat/completions",
    zhipu: "https://open.bigmodel.cn/api/paas/v4/chat/completions",
    doubao: "https://ark.cn-beijing.volces.com/api/v3/chat/completions",
    hunyuan: "https://tokenhub.tencentmaas.com/v1/chat/completions",
    siliconflow: "https://api.siliconflow.cn/v1/chat/completions",
    openrouter: "https://openrouter.ai/api/v1/chat/completions",
    ollama: "http://127.0.0.1:11434/v1/chat/completions",
    openclaw: "https://model.test/v1/chat/completions",
    "openai-compatible": "https://model.test/v1/chat/completions",
  };

  it.each(Object.entries(URLS))("of %s goes to %s with the headers that were set", async (provider, url) => {
    const model = provider === "google" ? "model-1" : "vendor/model-1";
    const { request } = await requestOf(endpointOf(provider as Provider, { model }));
    expect(request.method).toBe("POST");
    expect(request.url).toBe(url);
    expect(request.headers.get("content-type")).toBe("application/json");
    expect(request.headers.get("x-tunnel")).toBe("tunnel-secret");
  });

  it.each(BEHIND_HTTP)("of %s goes to an address of one's own where one is set", async (provider) => {
    const { request } = await requestOf(endpointOf(provider, { baseUrl: "https://relay.test/llm" }));
    expect(request.url).toMatch(/^https:\/\/relay\.test\/llm\//);
  });

  it.each(BEHIND_HTTP)("of %s carries the key in its header, and nowhere else", async (provider) => {
    const { request, body } = await requestOf(endpointOf(provider));
    const [name, value] =
      provider === "anthropic"
        ? ["x-api-key", KEY]
        : provider === "google"
          ? ["x-goog-api-key", KEY]
          : ["authorization", `Bearer ${KEY}`];
    expect(request.headers.get(name)).toBe(value);
    const carriers = [...request.headers].filter(([, text]) => text.includes(KEY)).map(([header]) => header);
    expect(carriers).toEqual([name]);
    expect(request.url + JSON.stringify(body)).not.toContain(KEY);
  });

  it.each(["ollama", "openai-compatible"] as const)("of %s goes without a key", async (provider) => {
    const { request } = await requestOf(endpointOf(provider, { apiKey: undefined }));
    expect(request.headers.has("authorization")).toBe(false);
  });

  it("of openclaw tells an agent the newest words alone, under the name of the conversation", async () => {
    const bodies: Record<string, unknown>[] = [];
    const fetch: ModelFetch = async (url, init) => {
      bodies.push({ url: String(url), channel: new Headers(init?.headers).get("x-openclaw-message-channel") });
      bodies.push(JSON.parse(String(init?.body)));
      return new Response(streamOf(read("openclaw/plain.sse")), { headers: { "content-type": "text/event-stream" } });
    };
    for (const baseUrl of ["https://claw.test", "https://claw.test/v1"]) {
      bodies.length = 0;
      const endpoint = endpointOf("openclaw", { model: "default", baseUrl });
      const session = "qq:1/c2c:ann:7";
      const signal = new AbortController().signal;
      const { text } = await answerWith([endpoint], fetch, { ...input, session }, { limits, signal });
      expect(text).toBe(ANSWER);
      expect(bodies).toEqual([
        { url: "https://claw.test/v1/chat/completions", channel: "qqbot" },
        {
          model: "openclaw/default",
          user: session,
          stream: true,
          stream_options: { include_usage: true },
          messages: [{ role: "user", content: PROMPT }],
        },
      ]);
    }
  });

  const UNKNOWN = { status: 400, headers: { "content-type": "application/json" } };

  it("of openclaw that names an agent that is not there leads to the settings", async () => {
    const refusal = await refusalOf(ask("openclaw", read("openclaw/unknown-agent.json"), UNKNOWN));
    expect(refusal).toMatchObject({ remedy: "tellOperator", advice: expect.stringContaining("MODEL") });
  });

  it.each(CHAT_LIKE)("of %s asks its model for a stream, in the words of the chat", async (provider) => {
    const { body } = await requestOf(endpointOf(provider));
    const asksForUsage = provider !== "zhipu";
    expect(body).toEqual({
      model: "vendor/model-1",
      stream: true,
      ...(asksForUsage && { stream_options: { include_usage: true } }),
      messages: [
        { role: "system", content: expect.stringContaining("persona") },
        { role: "user", content: "earlier" },
        { role: "assistant", content: "an earlier answer" },
        { role: "user", content: PROMPT },
      ],
    });
  });

  it("of Anthropic has the version and the limit that its API asks for", async () => {
    const { request, body } = await requestOf(endpointOf("anthropic", { model: "claude-sonnet-5" }));
    expect(request.headers.get("anthropic-version")).toBe("2023-06-01");
    expect(body).toMatchObject({
      model: "claude-sonnet-5",
      stream: true,
      max_tokens: 8_192,
      system: [{ type: "text", text: expect.stringContaining("persona") }],
      messages: [{ role: "user" }, { role: "assistant" }, { role: "user" }],
    });
    expect(Object.keys(body).toSorted()).toEqual(["max_tokens", "messages", "model", "stream", "system"]);
  });

  it("of Google asks its model in the words of the chat", async () => {
    const { body } = await requestOf(endpointOf("google", { model: "gemini-3.7-flash" }));
    expect(body).toMatchObject({
      systemInstruction: { parts: [{ text: expect.stringContaining("persona") }] },
      contents: [
        { role: "user", parts: [{ text: "earlier" }] },
        { role: "model", parts: [{ text: "an earlier answer" }] },
        { role: "user", parts: [{ text: PROMPT }] },
      ],
    });
    expect(JSON.stringify(body)).not.toContain("temperature");
  });

  it.each(ALL)("of %s prints nothing", async (provider) => {
    const prints = (["log", "info", "warn", "error"] as const).map((method) => vi.spyOn(console, method));
    const warnings = vi.spyOn(process, "emitWarning");
    await ask(provider, "data: [DONE]\n\n").catch(() => {});
    for (const print of [...prints, warnings]) expect(print).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});

describe("the SDK", () => {
  it("does not print its warnings", async () => {
    const prints = [vi.spyOn(console, "warn"), vi.spyOn(process, "emitWarning")];
    // Its longest answer is shorter than the limit that is asked for.
    const model = languageModel(
      endpointOf("anthropic", { model: "claude-3-haiku-20240307" }),
      async () => new Response(read("anthropic/plain.sse"), { headers: { "content-type": "text/event-stream" } }),
    );
    await generateStep(model, input, { limits, signal: new AbortController().signal });
    for (const print of prints) expect(print).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});

describe("Workers AI", () => {
  it.each([
    ["3040: Capacity temporarily exceeded", "backOff"],
    ["3036: You have used up your daily free allocation of 10,000 neurons", "backOff"],
    ["5007: No such model @cf/none", "tellOperator"],
    ["something else", "retryOnce"],
  ])("that throws %j leads to %s", async (words, remedy) => {
    const binding = {
      run: async () => {
        throw new Error(`${words} (${PROMPT})`);
      },
    };
    const model = languageModel(endpointOf("workers-ai", { binding }), fetch);
    const step = generateStep(model, input, { limits, signal: new AbortController().signal });
    expect(await refusalOf(step)).toMatchObject({ remedy });
  });
});
