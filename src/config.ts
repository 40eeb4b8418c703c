/**
 * The only place that reads `env`: every setting's name, default, check and advice.
 * Collects every problem before it throws, so that a person is told once.
 */
import * as v from "valibot";
import { CHOICES, type ChoiceName } from "./choice.ts";
import { ConfigError, type Problem } from "./errors.ts";
import { Secret } from "./log.ts";
import { PRICES, type Price } from "./prices.ts";
import { isProvider, modelName, PROVIDERS, type Provider, type ProviderNeeds, splitModel } from "./providers.ts";
import type { Allowance } from "./spending.ts";
import {
  API_BASE,
  defaultTokenUrl,
  type Echo,
  echoOf,
  type Fetching,
  isRelayed,
  readProxy,
  SANDBOX_API_BASE,
  type Way,
} from "./way.ts";

export interface BotConfig {
  appId: string;
  appSecret: Secret;
  name?: string | undefined;
  systemPrompt: string;
  /** The model to ask, then those to ask where it fails. */
  models: readonly [ModelEndpoint, ...ModelEndpoint[]];
  /** Those that people may choose, the first of `models` first. */
  offered: readonly ModelEndpoint[];
  /** Answers where an allowance is spent. */
  spare?: ModelEndpoint | undefined;
}

/** Which model to ask, and where. `agent/models.ts` turns it into an AI SDK model. */
export interface ModelEndpoint {
  provider: Provider;
  /** The provider's own name of the model. */
  model: string;
  apiKey?: Secret | undefined;
  /** Present for every provider that is reached by HTTP. */
  baseUrl?: string | undefined;
  headers: Readonly<Record<string, Secret>>;
  /** The Workers AI binding; its shape is that provider's business. */
  binding?: unknown;
}

/** Who may talk to a bot, unless its owner has ruled about them. */
export type AccessMode = "open" | "allowlist" | "pairing";

/** What may be spent on models in a day: by one person in one chat, by one group or channel, by all chats together. */
export type DailyAllowances = Readonly<Record<"person" | "group" | "bot", Allowance>>;

export interface Config {
  access: AccessMode;
  /** Messages of one person that are answered in a minute; 0 is no limit. */
  messagesPerMinute: number;
  /** What people may not choose for themselves. */
  lockedChoices: readonly ChoiceName[];
  daily: DailyAllowances;
  /** By `<provider>/<model id>`. */
  prices: Readonly<Record<string, Price>>;
  /** Model calls at a time under one key, in all chats; 0 is no limit. */
  modelConcurrency: number;
  /** Where the operator is told that the bot needs help. The address is a key. */
  alertWebhook?: Secret | undefined;
  bots: readonly BotConfig[];
  qq: {
    apiBase: string;
    tokenUrl: string;
    headers: Readonly<Record<string, Secret>>;
    /** `apiBase` is none of QQ's own hosts. */
    isRelayed: boolean;
    way: Way;
    echo?: Echo | undefined;
  };
}

const DEFAULT_MODEL = "workers-ai/@cf/zai-org/glm-4.7-flash";
const DEFAULT_PERSONA =
  "你是 QQ 里的 AI 助手。用对方的语言回答,先给结论,简洁、友善、诚实;不知道就说不知道。" +
  "需要时可以用 Markdown,少用表格。";

