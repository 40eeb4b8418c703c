/** Doctor's questions to QQ from this machine, by the way that the settings choose. */
import type { BotConfig, Config } from "../config.ts";
import { direct, type Transport } from "../egress/transport.ts";
import { type Finding, identityFinding, tokenFinding } from "./findings.ts";
import { qqApi, tryIdentity, tryToken } from "./live.ts";
import { addressFindings, exitOf, type Lookup, type Seen, tryAddress } from "./seen-address.ts";
import { UNTRIED } from "./way-findings.ts";
import { openNodeWay } from "./way-out.ts";

export interface QQChecks {
  /** One for each bot. */
  bots: Promise<Finding[]>[];
  address: Promise<Finding[]>;
}

/** All at once. `listening` hears QQ's answers. */
export function qqChecks(config: Config, listening: (transport: Transport) => Transport, lookup: Lookup): QQChecks {
  const transport = openNodeWay(config.qq.way);
  const seen = transport ? tryAddress(config, transport) : Promise.resolve(undefined);
  return {
    bots: config.bots.map((bot) =>
      transport ? askQQ(config, bot, listening(transport), seen) : askForToken(config, bot, listening(direct)),
    ),
    address: seen.then((found) => addressFindings(config, found, lookup)),
  };
}

async function askQQ(
  config: Config,
  { appId, appSecret }: BotConfig,
  transport: Transport,
  seen: Promise<Seen>,
): Promise<Finding[]> {
  const api = qqApi(config, appId, transport);
  const where = placeOf(appId);
  const token = await tryToken(api, appSecret);
  if (!token.ok) return [tokenFinding("token", where, token)];
  const [identity, found] = await Promise.all([tryIdentity(api, token.token), seen]);
  return [tokenFinding("token", where, token), identityFinding("identity", where, identity, exitOf(config, found))];
}

/** QQ gives it to any address: that much can be tried without the binding. */
async function askForToken(config: Config, { appId, appSecret }: BotConfig, transport: Transport): Promise<Finding[]> {
  const where = placeOf(appId);
  const token = await tryToken(qqApi(config, appId, transport), appSecret);
  return [
    tokenFinding("token", where, token),
    { name: "identity", mark: "info", what: `${where} QQ API:${UNTRIED}`, advice: ASK_THE_WORKER },
  ];
}

const placeOf = (appId: string) => `本机 · ${appId}`;

const ASK_THE_WORKER = "用 --url 让部署后的 Worker 去问。With --url the deployed Worker asks it.";
