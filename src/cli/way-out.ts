/**
 * The Worker's ways out on Node, by the same settings: what setup and doctor ask of QQ leaves where the Worker's calls do, and
 * fails with the same sentences.
 */
import { type Dispatcher, fetch, Pool, ProxyAgent } from "undici";
import { connectFailure, type EgressFailure, egressError } from "../egress/failure.ts";
import { direct, type Transport } from "../egress/transport.ts";
import { UpstreamError } from "../errors.ts";
import { type ConnectProxy, hostOf, type Way } from "../way.ts";

/** For the proxy to be reached and to answer: less than a call of QQ may take as a whole. */
const PROXY_WITHIN_MS = 15_000;

/** Undefined for a binding, which only the deployed Worker has. */
export function openNodeWay(way: Way, { proxyWithinMs = PROXY_WITHIN_MS } = {}): Transport | undefined {
  switch (way.kind) {
    case "direct":
      return direct;
    case "tunnel":
      return openNodeTunnel(way.proxy, proxyWithinMs);
    case "binding":
      return undefined;
    default:
      return way satisfies never;
  }
}

function openNodeTunnel(proxy: ConnectProxy, proxyWithinMs: number): Transport {
  const dispatcher = new ProxyAgent({
    uri: `${proxy.secure ? "https" : "http"}://${hostOf(proxy)}`,
    ...(proxy.authorization && { token: proxy.authorization.reveal() }),
    proxyTunnel: true, // also where the API's address is http
    allowH2: false, // as the Worker speaks
    pipelining: 0, // a connection for each call: none is left that would keep the program from ending
    clientFactory: (origin, options) => asked(new Pool(String(origin), options as Pool.Options), proxyWithinMs), // ProxyAgent's own kind
  });
  return async (request) => {
    const { url, method, headers, signal } = request;
    const body = request.body === null ? undefined : await request.text();
    try {
      const init = { method, headers: [...headers], signal, redirect: "manual" as const, dispatcher };
      const response = await fetch(url, { ...init, ...(body !== undefined && { body }) });
      return response as unknown as Response; // undici's own class of the same interface
    } catch (error) {
      throw signal.aborted ? egressError("late") : whyCallFailed(error);
    }
  };
}

/** The connections with the proxy itself, where a failure is the proxy's and not QQ's. */
function asked(pool: Pool, withinMs: number): Dispatcher {
  const connect = pool.connect.bind(pool) as (target: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData>; // no callback
  const ask = (target: Dispatcher.ConnectOptions) =>
    connect({ ...target, signal: AbortSignal.timeout(withinMs) }).catch((error: unknown) => {
      throw egressError(failureOf(error, PROXY_FAILURES) ?? "proxyUnreached");
    });
  return Object.assign(pool, {
    async connect(target: Dispatcher.ConnectOptions) {
      const { statusCode, socket, ...answer } = await ask(target);
      if (statusCode === 200) return { ...answer, statusCode, socket };
      socket.on("error", () => {}).destroy();
      throw egressError(connectFailure(statusCode));
    },
  });
}

type Row = readonly [codes: RegExp, failure: EgressFailure];

const CERTIFICATE: Row = [
  /CERT|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|UND_ERR_PRX_TLS/,
  "certificateRefused",
];

/** By the codes and names that Node and undici give. */
const PROXY_FAILURES: readonly Row[] = [
  CERTIFICATE,
  [/^(ENOTFOUND|EAI_|ENODATA)/, "proxyUnresolved"],
  [/TIMEOUT|ETIMEDOUT|TimeoutError/, "proxyLate"],
  [/^(HTTPParserError|HPE_|ERR_SSL_|EPROTO|UND_ERR_HEADERS_OVERFLOW)/, "noProxy"],
];

const CALL_FAILURES: readonly Row[] = [
  CERTIFICATE,
  [/UND_ERR_CONNECT_TIMEOUT|^(ERR_SSL_|EPROTO)/, "handshakeFailed"],
  [/TIMEOUT|ETIMEDOUT/, "late"],
  [/^(HTTPParserError|HPE_|UND_ERR_HEADERS_OVERFLOW)/, "unreadable"],
];

function whyCallFailed(error: unknown): UpstreamError {
  const known = causesOf(error).find((cause) => cause instanceof UpstreamError);
  if (known) return known;
  const isBefore = causesOf(error).some(({ message }) => message.includes("before secure TLS connection"));
  return egressError(isBefore ? "handshakeFailed" : (failureOf(error, CALL_FAILURES) ?? "lost"));
}

function failureOf(error: unknown, rows: readonly Row[]): EgressFailure | undefined {
  const codes = causesOf(error).flatMap(({ code, name }) => [String(code), name]);
  return rows.find(([pattern]) => codes.some((code) => pattern.test(code)))?.[1];
}

/** `fetch` hides what happened in its cause. */
function causesOf(error: unknown): (Error & { code?: unknown })[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : [];
}
