/**
 * The only place that reads `env`: every setting's name, default, check and advice.
 * Collects every problem before it throws, so that a person is told once.
 */
import * as v from "valibot";
import { ConfigError, type Problem } from "./errors.ts";
import { Secret } from "./log.ts";

export interface BotConfig {
  appId: string;
  appSecret: Secret;
  name?: string | undefined;
  systemPrompt: string;
  model: ModelEndpoint;
}

/** Which model to ask, and where. `agent/models.ts` turns it into an AI SDK model. */
export interface ModelEndpoint {
  provider: Provider;
  /** The provider's own name of the model. */
  model: string;
  apiKey?: Secret | undefined;
  baseUrl?: string | undefined;
  headers: Readonly<Record<string, Secret>>;
  /** The Workers AI binding; its shape is that provider's business. */
  binding?: unknown;
}

export interface Config {
  bots: readonly BotConfig[];
  qq: {
    apiBase: string;
    tokenUrl: string;
    headers: Readonly<Record<string, Secret>>;
  };
}

/** What a provider needs. The AI SDK side of each row is in `agent/models.ts`. */
export const PROVIDERS = {
  "workers-ai": { needsBinding: true },
  "openai-compatible": { needsBaseUrl: true },
} as const satisfies Record<string, { needsBinding?: true; needsBaseUrl?: true }>;

export type Provider = keyof typeof PROVIDERS;

const DEFAULT_MODEL = "workers-ai/@cf/zai-org/glm-4.7-flash";
const DEFAULT_PERSONA =
  "你是 QQ 里的 AI 助手。用对方的语言回答,先给结论,简洁、友善、诚实;不知道就说不知道。" +
  "你的文字会以纯文本显示,少用 Markdown 标记。";

const API_BASE = "https://api.bot.qq.com";
const SANDBOX_API_BASE = "https://sandbox.api.sgroup.qq.com";
const LEGACY_API_BASE = "https://api.sgroup.qq.com";
const TOKEN_PATH = "/app/getAppAccessToken";

/** Settings reach us as strings; surrounding white space comes from pasting and never matters. */
const text = v.pipe(v.string(), v.trim());
const appId = v.pipe(text, v.regex(/^\d{1,20}$/));
const httpUrl = v.pipe(
  text,
  v.url(),
  v.regex(/^https?:\/\//),
  v.transform((url) => url.replace(/\/+$/, "")),
);
const flag = v.pipe(
  text,
  v.toLowerCase(),
  v.picklist(["true", "false"]),
  v.transform((value) => value === "true"),
);
const json = v.pipe(text, v.parseJson());
const headers = v.pipe(
  json,
  v.check((value) => !Array.isArray(value)), // a record of "0", "1", … to valibot
  v.record(v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~\w-]+$/)), v.pipe(v.string(), v.regex(/^[\t\x20-\x7e]*$/))),
  v.transform((entries) =>
    Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, new Secret(value)])),
  ),
);
const bots = v.pipe(
  json,
  v.array(
    v.object({
      appId,
      appSecret: v.pipe(text, v.nonEmpty()),
      name: v.optional(text),
      model: v.optional(text),
      systemPrompt: v.optional(text),
    }),
  ),
  v.nonEmpty(),
  v.check((list) => new Set(list.map((bot) => bot.appId)).size === list.length),
);

