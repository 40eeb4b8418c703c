/** The wizard tries what it was given with QQ: AppID, AppSecret and the way out. What is wrong is asked for again. */
import { lookup } from "node:dns/promises";
import type { Config } from "../config.ts";
import { isIPv4 } from "../egress/address.ts";
import { direct } from "../egress/transport.ts";
import type { Tried } from "../health.ts";
import { merged, type Vars } from "./dev-vars.ts";
import type { Finding } from "./findings.ts";
import { blames, isOffTheList, qqApi, settingsOf, tryIdentity, tryToken } from "./live.ts";
import { Stop } from "./options.ts";
import { askOne, type Choice, during, say } from "./prompts.ts";
import { addressFindings, exitOf, tryAddress } from "./seen-address.ts";
import { askForWay, isWaySetting, type Kind, kindOf, kinds, LABELS, type WaySettings, wayOfKind } from "./setup-way.ts";
import type { Sitting } from "./sitting.ts";
import { type Exit, isChosen, offTheList, UNTRIED } from "./way-findings.ts";
import { openNodeWay } from "./way-out.ts";

export interface Bot extends WaySettings {
  /** Undefined: to be asked for. */
  QQ_APP_ID: string | undefined;
  QQ_APP_SECRET: string | undefined;
}

/** That it is good, or it without what was wrong about it. The address is the one that QQ sees. */
export type Verdict = { isGood: true; address?: string | undefined } | { isGood: false; bot: Bot };

const again = (bot: Bot): Verdict => ({ isGood: false, bot });

export async function tried(bot: Bot, sitting: Sitting): Promise<Verdict> {
  const { options, vars, asks } = sitting;
  const settings = settingsOf(onlyQQ(merged(vars, { ...bot })), sitting);
  if (!("problems" in settings)) return options.check ? checked(bot, settings.config, sitting) : { isGood: true };
  const [problem] = settings.problems;
  const sentence = `${problem?.setting}:${problem?.problem}。${problem?.advice}`;
  if (!asks || !(problem && problem.setting in bot)) throw new Stop(sentence);
  say.bad(sentence);
  if (isWaySetting(problem.setting)) return again({ ...bot, ...(await askForWay(bot, sitting)) });
  return again({ ...bot, [problem.setting]: undefined });
}

/** The model's settings have their own turn. */
function onlyQQ(vars: Vars): Vars {
  return Object.fromEntries(Object.entries(vars).filter(([name]) => name.startsWith("QQ_")));
}

async function checked(bot: Bot, config: Config, sitting: Sitting): Promise<Verdict> {
  const transport = openNodeWay(config.qq.way);
  const asked = transport && tryAddress(config, transport); // meanwhile; it never rejects
  for (const { appId, appSecret } of config.bots) {
    const api = qqApi(config, appId, transport ?? direct); // a token is given to any address
    const token = await during(ASKING.token, () => tryToken(api, appSecret));
    if (!token.ok) return refused({ bot, config, sitting }, token);
    if (!transport) continue;
    const identity = await during(ASKING.identity, () => tryIdentity(api, token.token));
    if (!identity.ok) return whatNow({ bot, config, sitting }, identity, exitOf(config, await asked));
    say.ok(`QQ 认得这个机器人 / QQ knows the bot${identity.name === "" ? "" : `:${identity.name}`} (${appId})`);
  }
  if (!transport) say.info(`QQ API:${UNTRIED}`);
  const seen = await during(ASKING.address, async () => asked);
  for (const finding of await addressFindings(config, seen, lookup)) show(finding);
  const { address } = exitOf(config, seen);
  return { isGood: true, address: address !== undefined && isIPv4(address) ? address : undefined };
}

const ASKING = {
  address: "正在看从哪里出去 / looking where calls leave",
  token: "正在用 AppSecret 换取 token / asking QQ for a token",
  identity: "正在调用 QQ / calling QQ",
};