/** Settings reach us as strings; surrounding white space comes from pasting and never matters. */
const text = v.pipe(v.string(), v.trim());
const appId = v.pipe(text, v.regex(/^\d{1,20}$/));
const httpUrl = v.pipe(
  text,
  v.url(),
  v.regex(/^https?:\/\//),
  v.check((url) => !URL.canParse(url) || !namesUser(new URL(url))), // no runtime calls such an address
  v.transform((url) => url.replace(/\/+$/, "")),
);
const namesUser = ({ username, password }: URL) => username !== "" || password !== "";
const flag = v.pipe(
  text,
  v.toLowerCase(),
  v.picklist(["true", "false"]),
  v.transform((value) => value === "true"),
);
const count = v.pipe(text, v.regex(/^\d{1,15}$/), v.transform(Number));
const yuan = v.pipe(text, v.regex(/^\d{1,9}(\.\d{1,4})?$/), v.transform(Number));
const perMillion = v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000));
/** Two days at least: QQ repeats a delivery for a day, and it has to be known again. */
const retentionDays = v.pipe(text, v.regex(/^\d{1,4}$/), v.transform(Number), v.minValue(2), v.maxValue(3650));
const json = v.pipe(text, v.parseJson());
const headers = v.pipe(
  json,
  v.check((value) => !Array.isArray(value)), // a record of "0", "1", … to valibot
  v.record(v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~\w-]+$/)), v.pipe(v.string(), v.regex(/^[\t\x20-\x7e]*$/))),
  v.transform((entries) =>
    Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, new Secret(value)])),
  ),
);
/** `http://user:password@host:port`, with what is special in user and password percent-encoded. */
const proxyUrl = v.pipe(
  text,
  v.url(),
  v.transform(readProxy),
  v.check((proxy) => proxy !== undefined),
);
const fetching = v.custom<Fetching>(
  (value) => typeof (value as { fetch?: unknown } | undefined)?.fetch === "function", // whatever is bound there
);
const model = v.pipe(text, v.regex(/^[a-z0-9-]+\/\S+$/));
const prices = v.pipe(
  json,
  v.check((value) => !Array.isArray(value)),
  v.record(model, v.strictObject({ input: perMillion, cached: v.optional(perMillion), output: perMillion })),
);
/** A comma is easily typed in its Chinese form. */
const modelNames = v.pipe(
  text,
  v.transform((list) => list.split(/[,\uff0c]/).filter((name) => name.trim() !== "")),
  v.array(model),
);
const choiceNames = v.pipe(
  text,
  v.transform((list) => list.split(/[,\uff0c]/).flatMap((name) => name.trim().toLowerCase() || [])),
  v.array(v.picklist(CHOICES)),
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

/** It travels in a header, and strangers may guess at it. */
const adminToken = v.pipe(text, v.regex(/^[\x21-\x7e]{16,}$/));

const NO_ADDRESS = "不是 http(s) 地址,或带着用户名密码 / is no http(s) address, or holds a user or a password";

const NO_AMOUNT = "应为金额,最多四位小数 / must be an amount of money, with four decimals at most";

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
    problem: NO_ADDRESS,
    advice: "填写完整地址,例如 https://api.bot.qq.com。Give a full address.",
  },
  QQ_TOKEN_URL: {
    schema: httpUrl,
    problem: NO_ADDRESS,
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
  QQ_EGRESS_PROXY: {
    schema: proxyUrl,
    problem: "不是代理地址 / is no address of a proxy",
    advice:
      "应为 http://用户:密码@主机:端口,特殊字符要百分号编码;不支持 SOCKS。" +
      "Must be http://user:password@host:port, special characters percent-encoded; no SOCKS.",
  },
  QQ_EGRESS: {
    schema: fetching,
    problem: "不是绑定 / is no binding",
    advice:
      "它是 wrangler.toml 里的绑定(Workers VPC 或另一个 Worker),不是文字。" +
      "It is a binding of wrangler.toml (Workers VPC, another Worker), not a text.",
  },
  QQ_EGRESS_ECHO: {
    schema: httpUrl,
    problem: NO_ADDRESS,
    advice: "填写会回答来访 IP 的地址,或删除此项。Give an address that tells its callers theirs, or remove it.",
  },
  MODEL: {
    schema: model,
    problem: "应为 <provider>/<model id> / must be <provider>/<model id>",
    advice: "例如 deepseek/deepseek-flash。Such as deepseek/deepseek-flash.",
  },
  MODEL_FALLBACKS: {
    schema: modelNames,
    problem: "应为逗号分隔的 <provider>/<model id> / must be <provider>/<model id>, separated by commas",
    advice: "例如 qwen/qwen-plus,workers-ai/@cf/zai-org/glm-4.7-flash。Such as qwen/qwen-plus,zhipu/glm-4.7.",
  },
  MODEL_CHOICES: {
    schema: modelNames,
    problem: "应为逗号分隔的 <provider>/<model id> / must be <provider>/<model id>, separated by commas",
    advice: "填写聊天里可以选的其他模型,例如 qwen/qwen-plus。List further models that people may choose.",
  },
  MODEL_WHEN_SPENT: {
    schema: model,
    problem: "应为 <provider>/<model id> / must be <provider>/<model id>",
    advice: "填写额度用完后改用的便宜模型,或删除此项。Set a cheap model for when an allowance is spent, or remove it.",
  },
  MODEL_CONCURRENCY: {
    schema: count,
    problem: "应为整数 / must be a whole number",
    advice:
      "填写同一个密钥同时最多几个模型调用,0 表示不限。Set how many model calls one key may have at a time; 0 is no limit.",
  },
  LOCKED_CHOICES: {
    schema: choiceNames,
    problem: "应为逗号分隔的 model、persona、thinking、language / must be some of these, separated by commas",
    advice: "填写聊天里不能改的项,例如 model,persona。List what people may not choose, such as model,persona.",
  },
  MODEL_API_KEY: {
    schema: v.pipe(text, v.nonEmpty()),
    problem: "为空 / is empty",
    advice: "填写模型服务的密钥,或删除此项。Set the provider's key, or remove it.",
  },
  MODEL_BASE_URL: {
    schema: httpUrl,
    problem: NO_ADDRESS,
    advice: "填写模型接口地址,例如 https://api.deepseek.com/v1。Give the model API's address.",
  },
  MODEL_HEADERS: {
    schema: headers,
    problem: "不是 JSON 对象 / is no JSON object of headers",
    advice: '例如 {"CF-Access-Client-Id":"…"}。Such as {"CF-Access-Client-Id":"…"}.',
  },
  ACCESS: {
    schema: v.pipe(text, v.toLowerCase(), v.picklist(["open", "allowlist", "pairing"])),
    problem: "应为 open、allowlist 或 pairing / must be open, allowlist or pairing",
    advice:
      "填写 pairing(默认,陌生人要主人同意)、allowlist 或 open(任何人都能聊,花的是你的额度)。Set one of the three.",
  },
  DAILY_TOKENS_PER_PERSON: {
    schema: count,
    problem: "应为整数 / must be a whole number",
    advice: "填写一个人一天最多用的 token 数,0 表示不限。Set the tokens of one person in a day; 0 is no limit.",
  },
  DAILY_TOKENS_PER_GROUP: {
    schema: count,
    problem: "应为整数 / must be a whole number",
    advice: "填写一个群一天最多用的 token 数,0 表示不限。Set the tokens of a group in a day; 0 is no limit.",
  },
  DAILY_COST_PER_PERSON: {
    schema: yuan,
    problem: NO_AMOUNT,
    advice: "填写一个人一天最多花多少元,例如 0.5;0 表示不限。Set the yuan of one person in a day; 0 is no limit.",
  },
  DAILY_COST_PER_GROUP: {
    schema: yuan,
    problem: NO_AMOUNT,
    advice: "填写一个群一天最多花多少元,例如 2;0 表示不限。Set the yuan of a group in a day; 0 is no limit.",
  },
  DAILY_COST: {
    schema: yuan,
    problem: NO_AMOUNT,
    advice: "填写机器人一天最多花多少元,例如 10;0 表示不限。Set the yuan of the bot in a day; 0 is no limit.",
  },
  MODEL_PRICES: {
    schema: prices,
    problem: "不是价格表 / is no table of prices",
    advice:
      '应为 JSON 对象,单位是元每百万 token:{"deepseek/deepseek-flash":{"input":1,"cached":0.02,"output":4}}。' +
      "Must be a JSON object of yuan per million tokens.",
  },
  MESSAGES_PER_MINUTE: {
    schema: count,
    problem: "应为整数 / must be a whole number",
    advice: "填写一个人一分钟最多几条消息,0 表示不限。Set the messages of one person in a minute; 0 is no limit.",
  },
  DAILY_TOKENS: {
    schema: count,
    problem: "应为整数 / must be a whole number",
    advice: "填写机器人一天最多用的 token 数,0 表示不限。Set the tokens of the bot in a day; 0 is no limit.",
  },
  ALERT_WEBHOOK: {
    schema: httpUrl,
    problem: NO_ADDRESS,
    advice: "填写企业微信、飞书、钉钉等群机器人的 Webhook 地址,或删除此项。Give a webhook's address, or remove it.",
  },
  RETENTION_DAYS: {
    schema: retentionDays,
    problem: "应为 2 到 3650 的整数 / must be a whole number from 2 to 3650",
    advice: "填写聊天内容保留多少天,默认 30。Set how many days texts are kept; 30 is the default.",
  },
  SYSTEM_PROMPT: { schema: text, problem: "不是文本 / is no text", advice: "填写人设文字。Set the persona as text." },
  ADMIN_TOKEN: {
    schema: adminToken,
    problem: "太短或含有空白 / is too short, or has white space",
    advice:
      "用 `npm run setup` 生成,或填写 16 个以上的字符。Let `npm run setup` make one, or set 16 characters or more.",
  },
} satisfies Record<string, { schema: v.GenericSchema; problem: string; advice: string }>;

