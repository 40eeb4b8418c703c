/** The services that a model can be asked of. */

export interface ProviderNeeds {
  /** Its own address. Without one, MODEL_BASE_URL has to tell. */
  baseUrl?: string;
  /** The variables that usually hold its key, the one that advice names first. Without any, it needs no key. */
  keys?: readonly [string, ...string[]];
  /** Reached through the AI binding alone, without address and key. */
  needsBinding?: true;
  /**
   * An agent that remembers by itself and has a persona of its own: it is told the newest messages alone. It works with tools
   * before it answers, in silence.
   */
  isAgent?: true;
}

/** What a provider needs, as its own documentation says. The AI SDK side of each row is in `agent/models.ts`. */
export const PROVIDERS = {
  "workers-ai": { needsBinding: true },
  openai: { baseUrl: "https://api.openai.com/v1", keys: ["OPENAI_API_KEY"] },
  anthropic: { baseUrl: "https://api.anthropic.com/v1", keys: ["ANTHROPIC_API_KEY"] },
  google: {
    baseUrl: "https://generativelanguage.googleapis.com/v1beta",
    keys: ["GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY"],
  },
  deepseek: { baseUrl: "https://api.deepseek.com/v1", keys: ["DEEPSEEK_API_KEY"] },
  qwen: { baseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1", keys: ["DASHSCOPE_API_KEY"] },
  moonshot: { baseUrl: "https://api.moonshot.cn/v1", keys: ["MOONSHOT_API_KEY"] },
  zhipu: {
    baseUrl: "https://open.bigmodel.cn/api/paas/v4",
    keys: ["ZHIPU_API_KEY", "ZHIPUAI_API_KEY", "ZAI_API_KEY"],
  },
  doubao: { baseUrl: "https://ark.cn-beijing.volces.com/api/v3", keys: ["ARK_API_KEY"] },
  // TokenHub, which took the place of Hunyuan's own API in September 2026: cloud.tencent.com/document/product/1823/130050
  hunyuan: { baseUrl: "https://tokenhub.tencentmaas.com/v1", keys: ["HUNYUAN_API_KEY", "TENCENT_TOKENHUB_API_KEY"] },
  siliconflow: { baseUrl: "https://api.siliconflow.cn/v1", keys: ["SILICONFLOW_API_KEY"] },
  openrouter: { baseUrl: "https://openrouter.ai/api/v1", keys: ["OPENROUTER_API_KEY"] },
  ollama: { baseUrl: "http://127.0.0.1:11434/v1" },
  // A gateway of one's own: github.com/openclaw/openclaw, docs/gateway/openai-http-api.md.
  openclaw: { keys: ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"], isAgent: true },
  "openai-compatible": {},
} as const satisfies Record<string, ProviderNeeds>;

export type Provider = keyof typeof PROVIDERS;

/** How a model is called in settings, in logs and by people: neither address nor key. */
export function modelName({ provider, model }: { provider: Provider; model: string }): string {
  return `${provider}/${model}`;
}

/** The provider's own name may contain slashes. */
export function splitModel(name: string): { provider: string; model: string } {
  const slash = name.indexOf("/");
  return { provider: name.slice(0, slash), model: name.slice(slash + 1) };
}

/** See `ProviderNeeds.isAgent`. */
export function isAgent(provider: Provider): boolean {
  const needs: ProviderNeeds = PROVIDERS[provider];
  return needs.isAgent === true;
}

export function isProvider(name: string): name is Provider {
  return Object.hasOwn(PROVIDERS, name);
}
