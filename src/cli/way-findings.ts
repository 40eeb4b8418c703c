/** What setup and doctor say of the way out: which it is, which address QQ sees, and what to do where QQ refuses it. */
import { isIPv4 } from "../egress/address.ts";
import type { HealthReport, Tried } from "../health.ts";
import type { Egress } from "../way.ts";
import type { Finding } from "./findings.ts";

/** The way out, with the address that QQ sees, as far as it is known. */
export interface Exit {
  way: Egress["way"];
  address?: string | undefined;
}

/** Whether somebody has chosen where calls leave, so that it is one address. */
export const isChosen = ({ way }: Pick<Exit, "way">) => way !== "direct" && way !== "sandbox";

const WAYS: Record<Egress["way"], string> = {
  direct: "出口:直连 / straight to",
  sandbox: "出口:沙箱 / the sandbox",
  relay: "出口:中转 / a relay,",
  tunnel: "出口:代理 / a proxy,",
  binding: "出口:绑定 / a binding,",
};

export function wayFinding({ way, host, through, advice }: NonNullable<HealthReport["egress"]>): Finding {
  const by = through === undefined ? "" : `,经代理 / through the proxy ${through}`;
  return { name: "deployed.egress", mark: "info", what: `${WAYS[way]} ${host}${by}`, advice };
}

/** QQ names the address nowhere. */
const THREE_WAYS_OUT =
  "QQ 不说它看到的是哪个 IP;Worker 的 IP 也不固定。三条出路:\n" +
  "1  在 q.qq.com「开发设置 → IP白名单」清空全部条目(空 = 不限制)\n" +
  "   Empty the IP allow-list there: empty means no restriction\n" +
  "2  从固定 IP 出去,并把它加入白名单:代理(QQ_EGRESS_PROXY)或中转(QQ_API_BASE)\n" +
  "   Leave through a fixed address, and list that one: a proxy or a relay\n" +
  "   怎么做 / how: npm run setup, docs/egress.zh-CN.md, docs/egress.md\n" +
  "3  换成从 OpenClaw 入口创建的机器人,它没有白名单\n" +
  "   Use a bot of the OpenClaw entrance: https://q.qq.com/qqbot/openclaw/";

const UNLISTED =
  "走了指定的出口,QQ 仍然拒绝:那个出口的 IP 不在白名单里。到代理或中转那台机器上查它的公网 IPv4,\n" +
  "加进 q.qq.com「开发设置 → IP白名单」,或清空白名单(空 = 不限制)。\n" +
  "11298 all the same: the address where calls leave is not on the list. Look up the public IPv4 of the proxy's or\n" +
  "relay's machine and put it on the IP allow-list, or empty the list.";

/** What helps against 11298. */
export function offTheList({ way, address }: Exit): string {
  if (!isChosen({ way })) return THREE_WAYS_OUT;
  if (address === undefined) return UNLISTED;
  if (!isIPv4(address)) return `${UNLISTED}\n${NO_IPV6} (${address})`;
  return (
    `走了指定的出口,QQ 仍然拒绝:它看到的 ${address} 不在白名单里。\n` +
    `在 q.qq.com「开发设置 → IP白名单」加上 ${address},或清空白名单(空 = 不限制)。\n` +
    `11298 all the same: QQ sees ${address}, and its IP allow-list lacks it. Put it there, or empty the list.`
  );
}

const NO_IPV6 =
  "查到的是 IPv6,而白名单只收 IPv4:让那台机器用 IPv4 访问 QQ。\n" +
  "It is IPv6, and the list takes IPv4 only: let that machine reach QQ by IPv4.";

const SEEN = "QQ 看到的出口 IP / the address that QQ sees";

/** Worth knowing wherever calls leave by a chosen way; never something to do by itself. */
export function addressFinding(
  name: string,
  where: string,
  way: Exit["way"],
  seen: Tried<{ address: string }>,
): Finding {
  const what = where === "" ? SEEN : `${where} ${SEEN}`;
  if (!seen.ok) {
    const advice =
      "到代理或中转那台机器上查它的公网 IPv4;白名单不为空时,把它加进去。" +
      "Look it up on the machine of the proxy or relay; if the IP allow-list is not empty, it belongs there.";
    return { name, mark: "info", what: `${what}:查不到 / not to be found out`, advice };
  }
  const told = `${what}:${seen.address}`;
  if (!isIPv4(seen.address)) return { name, mark: "warn", what: told, advice: NO_IPV6 };
  const advice = isChosen({ way })
    ? "若白名单不为空,把它加进去。If the IP allow-list is not empty, put it there."
    : "直连时它会变,不要加进白名单。It changes where calls leave straight: do not list it.";
  return { name, mark: "info", what: told, advice };
}

/** An address that was only looked up, by the name of the proxy or relay. */
export function probablyFinding(name: string, host: string, address: string): Finding {
  return {
    name,
    mark: "info",
    what: `${SEEN}:多半是 / probably ${address}${address === host ? "" : `(${host})`}`,
    advice:
      "到那台机器上核对它的公网 IPv4;若白名单不为空,加进去的是它。" +
      "Check the public IPv4 of that machine: if the IP allow-list is not empty, it belongs there.",
  };
}

export const UNTRIED =
  "经绑定 QQ_EGRESS,本机试不了,由部署后的 Worker 检查 / by the binding QQ_EGRESS: only the deployed Worker can try it";
