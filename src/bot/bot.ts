/**
 * Durable Object `Bot`, one per AppID: the access token for all chats, the directory of chats, the list of failures. It is
 * not on the way of a message: a chat asks it for a lease about every two hours.
 */
import { DurableObject } from "cloudflare:workers";
import { type BotConfig, type Config, findBot, readConfig } from "../config.ts";
import { direct } from "../egress/transport.ts";
import { type Capability, type Refusal, toRefusal } from "../errors.ts";
import type { Chat, Scene } from "../event.ts";
import type { BotHealth, Tried, ValidationNote } from "../health.ts";
import { describe, log } from "../log.ts";
import { type AccessToken, isFresh, type QQApi, requestToken, whoAmI } from "../qq/client.ts";
import { DIRECTORY_SCHEMA, type KnownChat, listChats, noteChat } from "./directory.ts";
import { addFailures, FAILURES_SCHEMA, type Failure, listFailures } from "./failures.ts";
import { healthOf } from "./health.ts";

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
      return leased(await this.#newToken(), forbidden);
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
    this.#note("validation", note);
  }

  async lastValidation(): Promise<ValidationNote | undefined> {
    return this.#noted<ValidationNote>("validation");
  }

  /** A callback was stored: told by each isolate at most once a minute. */
  async noteCallback(atMs: number): Promise<void> {
    this.#note("callback", Math.max(atMs, this.#noted<number>("callback") ?? 0));
  }

  /** What the operator is told. With `asksQQ`, after asking QQ for a token and for who the bot is. */
  async health({ asksQQ }: { asksQQ: boolean }): Promise<BotHealth> {
    return {
      ...(asksQQ && (await this.#askQQ())),
      ...healthOf({
        validation: this.#noted<ValidationNote>("validation"),
        callbackAtMs: this.#noted<number>("callback"),
        chats: listChats(this.#sql),
        failures: listFailures(this.#sql),
      }),
    };
  }

  async #askQQ(): Promise<Pick<BotHealth, "token" | "identity">> {
    const token = await this.#tried("qq.token", () => this.#freshToken());
    if (!token.ok) return { token };
    const identity = await this.#tried("qq.identity", () => this.#identity(token.value));
    return { token: { ok: true, expiresInMs: token.expiresAtMs - Date.now() }, identity };
  }

  async #identity(token: string): Promise<{ name: string }> {
    const { name } = await whoAmI(this.#api(), token).catch(async (error: unknown) => {
      // A token that QQ forgot before its time is no failure: the chats renew it, too.
      if (toRefusal(error, "qq.identity").remedy !== "refreshToken") throw error;
      return whoAmI(this.#api(), (await this.#newToken()).value);
    });
    return { name };
  }

  async #tried<T extends object>(operation: string, call: () => Promise<T>): Promise<Tried<T>> {
    try {
      return { ok: true, ...(await call()) };
    } catch (error) {
      const { summary, advice, code, traceId } = toRefusal(error, operation);
      return { ok: false, summary, advice, code, traceId };
    }
  }

  #note(name: string, value: unknown): void {
    this.#sql.exec("INSERT OR REPLACE INTO note (name, value) VALUES (?, ?)", name, JSON.stringify(value));
  }

  #noted<T>(name: string): T | undefined {
    const row = this.#sql.exec<{ value: string }>("SELECT value FROM note WHERE name = ?", name).toArray()[0];
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

  async #freshToken(): Promise<AccessToken> {
    const kept = this.#keptToken();
    return kept && isFresh(kept, Date.now()) ? kept : this.#newToken();
  }

  /** One request for all who ask meanwhile. */
  #newToken(): Promise<AccessToken> {
    this.#request ??= this.#requestToken().finally(() => {
      this.#request = undefined;
    });
    return this.#request;
  }

  #settings(): { config: Config; bot: BotConfig } {
    const config = readConfig(this.env);
    const bot = findBot(config, this.ctx.id.name ?? "");
    if (!bot) throw new Error("this deployment no longer knows the bot");
    return { config, bot };
  }

  #api(): QQApi {
    const { config, bot } = this.#settings();
    return { ...config.qq, appId: bot.appId, transport: direct };
  }

  async #requestToken(): Promise<AccessToken> {
    const { bot } = this.#settings();
    try {
      const token = await requestToken(this.#api(), bot.appSecret, Date.now);
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
