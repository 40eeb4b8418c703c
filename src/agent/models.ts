/**
 * Table: provider -> AI SDK model. What a provider needs of the settings stands in `config.ts`; a provider there that is
 * missing here does not compile.
 */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModel } from "ai";
import { createWorkersAI, type WorkersAISettings } from "workers-ai-provider";
import type { ModelEndpoint, Provider } from "../config.ts";

export type ModelFetch = (request: RequestInfo | URL, init?: RequestInit) => Promise<Response>;

type Preset = (endpoint: ModelEndpoint, fetch: ModelFetch) => LanguageModel;

const PRESETS = {
  "workers-ai": ({ binding, model }) => {
    // The binding is opaque to the settings; its type is the provider package's own.
    const workersAi = createWorkersAI({ binding } as WorkersAISettings);
    return workersAi(model);
  },

  "openai-compatible": ({ baseUrl = "", apiKey, headers, model }, fetch) =>
    createOpenAICompatible({
      name: "openai-compatible",
      baseURL: baseUrl, // present: `readConfig` requires it for this provider
      ...(apiKey && { apiKey: apiKey.reveal() }),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()])),
      fetch: fetch as typeof globalThis.fetch, // the SDK only calls it
      includeUsage: true,
    })(model),
} satisfies Record<Provider, Preset>;

export function languageModel(endpoint: ModelEndpoint, fetch: ModelFetch): LanguageModel {
  return PRESETS[endpoint.provider](endpoint, fetch);
}
