/** What doctor finds: a mark, what it is about, and what to do. */
import type { DeployedBot, HealthReport, Tried } from "../health.ts";
import { isOffTheList } from "./live.ts";
import { addressFinding, type Exit, offTheList, wayFinding } from "./way-findings.ts";

/** `warn`: worth knowing, or not to be found out from here. `bad`: something to do. */
export type Mark = "ok" | "info" | "warn" | "bad";

export interface Finding {
  /** For scripts: never changes. */
  name: string;
  mark: Mark;
  what: string;
  advice?: string | undefined;
}

const MARKS: Record<Mark, string> = { ok: "✔", info: "·", warn: "▲", bad: "✘" };

export function lineOf({ mark, what, advice }: Finding): string {
  const indented = advice?.replaceAll("\n", "\n      ");
  return `${MARKS[mark]} ${what}${indented === undefined || mark === "ok" ? "" : `\n    → ${indented}`}`;
}

export function tokenFinding(name: string, where: string, token: Tried<{ expiresInMs: number }>): Finding {
  if (!token.ok) return refusedFinding(name, `${where} access token`, token);
  const minutes = Math.round(token.expiresInMs / 60_000);
  return { name, mark: "ok", what: `${where} access token:有效,还剩 ${minutes} 分钟 / valid, ${minutes} min left` };
}

export function identityFinding(name: string, where: string, identity: Tried<{ name: string }>, exit: Exit): Finding {
  if (identity.ok) return { name, mark: "ok", what: `${where} QQ API:可以调用 / reached${called(identity.name)}` };
  const { advice, ...refused } = refusedFinding(name, `${where} QQ API`, identity);
  return { ...refused, advice: isOffTheList(identity) ? offTheList(exit) : advice };
}

const called = (name: string) => (name === "" ? "" : ` (${name})`);

export function modelFinding(name: string, model: string, answer: Tried<{ tookMs: number }>): Finding {
  if (!answer.ok) return refusedFinding(name, `模型 / model ${model}`, answer);
  const seconds = (answer.tookMs / 1000).toFixed(1);
  const what = `模型 / model ${model}:一句话 / one sentence ${seconds} s`;
  if (answer.tookMs < SLOW_MS) return { name, mark: "ok", what };
  return { name, mark: "warn", what, advice: "比较慢,考虑换一个模型。Slow; consider another model." };
}

const SLOW_MS = 15_000;

function refusedFinding(name: string, what: string, answer: Extract<Tried<object>, { ok: false }>): Finding {
  const trace = answer.traceId === undefined ? "" : ` [trace ${answer.traceId}]`;
  return { name, mark: "bad", what: `${what}:${answer.summary}${trace}`, advice: answer.advice };
}

/** What the Worker says of itself. */
export function reportFindings(report: HealthReport, local: Pick<HealthReport, "version">): Finding[] {
  const { settings, egress } = report;
  if (!settings.ok) {
    return settings.problems.map(({ setting, problem, advice }) => ({
      name: "deployed.settings",
      mark: "bad",
      what: `Worker 的设置 / its settings ${setting}:${problem}`,
      advice,
    }));
  }
  return [
    versionFinding(report, local),
    { name: "deployed.settings", mark: "ok", what: "Worker 的设置完整 / its settings are complete" },
    ...report.bots.flatMap((bot) => botFindings(bot, report)),
    ...(egress ? [wayFinding(egress)] : []),
  ];
}

function versionFinding({ version, compatibilityDate }: HealthReport, local: Pick<HealthReport, "version">): Finding {
  const name = "deployed.version";
  const what = `Worker 版本 / version ${version}, ${compatibilityDate}`;
  if (version === local.version) return { name, mark: "ok", what };
  const advice = `本地是 ${local.version}:运行 npm run deploy。Here it is ${local.version}: run npm run deploy.`;
  return { name, mark: "warn", what, advice };
}

