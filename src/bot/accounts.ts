/**
 * What one bot has spent on models, by day and model. Chats report in batches, so this is behind by what they have not
 * reported yet.
 */
import { DAY_MS, dayStartMs, monthStartMs } from "../day.ts";
import type { Chat } from "../event.ts";
import { added, type Batch, type Spending, type Spent, total } from "../spending.ts";

const DAYS_KEPT = 400;

export const ACCOUNTS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS account (
    day INTEGER NOT NULL, model TEXT NOT NULL, spent TEXT NOT NULL, PRIMARY KEY (day, model)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reporter (chat TEXT PRIMARY KEY, batch INTEGER NOT NULL) WITHOUT ROWID;
`;

/** Books what a chat tells, each batch once however often it is told. To be called in a transaction. */
export function book(sql: SqlStorage, { scene, id }: Chat, batches: readonly Batch[], nowMs: number): void {
  const last = batches.at(-1);
  if (!last) return;
  const chat = `${scene}:${id}`;
  const known = sql.exec<{ batch: number }>("SELECT batch FROM reporter WHERE chat = ?", chat).toArray()[0]?.batch ?? 0;
  if (last.n <= known) return;
  for (const { day, model, spent } of batches.filter(({ n }) => n > known).flatMap(({ bookings }) => bookings)) {
    const before = sql
      .exec<{ spent: string }>("SELECT spent FROM account WHERE day = ? AND model = ?", day, model)
      .toArray()[0];
    const sum = before ? added(JSON.parse(before.spent), spent) : spent;
    sql.exec("INSERT OR REPLACE INTO account (day, model, spent) VALUES (?, ?, ?)", day, model, JSON.stringify(sum));
  }
  sql.exec("INSERT OR REPLACE INTO reporter (chat, batch) VALUES (?, ?)", chat, last.n);
  sql.exec("DELETE FROM account WHERE day < ?", dayStartMs(nowMs) - DAYS_KEPT * DAY_MS);
}

/** Today and this month, as far as chats have told. */
export function spentOf(sql: SqlStorage, nowMs: number): Spent {
  return { today: spentSince(sql, dayStartMs(nowMs)), month: spentSince(sql, monthStartMs(nowMs)) };
}

export function spentSince(sql: SqlStorage, day: number): Spending {
  const accounts = sql.exec<{ spent: string }>("SELECT spent FROM account WHERE day >= ?", day).toArray();
  return total(accounts.map(({ spent }) => JSON.parse(spent)));
}
