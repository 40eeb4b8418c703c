/**
 * A cry for help: the operator is told when the bot goes deaf or dumb, once per cause and hour.
 */
import { describe, log } from "../log.ts";
import type { Failure } from "./failures.ts";

export const ALERTS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS alert (cause TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
`;

const AGAIN_AFTER_MS = 60 * 60_000;
/** So many failures in an hour are told of, whatever they are, unless they were told of by themselves. */
const MANY = 10;
/** So many of one cause in an hour are no hiccup. */
const RECURRING = 3;
const TIMEOUT_MS = 10_000;

/** What is wrong, and what to do about it. */
export interface Alert {
  /** Told once an hour. */
  cause: string;
  summary: string;
  advice: string;
}

/**
 * Of failures, those that somebody has to act on; and that there are many others.
 *
 * @param lastHour the failures of the last hour, those among them.
 */
export function alertsOf(failures: readonly Failure[], lastHour: readonly Failure[]): Alert[] {
  const alerts = failures
    .filter((failure) => isToldOf(failure, lastHour))
    .map((failure) => ({ cause: causeOf(failure), summary: failure.summary, advice: failure.advice }));
  const others = lastHour.filter((failure) => !isToldOf(failure, lastHour)).length;
  if (others >= MANY) {
    alerts.push({
      cause: "many failures",
      summary: `${others} failures within an hour`,
      advice: "运行 npm run doctor 查看原因。Run `npm run doctor` to see why.",
    });
  }
  return alerts;
}

/** An advice says by its first words whether anybody has to act on it. */
function isToldOf(failure: Failure, lastHour: readonly Failure[]): boolean {
  if (failure.advice.startsWith("无需处理")) return false;
  if (!failure.advice.startsWith("若反复出现")) return true;
  return lastHour.filter((other) => causeOf(other) === causeOf(failure)).length >= RECURRING;
}

function causeOf({ operation, advice }: Failure): string {
  return `${operation} ${advice}`;
}

/** Notes an alert, and whether it is to be told now. */
export function isDue(sql: SqlStorage, { cause }: Alert, nowMs: number): boolean {
  sql.exec("DELETE FROM alert WHERE at <= ?", nowMs - AGAIN_AFTER_MS);
  if (sql.exec("SELECT at FROM alert WHERE cause = ?", cause).toArray().length > 0) return false;
  sql.exec("INSERT INTO alert (cause, at) VALUES (?, ?)", cause, nowMs);
  return true;
}

export function alertText(bot: string, { summary, advice }: Alert): string {
  return `[qq-edge ${bot}] ${summary}\n${advice}`;
}

/** The body in the form that the service behind the address reads; `{text}` where it is none of these. */
export function webhookBody(url: string, text: string): unknown {
  const { hostname } = new URL(url);
  if (hostname === "qyapi.weixin.qq.com" || hostname === "oapi.dingtalk.com")
    return { msgtype: "text", text: { content: text } };
  if (hostname === "open.feishu.cn" || hostname === "open.larksuite.com")
    return { msg_type: "text", content: { text } };
  if (hostname === "discord.com") return { content: text };
  return { text };
}

/** Never throws: who cries for help must not fall over it. The address holds a key and goes into no log. */
export async function callWebhook(url: string, text: string): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), TIMEOUT_MS);
  try {
    const { status } = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(webhookBody(url, text)),
      signal: late.signal,
      redirect: "manual",
    });
    log.info("alert.sent", { status });
  } catch (error) {
    log.error("alert.not-sent", { error: describe(error instanceof Error ? error.name : error) });
  } finally {
    clearTimeout(timer);
  }
}
