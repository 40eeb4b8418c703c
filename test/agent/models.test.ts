/** How each provider is reached with the settings that it was given. */
import { describe, expect, it } from "vitest";
import { generateStep, languageModel } from "../../src/agent/agent.ts";
import type { ModelEndpoint } from "../../src/config.ts";
import { UpstreamError } from "../../src/errors.ts";
import { Secret } from "../../src/log.ts";
import { message, NOW } from "../support/turns.ts";

const input = {
  persona: "persona",
  scene: "c2c",
  nowMs: NOW,
  history: [],
  messages: [message({ scene: "c2c" })],
} as const;
const limits = { firstTokenMs: 5_000, silenceMs: 5_000, totalMs: 5_000 };

const events = (...data: (object | string)[]) =>
  data.map((one) => `data: ${typeof one === "string" ? one : JSON.stringify(one)}\n\n`).join("");

/** Asks the model of this endpoint; returns the answer and what went out by `fetch`. */
async function ask(endpoint: ModelEndpoint) {
  const requests: Request[] = [];
  const model = languageModel(endpoint, async (url, init) => {
    requests.push(new Request(url, init));
    const chunk = (delta: object, finish_reason: string | null) => ({
      id: "c",
      object: "chat.completion.chunk",
      created: 0,
      model: "m",
      choices: [{ index: 0, delta, finish_reason }],
    });
    const body = events(chunk({ role: "assistant", content: "hello" }, null), chunk({}, "stop"), "[DONE]");
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const { text } = await generateStep(model, input, { limits, signal: new AbortController().signal });
  return { text, requests };
}

describe("an OpenAI-compatible provider", () => {
  const endpoint: ModelEndpoint = {
    provider: "openai-compatible",
    model: "vendor/large-model",
    baseUrl: "https://model.test/some/v1",
    apiKey: new Secret("sk-key"),
    headers: { "CF-Access-Client-Id": new Secret("tunnel-id"), "X-Other": new Secret("other") },
  };

  it("is reached at its own address with its key and the extra headers", async () => {
    const { text, requests } = await ask(endpoint);
    expect(text).toBe("hello");
    expect(requests).toHaveLength(1);
    const [request] = requests;
    expect(request?.method).toBe("POST");
    expect(request?.url).toBe("https://model.test/some/v1/chat/completions");
    expect(request?.headers.get("authorization")).toBe("Bearer sk-key");
    expect(request?.headers.get("cf-access-client-id")).toBe("tunnel-id");
    expect(request?.headers.get("x-other")).toBe("other");
  });

  it("is asked for its model by the provider's own name, as a stream that says what it cost", async () => {
    const { requests } = await ask(endpoint);
    expect(await requests[0]?.json()).toMatchObject({
      model: "vendor/large-model",
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it("needs no key", async () => {
    const { requests } = await ask({ ...endpoint, apiKey: undefined, headers: {} });
    expect(requests[0]?.headers.has("authorization")).toBe(false);
  });
});

describe("Workers AI", () => {
  /** A binding that says what it is told, and remembers what it was asked. */
  function workersAi(body: string) {
    const calls: { model: string; inputs: Record<string, unknown> }[] = [];
    const binding = {
      run: async (model: string, inputs: Record<string, unknown>) => {
        calls.push({ model, inputs });
        return new Response(body).body;
      },
    };
    const endpoint: ModelEndpoint = { provider: "workers-ai", model: "@cf/vendor/model", headers: {}, binding };
    return { calls, endpoint };
  }

  it("is reached through its binding, without a key and without fetch", async () => {
    const { calls, endpoint } = workersAi(events({ response: "hel" }, { response: "lo" }, "[DONE]"));
    const { text, requests } = await ask(endpoint);
    expect(text).toBe("hello");
    expect(requests).toEqual([]);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.model).toBe("@cf/vendor/model");
    expect(JSON.stringify(calls[0]?.inputs)).toContain("persona");
  });

  it("that breaks off in mid-answer has given no answer", async () => {
    const { endpoint } = workersAi(events({ response: "half an ans" }));
    await expect(ask(endpoint)).rejects.toThrow(UpstreamError);
  });
});
