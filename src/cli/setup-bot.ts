/** The bot's part of the wizard: AppID and AppSecret, typed or scanned, and the way to QQ, tried before they are kept. */
import type { Changes, Vars } from "./dev-vars.ts";
import { Stop } from "./options.ts";
import { askOne, askSecret, askText, say } from "./prompts.ts";
import { bindByScanning } from "./qr-binding.ts";
import { type Bot, tried } from "./setup-trial.ts";
import { askForWay, givenWay, refuseLoneKey } from "./setup-way.ts";
import type { Sitting } from "./sitting.ts";

/** What has to change, once QQ has agreed to it, and the address that QQ sees, where one was chosen. */
interface Outcome {
  changes: Changes;
  address: string | undefined;
}

export async function setUpBot(
  sitting: Sitting,
  { isAsked, isWayAsked }: { isAsked: boolean; isWayAsked: boolean },
): Promise<Outcome> {
  const { options, vars, asks } = sitting;
  const hasSeveral = vars.QQ_BOTS !== undefined;
  if (hasSeveral && options.appId !== undefined && options.appId !== vars.QQ_APP_ID) throw new Stop(SEVERAL);
  if (options.scan && !asks) throw new Stop("扫码要有终端。Scanning needs a terminal.");
  const way = givenWay(options, vars);
  refuseLoneKey(options, way);
  let bot: Bot = {
    QQ_APP_ID: options.appId ?? (isAsked ? undefined : vars.QQ_APP_ID),
    QQ_APP_SECRET: options.appSecret ?? (isAsked || isOther(options.appId, vars) ? undefined : vars.QQ_APP_SECRET),
    ...(isWayAsked ? await askForWay(way, sitting) : way),
  };
  if (hasSeveral) bot = { ...bot, QQ_APP_ID: vars.QQ_APP_ID, QQ_APP_SECRET: vars.QQ_APP_SECRET };
  else if (asks && (options.scan || (bot.QQ_APP_ID === undefined && (await wantsToScan())))) bot = await scanned(bot);
  for (;;) {
    if (!hasSeveral) bot = await complete(bot, { isKnown: vars.QQ_APP_ID, asks });
    const verdict = await tried(bot, sitting);
    if (verdict.isGood) return { changes: changed(bot, vars), address: verdict.address };
    bot = verdict.bot;
  }
}

const isOther = (appId: string | undefined, vars: Vars) => appId !== undefined && appId !== vars.QQ_APP_ID;

const SEVERAL =
  "QQ_BOTS 里已有多个机器人:请直接修改它。QQ_BOTS already holds several bots: edit it there instead of giving --app-id.";

function changed(bot: Bot, vars: Vars): Changes {
  return Object.fromEntries(Object.entries(bot).filter(([name, value]) => value !== vars[name]));
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
