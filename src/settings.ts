/** Every setting: how its value is checked, and what a person is told where it is wrong. `config.ts` reads them. */
import * as v from "valibot";
import { CHOICES } from "./choice.ts";
import { Secret } from "./log.ts";
import { type Fetching, readProxy } from "./way.ts";

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
export const SETTINGS = {
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
  DAILY_TOKENS: {
    schema: count,
    problem: "应为整数 / must be a whole number",
    advice: "填写机器人一天最多用的 token 数,0 表示不限。Set the tokens of the bot in a day; 0 is no limit.",
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

export type Setting = keyof typeof SETTINGS;

/** What a setting holds once it is checked. */
export type SettingValue<S extends Setting> = v.InferOutput<(typeof SETTINGS)[S]["schema"]>;

/** The checked value. Undefined where it is wrong. */
export function checkedSetting<S extends Setting>(setting: S, raw: unknown): SettingValue<S> | undefined {
  const result = v.safeParse(SETTINGS[setting].schema, raw);
  return result.success ? (result.output as SettingValue<S>) : undefined; // indexed by S, which safeParse widens
}
