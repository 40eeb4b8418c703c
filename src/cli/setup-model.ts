/** The model's part of the wizard: which one, its address and its key, tried with one sentence before they are kept. */
import type { Sentence } from "../agent/probe.ts";
import { PROVIDERS, type Provider } from "../providers.ts";
import { type Changes, merged, type Vars } from "./dev-vars.ts";
import { settingsOf, tryModel } from "./live.ts";
import { Stop } from "./options.ts";
import { askOne, askSecret, askText, type Choice, during, say } from "./prompts.ts";
import { missing } from "./setup-bot.ts";
import type { Sitting } from "./sitting.ts";

interface Model {
  /** Absent: Workers AI, which needs nothing. */
  MODEL: string | undefined;
  MODEL_API_KEY: string | undefined;
  MODEL_BASE_URL: string | undefined;
}

const NEEDS_NOTHING: Model = { MODEL: undefined, MODEL_API_KEY: undefined, MODEL_BASE_URL: undefined };

const LABELS: Record<Provider, string> = {
  "workers-ai": "Workers AI(不需要密钥 / no key needed)",
  deepseek: "DeepSeek 深度求索",
  qwen: "通义千问 / Qwen",
  moonshot: "月之暗面 / Moonshot Kimi",
  zhipu: "智谱 / Zhipu GLM",
  doubao: "豆包 / Doubao",
  hunyuan: "混元 / Hunyuan",
  siliconflow: "硅基流动 / SiliconFlow",
  openai: "OpenAI",
  anthropic: "Anthropic",
  google: "Google Gemini",
  openrouter: "OpenRouter",
  ollama: "Ollama(要有公网地址 / needs a public address)",
  openclaw: "OpenClaw 网关(你自己的 / a gateway of yours)",
  "openai-compatible": "其他 OpenAI 兼容接口 / other, OpenAI-compatible",
};

/** Names that their vendors keep. */
const USUAL: Partial<Record<Provider, string>> = {
  deepseek: "deepseek-flash",
  qwen: "qwen-plus",
  openclaw: "default",
  zhipu: "glm-4.7",
};

/** @returns what has to change, once the model has said a sentence. */
export async function setUpModel(sitting: Sitting, { isAsked }: { isAsked: boolean }): Promise<Changes> {
  const { options, vars, asks } = sitting;
  let model =
    isAsked && asks && options.model === undefined
      ? await chosen(sitting)
      : modelOf(options.model ?? vars.MODEL, sitting);
  for (;;) {
    const next = await tried(model, sitting);
    if (next === "good") return changed(model, vars);
    model = next;
  }
}

/** Key and address go to the provider that they were given for, and to no other. */
function modelOf(MODEL: string | undefined, { options, vars }: Pick<Sitting, "options" | "vars">): Model {
  if (providerOf(MODEL) === "workers-ai") return { ...NEEDS_NOTHING, MODEL };
  const kept = providerOf(MODEL) === providerOf(vars.MODEL) ? vars : {};
  return {
    MODEL,
    MODEL_API_KEY: options.modelKey ?? kept.MODEL_API_KEY,
    MODEL_BASE_URL: options.modelUrl ?? kept.MODEL_BASE_URL,
  };
}

const providerOf = (model = "workers-ai/") => model.slice(0, model.indexOf("/"));

const isProvider = (name: string): name is Provider => Object.hasOwn(PROVIDERS, name);

/** Headers were made for the provider that goes. */
function changed(model: Model, vars: Vars): Changes {
  const all: Changes = {
    ...model,
    ...(providerOf(model.MODEL) !== providerOf(vars.MODEL) && { MODEL_HEADERS: undefined }),
  };
  return Object.fromEntries(Object.entries(all).filter(([name, value]) => value !== vars[name]));
}

async function chosen({ options, vars }: Pick<Sitting, "options" | "vars">): Promise<Model> {
  const choices = Object.entries(LABELS).map(([value, label]) => ({ value, label }) as Choice<Provider>); // keys of a Record
  const known = providerOf(vars.MODEL);
  const provider = await askOne("用哪家的模型? / Whose model?", choices, isProvider(known) ? known : "workers-ai");
  if (provider === "workers-ai") return NEEDS_NOTHING;
  const model = modelOf(`${provider}/${await askForId(provider, vars)}`, { options, vars });
  const MODEL_BASE_URL =
    ELSEWHERE.includes(provider) && options.modelUrl === undefined
      ? await askForUrl(model.MODEL_BASE_URL)
      : model.MODEL_BASE_URL;
  const isKept = model.MODEL_API_KEY === undefined || options.modelKey !== undefined || (await keepsKey());
  return { ...model, MODEL_BASE_URL, MODEL_API_KEY: isKept ? model.MODEL_API_KEY : await askForKey(model) };
}

/** Where they are, nobody knows but whoever runs them. */
const ELSEWHERE: readonly Provider[] = ["ollama", "openclaw", "openai-compatible"];

async function keepsKey(): Promise<boolean> {
  const way = await askOne("密钥 / the key", [
    { value: "keep", label: "沿用已存的 / keep the one that is there" },
    { value: "new", label: "重新输入 / enter another" },
  ]);
  return way === "keep";
}

