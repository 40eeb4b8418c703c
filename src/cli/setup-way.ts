/** The wizard's part about the way out to QQ: straight, a proxy, a relay. A binding is wrangler.toml's affair. */
import { egressOf, isSimulator } from "../way.ts";
import type { Vars } from "./dev-vars.ts";
import { settingsOf } from "./live.ts";
import { type Options, Stop } from "./options.ts";
import { askOne, askSecret, askText, type Choice, say } from "./prompts.ts";
import type { Sitting } from "./sitting.ts";

/** Undefined: not set, and to be removed where it was. */
export interface WaySettings {
  QQ_API_BASE: string | undefined;
  QQ_API_HEADERS: string | undefined;
  QQ_EGRESS_PROXY: string | undefined;
}

export const isWaySetting = (name: string): name is keyof WaySettings =>
  name === "QQ_API_BASE" || name === "QQ_API_HEADERS" || name === "QQ_EGRESS_PROXY";

/** Whether flags or the environment say how calls are to leave. */
export function givesWay({ qqApiBase, qqApiHeaders, relayKey, egressProxy }: Options): boolean {
  return (qqApiBase ?? qqApiHeaders ?? relayKey ?? egressProxy) !== undefined;
}

/** What flags give, else what is kept. */
export function givenWay(options: Options, vars: Vars): WaySettings {
  const headers = options.qqApiHeaders ?? vars.QQ_API_HEADERS;
  return {
    QQ_API_BASE: options.qqApiBase ?? vars.QQ_API_BASE,
    QQ_API_HEADERS: options.relayKey === undefined ? headers : withRelayKey(headers, options.relayKey),
    QQ_EGRESS_PROXY: options.egressProxy ?? vars.QQ_EGRESS_PROXY,
  };
}

/** A key for a relay must not reach QQ itself. */
export function refuseLoneKey({ relayKey }: Options, { QQ_API_BASE }: WaySettings): void {
  if (relayKey !== undefined && !isRelay(QQ_API_BASE))
    throw new Stop("--relay-key 要和中转地址 --qq-api-base 一起用。--relay-key needs the relay: give --qq-api-base.");
}

/** What the shipped relays look for. */
const RELAY_KEY = "X-Relay-Key";

/** Other headers stay, unless they are not to be read. */
export function withRelayKey(headers: string | undefined, key: string): string {
  const others = Object.entries(parsed(headers)).filter(([name]) => name.toLowerCase() !== RELAY_KEY.toLowerCase());
  return JSON.stringify({ ...Object.fromEntries(others), [RELAY_KEY]: key });
}

