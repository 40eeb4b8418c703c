/**
 * What is known of a chat as a whole, beside its turns.
 */
import { defuseLinks } from "../qq/text.ts";
import { rows, run, type Storage } from "./storage.ts";

export interface ChatFact {
  /** The model sees no turn before this one: the person emptied the chat. */
  forgottenBefore: number;
  /** What the owner has not been told yet of the bot's troubles. */
  notices: readonly string[];
  /** The newest turn whose entry is in the accounts, and how many batches were made for the Bot. */
  carriedOver: { upTo: number; batches: number };
  /** Until when the bot says nothing here but the answers of commands. */
  mutedUntilMs: number;
  /** A person who was turned away for good was told so. */
  dismissed: true;
  /** The person or the group has switched proactive messages off, or on again. */
  push: "allowed" | "refused";
}

export function readFact<F extends keyof ChatFact>(storage: Storage, name: F): ChatFact[F] | undefined {
  const [row] = rows<{ value: string }>(storage, "SELECT value FROM fact WHERE name = ?", name);
  return row && JSON.parse(row.value);
}

const MOST_NOTICES = 5;

/** Without links: a notice that QQ refuses for one would take the answer behind it along. */
export function noteForOwner(storage: Storage, text: string): void {
  const notices = [...(readFact(storage, "notices") ?? []), defuseLinks(text)];
  writeFact(storage, "notices", notices.slice(-MOST_NOTICES));
}

/** What the owner is to know, as words before the next answer; from here on it is told. */
export function takeNotices(storage: Storage): string {
  const notices = readFact(storage, "notices");
  if (!notices) return "";
  clearFact(storage, "notices");
  return `${notices.join("\n\n")}\n\n`;
}

export function clearFact(storage: Storage, name: keyof ChatFact): void {
  run(storage, "DELETE FROM fact WHERE name = ?", name);
}

export function writeFact<F extends keyof ChatFact>(storage: Storage, name: F, value: ChatFact[F]): void {
  run(storage, "INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)", name, JSON.stringify(value));
}
