/**
 * Durable Object `Bot`, one per AppID: the access token for all chats, the directory of chats, the list of failures. It is
 * not on the way of a message: a chat asks it for a lease about every two hours.
 */
import { DurableObject } from "cloudflare:workers";
import { findBot, readConfig } from "../config.ts";
import { direct } from "../egress/transport.ts";
import { type Capability, type Refusal, toRefusal } from "../errors.ts";
import type { Chat, Scene } from "../event.ts";
import { describe, log } from "../log.ts";
import { type AccessToken, isFresh, requestToken } from "../qq/client.ts";
import { DIRECTORY_SCHEMA, type KnownChat, listChats, noteChat } from "./directory.ts";
import { addFailures, FAILURES_SCHEMA, type Failure, listFailures } from "./failures.ts";

/** What a chat keeps to speak with. */
export interface Lease {
  token: string;
  expiresAtMs: number;
  /** QQ refused the token: it is kept only to be named when a new one is asked for. */
  refused?: boolean;
  forbidden?: Forbidden;
}

/** What QQ does not let this bot do in a scene, and until when that is taken for granted, in ms since 1970. */
export type Forbidden = Partial<Record<Capability, number>>;

/** A refusal is a result and not an exception, which would lose its fields on the way between objects. */
export type LeaseAnswer = { ok: true; lease: Lease } | { ok: false; refusal: Refusal };

/** The last callback-address check, for the operator: never called, or answered and refused. */
export interface ValidationNote {
  atMs: number;
  signed: boolean;
  answered: boolean;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS token (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL, expires_at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS forbidden (
    scene TEXT NOT NULL, capability TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (scene, capability)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  ${DIRECTORY_SCHEMA}
  ${FAILURES_SCHEMA}
`;

export class Bot extends DurableObject {
  readonly #sql: SqlStorage;
  /** The one token request under way, for whoever asks meanwhile. */
  #request: Promise<AccessToken> | undefined;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
  }

  /** The token, new when less than a minute of it is left or when it is `notThisToken`, which QQ refused. */
  async lease(chat: Chat, { notThisToken }: { notThisToken?: string | undefined }): Promise<LeaseAnswer> {
    noteChat(this.#sql, chat, Date.now());
    const kept = this.#keptToken();
    const forbidden = this.#forbidden(chat.scene);
    if (kept && kept.value !== notThisToken && isFresh(kept, Date.now())) return leased(kept, forbidden);
    try {
      this.#request ??= this.#requestToken().finally(() => {
        this.#request = undefined;
      });
      return leased(await this.#request, forbidden);
    } catch (error) {
      return { ok: false, refusal: toRefusal(error, "qq.token") };
    }
  }

  async recordFailures(failures: readonly Failure[]): Promise<void> {
    this.ctx.storage.transactionSync(() => addFailures(this.#sql, failures));
  }

  /** A chat was refused something that QQ refuses to this bot in all chats of that scene. */
  async noteForbidden(scene: Scene, capability: Capability, untilMs: number): Promise<void> {
    this.#sql.exec(
      "INSERT OR REPLACE INTO forbidden (scene, capability, until) VALUES (?, ?, ?)",
      scene,
      capability,
      untilMs,
    );
  }

  async noteValidation(note: ValidationNote): Promise<void> {
    this.#sql.exec("INSERT OR REPLACE INTO note (name, value) VALUES ('validation', ?)", JSON.stringify(note));
  }

  async lastValidation(): Promise<ValidationNote | undefined> {
    const row = this.#sql.exec<{ value: string }>("SELECT value FROM note WHERE name = 'validation'").toArray()[0];
    return row && JSON.parse(row.value);
  }

  /** Newest first. */
  async failures(): Promise<Failure[]> {
    return listFailures(this.#sql);
  }

  async chats(): Promise<KnownChat[]> {
    return listChats(this.#sql);
  }

  #forbidden(scene: Scene): Forbidden {
    const rows = this.#sql.exec<{ capability: Capability; until: number }>(
      "SELECT capability, until FROM forbidden WHERE scene = ? AND until > ?",
      scene,
      Date.now(),
    );
    return Object.fromEntries(rows.toArray().map(({ capability, until }) => [capability, until]));
  }

  #keptToken(): AccessToken | undefined {
    const row = this.#sql
      .exec<{ value: string; expires_at: number }>("SELECT value, expires_at FROM token")
      .toArray()[0];
    return row && { value: row.value, expiresAtMs: row.expires_at };
  }

  async #requestToken(): Promise<AccessToken> {
    const config = readConfig(this.env);
    const bot = findBot(config, this.ctx.id.name ?? "");
    if (!bot) throw new Error("this deployment no longer knows the bot");
    try {
      const token = await requestToken({ ...config.qq, appId: bot.appId, transport: direct }, bot.appSecret, Date.now);
      this.#sql.exec(
        "INSERT OR REPLACE INTO token (id, value, expires_at) VALUES (1, ?, ?)",
        token.value,
        token.expiresAtMs,
      );
      log.info("token.renewed", { appId: bot.appId, lifetimeS: Math.round((token.expiresAtMs - Date.now()) / 1000) });
      return token;
    } catch (error) {
      log.error("token.refused", {
        appId: bot.appId,
        error: describe(error),
        advice: toRefusal(error, "qq.token").advice,
      });
      throw error;
    }
  }
}

function leased({ value: token, expiresAtMs }: AccessToken, forbidden: Forbidden): LeaseAnswer {
  return { ok: true, lease: { token, expiresAtMs, forbidden } };
}
