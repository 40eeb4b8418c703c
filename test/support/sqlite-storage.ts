/** `node:sqlite` in the shape of a Durable Object's storage: the same engine, in memory. */
import { DatabaseSync } from "node:sqlite";
import type { SqlValue, Storage } from "../../src/conversation/storage.ts";

export class SqliteStorage implements Storage {
  readonly #database = new DatabaseSync(":memory:");
  #depth = 0;

  readonly sql = {
    exec: (query: string, ...bindings: SqlValue[]) => {
      if (bindings.length === 0 && !/^\s*(select|insert|update|delete)/i.test(query)) {
        this.#database.exec(query);
        return { toArray: () => [] };
      }
      const found = this.#database.prepare(query).all(...bindings) as Record<string, unknown>[];
      return { toArray: () => found };
    },
  };

  transactionSync<T>(body: () => T): T {
    const name = `level_${this.#depth}`;
    this.#depth += 1;
    this.#database.exec(`SAVEPOINT ${name}`);
    try {
      const result = body();
      this.#database.exec(`RELEASE ${name}`);
      return result;
    } catch (error) {
      this.#database.exec(`ROLLBACK TO ${name}; RELEASE ${name}`);
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }
}