/** How a wrong setting is reported. The value itself is never part of it. */
const SETTINGS = {
  QQ_APP_ID: {
    schema: appId,
    problem: "应为纯数字 / must be digits",
    advice: "在 q.qq.com 的「开发设置」复制 AppID。Copy the AppID from q.qq.com, development settings.",
  },
  QQ_APP_SECRET: {
    schema: v.pipe(text, v.nonEmpty()),
    problem: "为空 / is empty",
    advice:
      "在 q.qq.com 的「开发设置」生成 AppSecret,再运行 `npx wrangler secret put QQ_APP_SECRET`。" +
      "Generate the AppSecret at q.qq.com, then run `npx wrangler secret put QQ_APP_SECRET`.",
  },
  QQ_BOTS: {
    schema: bots,
    problem: "不是有效的机器人列表 / is no valid list of bots",
    advice:
      '应为 JSON 数组 [{"appId","appSecret",…}],AppID 不能重复。' +
      'Must be a JSON array [{"appId","appSecret",…}] with distinct AppIDs.',
  },
  QQ_API_BASE: {
    schema: httpUrl,
    problem: "不是 http(s) 地址 / is no http(s) address",
    advice: "填写完整地址,例如 https://api.bot.qq.com。Give a full address.",
  },
  QQ_TOKEN_URL: {
    schema: httpUrl,
    problem: "不是 http(s) 地址 / is no http(s) address",
    advice: "填写完整地址,或删除此项使用默认值。Give a full address, or remove it for the default.",
  },
  QQ_API_HEADERS: {
    schema: headers,
    problem: "不是 JSON 对象 / is no JSON object of headers",
    advice: '例如 {"X-Relay-Key":"…"}。Such as {"X-Relay-Key":"…"}.',
  },
  QQ_SANDBOX: {
    schema: flag,
    problem: "应为 true 或 false / must be true or false",
    advice: "填写 true 或 false。Set true or false.",
  },
  MODEL: {
    schema: v.pipe(text, v.regex(/^[a-z0-9-]+\/\S+$/)),
    problem: "应为 <provider>/<model id> / must be <provider>/<model id>",
    advice: "例如 openai-compatible/deepseek-chat。Such as openai-compatible/deepseek-chat.",
  },
  MODEL_API_KEY: {
    schema: v.pipe(text, v.nonEmpty()),
    problem: "为空 / is empty",
    advice: "填写模型服务的密钥,或删除此项。Set the provider's key, or remove it.",
  },
  MODEL_BASE_URL: {
    schema: httpUrl,
    problem: "不是 http(s) 地址 / is no http(s) address",
    advice: "填写模型接口地址,例如 https://api.deepseek.com/v1。Give the model API's address.",
  },
  MODEL_HEADERS: {
    schema: headers,
    problem: "不是 JSON 对象 / is no JSON object of headers",
    advice: '例如 {"CF-Access-Client-Id":"…"}。Such as {"CF-Access-Client-Id":"…"}.',
  },
  SYSTEM_PROMPT: { schema: text, problem: "不是文本 / is no text", advice: "填写人设文字。Set the persona as text." },
} satisfies Record<string, { schema: v.GenericSchema; problem: string; advice: string }>;

type Setting = keyof typeof SETTINGS;

/**
 * Reads and checks every setting.
 *
 * @throws ConfigError that lists every missing or malformed setting, without any value.
 */
