import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { findBot, type ModelEndpoint, readConfig, readRetentionMs } from "../src/config.ts";
import { ConfigError, type Problem } from "../src/errors.ts";
import { PROVIDERS } from "../src/providers.ts";

const PAIR = { QQ_APP_ID: "102000001", QQ_APP_SECRET: "naOC0ocQE3shWLAfffVLB1rhYPG7" };
const AI = { run() {} };
/** One bot, everything else by default. */
const env = (settings: object = {}) => ({ ...PAIR, AI, ...settings });

function errorOf(settings: unknown): ConfigError {
  try {
    readConfig(settings);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("no ConfigError");
}

const problemsOf = (settings: unknown): readonly Problem[] => errorOf(settings).problems;
const settingsOf = (settings: unknown) => problemsOf(settings).map(({ setting }) => setting);

describe("settings", () => {
  it("have defaults that work for everything but the bot", () => {
    const { bots, qq } = readConfig(env());
    expect(bots).toHaveLength(1);
    expect(bots[0]).toMatchObject({
      appId: "102000001",
      name: undefined,
      models: [{ provider: "workers-ai", headers: {}, binding: AI }],
    });
    expect(bots[0]?.appSecret.reveal()).toBe(PAIR.QQ_APP_SECRET);
    expect(bots[0]?.systemPrompt).not.toBe("");
    expect(bots[0]?.models).toHaveLength(1);
    expect(bots[0]?.models[0].model).toMatch(/^@cf\//);
    expect(qq).toEqual({
      apiBase: "https://api.bot.qq.com",
      tokenUrl: "https://api.bot.qq.com/app/getAppAccessToken",
      headers: {},
      isRelayed: false,
      way: { kind: "direct" },
      echo: undefined,
    });
  });

  it("lose the white space that comes from pasting", () => {
    const { bots, qq } = readConfig({
      QQ_APP_ID: " 102000001\n",
      QQ_APP_SECRET: "\tsecret \r\n",
      QQ_API_BASE: " http://relay.test/ ",
      MODEL: " openai-compatible/some/model ",
      MODEL_BASE_URL: "http://model.test/v1/\n",
      MODEL_API_KEY: " key ",
      SYSTEM_PROMPT: " 你是猫 ",
    });
    expect(bots[0]).toMatchObject({
      appId: "102000001",
      systemPrompt: "你是猫",
      models: [{ provider: "openai-compatible", model: "some/model", baseUrl: "http://model.test/v1" }],
    });
    expect(bots[0]?.appSecret.reveal()).toBe("secret");
    expect(bots[0]?.models[0].apiKey?.reveal()).toBe("key");
    expect(qq.apiBase).toBe("http://relay.test");
  });

  it.each(["", "  ", "\n", undefined, null])("count as absent when they are empty: %j", (empty) => {
    const names = [
      "QQ_BOTS",
      "QQ_API_BASE",
      "QQ_TOKEN_URL",
      "QQ_API_HEADERS",
      "QQ_SANDBOX",
      "MODEL",
      "MODEL_API_KEY",
      "MODEL_BASE_URL",
      "MODEL_HEADERS",
      "MODEL_FALLBACKS",
      "SYSTEM_PROMPT",
    ];
    const cleared = Object.fromEntries(names.map((name) => [name, empty]));
    expect(readConfig(env(cleared))).toEqual(readConfig(env()));
    expect(settingsOf({ AI, QQ_APP_ID: empty, QQ_APP_SECRET: empty })).toEqual(["QQ_APP_ID", "QQ_APP_SECRET"]);
  });

  it.each([
    ["true", true],
    ["TRUE ", true],
    ["false", false],
    ["False", false],
  ])("take %j for a switch", (QQ_SANDBOX, on) => {
    expect(readConfig(env({ QQ_SANDBOX })).qq.apiBase).toBe(
      on ? "https://sandbox.api.sgroup.qq.com" : "https://api.bot.qq.com",
    );
  });

  // `QQ_APP_ID = 102000001` in wrangler.toml arrives as a number, `QQ_SANDBOX = true` as a boolean.
  it("may stand without quotes in wrangler.toml", () => {
    const { bots, qq } = readConfig(env({ QQ_APP_ID: 102000001, QQ_SANDBOX: true }));
    expect(bots[0]?.appId).toBe("102000001");
    expect(qq.apiBase).toBe("https://sandbox.api.sgroup.qq.com");
    expect(readConfig(env({ QQ_SANDBOX: false })).qq.apiBase).toBe("https://api.bot.qq.com");
  });

  it("cannot be changed afterwards", () => {
    expect(Object.isFrozen(readConfig(env()))).toBe(true);
  });

  it.each([undefined, null, 42, "text"])("are all absent from %j", (source) => {
    expect(settingsOf(source)).toEqual(["QQ_APP_ID", "QQ_APP_SECRET", "MODEL"]);
  });
});

describe("token address", () => {
  const OWN = "/app/getAppAccessToken";

  it.each([
    ["nothing", {}, `https://api.bot.qq.com${OWN}`],
    ["QQ's host", { QQ_API_BASE: "https://api.bot.qq.com/" }, `https://api.bot.qq.com${OWN}`],
    ["QQ's older host", { QQ_API_BASE: "https://api.sgroup.qq.com" }, `https://bots.qq.com${OWN}`],
    ["the sandbox switch", { QQ_SANDBOX: "true" }, `https://api.bot.qq.com${OWN}`],
    ["the sandbox host", { QQ_API_BASE: "https://sandbox.api.sgroup.qq.com" }, `https://api.bot.qq.com${OWN}`],
    ["a relay", { QQ_API_BASE: "https://relay.test/qq/" }, `https://relay.test/qq${OWN}`],
    [
      "a relay, with the sandbox switch",
      { QQ_API_BASE: "http://127.0.0.1:8788", QQ_SANDBOX: "true" },
      `http://127.0.0.1:8788${OWN}`,
    ],
    [
      "an address of its own",
      { QQ_API_BASE: "https://relay.test", QQ_TOKEN_URL: "https://token.test/t" },
      "https://token.test/t",
    ],
  ])("follows from %s", (_, settings, tokenUrl) => {
    expect(readConfig(env(settings)).qq.tokenUrl).toBe(tokenUrl);
  });

  it("does not depend on the sandbox switch where the API has an address of its own", () => {
    const settings = { QQ_API_BASE: "https://relay.test", QQ_SANDBOX: "true" };
    expect(readConfig(env(settings)).qq.apiBase).toBe("https://relay.test");
  });
});

describe("addresses", () => {
  it.each([
    "relay.test",
    "http://",
    "http://a b",
    "//relay.test",
    "ws://relay.test",
    "file:///etc",
    "javascript:alert(1)",
    // No runtime takes them, and some say the whole address in their error.
    "https://user:password@relay.test",
    "https://user@relay.test",
    "https://:password@relay.test",
  ])("are refused where nothing could be reached: %s", (address) => {
    const settings = {
      QQ_API_BASE: address,
      QQ_TOKEN_URL: address,
      QQ_EGRESS_ECHO: address,
      MODEL_BASE_URL: address,
      ALERT_WEBHOOK: address,
    };
    expect(settingsOf(env(settings)).toSorted()).toEqual(Object.keys(settings).toSorted());
  });

  it("may have a port, a path and a trailing slash", () => {
    expect(readConfig(env({ QQ_API_BASE: "http://127.0.0.1:8788/qq//" })).qq.apiBase).toBe("http://127.0.0.1:8788/qq");
  });
});

describe("several bots", () => {
  const list = (...bots: object[]) => ({ AI, QQ_BOTS: JSON.stringify(bots) });

  it("replace the single one, each with its own name, persona and model or the common ones", () => {
    const config = readConfig({
      ...PAIR,
      ...list(
        { appId: " 1 ", appSecret: " one " },
        { appId: "2", appSecret: "two", name: "二号", systemPrompt: "你是狗", model: "openai-compatible/dog" },
      ),
      SYSTEM_PROMPT: "你是猫",
      MODEL: "openai-compatible/cat",
      MODEL_BASE_URL: "http://model.test/v1",
    });
    expect(config.bots).toMatchObject([
      { appId: "1", name: undefined, systemPrompt: "你是猫", models: [{ model: "cat" }] },
      { appId: "2", name: "二号", systemPrompt: "你是狗", models: [{ model: "dog" }] },
    ]);
    expect(config.bots.map(({ appSecret }) => appSecret.reveal())).toEqual(["one", "two"]);
    expect(findBot(config, "2")?.name).toBe("二号");
    expect(findBot(config, PAIR.QQ_APP_ID)).toBeUndefined();
  });

  it.each([
    ["no JSON", "[{"],
    ["no list", '{"appId":"1","appSecret":"x"}'],
    ["nobody", "[]"],
    ["somebody without a secret", '[{"appId":"1"}]'],
    ["an empty secret", '[{"appId":"1","appSecret":" "}]'],
    ["an AppID with letters", '[{"appId":"one","appSecret":"x"}]'],
    ["one AppID twice", '[{"appId":"1","appSecret":"x"},{"appId":" 1","appSecret":"y"}]'],
  ])("are refused as a whole with %s, and the single bot is not taken instead", (_, QQ_BOTS) => {
    expect(settingsOf(env({ QQ_BOTS }))).toEqual(["QQ_BOTS"]);
    expect(settingsOf({ AI, QQ_BOTS })).toEqual(["QQ_BOTS"]);
  });

  it("are told of an unknown provider of one of them", () => {
    expect(settingsOf(list({ appId: "1", appSecret: "x", model: "nobody/model" }))).toEqual(["MODEL"]);
  });
});

describe("extra headers", () => {
  it("are secret, name by name", () => {
    const { qq, bots } = readConfig(
      env({ QQ_API_HEADERS: '{"X-Relay-Key":"abc"}', MODEL_HEADERS: '{"CF-Access-Client-Id":"def"}' }),
    );
    expect(qq.headers["X-Relay-Key"]?.reveal()).toBe("abc");
    expect(bots[0]?.models[0].headers["CF-Access-Client-Id"]?.reveal()).toBe("def");
  });

  it.each([
    "abc",
    "[]",
    '["X-Key"]',
    "null",
    '"X: y"',
    '{"X-Key":1}',
    '{"X Key":"a"}',
    '{"":"a"}',
    '{"X-Key":"a\\nSet-Cookie: b"}',
    '{"X-Key":"密"}',
  ])("are refused where they could be no headers: %s", (value) => {
    expect(settingsOf(env({ QQ_API_HEADERS: value, MODEL_HEADERS: value }))).toEqual([
      "MODEL_HEADERS",
      "QQ_API_HEADERS",
    ]);
  });
});

describe("model", () => {
  it("needs an address where the provider has none", () => {
    expect(problemsOf(env({ MODEL: "openai-compatible/demo" }))).toMatchObject([
      { setting: "MODEL_BASE_URL", problem: expect.stringContaining("not set") },
    ]);
  });

  it("needs the AI binding for Workers AI", () => {
    expect(problemsOf(PAIR)).toMatchObject([{ setting: "MODEL", problem: expect.stringContaining("AI binding") }]);
  });

  it("is told which providers there are", () => {
    const [problem] = problemsOf(env({ MODEL: "deepsek/deepseek-chat" }));
    expect(problem?.setting).toBe("MODEL");
    for (const provider of Object.keys(PROVIDERS)) expect(problem?.problem).toContain(provider);
  });

  it.each(["demo", "/demo", "openai-compatible/", "Open AI/x", "openai-compatible/a b", "toString/x"])(
    "is refused: %s",
    (MODEL) => {
      expect(settingsOf(env({ MODEL }))).toEqual(["MODEL"]);
    },
  );
});

describe("a limit in money", () => {
  const MODEL = { MODEL: "openai-compatible/demo", MODEL_BASE_URL: "http://127.0.0.1:1/v1" };
  const priced = { MODEL_PRICES: '{"openai-compatible/demo":{"input":2,"output":3}}' };

  it("needs the price of every model that may be asked", () => {
    const choices = { MODEL_CHOICES: "deepseek/deepseek-flash,deepseek/none", DEEPSEEK_API_KEY: "k" };
    const [problem] = problemsOf({ ...env(MODEL), ...choices, DAILY_COST: "10" });
    expect(problem?.setting).toBe("MODEL_PRICES");
    expect(problem?.problem).toContain("openai-compatible/demo, deepseek/none,");
    expect(() => readConfig({ ...env(MODEL), ...choices })).not.toThrow();
    expect(() => readConfig({ ...env(MODEL), ...priced, DAILY_COST_PER_PERSON: "0.5" })).not.toThrow();
  });

  it("may have four decimals", () => {
    expect(readConfig({ ...env(MODEL), ...priced, DAILY_COST_PER_GROUP: " 1.2345 " }).daily.group).toEqual({
      tokens: 0,
      yuan: 1.2345,
    });
  });

  it("counts by the operator's own price before ours", () => {
    const own = { MODEL_PRICES: '{"deepseek/deepseek-flash":{"input":7,"cached":1,"output":9}}' };
    const { prices } = readConfig({ ...env(MODEL), ...own });
    expect(prices["deepseek/deepseek-flash"]).toEqual({ input: 7, cached: 1, output: 9 });
    expect(prices["zhipu/glm-4.7-flash"]).toEqual({ input: 0, cached: 0, output: 0 });
  });

  it.each(["-1", "1.23456", "1e3", "¥5", "ten"])("is refused: %s", (DAILY_COST) => {
    expect(settingsOf(env({ ...MODEL, ...priced, DAILY_COST }))).toEqual(["DAILY_COST"]);
  });

  it.each([
    "abc",
    "[]",
    '{"demo":{"input":1,"output":1}}',
    '{"openai/x":{"input":1}}',
    '{"openai/x":{"input":-1,"output":1}}',
    '{"openai/x":{"input":"1","output":1}}',
    '{"openai/x":{"input":1,"output":1,"cache":1}}',
  ])("is refused where its prices could be none: %s", (MODEL_PRICES) => {
    expect(settingsOf(env({ ...MODEL, MODEL_PRICES, DAILY_COST: "1" }))).toEqual(["MODEL_PRICES"]);
  });
});

/** The providers behind HTTP that need a key, with the variables that may hold it. */
const KEYED = Object.entries<{ keys?: readonly string[]; baseUrl?: string; needsBinding?: true }>(PROVIDERS).flatMap(
  ([provider, { keys }]) => (keys ?? []).map((key) => [provider, key] as const),
);

/** Where a provider is that has no address of its own. */
const placed = (provider: string) =>
  "baseUrl" in PROVIDERS[provider as keyof typeof PROVIDERS] ? {} : { MODEL_BASE_URL: "https://gateway.test/v1" };

describe("a provider", () => {
  it.each(KEYED)("%s has an address and finds its key in %s", (provider, key) => {
    const settings = { ...PAIR, ...placed(provider), MODEL: `${provider}/vendor/model:1`, [key]: " its-key\n" };
    const { bots } = readConfig(settings);
    const [model] = bots[0]?.models ?? [];
    expect(model).toMatchObject({ provider, model: "vendor/model:1", headers: {} });
    expect(model?.baseUrl).toMatch(/^https:\/\/[a-z.-]+\/[a-z0-9/-]+$/);
    expect(model?.apiKey?.reveal()).toBe("its-key");
  });

  it.each(KEYED)("%s takes MODEL_API_KEY before %s", (provider, key) => {
    const settings = { ...PAIR, ...placed(provider), MODEL: `${provider}/m` };
    const { bots } = readConfig({ ...settings, [key]: "usual", MODEL_API_KEY: "given" });
    expect(bots[0]?.models[0].apiKey?.reveal()).toBe("given");
  });

  it.each(KEYED)("%s is told which settings may hold the key that is missing: %s", (provider, key) => {
    const [problem, ...more] = problemsOf({ ...PAIR, ...placed(provider), MODEL: `${provider}/m`, [key]: " " });
    expect(more).toEqual([]);
    expect(problem?.setting).toContain(key);
    expect(problem?.setting).toMatch(/ or MODEL_API_KEY$/);
    expect(problem?.problem).toContain("is not set");
    expect(problem?.advice).toMatch(/wrangler secret put [A-Z_]+.*密钥.*Run/);
  });

  it("may be one's own machine, without key and address", () => {
    const { bots } = readConfig({ ...PAIR, MODEL: "ollama/qwen3:8b" });
    expect(bots[0]?.models).toMatchObject([
      { provider: "ollama", model: "qwen3:8b", baseUrl: "http://127.0.0.1:11434/v1", apiKey: undefined },
    ]);
  });

  it("is reached at MODEL_BASE_URL where that is set", () => {
    const settings = { MODEL: "deepseek/m", DEEPSEEK_API_KEY: "k", MODEL_BASE_URL: "https://relay.test/v1/" };
    expect(readConfig(env(settings)).bots[0]?.models[0].baseUrl).toBe("https://relay.test/v1");
  });

  it("is not asked for a key when the one that was given is malformed", () => {
    expect(settingsOf(env({ MODEL: "deepseek/m", MODEL_API_KEY: ["KEY-LEAK"] }))).toEqual(["MODEL_API_KEY"]);
  });
});

describe("choices", () => {
  const keys = { DEEPSEEK_API_KEY: "d", DASHSCOPE_API_KEY: "q" };
  const offeredBy = (settings: object) =>
    readConfig(env({ ...keys, ...settings })).bots[0]?.offered.map(({ provider, model }) => `${provider}/${model}`);

  it("are the model, its fallbacks and what else is offered, each once", () => {
    const settings = { MODEL: "deepseek/a", MODEL_FALLBACKS: "qwen/b", MODEL_CHOICES: "qwen/c,deepseek/a\uff0cqwen/b" };
    expect(offeredBy(settings)).toEqual(["deepseek/a", "qwen/b", "qwen/c"]);
    expect(readConfig(env({ ...keys, ...settings })).bots[0]?.models).toHaveLength(2);
    expect(offeredBy({ MODEL: "deepseek/a" })).toEqual(["deepseek/a"]);
  });

  it("need what any model needs", () => {
    expect(settingsOf(env({ MODEL: "deepseek/a", DEEPSEEK_API_KEY: "d", MODEL_CHOICES: "qwen/b" }))).toEqual([
      "DASHSCOPE_API_KEY",
    ]);
    expect(settingsOf(env({ MODEL_CHOICES: "nobody/b" }))).toEqual(["MODEL_CHOICES"]);
  });

  it("may be locked, each by its name", () => {
    expect(readConfig(env({})).lockedChoices).toEqual([]);
    expect(readConfig(env({ LOCKED_CHOICES: " Model\uff0cpersona, " })).lockedChoices).toEqual(["model", "persona"]);
    expect(settingsOf(env({ LOCKED_CHOICES: "model,everything" }))).toEqual(["LOCKED_CHOICES"]);
  });
});

describe("fallbacks", () => {
  const modelsOf = (settings: object) => readConfig(env(settings)).bots.map(({ models }) => models);
  const namesOf = (settings: object) =>
    modelsOf(settings).map((models) => models.map(({ provider, model }) => `${provider}/${model}`));

  it("follow the model in their order, each once", () => {
    const settings = {
      MODEL: "deepseek/a",
      MODEL_FALLBACKS: " qwen/b , deepseek/a,,workers-ai/@cf/x/y\uff0cqwen/b ,deepseek/c ",
      DEEPSEEK_API_KEY: "d",
      DASHSCOPE_API_KEY: "q",
    };
    expect(namesOf(settings)).toEqual([["deepseek/a", "qwen/b", "workers-ai/@cf/x/y", "deepseek/c"]]);
  });

  it("follow the own model of a bot as well", () => {
    const settings = {
      QQ_BOTS: JSON.stringify([
        { appId: "1", appSecret: "x", model: "qwen/b" },
        { appId: "2", appSecret: "y" },
      ]),
      MODEL: "deepseek/a",
      MODEL_FALLBACKS: "qwen/b,workers-ai/@cf/x",
      DEEPSEEK_API_KEY: "d",
      DASHSCOPE_API_KEY: "q",
    };
    expect(namesOf(settings)).toEqual([
      ["qwen/b", "workers-ai/@cf/x"],
      ["deepseek/a", "qwen/b", "workers-ai/@cf/x"],
    ]);
  });

  const OWN = {
    MODEL_API_KEY: "own",
    MODEL_BASE_URL: "https://own.test/v1",
    MODEL_HEADERS: '{"X-Own":"own"}',
  };

  it("of the same provider share its key, address and headers; others never see them", () => {
    const settings = { ...OWN, MODEL: "deepseek/a", MODEL_FALLBACKS: "deepseek/b,qwen/c", DASHSCOPE_API_KEY: "q" };
    const [first, second, other] = modelsOf(settings)[0] ?? [];
    for (const own of [first, second]) {
      expect(own?.apiKey?.reveal()).toBe("own");
      expect(own?.baseUrl).toBe("https://own.test/v1");
      expect(own?.headers["X-Own"]?.reveal()).toBe("own");
    }
    expect(other?.apiKey?.reveal()).toBe("q");
    expect(other?.baseUrl).toBe(PROVIDERS.qwen.baseUrl);
    expect(other?.headers).toEqual({});
  });

  it("share them with a bot whose own model has that provider, and with no other", () => {
    const bots = [
      { appId: "1", appSecret: "x", model: "deepseek/b" },
      { appId: "2", appSecret: "y", model: "qwen/c" },
    ];
    const settings = { ...OWN, QQ_BOTS: JSON.stringify(bots), MODEL: "deepseek/a", DASHSCOPE_API_KEY: "q" };
    const [[same], [other]] = modelsOf(settings) as [readonly [ModelEndpoint], readonly [ModelEndpoint]];
    expect(same.apiKey?.reveal()).toBe("own");
    expect(same.baseUrl).toBe("https://own.test/v1");
    expect(other.apiKey?.reveal()).toBe("q");
    expect(other.headers).toEqual({});
  });

  it("need a key of their own, since MODEL_API_KEY is another provider's", () => {
    const settings = { MODEL: "deepseek/a", MODEL_API_KEY: "d", MODEL_FALLBACKS: "zhipu/b" };
    expect(settingsOf(env(settings))).toEqual(["ZHIPU_API_KEY or ZHIPUAI_API_KEY or ZAI_API_KEY"]);
  });

  it("need an address of their own, since MODEL_BASE_URL is another provider's", () => {
    const settings = { ...OWN, MODEL: "deepseek/a", MODEL_FALLBACKS: "openai-compatible/b" };
    const [problem, ...more] = problemsOf(env(settings));
    expect(more).toEqual([]);
    expect(problem).toMatchObject({
      setting: "MODEL_FALLBACKS",
      problem: expect.stringContaining("openai-compatible has no address"),
    });
  });

  it("are told of the AI binding and of unknown providers", () => {
    const settings = { MODEL: "deepseek/a", DEEPSEEK_API_KEY: "d", MODEL_FALLBACKS: "nobody/x,workers-ai/@cf/y" };
    const problems = problemsOf({ ...PAIR, ...settings });
    expect(problems.map(({ setting }) => setting)).toEqual(["MODEL_FALLBACKS", "MODEL_FALLBACKS"]);
    expect(problems[0]?.problem).toContain("unknown provider");
    expect(problems[1]?.problem).toContain("AI binding");
  });

  it.each(["demo", "deepseek/", "qwen/a b", "qwen/a;zhipu/b c"])("are refused: %s", (MODEL_FALLBACKS) => {
    expect(settingsOf(env({ MODEL_FALLBACKS }))).toEqual(["MODEL_FALLBACKS"]);
  });

  it("are not told of what follows from a malformed MODEL", () => {
    const settings = { ...PAIR, MODEL: "demo", MODEL_FALLBACKS: "openai-compatible/x,workers-ai/@cf/y" };
    expect(settingsOf(settings)).toEqual(["MODEL"]);
  });
});

describe("the retention", () => {
  const DAY_MS = 24 * 60 * 60_000;

  it.each([
    [undefined, 30],
    ["", 30],
    ["2", 2],
    [" 90 ", 90],
    [365, 365],
    ["3650", 3650],
  ])("of %j is %d days", (RETENTION_DAYS, days) => {
    expect(readRetentionMs({ RETENTION_DAYS })).toBe(days * DAY_MS);
    expect(() => readConfig(env({ RETENTION_DAYS }))).not.toThrow();
  });

  it.each(["0", "1", "3651", "2.5", "-5", "30d", "10000"])("is refused as %j, and the default until then", (wrong) => {
    expect(settingsOf(env({ RETENTION_DAYS: wrong }))).toEqual(["RETENTION_DAYS"]);
    expect(readRetentionMs({ RETENTION_DAYS: wrong })).toBe(30 * DAY_MS);
  });

  it("is as it was set while other settings are wrong: what is forgotten does not come back", () => {
    expect(readRetentionMs({ RETENTION_DAYS: "365", QQ_APP_ID: "no digits" })).toBe(365 * DAY_MS);
  });

  it.each([undefined, null, 42])("has a default for %j, too", (source) => {
    expect(readRetentionMs(source)).toBe(30 * DAY_MS);
  });
});

describe("wrong settings", () => {
  /** Each one wrong, and each wrong value easy to find again. */
  const WRONG = {
    QQ_APP_ID: "APPID-LEAK",
    QQ_APP_SECRET: { SECRET: "SECRET-LEAK" },
    QQ_BOTS: '[{"appId":"BOTS-LEAK","appSecret":"BOTS-LEAK"}]',
    QQ_API_BASE: "ftp://user:BASE-LEAK@relay.test",
    QQ_TOKEN_URL: "https://user:TOKEN-LEAK@relay.test",
    QQ_API_HEADERS: '{"HEADERS-LEAK',
    QQ_SANDBOX: "SANDBOX-LEAK",
    MODEL: "MODEL-LEAK",
    MODEL_API_KEY: ["KEY-LEAK"],
    MODEL_BASE_URL: "localhost:8080/URL-LEAK",
    MODEL_HEADERS: '{"X":"HEADERS-LEAK\\n"}',
    MODEL_FALLBACKS: "FALLBACKS-LEAK",
    SYSTEM_PROMPT: { text: "PROMPT-LEAK" },
    AI,
  };
  const NAMES = Object.keys(WRONG).filter((name) => name !== "AI");

  it("are all told at once, each with what is wrong and what to do", () => {
    expect(settingsOf(WRONG).toSorted()).toEqual(NAMES.toSorted());
    const error = errorOf(WRONG);
    for (const { setting, problem, advice } of error.problems) {
      expect(problem).not.toBe("");
      // Chinese first, then English.
      expect(advice).toMatch(/\p{Script=Han}.*[a-z]/u);
      expect(error.message).toContain(`${setting}: ${problem}`);
      expect(error.advice).toContain(advice);
    }
  });

  it.each(NAMES)("are told of one by one as well: %s", (name) => {
    expect(settingsOf(env({ [name]: WRONG[name as keyof typeof WRONG] }))).toEqual([name]);
  });

  it("are told once each: what follows from a wrong one is not told as well", () => {
    const settings = { ...PAIR, MODEL: "openai-compatible/demo", MODEL_BASE_URL: "localhost:8080/v1" };
    expect(settingsOf(settings)).toEqual(["MODEL_BASE_URL"]);
    expect(settingsOf({ ...PAIR, MODEL: "demo" })).toEqual(["MODEL"]);
    expect(settingsOf({ AI, QQ_APP_ID: "one", QQ_APP_SECRET: "x" })).toEqual(["QQ_APP_ID"]);
  });

  it("never show a value", () => {
    const error = errorOf(WRONG);
    const shown = [
      inspect(error, { depth: 9, showHidden: true }),
      JSON.stringify(error.problems),
      String(error),
    ].join();
    expect(shown).not.toContain("LEAK");
  });

  it("never show a value that was right either", () => {
    const settings = { ...PAIR, MODEL_API_KEY: "KEY-LEAK", MODEL_HEADERS: '{"X":"HEADER-LEAK"}', MODEL: "wrong" };
    const shown = inspect(errorOf(settings), { depth: 9, showHidden: true });
    expect(shown).not.toContain("LEAK");
    expect(shown).not.toContain(PAIR.QQ_APP_SECRET);
  });
});

describe("the way out", () => {
  const wayOf = (settings: Record<string, unknown>) => readConfig(env(settings)).qq.way;
  const proxyOf = (url: string) => {
    const way = wayOf({ QQ_EGRESS_PROXY: url });
    return way.kind === "tunnel" ? { ...way.proxy, authorization: way.proxy.authorization?.reveal() } : undefined;
  };
  const ECHO = "https://www.cloudflare.com/cdn-cgi/trace";

  it("is a proxy with who one is there", () => {
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    expect(proxyOf("http://ann:pass@proxy.example:3128")).toEqual({
      secure: false,
      hostname: "proxy.example",
      port: 3128,
      authorization: basic("ann:pass"),
    });
    expect(proxyOf("https://proxy.example/")).toEqual({
      secure: true,
      hostname: "proxy.example",
      port: 443,
      authorization: undefined,
    });
    expect(proxyOf("http://[::1]")).toMatchObject({ hostname: "::1", port: 80 });
    expect(proxyOf("http://a%40b:p%3A%2F%E5%AF%86@h:1")?.authorization).toBe(basic("a@b:p:/密"));
  });

  it.each([
    "socks5://proxy.example:1080",
    "proxy.example:3128",
    "http://proxy.example/path",
    "http://proxy.example?a=b",
    "http://ann:p#ss@proxy.example:3128",
    "http://ann:100%@proxy.example",
    "http://",
    "nonsense",
  ])("refuses %j without repeating it", (url) => {
    const error = errorOf(env({ QQ_EGRESS_PROXY: url }));
    expect(error.problems.map(({ setting }) => setting)).toEqual(["QQ_EGRESS_PROXY"]);
    expect(JSON.stringify(error.problems) + error.message).not.toContain("proxy.example");
  });

  it("keeps who one is at the proxy out of anything that is printed", () => {
    expect(JSON.stringify(readConfig(env({ QQ_EGRESS_PROXY: "http://ann:pass@h:1" })))).not.toMatch(/pass|YW5u/);
  });

  it("is a binding that fetches, and one way at most", () => {
    const binding = { fetch: async () => new Response() };
    expect(wayOf({ QQ_EGRESS: binding })).toEqual({ kind: "binding", binding });
    expect(settingsOf(env({ QQ_EGRESS: "https://h" }))).toEqual(["QQ_EGRESS"]);
    expect(settingsOf(env({ QQ_EGRESS: {} }))).toEqual(["QQ_EGRESS"]);
    expect(settingsOf(env({ QQ_EGRESS: binding, QQ_EGRESS_PROXY: "http://h:1" }))).toEqual(["QQ_EGRESS_PROXY"]);
  });

  it("is asked for its address where there is one to rely on, with a relay's headers for the relay alone", () => {
    const echoOf = (settings: Record<string, unknown>) => readConfig(env(settings)).qq.echo;
    const headers = { QQ_API_HEADERS: '{"X-Relay-Key":"key"}' };
    expect(echoOf(headers)).toBeUndefined();
    expect(echoOf({ ...headers, QQ_EGRESS_PROXY: "http://h:1" })).toEqual({ url: ECHO, headers: {} });
    const relay = echoOf({ ...headers, QQ_API_BASE: "https://relay.test" });
    expect(relay?.url).toBe("https://relay.test/egress-address");
    expect(relay?.headers["X-Relay-Key"]?.reveal()).toBe("key");
    const own = { ...headers, QQ_API_BASE: "https://relay.test", QQ_EGRESS_ECHO: "https://echo.test/ip" };
    expect(echoOf(own)).toEqual({ url: "https://echo.test/ip", headers: {} });
  });
});

describe("model calls at a time", () => {
  it("have no limit unless one is set", () => {
    expect(readConfig(env()).modelConcurrency).toBe(0);
    expect(readConfig(env({ MODEL_CONCURRENCY: "3" })).modelConcurrency).toBe(3);
    expect(readConfig(env({ MODEL_CONCURRENCY: 3 })).modelConcurrency).toBe(3);
  });

  it.each(["-1", "1.5", "many", "1e3"])("are no whole number: %s", (MODEL_CONCURRENCY) => {
    expect(settingsOf(env({ MODEL_CONCURRENCY }))).toEqual(["MODEL_CONCURRENCY"]);
  });
});
