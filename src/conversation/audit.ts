/**
 * Answers that QQ holds back for review (guilds: 304023, 304024). They count as delivered until QQ says otherwise.
 */
import { failureOf, recordFailure } from "./report.ts";
import { rows, run, type Storage } from "./storage.ts";
import type { Fault } from "./turn-machine.ts";

/** In place of a turn: the review has let nothing through, and its answer is not booked as held back yet. */
const EARLY = 0;

/** True where the review ended badly before this was known: `endAudit` is to be told again. */
export function recordAudit(storage: Storage, auditId: string, turn: number): boolean {
  const isEarly = rows(storage, "SELECT id FROM audit WHERE id = ? AND turn = ?", auditId, EARLY).length > 0;
  run(storage, "INSERT OR REPLACE INTO audit (id, turn) VALUES (?, ?)", auditId, turn);
  return isEarly;
}

/** The review has ended. Where the answer was not let through, its person hears of it with the next one. */
export function endAudit(
  storage: Storage,
  { auditId, passed, reference, nowMs }: { auditId: string; passed: boolean; reference: string; nowMs: number },
): void {
  const [held] = rows<{ id: number; messages: string; isOpen: number }>(
    storage,
    `SELECT turn.id, turn.messages, turn.ended_at IS NULL AS "isOpen" FROM audit JOIN turn ON turn.id = audit.turn
     WHERE audit.id = ?`,
    auditId,
  );
  run(storage, "DELETE FROM audit WHERE id = ?", auditId);
  if (passed) return;
  if (!held) return run(storage, "INSERT INTO audit (id, turn) VALUES (?, ?)", auditId, EARLY);
  // More of it is still to be sent: it ends like any turn of which something did not arrive.
  if (held.isOpen)
    return void run(storage, "UPDATE part SET state = 'unheard' WHERE turn = ? AND state = 'sent'", held.id);
  const fault: Fault = { kind: "blocked", reference };
  run(storage, "UPDATE turn SET outcome = 'failed', told = 0, fault = ? WHERE id = ?", JSON.stringify(fault), held.id);
  const turn = { id: held.id, messages: JSON.parse(held.messages) };
  recordFailure(storage, failureOf(turn, { cause: REJECTED, reference, atMs: nowMs, told: false }));
}

const REJECTED = {
  operation: "qq.audit",
  summary: "QQ's review did not let an answer through",
  advice: "无需处理,对方会在下一条回答里得知。Nothing to do; the person is told with the next answer.",
};
