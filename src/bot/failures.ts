/**
 * The list of failures of one bot: what a person was told, or could not be told, and what the operator can do.
 */

export interface Failure {
  /** What the person may quote. Unique. */
  reference: string;
  atMs: number;
  /** `c2c:<openid>` or `group:<openid>`. */
  chat: string;
  turn: number;
  operation: string;
  summary: string;
  advice: string;
  traceId?: string | undefined;
  /** Until when the answer can still be sent, where QQ refused nothing but the address that it came from. */
  walledUntilMs?: number | undefined;
  /** Nothing has failed yet: the answer is still tried. The operator is told, and it is not kept. */
  isOngoing?: boolean | undefined;
  /** Whether the person was told. */
  told: boolean;
}

const MOST_KEPT = 200;

export const FAILURES_SCHEMA = `
  CREATE TABLE IF NOT EXISTS failure (
    reference TEXT PRIMARY KEY, at INTEGER NOT NULL, chat TEXT NOT NULL, turn INTEGER NOT NULL, operation TEXT NOT NULL,
    summary TEXT NOT NULL, advice TEXT NOT NULL, trace_id TEXT, told INTEGER NOT NULL
  ) WITHOUT ROWID;
`;

/** Named, so that this release runs on the table of the next one, which may have more. */
const COLUMNS = "reference, at, chat, turn, operation, summary, advice, trace_id, told";

/** Adds what is not known yet; the oldest make room. */
export function addFailures(sql: SqlStorage, failures: readonly Failure[]): void {
  for (const failure of failures.filter(({ isOngoing }) => !isOngoing)) {
    sql.exec(
      `INSERT INTO failure (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      failure.reference,
      failure.atMs,
      failure.chat,
      failure.turn,
      failure.operation,
      failure.summary,
      failure.advice,
      failure.traceId ?? null,
      failure.told ? 1 : 0,
    );
  }
  sql.exec(
    "DELETE FROM failure WHERE reference IN (SELECT reference FROM failure ORDER BY at DESC LIMIT -1 OFFSET ?)",
    MOST_KEPT,
  );
}

/** Newest first. */
export function listFailures(sql: SqlStorage): Failure[] {
  const rows = sql.exec<{
    reference: string;
    at: number;
    chat: string;
    turn: number;
    operation: string;
    summary: string;
    advice: string;
    trace_id: string | null;
    told: number;
  }>(`SELECT ${COLUMNS} FROM failure ORDER BY at DESC`);
  return rows.toArray().map(({ at, trace_id, told, ...failure }) => ({
    ...failure,
    atMs: at,
    traceId: trace_id ?? undefined,
    told: told === 1,
  }));
}
