/** What can go wrong between the Worker and QQ, each with its own sentence. */
import { type Refusal, UpstreamError } from "../errors.ts";

export type EgressFailure =
  | "proxyUnresolved"
  | "proxyUnreached"
  | "proxyLate"
  | "noProxy"
  | "credentialsRefused"
  | "targetRefused"
  | "targetUnreached"
  | "certificateRefused"
  | "handshakeFailed"
  | "late"
  | "lost"
  | "unreadable"
  | "bindingFailed";

interface Row {
  summary: string;
  /** One imperative sentence, Chinese first. */
  advice: string;
  /** `never`: nothing of the call has left, so that it may be made again whatever it is. */
  sent: "never" | "perhaps";
  /** `operator`: no repetition helps until somebody has mended it. */
  mendedBy: "time" | "operator";
}

const ROWS: Record<EgressFailure, Row> = {
  proxyUnresolved: {
    summary: "the proxy's name does not resolve",
    advice:
      "代理的域名解析不到:核对 QQ_EGRESS_PROXY 和 DNS 记录。Check the host in QQ_EGRESS_PROXY and its DNS record.",
    sent: "never",
    mendedBy: "operator",
  },
  proxyUnreached: {
    summary: "the proxy is not reached",
    advice:
      "连不上代理:看它是否在运行,地址、端口、防火墙和(用 https:// 时)证书对不对。" +
      "See that the proxy runs, and check its address, port, firewall and, with https://, its certificate.",
    sent: "never",
    mendedBy: "time",
  },
  proxyLate: {
    summary: "the proxy does not answer in time",
    advice: "代理没有及时回应:看它的负载和防火墙。The proxy is too slow: check its load and firewall.",
    sent: "never",
    mendedBy: "time",
  },
  noProxy: {
    summary: "what listens at the proxy's address is no HTTP proxy",
    advice:
      "那个端口上不是 HTTP 代理:核对 QQ_EGRESS_PROXY 的端口和 http/https。" +
      "No HTTP proxy answers at that port: check port and scheme of QQ_EGRESS_PROXY.",
    sent: "never",
    mendedBy: "operator",
  },
  credentialsRefused: {
    summary: "the proxy refuses the user or the password",
    advice: "代理不认这个用户名或密码:核对 QQ_EGRESS_PROXY。Check user and password in QQ_EGRESS_PROXY.",
    sent: "never",
    mendedBy: "operator",
  },
  targetRefused: {
    summary: "the proxy does not let calls to QQ's host and port pass",
    advice:
      "代理不放行 QQ 的主机或端口:在它的规则里允许 QQ 的域名和 443。" +
      "Allow QQ's hosts and port 443 in the proxy's rules.",
    sent: "never",
    mendedBy: "operator",
  },
  targetUnreached: {
    summary: "the proxy does not reach QQ",
    advice:
      "代理连不上 QQ:检查代理那台机器的网络和 DNS。The proxy cannot reach QQ: check network and DNS of its machine.",
    sent: "never",
    mendedBy: "time",
  },
  certificateRefused: {
    summary: "the certificate at the far end is not QQ's, or not valid",
    advice:
      "对端的证书不对,没有发出任何内容:代理或途中有人拦截,或 qq-edge 该升级了。" +
      "The far end's certificate is wrong, nothing was sent: something intercepts, or qq-edge needs an upgrade.",
    sent: "never",
    mendedBy: "operator",
  },
  handshakeFailed: {
    summary: "no TLS connection with QQ came about through the proxy",
    advice:
      "经过代理与 QQ 的 TLS 握手没有完成:看代理的日志。TLS with QQ failed through the proxy: see the proxy's log.",
    sent: "never",
    mendedBy: "time",
  },
  late: {
    summary: "no answer in time through the proxy",
    advice: "经过代理没有及时得到回答,程序会自动重试。No answer in time through the proxy; it is retried by itself.",
    sent: "perhaps",
    mendedBy: "time",
  },
  lost: {
    summary: "the connection through the proxy broke",
    advice: "经过代理的连接断了,程序会自动重试。The connection broke on its way; it is retried by itself.",
    sent: "perhaps",
    mendedBy: "time",
  },
  unreadable: {
    summary: "what came back through the proxy is not HTTP",
    advice: "经过代理回来的不是 HTTP:看代理的日志。What came back is not HTTP: see the proxy's log.",
    sent: "perhaps",
    mendedBy: "time",
  },
  bindingFailed: {
    summary: "the binding QQ_EGRESS does not deliver",
    advice: "QQ_EGRESS 绑定的服务没有送达:看它和 cloudflared 是否在运行。See that what QQ_EGRESS is bound to runs.",
    sent: "perhaps",
    mendedBy: "time",
  },
};

/** An error that holds no address and no cause: both can hold credentials. */
export function egressError(failure: EgressFailure): UpstreamError {
  const { summary, advice, sent, mendedBy } = ROWS[failure];
  const remedies: Pick<Refusal, "remedy" | "otherwise"> =
    mendedBy === "time" ? { remedy: "backOff", otherwise: "tellUser" } : { remedy: "tellOperator" };
  return new UpstreamError({
    operation: "egress",
    summary,
    advice,
    ...remedies,
    ...(sent === "never" ? { costsNoReply: true, isWall: true } : { outcomeUnknown: true }),
  });
}

/** What a proxy answers to CONNECT where it opens no tunnel. tinyproxy says 401 to a wrong password, and 407 to none. */
const REFUSALS: Readonly<Record<number, EgressFailure>> = {
  401: "credentialsRefused",
  403: "targetRefused",
  407: "credentialsRefused",
  501: "noProxy",
  505: "noProxy",
};

/** What is no proxy answers 400, 404 or 405. */
export function connectFailure(status: number): EgressFailure {
  return REFUSALS[status] ?? (status >= 500 ? "targetUnreached" : "noProxy");
}