function askForId(provider: Provider, vars: Vars): Promise<string> {
  const known = providerOf(vars.MODEL) === provider ? vars.MODEL?.slice(provider.length + 1) : USUAL[provider];
  return askText({
    message: `${provider} 的模型名 / the model's name there`,
    ...(known !== undefined && { initial: known }),
    refuse: (value) => (/^\S+$/.test(value) ? undefined : "不能为空或含空格 / no white space, not empty"),
  });
}

/** The model without what was wrong about it, or that it is good. */
async function tried(model: Model, sitting: Sitting): Promise<Model | "good"> {
  const { options, vars } = sitting;
  const changes: Changes = { ...model };
  const settings = settingsOf(merged({ ...aboutModels(vars), ...ANY_BOT }, changes));
  if ("problems" in settings) return settle(model, settings.problems[0], sitting);
  const [endpoint] = settings.config.bots[0]?.models ?? [];
  if (!endpoint) return "good";
  if (endpoint.provider === "workers-ai") {
    say.info(`模型 / model ${endpoint.provider}/${endpoint.model}:部署后再试 / tried after deploying`);
    return "good";
  }
  if (!options.check) return "good";
  const name = `${endpoint.provider}/${endpoint.model}`;
  const answer = await during(`正在请 ${name} 说一句话 / asking it for a sentence`, () => tryModel(endpoint));
  if (!answer.ok) return failed(model, answer, sitting);
  const sentence = answer.text.replaceAll(/\s+/g, " ").slice(0, 60);
  say.ok(`${name}(${(answer.tookMs / 1000).toFixed(1)} s):${sentence}`);
  return "good";
}

/** Settings are read as a whole; the bot's have been looked at already. */
const ANY_BOT = { QQ_APP_ID: "1", QQ_APP_SECRET: "-" };

function aboutModels(vars: Vars): Vars {
  return Object.fromEntries(Object.entries(vars).filter(([name]) => !/^(QQ_|ADMIN_TOKEN$)/.test(name)));
}

/** Asks for the setting that is missing or malformed. */
async function settle(
  model: Model,
  problem: { setting: string; problem: string; advice: string } | undefined,
  sitting: Sitting,
): Promise<Model> {
  const { asks } = sitting;
  const setting = problem?.setting ?? "";
  const lacksKey = setting.includes("MODEL_API_KEY");
  if (!asks && lacksKey) throw new Stop(missing(`${model.MODEL} 的密钥`, "--model-key", "MODEL_API_KEY"));
  if (!asks && setting === "MODEL_BASE_URL") throw new Stop(missing("模型接口地址", "--model-url", "MODEL_BASE_URL"));
  if (lacksKey) return { ...model, MODEL_API_KEY: await askForKey(model) };
  const sentence = `${setting}:${problem?.problem}。${problem?.advice}`;
  if (!asks) throw new Stop(sentence);
  if (setting === "MODEL_BASE_URL") return { ...model, MODEL_BASE_URL: await askForUrl() };
  if (setting !== "MODEL") throw new Stop(sentence);
  say.bad(sentence);
  return chosen(sitting);
}

function askForKey({ MODEL }: Model): Promise<string> {
  return askSecret({
    message: `${providerOf(MODEL)} 的密钥 / its API key`,
    refuse: (value) => (value === "" ? "还没有输入 / it is empty" : undefined),
  });
}

function askForUrl(known?: string): Promise<string> {
  return askText({
    message: "模型接口地址 / the model API's address (MODEL_BASE_URL)",
    ...(known !== undefined && { initial: known }),
    placeholder: "https://example.com/v1",
    refuse: (value) =>
      /^https?:\/\/./.test(value) && URL.canParse(value) ? undefined : "应为完整地址 / a full address",
  });
}

async function failed(
  model: Model,
  { kind, summary, advice }: Extract<Sentence, { ok: false }>,
  sitting: Sitting,
): Promise<Model | "good"> {
  const about =
    kind === "key" ? "密钥不对 / the key is wrong" : kind === "model" ? "没有这个模型 / no such model" : summary;
  const sentence = `${model.MODEL}:${about}\n(${summary})${kind === "key" ? "" : ` ${advice}`}`;
  if (!sitting.asks) throw new Stop(`${sentence}${kind === "key" ? `\n${advice}` : ""}`);
  say.bad(sentence);
  if (kind === "key") return { ...model, MODEL_API_KEY: await askForKey(model) };
  const provider = providerOf(model.MODEL);
  if (kind === "model" && isProvider(provider)) {
    return { ...model, MODEL: `${provider}/${await askForId(provider, { MODEL: model.MODEL ?? "" })}` };
  }
  const way = await askOne("怎么办? / What now?", [
    { value: "again", label: "再试一次 / try again" },
    { value: "other", label: "换一个模型 / another model" },
    { value: "leave", label: "先不管,继续 / go on as it is" },
  ]);
  if (way === "other") return chosen(sitting);
  return way === "again" ? model : "good";
}
