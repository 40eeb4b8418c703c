/**
 * The day by which limits and accounts count: Beijing's, where QQ's people live.
 */

const HOUR_MS = 60 * 60_000;
export const DAY_MS = 24 * HOUR_MS;
const BEIJING_MS = 8 * HOUR_MS;

/** Midnight before the first of the month, in ms since 1970. */
export function monthStartMs(nowMs: number): number {
  const there = new Date(nowMs + BEIJING_MS);
  return Date.UTC(there.getUTCFullYear(), there.getUTCMonth()) - BEIJING_MS;
}

/** Midnight before `nowMs`, in ms since 1970. */
export function dayStartMs(nowMs: number): number {
  return Math.floor((nowMs + BEIJING_MS) / DAY_MS) * DAY_MS - BEIJING_MS;
}
