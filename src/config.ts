/**
 * The only place that reads `env`, and what the settings (`settings.ts`) mean together.
 * Collects every problem before it throws, so that a person is told once.
 */
import type { ChoiceName } from "./choice.ts";
import { ConfigError, type Problem } from "./errors.ts";
import { Secret } from "./log.ts";
import { PRICES, type Price } from "./prices.ts";
import { isProvider, modelName, PROVIDERS, type Provider, type ProviderNeeds, splitModel } from "./providers.ts";
import { checkedSetting, SETTINGS, type Setting, type SettingValue } from "./settings.ts";
import type { Allowance } from "./spending.ts";
import { API_BASE, defaultTokenUrl, type Echo, echoOf, isRelayed, SANDBOX_API_BASE, type Way } from "./way.ts";

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
  function read<S extends Setting>(setting: S): SettingValue<S> | undefined {
    const given = source[setting];
    // Without quotes in wrangler.toml, an AppID arrives as a number and a switch as a boolean.
    const raw = typeof given === "number" || typeof given === "boolean" ? String(given) : given;
    if (raw === undefined || raw === null || (typeof raw === "string" && raw.trim() === "")) return undefined;
    const value = checkedSetting(setting, raw);
    if (value === undefined) report(setting);
    return value;
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
    bots: list.map((bot: SettingValue<"QQ_BOTS">[number]) => ({
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
  const token = checkedSetting("ADMIN_TOKEN", ADMIN_TOKEN);
  return token === undefined ? undefined : new Secret(token);
}

const DAY_MS = 24 * 60 * 60_000;
const DEFAULT_RETENTION_DAYS = 30;

/**
 * How long texts are kept, in milliseconds; the default where it is malformed. Read by itself: where another setting is
 * wrong, nothing may be forgotten sooner than its owner has said.
 */
export function readRetentionMs(env: unknown): number {
  const { RETENTION_DAYS } = { ...(env as { RETENTION_DAYS?: unknown }) }; // whatever it holds is checked next
  return (checkedSetting("RETENTION_DAYS", String(RETENTION_DAYS)) ?? DEFAULT_RETENTION_DAYS) * DAY_MS;
}

/** The bot of an AppID. Undefined where the deployment no longer knows it. */
export function findBot(config: Config, id: string): BotConfig | undefined {
  return config.bots.find((bot) => bot.appId === id);
}

function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Map(problems.map((problem) => [`${problem.setting} ${problem.problem}`, problem]));
  return [...seen.values()];
}
