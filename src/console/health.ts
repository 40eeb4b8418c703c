/**
 * `GET /console/api/health`: what only the deployed Worker can know. Settings that are wrong do not keep it from answering:
 * they are part of the answer.
 */
import { type BotConfig, type ModelEndpoint, readConfig } from "../config.ts";
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
import { type Egress, egressOf } from "../way.ts";

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
    const egress = egressOf(config.qq);
    const bots = await Promise.all(config.bots.map((bot) => reportBot(bot, options)));
    return { ...about, settings: { ok: true }, egress: { ...egress, advice: ADVICE[egress.way] }, bots };
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

/** QQ's refusal 11298 does not name the address that it saw. */
const ADVICE: Record<Egress["way"], string> = {
  direct:
    "Worker 的出口 IP 不固定,无法填进白名单:请清空白名单,或从固定 IP 出去(代理 QQ_EGRESS_PROXY 或中转 QQ_API_BASE)。" +
    "A Worker has no fixed address to list: keep the list empty, or leave through one (QQ_EGRESS_PROXY, QQ_API_BASE).",
  sandbox: "沙箱不检查 IP 白名单。The sandbox does not check the allow-list.",
  relay: "QQ 看到的是中转的出口 IP:白名单里填它。QQ sees the relay's own address: that one belongs on the list.",
  tunnel: "QQ 看到的是代理的出口 IP:白名单里填它。QQ sees the proxy's own address: that one belongs on the list.",
  binding:
    "QQ 看到的是绑定另一头的出口 IP:白名单里填它。" +
    "QQ sees the address at the far end of the binding: that one belongs on the list.",
};