type Setting = keyof typeof SETTINGS;
type ModelSetting = "MODEL" | "MODEL_FALLBACKS" | "MODEL_CHOICES" | "MODEL_WHEN_SPENT";

const known = new WeakMap<object, Config>();

/**
 * Reads and checks every setting, once for each `env`: it does not change while its isolate lives.
 *
 * MODEL_API_KEY, MODEL_BASE_URL and MODEL_HEADERS belong to the provider of MODEL, whichever of its models is asked. Any
 * other provider has its own address and its usual variable for the key.
 *
 * @throws ConfigError that lists every missing or malformed setting, without any value.
 */
export function readConfig(env: unknown): Config {
  if (typeof env !== "object" || env === null) return checked({});
  const config = known.get(env) ?? checked({ ...env });
  known.set(env, config);
  return config;
}

function checked(source: Readonly<Record<string, unknown>>): Config {
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
  const own = { apiKey: read("MODEL_API_KEY"), baseUrl: read("MODEL_BASE_URL"), headers: read("MODEL_HEADERS") ?? {} };
  const defaultModel = read("MODEL") ?? DEFAULT_MODEL;
  const fallbacks = read("MODEL_FALLBACKS") ?? [];
  const choices = read("MODEL_CHOICES") ?? [];
  const spareModel = read("MODEL_WHEN_SPENT");
  /** After a malformed MODEL it would be about the default one, which nobody asked for. */
  const owner = isReported("MODEL") ? undefined : splitModel(defaultModel).provider;

  function readModel(name: string, setting: ModelSetting): ModelEndpoint {
    const { provider, model } = splitModel(name);
    if (!isProvider(provider)) {
      report(setting, `未知的 provider / unknown provider; known: ${Object.keys(PROVIDERS).join(", ")}`);
      return { provider: "openai-compatible", model: "", headers: {} };
    }
    const needs: ProviderNeeds = PROVIDERS[provider];
    const isOwn = provider === owner;
    const headers = isOwn ? own.headers : {};
    if (needs.needsBinding) {
      if (!source.AI && owner !== undefined) {
        report(setting, "workers-ai 需要 AI 绑定 / workers-ai needs the AI binding of wrangler.toml");
      }
      return { provider, model, headers, binding: source.AI };
    }
    const baseUrl = (isOwn ? own.baseUrl : undefined) ?? needs.baseUrl;
    if (!baseUrl && isOwn && !isReported("MODEL_BASE_URL")) report("MODEL_BASE_URL", "未设置 / is not set");
    if (!baseUrl && !isOwn && owner !== undefined) {
      report(
        setting,
        `${provider} 没有地址:MODEL_BASE_URL 只属于 MODEL 的 provider / ` +
          `${provider} has no address: MODEL_BASE_URL is for the provider of MODEL`,
      );
    }
    const apiKey = (isOwn ? own.apiKey : undefined) ?? readKey(provider, { isOwn });
    return { provider, model, apiKey: apiKey ? new Secret(apiKey) : undefined, baseUrl, headers };
  }

  /** From the provider's usual variable. Reports where there is none although one is needed. */
  function readKey(provider: Provider, { isOwn }: { isOwn: boolean }): string | undefined {
    const { keys }: ProviderNeeds = PROVIDERS[provider];
    if (!keys) return undefined;
    for (const name of keys) {
      const key = source[name];
      if (typeof key === "string" && key.trim() !== "") return key.trim();
    }
    if (isOwn && isReported("MODEL_API_KEY")) return undefined;
    problems.push({
      setting: [...keys, ...(isOwn ? ["MODEL_API_KEY"] : [])].join(" or "),
      problem: "未设置 / is not set",
      advice:
        `运行 \`npx wrangler secret put ${keys[0]}\`,填入 ${provider} 的密钥。` +
        `Run \`npx wrangler secret put ${keys[0]}\` with your key of ${provider}.`,
    });
    return undefined;
  }

  function readModels(first: string): Pick<BotConfig, "models" | "offered"> {
    const others = [...new Set(fallbacks)].filter((name) => name !== first);
    const further = [...new Set(choices)].filter((name) => name !== first && !others.includes(name));
    const models = [
      readModel(first, "MODEL"),
      ...others.map((name) => readModel(name, "MODEL_FALLBACKS")),
    ] as const satisfies BotConfig["models"];
    return { models: [...models], offered: [...models, ...further.map((name) => readModel(name, "MODEL_CHOICES"))] };
  }

  /** One way at most. */
  function readWay(): Way {
    const proxy = read("QQ_EGRESS_PROXY");
    const binding = read("QQ_EGRESS");
    if (proxy && binding) report("QQ_EGRESS_PROXY", "和 QQ_EGRESS 只能设一个 / and QQ_EGRESS: set one of them");
    if (proxy) return { kind: "tunnel", proxy };
    return binding ? { kind: "binding", binding } : { kind: "direct" };
  }

  /** A limit in money that some model escapes is none. */
  function checkPrices({ bots, daily, prices }: Config): void {
    if (!Object.values(daily).some(({ yuan }) => yuan > 0)) return;
    const asked = bots.flatMap(({ offered, spare }) => [...offered, ...(spare ? [spare] : [])]);
    const unpriced = new Set(
      asked
        .filter(({ model }) => model !== "")
        .map(modelName)
        .filter((name) => !prices[name]),
    );
    if (unpriced.size === 0) return;
    const names = [...unpriced].join(", ");
    report("MODEL_PRICES", `缺少价格,金额上限管不到 / lacks the price of ${names}, which no limit in money would hold`);
  }

  const apiHeaders = read("QQ_API_HEADERS") ?? {};
  const way = readWay();
  const echoUrl = read("QQ_EGRESS_ECHO");
  const list = given ?? [{ appId: single?.appId ?? "", appSecret: single?.appSecret ?? "" }];
  const webhook = read("ALERT_WEBHOOK");
  const config: Config = {
    access: read("ACCESS") ?? "pairing",
    lockedChoices: read("LOCKED_CHOICES") ?? [],
    daily: {
      person: { tokens: read("DAILY_TOKENS_PER_PERSON") ?? 500_000, yuan: read("DAILY_COST_PER_PERSON") ?? 0 },
      group: { tokens: read("DAILY_TOKENS_PER_GROUP") ?? 0, yuan: read("DAILY_COST_PER_GROUP") ?? 0 },
      bot: { tokens: read("DAILY_TOKENS") ?? 5_000_000, yuan: read("DAILY_COST") ?? 0 },
    },
    prices: { ...PRICES, ...read("MODEL_PRICES") },
    messagesPerMinute: read("MESSAGES_PER_MINUTE") ?? 0,
    modelConcurrency: read("MODEL_CONCURRENCY") ?? 0,
    alertWebhook: webhook ? new Secret(webhook) : undefined,
    bots: list.map((bot: v.InferOutput<typeof bots>[number]) => ({
      appId: bot.appId,
      appSecret: new Secret(bot.appSecret),
      name: bot.name,
      systemPrompt: bot.systemPrompt || systemPrompt,
      ...readModels(bot.model || defaultModel),
      spare: spareModel === undefined ? undefined : readModel(spareModel, "MODEL_WHEN_SPENT"),
    })),
    qq: {
      apiBase,
      tokenUrl: read("QQ_TOKEN_URL") ?? defaultTokenUrl(apiBase),
      headers: apiHeaders,
      isRelayed: isRelayed(apiBase),
      way,
      echo: echoUrl ? { url: echoUrl, headers: {} } : echoOf({ apiBase, headers: apiHeaders, way }),
    },
  };
  if (!isReported("MODEL_PRICES")) checkPrices(config);
  // Read elsewhere, by themselves, but a wrong one has to be heard of.
  read("ADMIN_TOKEN");
  read("RETENTION_DAYS");
  if (problems.length > 0) throw new ConfigError(distinct(problems));
  return Object.freeze(config);
}

