/** Which address QQ sees when it is called from this machine by the way that the settings choose. */
import type { Config } from "../config.ts";
import { seenAddress } from "../egress/address.ts";
import type { Transport } from "../egress/transport.ts";
import type { Tried } from "../health.ts";
import { type Egress, egressOf, isSimulator } from "../way.ts";
import type { Finding } from "./findings.ts";
import { refusalOf } from "./live.ts";
import { addressFinding, type Exit, isChosen, probablyFinding } from "./way-findings.ts";

export type Lookup = (host: string) => Promise<{ address: string }>;

/** Undefined where calls leave from no address to rely on. */
export type Seen = Tried<{ address: string }> | undefined;

/** The simulator stands for QQ itself and is no relay. */
export function localWay({ qq }: Config): Egress["way"] {
  const { way, host } = egressOf(qq);
  return way === "relay" && isSimulator(host) ? "direct" : way;
}

export function exitOf(config: Config, seen: Seen): Exit {
  return { way: localWay(config), address: seen?.ok ? seen.address : undefined };
}

export async function tryAddress(config: Config, transport: Transport): Promise<Seen> {
  const { echo } = config.qq;
  if (!echo || !isChosen({ way: localWay(config) })) return undefined;
  try {
    return { ok: true, address: await seenAddress(transport, echo) };
  } catch (error) {
    return refusalOf(error, "egress.address");
  }
}

/** Where nobody tells the address, it is probably the one that the name of the way resolves to. */
export async function addressFindings(config: Config, seen: Seen, lookup: Lookup): Promise<Finding[]> {
  if (!seen) return [];
  const name = "address";
  const { qq } = config;
  const way = localWay(config);
  if (seen.ok) return [addressFinding(name, "", way, seen)];
  const last = way !== "relay" && qq.way.kind === "tunnel" ? qq.way.proxy.hostname : new URL(qq.apiBase).hostname;
  const host = last.replace(/^\[|\]$/g, "");
  const found = await within(LOOKUP_WITHIN_MS, lookup(host)).catch(() => undefined);
  if (found) return [probablyFinding(name, host, found.address)];
  return [way === "relay" ? unresolved(host) : addressFinding(name, "", way, seen)];
}

/** Of a proxy, every call says so. */
function unresolved(host: string): Finding {
  const advice = "检查 QQ_API_BASE 的域名。Check the host name in QQ_API_BASE.";
  return { name: "relay", mark: "bad", what: `中转 ${host}:解析不到 / does not resolve`, advice };
}

export const LOOKUP_WITHIN_MS = 10_000;

export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("late")), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