function parsed(headers: string | undefined): object {
  try {
    const value: unknown = JSON.parse(headers ?? "{}");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

/** A base of QQ's own, or the simulator, is what is called and no way out. */
export function isRelay(base: string | undefined): boolean {
  if (base === undefined) return false;
  if (!URL.canParse(base)) return true;
  const { way, host } = egressOf({ apiBase: base, way: { kind: "direct" } });
  return way === "relay" && !isSimulator(host);
}

/** Without relay and proxy. */
export function straightWay({ QQ_API_BASE, QQ_API_HEADERS }: WaySettings): WaySettings {
  if (isRelay(QQ_API_BASE)) return { QQ_API_BASE: undefined, QQ_API_HEADERS: undefined, QQ_EGRESS_PROXY: undefined };
  return { QQ_API_BASE, QQ_API_HEADERS: QQ_API_BASE && QQ_API_HEADERS, QQ_EGRESS_PROXY: undefined };
}

/** The one that is set. */
export function kindOf({ QQ_EGRESS_PROXY, QQ_API_BASE }: WaySettings): Kind {
  if (QQ_EGRESS_PROXY !== undefined) return "proxy";
  return isRelay(QQ_API_BASE) ? "relay" : "straight";
}

export type Kind = "straight" | "proxy" | "relay";

export const LABELS: Record<Kind, Choice<Kind>> = {
  straight: { value: "straight", label: "直连 / straight", hint: "IP 白名单为空时 / with an empty IP allow-list" },
  proxy: { value: "proxy", label: "用代理 / use a proxy", hint: "HTTP CONNECT,QQ_EGRESS_PROXY" },
  relay: { value: "relay", label: "用中转地址 / use a relay", hint: "QQ_API_BASE" },
};

/** A proxy beside a binding would be refused. */
export function kinds({ isBound }: Pick<Sitting, "isBound">): Kind[] {
  return isBound ? ["straight", "relay"] : ["straight", "proxy", "relay"];
}

export async function askForWay(way: WaySettings, sitting: Pick<Sitting, "isBound">): Promise<WaySettings> {
  say.info(
    sitting.isBound
      ? "wrangler.toml 绑定了 QQ_EGRESS,QQ 的调用都从它出去;不要了就在那里删掉。\n" +
          "wrangler.toml binds QQ_EGRESS: calls to QQ leave by it. Remove it there to choose another way."
      : "除了下面几种,还可以在 wrangler.toml 里绑定 QQ_EGRESS(Workers VPC 或另一个 Worker)。\n" +
          "Another way is a binding QQ_EGRESS in wrangler.toml (Workers VPC, another Worker).\n" +
          "怎么选、怎么搭 / which, and how: docs/egress.zh-CN.md, docs/egress.md",
  );
  const choices = kinds(sitting).map((kind) => LABELS[kind]);
  const kind = await askOne("调用 QQ 从哪里出去? / How are calls to QQ to leave?", choices, kindOf(way));
  return wayOfKind(kind, way);
}

export async function wayOfKind(kind: Kind, way: WaySettings): Promise<WaySettings> {
  switch (kind) {
    case "straight":
      return straightWay(way);
    case "proxy":
      return { ...straightWay(way), QQ_EGRESS_PROXY: await askForProxy() };
    case "relay":
      return { QQ_EGRESS_PROXY: undefined, ...(await askForRelay(way)) };
    default:
      return kind satisfies never;
  }
}

/** As a whole, and unseen: it holds the password. */
function askForProxy(): Promise<string> {
  return askSecret({
    message: "代理地址 / the proxy's address:http://user:password@host:port(不显示 / not shown)",
    refuse: (value) => (value === "" ? EMPTY : problemOf("QQ_EGRESS_PROXY", value)),
  });
}

async function askForRelay(way: WaySettings): Promise<Pick<WaySettings, "QQ_API_BASE" | "QQ_API_HEADERS">> {
  say.warn(
    "中转看得到 AppSecret、token 和消息:只用自己的服务器。\n" +
      "A relay sees the AppSecret, the token and all messages: use a server of your own.",
  );
  const base = await askText({
    message: "中转地址 / the relay's address (QQ_API_BASE)",
    placeholder: "https://relay.example.com",
    ...(way.QQ_API_BASE !== undefined && isRelay(way.QQ_API_BASE) && { initial: way.QQ_API_BASE }),
    refuse: (value) => (value === "" ? EMPTY : problemOf("QQ_API_BASE", value)),
  });
  const kept = base === way.QQ_API_BASE ? way.QQ_API_HEADERS : undefined;
  const key = await askSecret({
    message:
      kept === undefined
        ? `中转的密钥 ${RELAY_KEY},没有就直接回车 / the relay's key; Enter if it has none`
        : `中转的密钥 ${RELAY_KEY},直接回车沿用已存的 / the relay's key; Enter keeps the one that is stored`,
    refuse: (value) => (/^[\x20-\x7e]*$/.test(value) ? undefined : "只能是英文、数字和符号 / ASCII only"),
  });
  return { QQ_API_BASE: base, QQ_API_HEADERS: key === "" ? kept : withRelayKey(kept, key) };
}

const EMPTY = "还没有输入 / it is empty";

/** What the Worker would have against it; never the value. */
function problemOf(setting: keyof WaySettings, value: string): string | undefined {
  const settings = settingsOf({ [setting]: value });
  if (!("problems" in settings)) return undefined;
  const found = settings.problems.find((problem) => problem.setting === setting);
  return found && `${found.problem}。${found.advice}`;
}
