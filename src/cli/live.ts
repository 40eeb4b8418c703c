/** The live checks of setup and doctor: what QQ and the models say to these settings, from this machine. */
import { type Config, type ModelEndpoint, readConfig } from "../config.ts";
import { egressError } from "../egress/failure.ts";
import type { Transport } from "../egress/transport.ts";
import { ConfigError, type Problem, toRefusal } from "../errors.ts";
import type { Tried } from "../health.ts";
import type { Secret } from "../log.ts";
import { type QQApi, requestToken, whoAmI } from "../qq/client.ts";
import type { Fetching } from "../way.ts";
import type { Vars } from "./dev-vars.ts";

/** Bindings exist on Cloudflare only: here they count as there, so that the other settings can be read. */
const AI = {};
const QQ_EGRESS: Fetching = {
  async fetch() {
    throw egressError("bindingFailed");
  },
};

/** Whether wrangler.toml binds QQ_EGRESS: then calls to QQ leave through it once they are made by the Worker. */
export function bindsEgress(wranglerToml: string): boolean {
  return /^[^#\n]*\bbinding\s*=\s*["']QQ_EGRESS["']/m.test(wranglerToml);
}

export interface Bound {
  /** wrangler.toml binds QQ_EGRESS. */
  isBound: boolean;
}

export function settingsOf(
  vars: Vars,
  { isBound }: Bound = { isBound: false },
): { config: Config } | { problems: readonly Problem[] } {
  try {
    return { config: readConfig({ ...(isBound && { QQ_EGRESS }), ...vars, AI }) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { problems: error.problems };
  }
}

export function qqApi({ qq }: Config, appId: string, transport: Transport): QQApi {
  return { ...qq, appId, transport };
}

export type TokenAnswer = Tried<{ token: string; expiresInMs: number }>;

export async function tryToken(api: QQApi, appSecret: Secret): Promise<TokenAnswer> {
  try {
    const { value, expiresAtMs } = await requestToken(api, appSecret, Date.now);
    return { ok: true, token: value, expiresInMs: expiresAtMs - Date.now() };
  } catch (error) {
    return refusalOf(error, "qq.token");
  }
}

export async function tryIdentity(api: QQApi, token: string): Promise<Tried<{ name: string }>> {
  try {
    return { ok: true, name: (await whoAmI(api, token)).name };
  } catch (error) {
    return refusalOf(error, "qq.identity");
  }
}

/** Loaded when needed: the SDK takes its time. */
export async function tryModel(endpoint: ModelEndpoint) {
  const { askOneSentence } = await import("../agent/probe.ts");
  return askOneSentence(endpoint, fetch);
}

export function refusalOf(error: unknown, operation: string) {
  const { summary, advice, code, traceId } = toRefusal(error, operation);
  return { ok: false, summary, advice, code, traceId } as const;
}

/** QQ numbers it in two ways. */
export function isOffTheList({ code }: { code?: number | undefined }): boolean {
  return code === 11298 || code === 40023002;
}

/** The token endpoint says 10004 and 100007 for the AppID, 100016 for either. */
export function blames({ code }: { code?: number | undefined }): "appId" | "appSecret" | undefined {
  if (code === 10004 || code === 100007) return "appId";
  return code === 100016 ? "appSecret" : undefined;
}
