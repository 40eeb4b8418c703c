/**
 * Who may talk to one bot. A rule is about a chat: in private that is a person, else a group or channel as a whole. The
 * owner claims the bot in a private chat; strangers get a code that the owner approves.
 */
import { type Chat, isPrivate, type Scene } from "../event.ts";

/** No rule: a stranger. */
export type Standing = "owner" | "allowed" | "denied";

export const ACCESS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS rule (
    scene TEXT NOT NULL, id TEXT NOT NULL, standing TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (scene, id)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS pairing (
    code TEXT PRIMARY KEY, scene TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, until INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS wrong_claim (scene TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL);
`;

/** A stranger's code is good for this long, and shown again while it is. */
export const PAIRING_MS = 60 * 60_000;
/** Codes that wait at a time: strangers must not fill the storage. The oldest make room. */
const MOST_WAITING = 100;
/** In characters. */
const LONGEST_NAME = 30;
/** Wrong claims of one chat in an hour; after them none of it is looked at. */
const MOST_WRONG_CLAIMS = 5;

/** Strangers choose their names, and the owner reads them in a list: one line, nothing invisible, no tags. */
function legible(name: string): string {
  return [...name.replace(/[\p{C}\p{Z}\s<>]+/gu, " ").trim()].slice(0, LONGEST_NAME).join("");
}

export interface Waiting extends Chat {
  code: string;
  name: string;
}

export type Claim =
  /** The chat is the owner's from here on. */
  | "claimed"
  /** It was before. */
  | "yours"
  /** There is an owner: the code is void. */
  | "taken"
  | "wrong"
  /** Too many wrong ones in an hour. */
  | "locked";

export class Access {
  readonly #sql: SqlStorage;
  readonly #now: () => number;

  constructor(sql: SqlStorage, now: () => number) {
    this.#sql = sql;
    this.#now = now;
  }

  standingOf({ scene, id }: Chat): Standing | undefined {
    return this.#sql
      .exec<{ standing: Standing }>("SELECT standing FROM rule WHERE scene = ? AND id = ?", scene, id)
      .toArray()[0]?.standing;
  }

  hasOwner(): boolean {
    return this.#sql.exec("SELECT id FROM rule WHERE standing = 'owner' LIMIT 1").toArray().length > 0;
  }

  /** What a claim of this chat with a code leads to. Safe to repeat. */
  claim(chat: Chat, isRight: boolean): Claim {
    if (this.standingOf(chat) === "owner") return "yours";
    if (this.hasOwner()) return "taken";
    if (!isPrivate(chat)) return "wrong";
    const hourAgoMs = this.#now() - 60 * 60_000;
    this.#sql.exec("DELETE FROM wrong_claim WHERE at <= ?", hourAgoMs);
    const { scene, id } = chat;
    const wrong = this.#sql.exec("SELECT at FROM wrong_claim WHERE scene = ? AND id = ?", scene, id).toArray().length;
    if (wrong >= MOST_WRONG_CLAIMS) return "locked";
    if (!isRight) {
      this.#sql.exec("INSERT INTO wrong_claim (scene, id, at) VALUES (?, ?, ?)", scene, id, this.#now());
      return "wrong";
    }
    this.rule(chat, "owner");
    return "claimed";
  }

  rule({ scene, id }: Chat, standing: Standing): void {
    const sql = "INSERT OR REPLACE INTO rule (scene, id, standing, at) VALUES (?, ?, ?, ?)";
    this.#sql.exec(sql, scene, id, standing, this.#now());
  }

  /** The code by which a stranger is approved. The same one as long as it is good. */
  pair({ scene, id }: Chat, name: string, newCode: () => string): string {
    this.#sql.exec("DELETE FROM pairing WHERE until <= ?", this.#now());
    const known = this.#sql
      .exec<{ code: string }>("SELECT code FROM pairing WHERE scene = ? AND id = ?", scene, id)
      .toArray()[0];
    if (known) return known.code;
    const code = newCode();
    const sql = "INSERT OR REPLACE INTO pairing (code, scene, id, name, until) VALUES (?, ?, ?, ?, ?)";
    this.#sql.exec(sql, code, scene, id, legible(name), this.#now() + PAIRING_MS);
    this.#sql.exec(
      "DELETE FROM pairing WHERE code IN (SELECT code FROM pairing ORDER BY until DESC LIMIT -1 OFFSET ?)",
      MOST_WAITING,
    );
    return code;
  }

  /** Whom a code, or a name such as `group:<openid>`, means. */
  find(subject: string): Chat | undefined {
    const chat = this.#sql
      .exec<{ scene: Scene; id: string }>(
        "SELECT scene, id FROM pairing WHERE code = ? AND until > ?",
        subject.toUpperCase(),
        this.#now(),
      )
      .toArray()[0];
    if (chat) return chat;
    const [, scene, id] = /^(c2c|group|guildChannel|guildDm):([^\s/\\?#%.]{1,128})$/.exec(subject) ?? [];
    return scene !== undefined && id !== undefined ? { scene: scene as Scene, id } : undefined; // one of those named
  }

  /** Newest first. */
  waiting(): Waiting[] {
    return this.#sql
      .exec<{ code: string; scene: Scene; id: string; name: string }>(
        "SELECT code, scene, id, name FROM pairing WHERE until > ? ORDER BY until DESC",
        this.#now(),
      )
      .toArray()
      .filter((chat) => this.standingOf(chat) === undefined);
  }

  /** Everybody there is a rule about, newest first. */
  rules(): (Chat & { standing: Standing })[] {
    return this.#sql
      .exec<{ scene: Scene; id: string; standing: Standing }>("SELECT scene, id, standing FROM rule ORDER BY at DESC")
      .toArray();
  }
}