export function readConfig(env: unknown): Config {
  const source: Record<string, unknown> = typeof env === "object" && env !== null ? { ...env } : {};
  const problems: Problem[] = [];
  const report = (setting: Setting, problem: string = SETTINGS[setting].problem) => {
    problems.push({ setting, problem, advice: SETTINGS[setting].advice });
  };
  const isReported = (setting: Setting) => problems.some((known) => known.setting === setting);

  /** An empty setting counts as absent: that is how a dashboard leaves one that was cleared. */
  function read<S extends Setting>(setting: S): v.InferOutput<(typeof SETTINGS)[S]["schema"]> | undefined {
    const given = source[setting];
    // Without quotes in wrangler.toml, an AppID arrives as a number and a switch as a boolean.
    const raw = typeof given === "number" || typeof given === "boolean" ? String(given) : given;
    if (raw === undefined || raw === null || (typeof raw === "string" && raw.trim() === "")) return undefined;
    const result = v.safeParse(SETTINGS[setting].schema, raw);
    if (result.success) return result.output as v.InferOutput<(typeof SETTINGS)[S]["schema"]>; // indexed by S, which safeParse widens
    report(setting);
    return undefined;
  }

  const given = read("QQ_BOTS");
  const single = given ? undefined : { appId: read("QQ_APP_ID"), appSecret: read("QQ_APP_SECRET") };
  if (single && !isReported("QQ_BOTS")) {
    for (const [setting, value] of [
      ["QQ_APP_ID", single.appId] as const,
      ["QQ_APP_SECRET", single.appSecret] as const,
    ]) {
      if (!value && !isReported(setting)) report(setting, "未设置 / is not set");
    }
  }

  const sandbox = read("QQ_SANDBOX") ?? false;
  const apiBase = read("QQ_API_BASE") ?? (sandbox ? SANDBOX_API_BASE : API_BASE);
  const systemPrompt = read("SYSTEM_PROMPT") ?? DEFAULT_PERSONA;
  const endpoint = {
    apiKey: read("MODEL_API_KEY"),
    baseUrl: read("MODEL_BASE_URL"),
    headers: read("MODEL_HEADERS") ?? {},
    binding: source.AI,
  };
  const defaultModel = read("MODEL") ?? DEFAULT_MODEL;

  function readModel(name: string): ModelEndpoint {
    const slash = name.indexOf("/");
    const provider = name.slice(0, slash);
    if (!isProvider(provider)) {
      report("MODEL", `未知的 provider / unknown provider; known: ${Object.keys(PROVIDERS).join(", ")}`);
      return { provider: "openai-compatible", model: "", headers: {} };
    }
    const needs: { needsBinding?: true; needsBaseUrl?: true } = PROVIDERS[provider];
    if (needs.needsBaseUrl && !endpoint.baseUrl && !isReported("MODEL_BASE_URL")) {
      report("MODEL_BASE_URL", "未设置 / is not set");
    }
    // After a malformed MODEL this would be about the default one, which nobody asked for.
    if (needs.needsBinding && !endpoint.binding && !isReported("MODEL")) {
      report("MODEL", "workers-ai 需要 AI 绑定 / workers-ai needs the AI binding of wrangler.toml");
    }
    return {
      provider,
      model: name.slice(slash + 1),
      apiKey: endpoint.apiKey ? new Secret(endpoint.apiKey) : undefined,
      baseUrl: endpoint.baseUrl,
      headers: endpoint.headers,
      binding: endpoint.binding,
    };
  }

  const list = given ?? [{ appId: single?.appId ?? "", appSecret: single?.appSecret ?? "" }];
  const config: Config = {
    bots: list.map((bot: v.InferOutput<typeof bots>[number]) => ({
      appId: bot.appId,
      appSecret: new Secret(bot.appSecret),
      name: bot.name,
      systemPrompt: bot.systemPrompt || systemPrompt,
      model: readModel(bot.model || defaultModel),
    })),
    qq: {
      apiBase,
      tokenUrl: read("QQ_TOKEN_URL") ?? defaultTokenUrl(apiBase),
      headers: read("QQ_API_HEADERS") ?? {},
    },
  };
  if (problems.length > 0) throw new ConfigError(distinct(problems));
  return Object.freeze(config);
}

/** The bot of an AppID. Undefined where the deployment no longer knows it. */
export function findBot(config: Config, id: string): BotConfig | undefined {
  return config.bots.find((bot) => bot.appId === id);
}

function isProvider(name: string): name is Provider {
  return Object.hasOwn(PROVIDERS, name);
}

/** A relay or the simulator serves the token beside its API; QQ's own hosts do not all do so. */
function defaultTokenUrl(apiBase: string): string {
  if (apiBase === LEGACY_API_BASE) return `https://bots.qq.com${TOKEN_PATH}`;
  if (apiBase === API_BASE || apiBase === SANDBOX_API_BASE) return `${API_BASE}${TOKEN_PATH}`;
  return `${apiBase}${TOKEN_PATH}`;
}

function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Map(problems.map((problem) => [`${problem.setting} ${problem.problem}`, problem]));
  return [...seen.values()];
}
