/**
 * Answers that QQ holds back for review (guilds: 304023, 304024). They count as delivered until QQ says otherwise.
 */
import { failureOf, recordFailure } from "./report.ts";
import { rows, run, type Storage } from "./storage.ts";
import type { Fault } from "./turn-machine.ts";

export function recordAudit(storage: Storage, auditId: string, turn: number): void {
  run(storage, "INSERT OR REPLACE INTO audit (id, turn) VALUES (?, ?)", auditId, turn);
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
  if (!held || passed) return;
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
