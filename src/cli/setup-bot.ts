/** The bot's part of the wizard: AppID, AppSecret and the way to QQ, each tried before it is kept. */
import type { Config } from "../config.ts";
import type { Tried } from "../health.ts";
import { type Changes, merged, type Vars } from "./dev-vars.ts";
import { identityFinding, lineOf, OFF_THE_LIST } from "./findings.ts";
import { blames, isOffTheList, qqApi, settingsOf, tryIdentity, tryToken } from "./live.ts";
import { type Options, Stop } from "./options.ts";
import { askOne, askSecret, askText, during, say } from "./prompts.ts";
import { bindByScanning } from "./qr-binding.ts";

/** What the wizard knows and may do. */
export interface Sitting {
  options: Options;
  /** What `.dev.vars` holds. */
  vars: Vars;
  /** Whether somebody can be asked. */
  asks: boolean;
}

/** Which of them have to be asked again. */
interface Bot {
  QQ_APP_ID: string | undefined;
  QQ_APP_SECRET: string | undefined;
  QQ_API_BASE: string | undefined;
}

/** @returns what has to change, once QQ has agreed to it. */
export async function setUpBot(sitting: Sitting, { isAsked }: { isAsked: boolean }): Promise<Changes> {
  const { options, vars, asks } = sitting;
  if (vars.QQ_BOTS !== undefined) {
    if (options.appId !== undefined && options.appId !== vars.QQ_APP_ID) throw new Stop(SEVERAL);
    await checkAll(sitting);
    return {};
  }
  if (options.scan && !asks) throw new Stop("扫码要有终端。Scanning needs a terminal.");
  let bot: Bot = {
    QQ_APP_ID: options.appId ?? (isAsked ? undefined : vars.QQ_APP_ID),
    QQ_APP_SECRET: options.appSecret ?? (isAsked || isOther(options.appId, vars) ? undefined : vars.QQ_APP_SECRET),
    QQ_API_BASE: options.qqApiBase ?? vars.QQ_API_BASE,
  };
  if (asks && (options.scan || (bot.QQ_APP_ID === undefined && (await wantsToScan())))) bot = await scanned(bot);
  for (;;) {
    bot = await complete(bot, { isKnown: vars.QQ_APP_ID, asks });
    const next = await tried(bot, sitting);
    if (next === "good") return changed(bot, vars);
    bot = next;
  }
}

const isOther = (appId: string | undefined, vars: Vars) => appId !== undefined && appId !== vars.QQ_APP_ID;

const SEVERAL =
  "QQ_BOTS 里已有多个机器人:请直接修改它。QQ_BOTS already holds several bots: edit it there instead of giving --app-id.";

function changed(bot: Bot, vars: Vars): Changes {
  return Object.fromEntries(Object.entries(bot).filter(([name, value]) => value !== undefined && value !== vars[name]));
}

async function wantsToScan(): Promise<boolean> {
  const way = await askOne("怎样提供机器人的 AppID 和 AppSecret? / How to give the bot's AppID and AppSecret?", [
    { value: "type", label: "输入 / type them", hint: "q.qq.com → 开发 → 开发设置" },
    {
      value: "scan",
      label: "手机 QQ 扫码 / scan with QQ",
      hint: "QQ 未公开的接口,可能失效 / undocumented, may stop working",
    },
  ]);
  return way === "scan";
}

async function scanned(bot: Bot): Promise<Bot> {
  say.info(
    "用手机 QQ 扫码,创建或选择机器人。选已有的机器人会换掉它的 AppSecret!\n" +
      "Scan with QQ on your phone. Choosing an existing bot may replace its AppSecret!",
  );
  try {
    const { appId, appSecret } = await bindByScanning((code, address) => {
      say.plain(code);
      say.plain(`或在手机 QQ 里打开 / or open in QQ: ${address}\n`);
    });
    say.ok(`AppID ${appId}`);
    return { ...bot, QQ_APP_ID: appId, QQ_APP_SECRET: appSecret };
  } catch (error) {
    say.warn(
      `扫码没有成功,请输入。Scanning did not work, please type them. (${error instanceof Error ? error.message : error})`,
    );
    return bot;
  }
}

async function complete(bot: Bot, { isKnown, asks }: { isKnown: string | undefined; asks: boolean }): Promise<Bot> {
  if (!asks && bot.QQ_APP_ID === undefined) throw new Stop(missing("AppID", "--app-id", "QQ_APP_ID"));
  if (!asks && bot.QQ_APP_SECRET === undefined) throw new Stop(missing("AppSecret", "--app-secret", "QQ_APP_SECRET"));
  const QQ_APP_ID =
    bot.QQ_APP_ID ??
    (await askText({
      message: "AppID(机器人ID)",
      placeholder: "q.qq.com → 开发 → 开发设置 / development settings",
      ...(isKnown !== undefined && { initial: isKnown }),
      refuse: (value) => (/^\d{1,20}$/.test(value) ? undefined : "应为纯数字 / digits only"),
    }));
  const QQ_APP_SECRET =
    bot.QQ_APP_SECRET ??
    (await askSecret({
      message: "AppSecret(机器人密钥):控制台只显示一次,忘了就重新生成 / shown once there",
      refuse: (value) => (value === "" ? "还没有输入 / it is empty" : undefined),
    }));
  return { ...bot, QQ_APP_ID, QQ_APP_SECRET };
}

export function missing(what: string, flag: string, variable: string): string {
  return `缺少 ${what}:用 ${flag} 或环境变量 ${variable} 给出。${what} is missing: give ${flag}, or ${variable} in the environment.`;
}