/** What opens the console. Read by itself: the console has to open where other settings are wrong. */
export function readAdminToken(env: unknown): Secret | undefined {
  const { ADMIN_TOKEN } = { ...(env as { ADMIN_TOKEN?: unknown }) }; // whatever it holds is checked next
  const { success, output } = v.safeParse(adminToken, ADMIN_TOKEN);
  return success ? new Secret(output) : undefined;
}

const DAY_MS = 24 * 60 * 60_000;
const DEFAULT_RETENTION_DAYS = 30;

/**
 * How long texts are kept, in milliseconds; the default where it is malformed. Read by itself: where another setting is
 * wrong, nothing may be forgotten sooner than its owner has said.
 */
export function readRetentionMs(env: unknown): number {
  const { RETENTION_DAYS } = { ...(env as { RETENTION_DAYS?: unknown }) }; // whatever it holds is checked next
  const { success, output } = v.safeParse(retentionDays, String(RETENTION_DAYS));
  return (success ? output : DEFAULT_RETENTION_DAYS) * DAY_MS;
}

/** The bot of an AppID. Undefined where the deployment no longer knows it. */
export function findBot(config: Config, id: string): BotConfig | undefined {
  return config.bots.find((bot) => bot.appId === id);
}

function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Map(problems.map((problem) => [`${problem.setting} ${problem.problem}`, problem]));
  return [...seen.values()];
}
