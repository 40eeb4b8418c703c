/** What somebody is told once, and not again before its time is over: that a limit is reached. */
import { rows, run, type Storage } from "./storage.ts";

export type Limit = "pace" | "person" | "group" | "bot";

/** The chat itself among those who are told: nobody has this id. */
const CHAT = "";
const OF_THE_CHAT: readonly Limit[] = ["group", "bot"];

/**
 * Whoever knows of one limit is not told of another before the time of the first is over: nobody hears of limits twice in a row.
 *
 * @returns whether the sender has to be told now; from here on they have been, and with a limit of the chat everybody in it.
 */
export function tellOnce(
  storage: Storage,
  { sender, limit, nowMs, untilMs }: { sender: string; limit: Limit; nowMs: number; untilMs: number },
): boolean {
  const known = rows(storage, "SELECT 1 FROM told WHERE who IN (?, ?) AND until > ?", sender, CHAT, nowMs);
  if (known.length > 0) return false;
  const who = OF_THE_CHAT.includes(limit) ? CHAT : sender;
  run(storage, "INSERT OR REPLACE INTO told (who, what, until) VALUES (?, ?, ?)", who, limit, untilMs);
  return true;
}

export function forgetTold(storage: Storage, nowMs: number): void {
  run(storage, "DELETE FROM told WHERE until <= ?", nowMs);
}