/** The bot without what was wrong about it, or that it is good. */
async function tried(bot: Bot, { options, vars, asks }: Sitting): Promise<Bot | "good"> {
  const changes = Object.fromEntries(Object.entries(bot).filter(([, value]) => value !== undefined));
  const settings = settingsOf(onlyQQ(merged(vars, changes)));
  if ("problems" in settings) {
    const [problem] = settings.problems;
    const sentence = `${problem?.setting}:${problem?.problem}。${problem?.advice}`;
    if (!asks || !(problem && problem.setting in bot)) throw new Stop(sentence);
    say.bad(sentence);
    return { ...bot, [problem.setting]: problem.setting === "QQ_API_BASE" ? await askForRelay() : undefined };
  }
  if (!options.check) return "good";
  return checked(bot, settings.config, asks);
}

/** The model's settings have their own turn. */
function onlyQQ(vars: Vars): Vars {
  return Object.fromEntries(Object.entries(vars).filter(([name]) => name.startsWith("QQ_")));
}

async function checked(bot: Bot, config: Config, asks: boolean): Promise<Bot | "good"> {
  const [{ appId, appSecret } = { appId: "", appSecret: undefined }] = config.bots;
  if (!appSecret) return "good";
  const api = qqApi(config, appId);
  const token = await during("正在用 AppSecret 换取 token / asking QQ for a token", () => tryToken(api, appSecret));
  if (!token.ok) return refused(bot, token, asks);
  const identity = await during("正在调用 QQ / calling QQ", () => tryIdentity(api, token.token));
  if (identity.ok) {
    say.ok(`QQ 认得这个机器人 / QQ knows the bot${identity.name === "" ? "" : `:${identity.name}`} (${appId})`);
    return "good";
  }
  return isOffTheList(identity) ? offTheList(bot, asks) : unanswered(bot, identity, asks);
}

const AGAIN = {
  appId: "AppID 不对,再输入一次。The AppID is wrong: enter it again.",
  appSecret:
    "AppSecret 不对,或不是这个 AppID 的,再输入一次。\nThe AppSecret is wrong, or of another AppID: enter it again.",
};

async function refused(bot: Bot, token: Extract<Tried<object>, { ok: false }>, asks: boolean): Promise<Bot | "good"> {
  const blamed = blames(token);
  if (!blamed) return unanswered(bot, token, asks);
  const sentence = `${AGAIN[blamed]}\n(${token.summary})`;
  if (!asks) throw new Stop(sentence);
  say.bad(sentence);
  return { ...bot, [blamed === "appId" ? "QQ_APP_ID" : "QQ_APP_SECRET"]: undefined };
}

async function offTheList(bot: Bot, asks: boolean): Promise<Bot | "good"> {
  const sentence = `QQ API:接口访问源IP不在白名单 (11298)\n${OFF_THE_LIST}`;
  if (!asks) throw new Stop(sentence);
  say.bad(sentence);
  const way = await askOne("怎么办? / What now?", [
    { value: "again", label: "已清空白名单,再试一次 / the list is empty now, try again" },
    { value: "relay", label: "用中转地址 / use a relay", hint: "QQ_API_BASE" },
    { value: "other", label: "换一个机器人 / another bot", hint: "OpenClaw 入口 / OpenClaw entrance" },
    {
      value: "leave",
      label: "先不管,继续 / go on as it is",
      hint: "Worker 也会被拒绝 / the Worker will be refused, too",
    },
  ]);
  switch (way) {
    case "again":
      return bot;
    case "relay":
      return { ...bot, QQ_API_BASE: await askForRelay() };
    case "other":
      return { ...bot, QQ_APP_ID: undefined, QQ_APP_SECRET: undefined };
    case "leave":
      return "good";
    default:
      return way satisfies never;
  }
}

function askForRelay(): Promise<string> {
  return askText({
    message: "中转地址 / the relay's address (QQ_API_BASE)",
    placeholder: "https://relay.example.com",
    refuse: (value) =>
      /^https?:\/\/./.test(value) && URL.canParse(value) ? undefined : "应为完整地址 / a full address",
  });
}

async function unanswered(
  bot: Bot,
  refusal: Extract<Tried<object>, { ok: false }>,
  asks: boolean,
): Promise<Bot | "good"> {
  const sentence = `QQ:${refusal.summary}\n${refusal.advice}`;
  if (!asks) throw new Stop(sentence);
  say.bad(sentence);
  const way = await askOne("怎么办? / What now?", [
    { value: "again", label: "再试一次 / try again" },
    { value: "other", label: "重新输入 AppID 和 AppSecret / enter both again" },
    { value: "leave", label: "先不管,继续 / go on as it is" },
  ]);
  if (way === "other") return { ...bot, QQ_APP_ID: undefined, QQ_APP_SECRET: undefined };
  return way === "again" ? bot : "good";
}

/** Several bots are edited by hand; here they are only looked at. */
async function checkAll({ options, vars }: Sitting): Promise<void> {
  const settings = settingsOf(onlyQQ(vars));
  if ("problems" in settings)
    throw new Stop(settings.problems.map(({ setting, problem }) => `${setting}:${problem}`).join("\n"));
  if (!options.check) return;
  for (const { appId, appSecret } of settings.config.bots) {
    const api = qqApi(settings.config, appId);
    const token = await during(`QQ · ${appId}`, () => tryToken(api, appSecret));
    const identity = token.ok ? await tryIdentity(api, token.token) : token;
    const line = lineOf(identityFinding("identity", appId, identity));
    if (!identity.ok) throw new Stop(line);
    say.ok(line);
  }
}
