/**
 * What is known of a chat as a whole, beside its turns.
 */
import { rows, run, type Storage } from "./storage.ts";

export interface ChatFact {
  /** The model sees no turn before this one: the person emptied the chat. */
  forgottenBefore: number;
  /** The newest turn whose tokens the Bot knows. */
  usageReported: number;
  /** A person who was turned away for good was told so. */
  dismissed: true;
  /** The person or the group has switched proactive messages off, or on again. */
  push: "allowed" | "refused";
}

export function readFact<F extends keyof ChatFact>(storage: Storage, name: F): ChatFact[F] | undefined {
  const [row] = rows<{ value: string }>(storage, "SELECT value FROM fact WHERE name = ?", name);
  return row && JSON.parse(row.value);
}

export function clearFact(storage: Storage, name: keyof ChatFact): void {
  run(storage, "DELETE FROM fact WHERE name = ?", name);
}

export function writeFact<F extends keyof ChatFact>(storage: Storage, name: F, value: ChatFact[F]): void {
  run(storage, "INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)", name, JSON.stringify(value));
}
