/**
 * Table: provider -> AI SDK model. What a provider needs of the settings stands in `config.ts`; a provider there that is
 * missing here does not compile.
 */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import { createWorkersAI, type WorkersAISettings } from "workers-ai-provider";
import type { ModelEndpoint } from "../config.ts";
import type { Provider } from "../providers.ts";
import { statusIn } from "./model-error.ts";

export type ModelFetch = (request: Request | URL | string, init?: RequestInit) => Promise<Response>;

/** What a step asks of a model. */
export type Model = Pick<LanguageModelV4, "doStream">;

type Preset = (endpoint: ModelEndpoint, fetch: ModelFetch) => Model;

/** Anthropic's API asks for a limit. Four messages of QQ hold less, and thinking counts as well. */
const ANTHROPIC_MAX_TOKENS = 8_192;

/** @param asksForUsage false where the vendor documents no `stream_options`, and reports usage anyway. */
function compatible({ asksForUsage }: { asksForUsage: boolean }): Preset {
  return (endpoint, fetch) =>
    createOpenAICompatible({ ...http(endpoint, fetch), name: endpoint.provider, includeUsage: asksForUsage })(
      endpoint.model,
    );
}

const openAiLike = compatible({ asksForUsage: true });

const PRESETS = {
  "workers-ai": ({ binding, model }) => {
    // The binding is opaque to the settings; its type is the provider package's own.
    const workersAi = createWorkersAI({ binding } as WorkersAISettings);
    return workersAi(model);
  },
  anthropic: (endpoint, fetch) => {
    const model = createAnthropic(http(endpoint, fetch))(endpoint.model);
    return { doStream: (call) => model.doStream({ maxOutputTokens: ANTHROPIC_MAX_TOKENS, ...call }) };
  },
  google: (endpoint, fetch) => createGoogle(http(endpoint, fetch))(endpoint.model),
  openai: openAiLike,
  deepseek: openAiLike,
  qwen: openAiLike,
  moonshot: openAiLike,
  zhipu: compatible({ asksForUsage: false }),
  doubao: openAiLike,
  hunyuan: openAiLike,
  siliconflow: openAiLike,
  openrouter: openAiLike,
  ollama: openAiLike,
  openclaw: (endpoint, fetch) => {
    // It knows its agents as `openclaw/<agent>`, and says 400 to any other name.
    const settings = http(endpoint, fetch);
    const headers = { "x-openclaw-message-channel": "qqbot", ...settings.headers };
    const baseURL = v1(endpoint.baseUrl);
    const gateway = createOpenAICompatible({ ...settings, name: "openclaw", includeUsage: true, baseURL, headers });
    const model = gateway(`openclaw/${endpoint.model}`);
    // One `user` is one session there, which holds what was said.
    return {
      doStream({ providerOptions, ...call }) {
        const user = providerOptions?.qq?.session;
        return model.doStream({ ...call, ...(user && { providerOptions: { openclaw: { user } } }) });
      },
    };
  },
  "openai-compatible": openAiLike,
} satisfies Record<Provider, Preset>;

/** People give the address of the gateway as they know it, with or without the path of its API. */
function v1(baseUrl = ""): string {
  return /\/v1$/.test(baseUrl) ? baseUrl : `${baseUrl}/v1`;
}

const made = new WeakMap<ModelEndpoint, { model: Model; fetch: ModelFetch }>();

/** The same for every call, as long as the settings and `fetch` are: the packages build their schemas anew for each model. */
export function languageModel(endpoint: ModelEndpoint, fetch: ModelFetch): Model {
  const known = made.get(endpoint);
  if (known?.fetch === fetch) return known.model;
  const model = PRESETS[endpoint.provider](endpoint, fetch);
  made.set(endpoint, { model, fetch });
  return model;
}

/** What every package for a model behind HTTP takes. */
function http({ baseUrl = "", apiKey, headers }: ModelEndpoint, fetch: ModelFetch) {
  return {
    baseURL: baseUrl, // present: `readConfig` requires it
    ...(apiKey && { apiKey: apiKey.reveal() }),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()])),
    fetch: honest(fetch) as typeof globalThis.fetch, // the SDK only calls it
  };
}

/**
 * Some servers report an error with status 200, as JSON where a stream was asked for. To the SDK that is an empty stream;
 * with the status that the JSON tells, it is the error that it is. A stream that only calls itself JSON is let through.
 */
function honest(fetch: ModelFetch): ModelFetch {
  return async (request, init) => {
    const response = await fetch(request, init);
    const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
    if (!response.ok || !response.body || !isJson) return response;
    const [peeked, body] = response.body.tee();
    const reader = peeked.getReader();
    const first: Uint8Array | undefined = (await reader.read()).value;
    void reader.cancel().catch(() => {});
    if (first?.find((byte) => byte > SPACE) !== BRACE) return new Response(body, response);
    const json = await new Response(body).text();
    return new Response(json, { status: statusOf(json) ?? response.status, headers: response.headers });
  };
}

const SPACE = 0x20;
const BRACE = 0x7b;

function statusOf(body: string): number | undefined {
  try {
    return statusIn(JSON.parse(body));
  } catch {
    return undefined;
  }
}
