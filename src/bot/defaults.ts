/** What the bot's owner has chosen for all chats. Chats hear of a change at once, and of all of it with each lease. */
import type { Defaults } from "../choice.ts";

export const DEFAULTS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS defaults (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
`;

export function defaultsOf(sql: SqlStorage): Defaults {
  const row = sql.exec<{ value: string }>("SELECT value FROM defaults").toArray()[0];
  return row ? JSON.parse(row.value) : { n: 0, values: {} };
}

/** Undefined takes a choice back. */
export function setDefaults(sql: SqlStorage, changes: Defaults["values"]): Defaults {
  const { n, values } = defaultsOf(sql);
  const defaults: Defaults = { n: n + 1, values: { ...values, ...changes } };
  sql.exec("INSERT OR REPLACE INTO defaults (id, value) VALUES (1, ?)", JSON.stringify(defaults));
  return defaults;
}
