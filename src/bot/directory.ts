/**
 * The chats that one bot knows. Written when a chat asks for its lease, about every two hours, so that it costs nothing
 * on the way of a message.
 */
import type { Chat } from "../event.ts";

export interface KnownChat extends Chat {
  firstSeenMs: number;
  /** When it last asked for a lease: up to two hours behind its last message. */
  lastSeenMs: number;
}

export const DIRECTORY_SCHEMA = `
  CREATE TABLE IF NOT EXISTS chat (
    scene TEXT NOT NULL, id TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, PRIMARY KEY (scene, id)
  ) WITHOUT ROWID;
`;

export function noteChat(sql: SqlStorage, chat: Chat, nowMs: number): void {
  sql.exec(
    `INSERT INTO chat (scene, id, first_seen, last_seen) VALUES (?, ?, ?, ?)
     ON CONFLICT (scene, id) DO UPDATE SET last_seen = excluded.last_seen`,
    chat.scene,
    chat.id,
    nowMs,
    nowMs,
  );
}

export function listChats(sql: SqlStorage): KnownChat[] {
  return sql
    .exec<{ scene: Chat["scene"]; id: string; first_seen: number; last_seen: number }>(
      "SELECT * FROM chat ORDER BY last_seen DESC",
    )
    .toArray()
    .map(({ scene, id, first_seen, last_seen }) => ({ scene, id, firstSeenMs: first_seen, lastSeenMs: last_seen }));
}
