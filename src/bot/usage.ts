/**
 * What one bot has spent on models, day by day. Chats report now and then, so this is behind by what they have not reported
 * yet.
 */

import { DAY_MS, dayStartMs, monthStartMs } from "../day.ts";

const DAYS_KEPT = 400;

export const USAGE_SCHEMA = `
  CREATE TABLE IF NOT EXISTS usage (day INTEGER PRIMARY KEY, tokens INTEGER NOT NULL);
`;

/** Adds to the account of today and returns it. */
export function addUsage(sql: SqlStorage, tokens: number, nowMs: number): number {
  const day = dayStartMs(nowMs);
  if (tokens > 0) {
    sql.exec(
      "INSERT INTO usage (day, tokens) VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET tokens = tokens + excluded.tokens",
      day,
      Math.round(tokens),
    );
    sql.exec("DELETE FROM usage WHERE day < ?", day - DAYS_KEPT * DAY_MS);
  }
  return sql.exec<{ tokens: number }>("SELECT tokens FROM usage WHERE day = ?", day).toArray()[0]?.tokens ?? 0;
}

/** Tokens of today and of this month, as far as chats have told. */
export function usageOf(sql: SqlStorage, nowMs: number): { today: number; month: number } {
  const since = (day: number) =>
    sql.exec<{ tokens: number }>("SELECT coalesce(sum(tokens), 0) AS tokens FROM usage WHERE day >= ?", day).one()
      .tokens;
  return { today: since(dayStartMs(nowMs)), month: since(monthStartMs(nowMs)) };
}
