/**
 * `GET /console/api/health`: what only the deployed Worker can know. Settings that are wrong do not keep it from answering:
 * they are part of the answer.
 */
import { type BotConfig, type Config, type ModelEndpoint, readConfig } from "../config.ts";
import { ConfigError } from "../errors.ts";
import {
  type BotHealth,
  COMPATIBILITY_DATE,
  type DeployedBot,
  type HealthReport,
  type ModelHealth,
  type Probe,
  type Tried,
  VERSION,
} from "../health.ts";
import { describe } from "../log.ts";

export interface HealthOptions {
  probe: Probe;
  now: () => number;
  askBot: (appId: string, options: { asksQQ: boolean }) => Promise<BotHealth>;
  askModel?: (endpoint: ModelEndpoint) => Promise<Tried<{ tookMs: number }>>;
}

const askOneSentence: NonNullable<HealthOptions["askModel"]> = async (endpoint) => {
  const probe = await import("../agent/probe.ts");
  const answer = await probe.askOneSentence(endpoint, fetch);
  if (answer.ok) return { ok: true, tookMs: answer.tookMs };
  return { ok: false, summary: answer.summary, advice: answer.advice, code: answer.code };
};

export function readProbe(value: string | undefined): Probe {
  return value === "none" || value === "model" ? value : "qq";
}

export async function healthReport(env: unknown, options: HealthOptions): Promise<HealthReport> {
  const about = { version: VERSION, compatibilityDate: COMPATIBILITY_DATE, atMs: options.now() };
  try {
    const config = readConfig(env);
    const bots = await Promise.all(config.bots.map((bot) => reportBot(bot, options)));
    return { ...about, settings: { ok: true }, egress: egressOf(config), bots };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { ...about, settings: { ok: false, problems: error.problems }, bots: [] };
  }
}

async function reportBot(
  bot: BotConfig,
  { probe, askBot, askModel = askOneSentence }: HealthOptions,
): Promise<DeployedBot> {
  const asksModel = probe === "model";
  const [health, models] = await Promise.all([
    askBot(bot.appId, { asksQQ: probe !== "none" }).catch((error: unknown) => describe(error)),
    Promise.all(
      bot.models.map(
        async (endpoint): Promise<ModelHealth> => ({
          model: `${endpoint.provider}/${endpoint.model}`,
          ...(asksModel && { answer: await askModel(endpoint) }),
        }),
      ),
    ),
  ]);
  return { appId: bot.appId, models, ...(typeof health === "string" ? { unreachable: health } : { health }) };
}

const OWN_HOSTS = ["api.bot.qq.com", "api.sgroup.qq.com"];
const SANDBOX_HOST = "sandbox.api.sgroup.qq.com";

/** QQ's refusal 11298 does not name the address that it saw, and a Worker cannot find out either. */
const NOT_FIXED =
  "Worker 的出口 IP 不固定,无法填进白名单:请清空白名单,或用固定 IP 的中转(QQ_API_BASE)。" +
  "A Worker has no fixed address to list: keep the list empty, or relay through one (QQ_API_BASE).";
const OF_THE_RELAY =
  "QQ 看到的是中转的出口 IP:白名单里填它。QQ sees the relay's own address: that one belongs on the list.";
const NO_LIST = "沙箱不检查 IP 白名单。The sandbox does not check the allow-list.";

function egressOf({ qq }: Config): NonNullable<HealthReport["egress"]> {
  const { hostname: host } = new URL(qq.apiBase); // never with what stands before an @
  if (host === SANDBOX_HOST) return { way: "sandbox", host, advice: NO_LIST };
  if (OWN_HOSTS.includes(host)) return { way: "direct", host, advice: NOT_FIXED };
  return { way: "relay", host, advice: OF_THE_RELAY };
}
