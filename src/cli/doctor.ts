/**
 * `npm run doctor`: what is wrong and what to do, a line each. From this machine alone, or together with what the deployed
 * Worker says of itself. Changes nothing.
 */
import { lookup } from "node:dns/promises";
import { stat } from "node:fs/promises";
import { readAdminToken } from "../config.ts";
import type { Transport } from "../egress/transport.ts";
import { VERSION } from "../health.ts";
import { claimLine } from "./console-steps.ts";
import { askDeployment, failureOf } from "./deployment.ts";
import { readText, type Vars, varsOf } from "./dev-vars.ts";
import { qqChecks } from "./doctor-qq.ts";
import { type Finding, modelFinding, reportFindings } from "./findings.ts";
import { type Bound, bindsEgress, settingsOf, tryModel } from "./live.ts";
import type { Options } from "./options.ts";
import { LOOKUP_WITHIN_MS, type Lookup, within } from "./seen-address.ts";

export interface Surroundings {
  fetch: typeof fetch;
  lookup: Lookup;
  /** Empty where there is none. */
  wranglerToml: () => Promise<string>;
  now: () => number;
  nodeVersion: string;
}

export const REAL: Surroundings = {
  fetch,
  lookup,
  wranglerToml: () => readText("wrangler.toml"),
  now: Date.now,
  nodeVersion: process.versions.node,
};

type Check = Promise<Finding | Finding[]>;

/** In the order in which they are shown; they run side by side. */
export async function* findings(options: Options, around: Surroundings = REAL): AsyncGenerator<Finding> {
  const vars = varsOf(await readText(options.file));
  const bound = { isBound: bindsEgress(await around.wranglerToml()) };
  const checks: Check[] = [
    ...localChecks(options, vars, bound, around),
    ...(options.url === undefined ? [] : deployedChecks(options.url, options, vars, around)),
  ];
  for (const check of checks) void check.catch(() => {}); // until its turn comes, nobody else looks
  for (const check of checks) {
    const found = await check;
    yield* Array.isArray(found) ? found : [found];
  }
}

function localChecks(options: Options, vars: Vars, bound: Bound, around: Surroundings): Check[] {
  const { now, nodeVersion } = around;
  const settings = settingsOf(vars, bound);
  const clock = new Clock(now);
  const about = [nodeCheck(nodeVersion), fileCheck(options.file, vars)];
  if ("problems" in settings) {
    const problems = settings.problems.map(
      ({ setting, problem, advice }): Finding => ({
        name: "settings",
        mark: "bad",
        what: `${setting}:${problem}`,
        advice: Object.keys(vars).length === 0 ? "运行 npm run setup。Run npm run setup." : advice,
      }),
    );
    return [...about, Promise.resolve(problems), Promise.resolve(planFinding())];
  }
  const { config } = settings;
  const asked = qqChecks(config, (transport) => clock.listening(transport), around.lookup);
  const models = new Map(config.bots.flatMap((bot) => bot.models).map((model) => [nameOf(model), model]));
  return [
    ...about,
    Promise.resolve({ name: "settings", mark: "ok", what: "设置完整 / the settings are complete" }),
    Promise.resolve(adminFinding(vars)),
    ...asked.bots,
    asked.address,
    Promise.all(asked.bots).then(() => clock.finding()),
    ...[...models].map(async ([name, endpoint]): Promise<Finding> => {
      if (endpoint.provider !== "workers-ai") return modelFinding("model", name, await tryModel(endpoint));
      const advice = "用 --url 让部署后的 Worker 去问。With --url the deployed Worker asks it.";
      return {
        name: "model",
        mark: "info",
        what: `模型 / model ${name}:本机无法检查 / cannot be asked from here`,
        advice,
      };
    }),
    ...config.bots.map(async (bot): Promise<Finding> => ({ name: "claim", mark: "info", what: await claimLine(bot) })),
    ...(config.qq.apiBase.includes("//sandbox.") ? [Promise.resolve(SANDBOX)] : []),
    Promise.resolve(planFinding()),
  ];
}

const nameOf = ({ provider, model }: { provider: string; model: string }) => `${provider}/${model}`;

const OLDEST_NODE = [22, 18] as const;

async function nodeCheck(version: string): Promise<Finding> {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isNew = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  const what = `qq-edge ${VERSION}, Node ${version}`;
  if (isNew) return { name: "versions", mark: "ok", what };
  const advice = `需要 Node ${OLDEST_NODE.join(".")} 以上。Node ${OLDEST_NODE.join(".")} or newer is needed.`;
  return { name: "versions", mark: "bad", what, advice };
}

