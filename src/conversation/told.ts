/** What somebody is told once, and not again before its time is over: that a limit is reached. */
import { rows, run, type Storage } from "./storage.ts";

export type Limit = "pace" | "person" | "group" | "bot";

/** @returns whether they have to be told now; from here on they have been. */
export function tellOnce(
  storage: Storage,
  { who, limit, nowMs, untilMs }: { who: string; limit: Limit; nowMs: number; untilMs: number },
): boolean {
  const known = rows(storage, "SELECT 1 FROM told WHERE who = ? AND what = ? AND until > ?", who, limit, nowMs);
  if (known.length > 0) return false;
  run(storage, "INSERT OR REPLACE INTO told (who, what, until) VALUES (?, ?, ?)", who, limit, untilMs);
  return true;
}

export function forgetTold(storage: Storage, nowMs: number): void {
  run(storage, "DELETE FROM told WHERE until <= ?", nowMs);
}