function show({ mark, what, advice }: Finding): void {
  (mark === "info" ? say.info : say.warn)(advice === undefined ? what : `${what}\n${advice}`);
}

type Refused = Extract<Tried<object>, { ok: false }>;

/** By a chosen way, and with an HTTP status at most: what QQ itself says has a code, and those are greater. */
const isOfTheWay = ({ code = 0 }: Refused, exit: Exit) => isChosen(exit) && code < 600;

function sentenceOf(refusal: Refused, exit: Exit): string {
  if (isOffTheList(refusal)) return `QQ API:接口访问源IP不在白名单 (11298)\n${offTheList(exit)}`;
  return `${isOfTheWay(refusal, exit) ? "出口 / the way out" : "QQ"}:${refusal.summary}\n${refusal.advice}`;
}

interface Trial {
  bot: Bot;
  config: Config;
  sitting: Sitting;
}

const AGAIN = {
  appId: "AppID 不对,再输入一次。The AppID is wrong: enter it again.",
  appSecret:
    "AppSecret 不对,或不是这个 AppID 的,再输入一次。\nThe AppSecret is wrong, or of another AppID: enter it again.",
};

async function refused(trial: Trial, token: Refused): Promise<Verdict> {
  const blamed = blames(token);
  if (!blamed) return whatNow(trial, token, exitOf(trial.config, undefined));
  const { bot, sitting } = trial;
  const sentence = `${AGAIN[blamed]}\n(${token.summary})`;
  if (!sitting.asks || isOneOfSeveral(sitting)) throw new Stop(sentence);
  say.bad(sentence);
  return again({ ...bot, [blamed === "appId" ? "QQ_APP_ID" : "QQ_APP_SECRET"]: undefined });
}

/** Several bots are edited by hand. */
const isOneOfSeveral = ({ vars }: Sitting) => vars.QQ_BOTS !== undefined;

type Next = "again" | Kind | "other" | "leave";

/** After a refusal that says nothing about AppID and AppSecret. */
async function whatNow({ bot, sitting }: Trial, refusal: Refused, exit: Exit): Promise<Verdict> {
  const sentence = sentenceOf(refusal, exit);
  if (!sitting.asks) throw new Stop(sentence);
  say.bad(sentence);
  const isUnlisted = isOffTheList(refusal);
  const hasWay = isChosen(exit);
  const offered = kinds(sitting).filter((kind) => kind !== "straight" || hasWay);
  const choices: Choice<Next>[] = [
    { value: "again", label: isUnlisted ? LISTED[hasWay ? "chosen" : "straight"] : "再试一次 / try again" },
    ...(isUnlisted || hasWay ? offered.map((kind) => LABELS[kind]) : []),
    ...(isOneOfSeveral(sitting) ? [] : [isUnlisted ? ANOTHER_BOT : BOTH_AGAIN]),
    { value: "leave", label: "先不管,继续 / go on as it is" },
  ];
  const next = await askOne("怎么办? / What now?", choices, isOfTheWay(refusal, exit) ? kindOf(bot) : "again");
  switch (next) {
    case "again":
      return again(bot);
    case "other":
      return again({ ...bot, QQ_APP_ID: undefined, QQ_APP_SECRET: undefined });
    case "leave":
      return { isGood: true };
    default:
      return again({ ...bot, ...(await wayOfKind(next, bot)) });
  }
}

const LISTED = {
  straight: "已清空白名单,再试一次 / the list is empty now, try again",
  chosen: "已改好白名单,再试一次 / the list is changed now, try again",
};

const ANOTHER_BOT: Choice<Next> = {
  value: "other",
  label: "换一个机器人 / another bot",
  hint: "OpenClaw 入口 / OpenClaw entrance",
};

const BOTH_AGAIN: Choice<Next> = { value: "other", label: "重新输入 AppID 和 AppSecret / enter both again" };
