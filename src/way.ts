/** Where QQ is, and how calls get there. */
import { Secret } from "./log.ts";

/** How calls to QQ leave: straight, or to the relay that is the API's address; through a CONNECT proxy; through a binding. */
export type Way = { kind: "direct" } | { kind: "tunnel"; proxy: ConnectProxy } | { kind: "binding"; binding: Fetching };

/** What is called, and how. */
interface Called {
  apiBase: string;
  /** For the host of `apiBase`. */
  headers: Readonly<Record<string, Secret>>;
  way: Way;
}

/** The way out in a word, and the host that it leads to: for a person, so without credentials. */
export interface Egress {
  way: "direct" | "sandbox" | "relay" | "tunnel" | "binding";
  host: string;
  /** The proxy by which a relay is reached. */
  through?: string;
}

/** A CONNECT proxy. */
export interface ConnectProxy {
  /** Whether the way to the proxy itself is encrypted. What passes through it is so anyway. */
  secure: boolean;
  hostname: string;
  port: number;
  /** The value of Proxy-Authorization. */
  authorization?: Secret | undefined;
}

/** A binding that fetches: a service, or a network that is bound to the Worker. */
export interface Fetching {
  fetch(request: Request): Promise<Response>;
}

export const API_BASE = "https://api.bot.qq.com";
export const SANDBOX_API_BASE = "https://sandbox.api.sgroup.qq.com";
const LEGACY_API_BASE = "https://api.sgroup.qq.com";
const TOKEN_PATH = "/app/getAppAccessToken";
/** What QQ itself is reached by; anything else is a relay, or the simulator. */
const OWN_BASES = [API_BASE, SANDBOX_API_BASE, LEGACY_API_BASE];
/** Cloudflare's own: answers `ip=…` among others. */
const ECHO_URL = "https://www.cloudflare.com/cdn-cgi/trace";
/** The same of a relay, which asks for it where it leaves. */
const ECHO_PATH = "/egress-address";

/** What tells its caller which address it called from. */
export interface Echo {
  url: string;
  headers: Readonly<Record<string, Secret>>;
}

/** Whether somebody stands before QQ, who can refuse a call in QQ's place. */
export function isRelayed(apiBase: string): boolean {
  return !OWN_BASES.includes(apiBase);
}

/** The simulator answers at a loopback address and stands for QQ itself. A relay on this machine goes by a name. */
export const isSimulator = (host: string) => /^(127(\.\d+){3}|\[::1\])$/.test(host);

/** Undefined where there is no address to rely on: that of a Worker changes. What a relay's headers hold is for the relay alone. */
export function echoOf({ apiBase, headers, way }: Called): Echo | undefined {
  if (isRelayed(apiBase)) return { url: apiBase + ECHO_PATH, headers };
  return way.kind === "direct" ? undefined : { url: ECHO_URL, headers: {} };
}

/** The last of what stands between: QQ sees the address of a relay, however that is reached. */
export function egressOf({ apiBase, way }: Pick<Called, "apiBase" | "way">): Egress {
  if (way.kind === "binding") return { way: "binding", host: "QQ_EGRESS" };
  const { hostname: host } = new URL(apiBase); // never with what stands before an @
  const isOwn = OWN_BASES.some((base) => new URL(base).hostname === host);
  if (way.kind === "tunnel") {
    const proxy = hostOf(way.proxy);
    return isOwn || isSimulator(host) ? { way: "tunnel", host: proxy } : { way: "relay", host, through: proxy };
  }
  if (host === new URL(SANDBOX_API_BASE).hostname) return { way: "sandbox", host };
  return { way: isOwn ? "direct" : "relay", host };
}

export function hostOf({ hostname, port }: Pick<ConnectProxy, "hostname" | "port">): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Undefined where it is no proxy that can be used. */
export function readProxy(url: string): ConnectProxy | undefined {
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(url);
  if ((protocol !== "http:" && protocol !== "https:") || hostname === "" || pathname + search + hash !== "/")
    return undefined;
  const secure = protocol === "https:";
  const proxy = { secure, hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || (secure ? 443 : 80) };
  if (username === "" && password === "") return proxy;
  try {
    const credentials = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
    return { ...proxy, authorization: new Secret(`Basic ${btoa(String.fromCharCode(...credentials))}`) };
  } catch {
    return undefined; // a % that encodes nothing
  }
}

/** A relay or the simulator serves the token beside its API; QQ's own hosts do not all do so. */
export function defaultTokenUrl(apiBase: string): string {
  if (apiBase === LEGACY_API_BASE) return `https://bots.qq.com${TOKEN_PATH}`;
  return `${isRelayed(apiBase) ? apiBase : API_BASE}${TOKEN_PATH}`;
}