function botFindings({ appId, models, health, unreachable }: DeployedBot, { atMs, egress }: HealthReport): Finding[] {
  const where = `Worker · ${appId}`;
  const asked = models.flatMap(({ model, answer }) =>
    answer ? [modelFinding("deployed.model", `${model} (Worker)`, answer)] : [],
  );
  if (!health) {
    const advice = "稍后再试。Try again in a moment.";
    return [{ name: "deployed.bot", mark: "bad", what: `${where}:${unreachable}`, advice }, ...asked];
  }
  const { way } = egress ?? { way: "direct" };
  const address = health.address?.ok ? health.address.address : undefined;
  return [
    ...(health.token ? [tokenFinding("deployed.token", where, health.token)] : []),
    ...(health.identity ? [identityFinding("deployed.identity", where, health.identity, { way, address })] : []),
    ...(health.address ? [addressFinding("deployed.address", where, way, health.address)] : []),
    ...asked,
    validationFinding(where, health.lastValidation, atMs),
    callbackFinding(where, health.lastCallbackAtMs, atMs),
    speakingFinding(where, health, atMs),
    failuresFinding(where, health, atMs),
  ];
}

type Health = NonNullable<DeployedBot["health"]>;

function validationFinding(where: string, note: Health["lastValidation"], nowMs: number): Finding {
  const name = "deployed.validation";
  if (!note) {
    const advice =
      "QQ 还没有来过:在控制台「开发 → 回调配置」填回调地址并保存。QQ never called: enter the callback address in its console.";
    return { name, mark: "bad", what: `${where} 地址校验 / callback check:从未收到 / never`, advice };
  }
  const signed = note.signed ? "带签名 / signed" : "没有签名 / unsigned";
  const what = `${where} 地址校验 / callback check:${ago(note.atMs, nowMs)},${signed}`;
  if (note.answered) return { name, mark: "ok", what: `${what},已回应 / answered` };
  const advice =
    "被拒绝:AppSecret 与控制台的不一致时会这样,重新运行 npm run setup。Refused: check the AppSecret with npm run setup.";
  return { name, mark: "warn", what: `${what},被拒绝 / refused`, advice };
}

function callbackFinding(where: string, atMs: number | undefined, nowMs: number): Finding {
  const name = "deployed.callback";
  if (atMs !== undefined) {
    return { name, mark: "ok", what: `${where} 最近的事件 / last event:${ago(atMs, nowMs)}(±1 min)` };
  }
  const advice =
    "给机器人发一条消息;仍没有就检查控制台「勾选事件」和沙箱成员。Send it a message; if none arrives, tick the events in the console.";
  return { name, mark: "warn", what: `${where} 最近的事件 / last event:从未收到 / never`, advice };
}

function speakingFinding(where: string, { lastSpeakingAtMs, chats }: Health, nowMs: number): Finding {
  const name = "deployed.answer";
  const what = `${where} 最近开口 / last spoke`;
  if (lastSpeakingAtMs === undefined) return { name, mark: "info", what: `${what}:从未 / never` };
  const known = `${chats} 个聊天 / chats`;
  return {
    name,
    mark: "ok",
    what: `${what}:${ago(lastSpeakingAtMs, nowMs)}(最多滞后两小时 / up to 2 h behind),${known}`,
  };
}

const RECENT_MS = 24 * 3_600_000;

function failuresFinding(where: string, { failures }: Health, nowMs: number): Finding {
  const name = "deployed.failures";
  const { newest, count } = failures;
  if (!newest) return { name, mark: "ok", what: `${where} 没有失败记录 / no failures` };
  const what =
    `${where} 失败记录 / failures:${count},最近 / newest ${ago(newest.atMs, nowMs)} ` +
    `${newest.operation}:${newest.summary} (${newest.reference})`;
  return { name, mark: nowMs - newest.atMs < RECENT_MS ? "warn" : "info", what, advice: newest.advice };
}

/** Coarse on purpose. */
export function ago(atMs: number, nowMs: number): string {
  const minutes = Math.max(0, Math.round((nowMs - atMs) / 60_000));
  if (minutes < 1) return "刚刚 / just now";
  if (minutes < 120) return `${minutes} 分钟前 / min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} 小时前 / h ago` : `${Math.round(hours / 24)} 天前 / days ago`;
}