async function fileCheck(file: string, vars: Vars): Promise<Finding> {
  const name = "file";
  const about = await stat(file).catch(() => undefined);
  if (!about) {
    return {
      name,
      mark: "bad",
      what: `没有 ${file} / there is no ${file}`,
      advice: "运行 npm run setup。Run npm run setup.",
    };
  }
  const count = Object.keys(vars).length;
  const what = `${file}:${count} 项 / settings`;
  if (process.platform === "win32" || (about.mode & 0o077) === 0) return { name, mark: "ok", what };
  const advice = `别的用户能读到它:chmod 600 ${file}。Others on this machine can read it.`;
  return { name, mark: "warn", what, advice };
}

function adminFinding(vars: Vars): Finding {
  const name = "adminToken";
  if (readAdminToken(vars)) return { name, mark: "ok", what: "ADMIN_TOKEN:已设置 / is set" };
  const advice = "运行 npm run setup 生成;没有它,控制台不开。Run npm run setup: without it the console stays shut.";
  return { name, mark: "warn", what: "ADMIN_TOKEN:未设置 / is not set", advice };
}

const SANDBOX: Finding = {
  name: "sandbox",
  mark: "info",
  what: "QQ_SANDBOX:沙箱 / the sandbox",
  advice: "只看得到沙箱里的人、群和频道;上线后去掉。It sees sandbox chats only; remove it when the bot goes live.",
};

/** developers.cloudflare.com/workers/platform/limits and durable-objects/platform/pricing. */
function planFinding(): Finding {
  return {
    name: "plan",
    mark: "info",
    what: "免费版每天 / free plan, a day:100,000 次请求 / requests,100,000 行写入 / rows written ≈ 7,000 条回答 / answers",
    advice: "用完后到 UTC 零点前收不了消息,QQ 会重发几次。Beyond them nothing is stored until midnight UTC.",
  };
}

/** How far this clock is from QQ's, from the Date of its answers. */
class Clock {
  readonly #now: () => number;
  #aheadMs: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  listening(transport: Transport): Transport {
    return async (request) => {
      const response = await transport(request);
      const theirsMs = Date.parse(response.headers.get("date") ?? "");
      if (!Number.isNaN(theirsMs)) this.#aheadMs = this.#now() - theirsMs;
      return response;
    };
  }

  finding(): Finding[] {
    return this.#aheadMs === undefined ? [] : [clockFinding("clock", this.#aheadMs)];
  }
}

const CLOCK_SLACK_MS = 120_000;

function clockFinding(name: string, aheadMs: number): Finding {
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  if (Math.abs(aheadMs) <= CLOCK_SLACK_MS) return { name, mark: "ok", what: "时钟准确 / the clock is right" };
  const [fast, english] = aheadMs > 0 ? ["快", "fast"] : ["慢", "slow"];
  return {
    name,
    mark: "warn",
    what: `本机时钟${fast}了 ${seconds} 秒 / this clock is ${seconds} s ${english}`,
    advice: "校准系统时间。Set the system clock.",
  };
}

function deployedChecks(url: string, options: Options, vars: Vars, around: Surroundings): Check[] {
  return [
    Promise.resolve(addressFinding(url)),
    nameCheck(url, around),
    healthzCheck(url, around),
    nonsenseCheck(url, around),
    reportCheck(url, options, vars, around),
  ];
}

/** The ports that QQ posts to. Without one in the address it is 443. */
const PORTS = ["", "80", "443", "8080", "8443"];

