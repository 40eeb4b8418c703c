/**
 * How many calls with one key each isolate may have under way, so that all of them together stay within the key's limit.
 * Pure, and kept in memory alone: whatever is forgotten is told again within seconds.
 */

/** What an isolate tells of the calls with one key, whichever chats they are for. */
export interface Report {
  isolate: string;
  /** Rises with each report of the isolate: they may arrive in another order. */
  n: number;
  /** Calls under way. */
  using: number;
  /** For how long those who wait for a place have waited, in ms, longest first. */
  waitingMs: readonly number[];
}

/** What an isolate may do. */
export interface Share {
  /** Calls at a time. Those under way may go on, even where there are more. */
  places: number;
  /** For this long, in ms, from when it was asked for. */
  forMs: number;
  /** Others need what is not used, or may soon. */
  isScarce: boolean;
}

/** A share that is not asked for anew is over after this. Two asks that get lost do not end it. */
export const SHARE_MS = 12_000;

interface Holder {
  n: number;
  using: number;
  /** Since when its calls wait, in ms since 1970, oldest first. */
  waitingSinceMs: readonly number[];
  /** As many calls may be under way there. */
  held: number;
  untilMs: number;
}

export class Shares {
  readonly #keys = new Map<string, Map<string, Holder>>();

  /** What an isolate may do from now on. The sum of all that is granted never exceeds `limit`. */
  grant(key: string, report: Report, { limit, nowMs }: { limit: number; nowMs: number }): Share {
    const holders = this.#holders(key, nowMs);
    const known = holders.get(report.isolate);
    if (known && known.n > report.n) return { places: 0, forMs: 0, isScarce: true }; // nobody waits for this any more
    const { n, using, waitingMs } = report;
    if (using === 0 && waitingMs.length === 0) {
      holders.delete(report.isolate);
      return { places: 0, forMs: 0, isScarce: false };
    }
    const waitingSinceMs = waitingMs.map((ms) => nowMs - ms);
    const mine: Holder = { n, using, waitingSinceMs, held: using, untilMs: nowMs + SHARE_MS };
    holders.set(report.isolate, mine);
    const { due, left } = deal([...holders.values()], limit);
    const others = [...holders.values()].reduce((sum, holder) => sum + (holder === mine ? 0 : holder.held), 0);
    // Half of what nobody needs is for those who come before the next report.
    const places = Math.min((due.get(mine) ?? 0) + Math.floor(left / 2), Math.max(0, limit - others));
    mine.held = Math.max(places, using);
    return { places, forMs: SHARE_MS, isScarce: left === 0 || others + mine.held >= limit };
  }

  #holders(key: string, nowMs: number): Map<string, Holder> {
    const holders = this.#keys.get(key) ?? new Map<string, Holder>();
    this.#keys.set(key, holders);
    for (const [isolate, { untilMs }] of holders) if (untilMs <= nowMs) holders.delete(isolate);
    return holders;
  }
}

/**
 * Deals the places out as if all were free: to the calls that have waited longest, whosever they are, then to those under
 * way. So an isolate that never stops calling makes room for whoever asked before its newest callers.
 */
function deal(holders: readonly Holder[], limit: number): { due: Map<Holder, number>; left: number } {
  const line = holders
    .flatMap((holder) => holder.waitingSinceMs.map((sinceMs) => ({ holder, sinceMs })))
    .sort((one, other) => one.sinceMs - other.sinceMs)
    .slice(0, limit);
  const due = new Map(holders.map((holder) => [holder, 0]));
  for (const { holder } of line) due.set(holder, (due.get(holder) ?? 0) + 1);
  let left = limit - line.length;
  for (const holder of holders) {
    const more = Math.min(holder.using, left);
    due.set(holder, (due.get(holder) ?? 0) + more);
    left -= more;
  }
  return { due, left };
}
