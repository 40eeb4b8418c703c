/**
 * What models cost: list prices, in yuan per million tokens. A guess at a bill, not the bill: vendors have free quotas, tiers by
 * length, hours and contracts of their own. MODEL_PRICES overrides any of them.
 */

/** Yuan per million tokens. */
export interface Price {
  input: number;
  /** Of what the provider had in its cache; as any other input where it has no price of its own. */
  cached?: number | undefined;
  output: number;
}

const MILLION = 1_000_000;

export function costOf(
  { input, cached = input, output }: Price,
  tokens: { inputTokens: number; cachedTokens: number; outputTokens: number },
): number {
  const fresh = tokens.inputTokens - tokens.cachedTokens;
  return (fresh * input + tokens.cachedTokens * cached + tokens.outputTokens * output) / MILLION;
}

/** Vendors that name their prices in dollars: at this rate. */
const YUAN_PER_DOLLAR = 7.1;

function dollars(input: number, cached: number | undefined, output: number): Price {
  const inYuan = (price: number) => price * YUAN_PER_DOLLAR;
  return { input: inYuan(input), cached: cached === undefined ? undefined : inYuan(cached), output: inYuan(output) };
}

function yuan(input: number, cached: number | undefined, output: number): Price {
  return { input, cached, output };
}

/**
 * `<provider>/<model id>` -> list price, as the vendors' price pages said in September and October 2026. Where a vendor has several
 * for prompts as short as ours, the highest: a limit in money had better hold than be exact.
 */
export const PRICES: Readonly<Record<string, Price>> = {
  // developers.cloudflare.com/workers-ai/platform/pricing; the first 10,000 neurons of a day are free.
  "workers-ai/@cf/zai-org/glm-4.7-flash": dollars(0.061, undefined, 0.401),
  "workers-ai/@cf/openai/gpt-oss-20b": dollars(0.2, undefined, 0.3),
  "workers-ai/@cf/openai/gpt-oss-120b": dollars(0.35, undefined, 0.75),
  "workers-ai/@cf/qwen/qwen3-30b-a3b-fp8": dollars(0.051, undefined, 0.335),
  "workers-ai/@cf/meta/llama-3.3-70b-instruct-fp8-fast": dollars(0.293, undefined, 2.253),
  // api-docs.deepseek.com/zh-cn/quick_start/pricing: by day in the week; otherwise half of it.
  "deepseek/deepseek-flash": yuan(2, 0.04, 8),
  "deepseek/deepseek-v4-flash": yuan(2, 0.04, 8),
  "deepseek/deepseek-v4-pro": yuan(9, 0.3, 27),
  // help.aliyun.com/zh/model-studio/model-pricing, Beijing; of the older names the output while thinking.
  "qwen/qwen3.8-max": yuan(12, 1.5, 36),
  "qwen/qwen3.8-flash": yuan(0.8, 0.1, 2.7),
  "qwen/qwen3-max": yuan(2.5, 0.5, 10),
  "qwen/qwen-plus": yuan(0.8, 0.16, 8),
  "qwen/qwen-flash": yuan(0.15, 0.03, 1.5),
  // platform.kimi.com/docs/pricing
  "moonshot/kimi-k3": yuan(20, 2, 100),
  "moonshot/kimi-k2.6": yuan(6.5, 1.1, 27),
  // docs.bigmodel.cn/cn/guide/start/pricing
  "zhipu/glm-5.3": yuan(8, 2, 28),
  "zhipu/glm-5.3-flash": yuan(0.8, 0.23, 2.8),
  "zhipu/glm-4.7": yuan(3, 0.6, 14),
  "zhipu/glm-4.7-flash": yuan(0, 0, 0),
  "zhipu/glm-4.5-air": yuan(0.8, 0.16, 6),
  // www.volcengine.com/docs/82379/1544106
  "doubao/doubao-seed-2-1-pro-260628": yuan(6, 1.2, 30),
  "doubao/doubao-seed-2-1-turbo-260628": yuan(3, 0.6, 15),
  "doubao/doubao-seed-2-0-mini-260428": yuan(0.2, 0.04, 2),
  // cloud.tencent.com/document/product/1823/130055
  "hunyuan/hy3": yuan(1, 0.25, 4),
  // developers.openai.com/api/docs/pricing
  "openai/gpt-6.1-sol": dollars(2, 0.1, 10),
  "openai/gpt-6.1-terra": dollars(1, 0.05, 5),
  "openai/gpt-6-luna": dollars(0.1, 0.01, 0.5),
  "openai/gpt-5.6-luna": dollars(0.2, 0.02, 1.2),
  // platform.claude.com/docs/en/about-claude/pricing
  "anthropic/claude-haiku-5-5": dollars(0.1, 0.01, 0.5),
  "anthropic/claude-haiku-4-5": dollars(1, 0.1, 5),
  "anthropic/claude-sonnet-5-5": dollars(2, 0.1, 10),
  "anthropic/claude-opus-5-5": dollars(4, 0.2, 20),
  // ai.google.dev/gemini-api/docs/pricing; gemini-3.8-flash: from 2027 on.
  "google/gemini-3.8-flash": dollars(1.5, 0.15, 7.5),
  "google/gemini-3.5-flash-lite": dollars(0.3, 0.03, 2.5),
  "google/gemini-3.1-pro-preview": dollars(2, 0.2, 12),
  "google/gemini-2.5-flash-lite": dollars(0.1, 0.01, 0.4),
};
