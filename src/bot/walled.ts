/**
 * Chats whose answers wait for QQ to take calls from our address again. Asked of QQ now and then by the Bot alone: a chat
 * each would hammer.
 */
import type { Chat, Scene } from "../event.ts";
import type { Failure } from "./failures.ts";

export const WALLED_SCHEMA = `
  CREATE TABLE IF NOT EXISTS walled (
    scene TEXT NOT NULL, id TEXT NOT NULL, until INTEGER NOT NULL, since INTEGER NOT NULL,
    resumed INTEGER NOT NULL DEFAULT 0, -- told to go on; kept, so that one that runs into the same wall waits longer
    PRIMARY KEY (scene, id)
  ) WITHOUT ROWID;
`;

const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

export function noteWalled(sql: SqlStorage, failures: readonly Failure[], nowMs: number): void {
  sql.exec("DELETE FROM walled WHERE until <= ?", nowMs);
  for (const { chat, walledUntilMs } of failures) {
    if (walledUntilMs === undefined || walledUntilMs <= nowMs) continue;
    const [scene = "", id = ""] = chat.split(/:(.*)/s);
    sql.exec(
      `INSERT INTO walled (scene, id, until, since) VALUES (?, ?, ?, ?)
       ON CONFLICT (scene, id) DO UPDATE SET until = max(until, excluded.until), resumed = 0`,
      scene,
      id,
      walledUntilMs,
      nowMs,
    );
  }
}

/** The chats that still wait; those whose time is over are forgotten. */
export function walledChats(sql: SqlStorage, nowMs: number): Chat[] {
  sql.exec("DELETE FROM walled WHERE until <= ?", nowMs);
  return sql.exec<{ scene: Scene; id: string }>("SELECT scene, id FROM walled WHERE resumed = 0").toArray();
}

/** The chat was told to go on. */
export function noteResumed(sql: SqlStorage, { scene, id }: Chat): void {
  sql.exec("UPDATE walled SET resumed = 1 WHERE scene = ? AND id = ?", scene, id);
}

/** When to ask QQ again: after a tenth of the time that the wall has stood. Undefined where nobody waits. */
export function askAgainMs(sql: SqlStorage, nowMs: number): number | undefined {
  const [row] = sql
    .exec<{ since: number | null }>("SELECT min(since) AS since FROM walled WHERE resumed = 0")
    .toArray();
  if (row?.since == null) return undefined;
  return nowMs + Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, (nowMs - row.since) / 10));
}
