/**
 * What this room needs of a Durable Object's storage. `DurableObjectStorage` has this shape; so has `node:sqlite` in
 * the tests, which is the same engine.
 */

export type SqlValue = string | number | null;

export interface Storage {
  sql: {
    exec(query: string, ...bindings: SqlValue[]): { toArray(): Record<string, unknown>[] };
  };
  /** All or nothing. Nothing in `body` may be awaited. */
  transactionSync<T>(body: () => T): T;
}

/** Reads rows as `T`. The queries and the tables stand side by side in this room, so the shape is known here. */
export function rows<T>(storage: Storage, query: string, ...bindings: SqlValue[]): T[] {
  return storage.sql.exec(query, ...bindings).toArray() as T[];
}

export function run(storage: Storage, query: string, ...bindings: SqlValue[]): void {
  storage.sql.exec(query, ...bindings).toArray(); // draining it completes the statement
}
