/**
 * Failures on their way to the Bot, where the operator finds them. Stored with the end of the turn, told afterwards, told
 * again until the Bot has them; the Bot knows them by their reference.
 */
import type { Failure } from "../bot/failures.ts";
import { rows, run, type Storage } from "./storage.ts";
import { backOffMs, type Turn } from "./turn-machine.ts";

/** What the operator is told of a turn. */
export function failureOf(
  { id, messages }: Pick<Turn, "id" | "messages">,
  {
    cause,
    ...rest
  }: {
    cause: Pick<Failure, "summary" | "advice"> & { operation?: string; traceId?: string | undefined };
    reference: string;
    atMs: number;
    told: boolean;
  },
): Failure {
  const { summary, advice, operation = "turn", traceId } = cause;
  const { chat } = messages[0] ?? {};
  return { ...rest, chat: chat ? `${chat.scene}:${chat.id}` : "", turn: id, operation, summary, advice, traceId };
}

export function recordFailure(storage: Storage, failure: Failure): void {
  record(storage, failure.turn, failure);
}

/** What is not over yet. It stands under the negated number of its turn, whose failure may still follow. */
export function recordOutage(storage: Storage, failure: Failure): void {
  record(storage, -failure.turn, { ...failure, isOngoing: true });
}

function record(storage: Storage, place: number, failure: Failure): void {
  run(
    storage,
    "INSERT OR REPLACE INTO report (turn, failure, attempts, not_before) VALUES (?, ?, 0, 0)",
    place,
    JSON.stringify(failure),
  );
}

export function reportAtMs(storage: Storage): number | undefined {
  return rows<{ at: number }>(storage, "SELECT not_before AS at FROM report ORDER BY not_before LIMIT 1")[0]?.at;
}

/** Tells the Bot what is due. A Bot that cannot be reached is told later. */
export async function deliverReports(
  storage: Storage,
  tell: (failures: readonly Failure[]) => Promise<void>,
  nowMs: number,
): Promise<void> {
  const due = rows<{ turn: number; failure: string; attempts: number }>(
    storage,
    "SELECT turn, failure, attempts FROM report WHERE not_before <= ? ORDER BY turn LIMIT 20",
    nowMs,
  );
  if (due.length === 0) return;
  try {
    await tell(due.map(({ failure }) => JSON.parse(failure) as Failure));
    for (const { turn } of due) run(storage, "DELETE FROM report WHERE turn = ?", turn);
  } catch {
    for (const { turn, attempts } of due) {
      const delayMs = backOffMs(attempts) ?? 5 * 60_000;
      run(storage, "UPDATE report SET attempts = attempts + 1, not_before = ? WHERE turn = ?", nowMs + delayMs, turn);
    }
  }
}