function addressFinding(url: string): Finding {
  const name = "callback.address";
  const what = `回调地址 / callback ${url}/qq/callback`;
  const { protocol, port, hostname } = new URL(url);
  if (protocol !== "https:") {
    return { name, mark: "bad", what, advice: "QQ 只接受 https。QQ takes https only." };
  }
  if (!PORTS.includes(port)) {
    return { name, mark: "bad", what, advice: "QQ 只接受端口 80、443、8080、8443。QQ takes these ports only." };
  }
  if (/^[\d.]+$|^\[/.test(hostname)) {
    return { name, mark: "bad", what, advice: "QQ 不接受 IP,要用域名。QQ takes a host name, no bare address." };
  }
  if (!hostname.endsWith(".workers.dev")) return { name, mark: "ok", what };
  const advice =
    "大陆网络常打不开 workers.dev;QQ 校验不过时,换成自己的域名(Workers → 域和路由)。" +
    "workers.dev is often blocked in mainland China: if QQ cannot reach it, use a domain of your own.";
  return { name, mark: "info", what, advice };
}

const ANSWER_WITHIN_MS = 15_000;

async function nameCheck(url: string, { lookup }: Surroundings): Promise<Finding> {
  const { hostname } = new URL(url);
  const name = "callback.name";
  try {
    await within(LOOKUP_WITHIN_MS, lookup(hostname.replace(/^\[|\]$/g, "")));
    return { name, mark: "ok", what: `域名可以解析 / ${hostname} resolves` };
  } catch {
    const advice = "检查域名的 DNS 记录,或地址有没有写错。Check its DNS record, and the spelling.";
    return { name, mark: "bad", what: `域名无法解析 / ${hostname} does not resolve`, advice };
  }
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO|SSL|TLS/;

async function healthzCheck(url: string, { fetch }: Surroundings): Promise<Finding[]> {
  const certificate = (mark: Finding["mark"], what: string, advice?: string): Finding[] =>
    url.startsWith("https:") ? [{ name: "callback.certificate", mark, what, advice }] : [];
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return [...certificate("ok", "证书有效 / the certificate is valid"), await healthzFinding(response)];
  } catch (error) {
    const code = failureOf(error);
    const unreached: Finding = {
      name: "callback.healthz",
      mark: "bad",
      what: `Worker 没有回答 / the Worker does not answer (${code})`,
      advice: "检查地址、部署和网络。Check the address, the deployment and the network.",
    };
    if (code === "ENOTFOUND") return []; // the check of the name has said so
    if (!CERTIFICATE.test(code)) return [unreached];
    const advice = "QQ 要求有效的证书:换新证书,自签名的不行。QQ wants a valid certificate, not a self-signed one.";
    return certificate("bad", `证书无效 / the certificate is not valid (${code})`, advice);
  }
}

async function healthzFinding(response: Response): Promise<Finding> {
  const name = "callback.healthz";
  const body = (await response.json().catch(() => undefined)) as { ok?: unknown; problems?: unknown } | undefined; // whoever answers there
  if (response.ok && body?.ok === true) return { name, mark: "ok", what: "/healthz:设置完整 / settings complete" };
  if (response.status === 503 && Array.isArray(body?.problems)) {
    const missing = body.problems.map(({ setting }: { setting?: unknown }) => setting).join(", ");
    const advice = "运行 npm run setup 上传设置。Run npm run setup to upload the settings.";
    return { name, mark: "bad", what: `/healthz:缺少或有误 / missing or wrong: ${missing}`, advice };
  }
  const advice = "这个地址上不是 qq-edge。Something else is at this address.";
  return { name, mark: "bad", what: `/healthz:HTTP ${response.status}`, advice };
}

/** Whoever is not QQ must not get in. */
async function nonsenseCheck(url: string, { fetch }: Surroundings): Promise<Finding[]> {
  const name = "callback.refuses";
  try {
    const { status } = await fetch(`${url}/qq/callback`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"op":0,"d":{},"t":"QQ_EDGE_DOCTOR"}',
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    if (status === 401) return [{ name, mark: "ok", what: "没有签名的请求被拒绝 / unsigned requests are refused" }];
    const advice =
      status >= 300 && status < 400
        ? "地址会跳转,QQ 不跟随:填跳转后的地址。It redirects, and QQ does not follow: use the address behind."
        : "应为 401:检查地址和 Worker 的日志。It should be 401: check the address and the Worker's log.";
    return [{ name, mark: "bad", what: `没有签名的请求得到 HTTP ${status} / unsigned requests get ${status}`, advice }];
  } catch {
    return []; // the check before has said why
  }
}

async function reportCheck(
  url: string,
  options: Options,
  vars: Vars,
  { fetch, now }: Surroundings,
): Promise<Finding[]> {
  const name = "deployed.console";
  const adminToken = readAdminToken({ ADMIN_TOKEN: options.adminToken ?? vars.ADMIN_TOKEN });
  if (!adminToken) {
    const advice = "在 .dev.vars 或环境变量里给出 ADMIN_TOKEN。Give ADMIN_TOKEN in .dev.vars or the environment.";
    return [
      { name, mark: "bad", what: "没有 ADMIN_TOKEN,问不了 Worker / no ADMIN_TOKEN to ask the Worker with", advice },
    ];
  }
  const answer = await askDeployment(url, adminToken, "model", fetch);
  if (!answer.ok) return [{ name, mark: "bad", ...SHUT[answer.why](answer.detail) }];
  const aheadMs = now() - answer.report.atMs;
  return [
    ...reportFindings(answer.report, { version: VERSION }),
    ...(Math.abs(aheadMs) > CLOCK_SLACK_MS ? [clockFinding("deployed.clock", aheadMs)] : []),
  ];
}

const SHUT = {
  refused: () => ({
    what: "Worker 的 ADMIN_TOKEN 不是这个 / the Worker has another ADMIN_TOKEN",
    advice: "运行 npm run setup 重新上传。Run npm run setup to upload it again.",
  }),
  absent: () => ({
    what: "Worker 没有 ADMIN_TOKEN,或版本太旧 / the Worker has no ADMIN_TOKEN, or is too old",
    advice: "运行 npm run setup 上传并部署。Run npm run setup to upload and deploy.",
  }),
  unreachable: (detail: string) => ({
    what: `问不到 Worker / the Worker cannot be asked (${detail})`,
    advice: "检查地址与网络;workers.dev 在大陆常要换网络。Check address and network.",
  }),
};
