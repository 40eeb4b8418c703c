/**
 * By when a person has to see something, and waiting no longer than that.
 */
import { replyWindow } from "../qq/reply-budget.ts";
import type { TurnContext } from "./turn-context.ts";
import type { Turn } from "./turn-machine.ts";

/** Kept for sending the answer, or the sentence about why not, before the window ends. */
const SEND_RESERVE_MS = 10_000;
/** A model gets at least this long in a private chat, where the window is an hour. */
const LEAST_MODEL_MS = 2 * 60_000;

/** When something has to be said to the messages of a turn, so that it arrives in time. */
export function speakByMs({ messages }: Pick<Turn, "messages">, nowMs: number): number {
  const windows = messages.map(replyWindow);
  const closesAtMs = Math.max(...windows.map((window) => window.closesAtMs));
  const firstPartByMs = Math.max(...windows.map((window) => window.firstPartByMs));
  return Math.min(closesAtMs, Math.max(firstPartByMs, nowMs + LEAST_MODEL_MS)) - SEND_RESERVE_MS;
}

/** Whether `work` ends, in whatever way, before `atMs`. */
export async function endsBy({ now, wait }: TurnContext, work: Promise<unknown>, atMs: number): Promise<boolean> {
  const ended = new AbortController();
  const settled = work.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([settled, wait(Math.max(0, atMs - now()), ended.signal).then(() => false)]);
  ended.abort();
  return inTime;
}
