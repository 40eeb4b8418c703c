/**
 * The database of one chat. Migrations only add, so that the release before this one still runs on it after a rollback.
 *
 * Lean on purpose: every row written and every index entry is billed. `seen` has its key as its only tree; open turns
 * are found without an index (see `open_from`); the reply ledger is the `part` rows themselves.
 */
import { rows, run, type Storage } from "./storage.ts";

export const MIGRATIONS: readonly string[] = [
  `
  -- Every accepted message, so that a repeated delivery is known: the turn it belongs to.
  CREATE TABLE seen (key TEXT PRIMARY KEY, turn INTEGER NOT NULL) WITHOUT ROWID;

  -- The queue, and after the end of a turn its record. One turn answers one message, or several of one sender.
  CREATE TABLE turn (
    id INTEGER PRIMARY KEY,
    open_from INTEGER NOT NULL,          -- no turn before this one was open when this row was written
    kind TEXT NOT NULL,                  -- question | command | notice
    sender TEXT NOT NULL,
    messages TEXT NOT NULL,              -- JSON array of IncomingMessage, oldest first
    restarts INTEGER NOT NULL DEFAULT 0, -- model calls given up because a message joined
    point TEXT NOT NULL DEFAULT '',      -- where the turn stood when the next three were written
    attempts INTEGER NOT NULL DEFAULT 0, -- starts at this point that were not brought to an orderly end
    tried TEXT NOT NULL DEFAULT '[]',    -- JSON array: the remedies of the orderly repetitions at this point
    not_before INTEGER NOT NULL DEFAULT 0,
    fault TEXT,                          -- JSON Fault: why the person gets a sentence instead of an answer
    kept TEXT,                           -- text that could not be delivered
    told INTEGER NOT NULL DEFAULT 0,     -- the person knows how it ended
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    outcome TEXT
  );

  -- What the model gave, step by step.
  CREATE TABLE step (turn INTEGER NOT NULL, n INTEGER NOT NULL, result TEXT NOT NULL, PRIMARY KEY (turn, n)) WITHOUT ROWID;

  -- The outbox, and the reply ledger of each msg_id.
  CREATE TABLE part (
    turn INTEGER NOT NULL,
    n INTEGER NOT NULL,
    text TEXT NOT NULL,
    msg_id TEXT NOT NULL,
    msg_seq INTEGER NOT NULL,
    state TEXT NOT NULL,                 -- PartState of turn-machine.ts
    PRIMARY KEY (turn, n)
  ) WITHOUT ROWID;

  -- Failures that the Bot has not been told yet.
  CREATE TABLE report (turn INTEGER PRIMARY KEY, failure TEXT NOT NULL, attempts INTEGER NOT NULL, not_before INTEGER NOT NULL);

  -- The one lease of this chat: access token and its expiry.
  CREATE TABLE lease (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
  `,
  `
  -- How a part is written: a kind of Reply, or 'typing', which stands as number -1 of the negated turn.
  ALTER TABLE part ADD COLUMN form TEXT NOT NULL DEFAULT 'text';

  -- How what is kept is written, and whether more of it is still being written.
  ALTER TABLE turn ADD COLUMN kept_form TEXT NOT NULL DEFAULT 'text';
  ALTER TABLE turn ADD COLUMN unfinished INTEGER NOT NULL DEFAULT 0;

  -- Answers that QQ holds back for review, by its audit id.
  CREATE TABLE audit (id TEXT PRIMARY KEY, turn INTEGER NOT NULL) WITHOUT ROWID;

  -- What is known of this chat: ChatFact of facts.ts.
  CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  -- JSON Refusal: why the turn was last to be tried again.
  ALTER TABLE turn ADD COLUMN trouble TEXT;
  `,
  `
  -- What people have chosen: ChoiceName of commands/choice.ts. The chat's own choice has no owner's id.
  CREATE TABLE choice (owner TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (owner, name)) WITHOUT ROWID;

  -- Who was told that a limit is reached, and until when that is known: Limit of told.ts.
  CREATE TABLE told (who TEXT NOT NULL, what TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (who, what)) WITHOUT ROWID;

  -- JSON array of Button: what may be pressed under a part.
  ALTER TABLE part ADD COLUMN buttons TEXT;
  `,
  `
  -- What models took, as JSON Spending, by day (its beginning), person and model. Turns after the fact carriedOver are not in it.
  CREATE TABLE account (
    day INTEGER NOT NULL, person TEXT NOT NULL, model TEXT NOT NULL, spent TEXT NOT NULL, PRIMARY KEY (day, person, model)
  ) WITHOUT ROWID;

  -- What the Bot may not know of it yet: JSON array of Booking.
  CREATE TABLE batch (n INTEGER PRIMARY KEY, bookings TEXT NOT NULL);
  `,
];

/** Brings the database to the newest version. A database newer than this code is left as it is. */
export function migrate(storage: Storage, migrations: readonly string[] = MIGRATIONS): void {
  storage.transactionSync(() => {
    run(storage, "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
    const version = rows<{ version: number }>(storage, "SELECT version FROM schema_version")[0]?.version ?? 0;
    if (version >= migrations.length) return;
    for (const migration of migrations.slice(version)) run(storage, migration);
    run(storage, "DELETE FROM schema_version");
    run(storage, "INSERT INTO schema_version (version) VALUES (?)", migrations.length);
  });
}
