/**
 * Durable Object `Bot`, one per AppID: the access token for all chats, the directory of chats, the list of failures. It is
 * not on the way of a message: a chat asks it for a lease about every two hours.
 */
import { DurableObject } from "cloudflare:workers";
import type { Defaults } from "../choice.ts";
import { claimCode, isSameCode } from "../claim-code.ts";
import { type BotConfig, type Config, findBot, readConfig } from "../config.ts";
import { DAY_MS, dayStartMs } from "../day.ts";
import { seenAddress } from "../egress/address.ts";
import { openWay, type WayOut } from "../egress/way-out.ts";
import { type Capability, type Refusal, toRefusal } from "../errors.ts";
import { type Chat, conversationKey, type Scene } from "../event.ts";
import type { BotHealth, Tried, ValidationNote } from "../health.ts";
import { describe, log, type Secret } from "../log.ts";
import { type AccessToken, isFresh, type QQApi, requestToken, whoAmI } from "../qq/client.ts";
import { type Batch, isSpent, type Spent } from "../spending.ts";
import { ACCESS_SCHEMA, Access, type Claim, type Standing, type Waiting } from "./access.ts";
import { ACCOUNTS_SCHEMA, book, spentOf, spentSince } from "./accounts.ts";
import { ALERTS_SCHEMA, type Alert, alertsOf, alertText, callWebhook, isDue } from "./alerts.ts";
import { DEFAULTS_SCHEMA, defaultsOf, setDefaults } from "./defaults.ts";
import { DIRECTORY_SCHEMA, type KnownChat, listChats, noteChat } from "./directory.ts";
import { addFailures, FAILURES_SCHEMA, type Failure, listFailures } from "./failures.ts";
import { healthOf } from "./health.ts";
import { type Report, type Share, Shares } from "./shares.ts";
import { askAgainMs, noteResumed, noteWalled, WALLED_SCHEMA, walledChats } from "./walled.ts";

/** What a chat keeps to speak with. */
export interface Lease {
  token: string;
  expiresAtMs: number;
  /** QQ refused the token: it is kept only to be named when a new one is asked for. */
  refused?: boolean;
  forbidden?: Forbidden;
  /** The bot has spent its tokens of the day: until then no model is asked. In ms since 1970. */
  spentUntilMs?: number | undefined;
  defaults?: Defaults | undefined;
}

/** What QQ does not let this bot do in a scene, and until when that is taken for granted, in ms since 1970. */
export type Forbidden = Partial<Record<Capability, number>>;

/** A refusal is a result and not an exception, which would lose its fields on the way between objects. */
export type LeaseAnswer = ({ ok: true; lease: Lease } | { ok: false; refusal: Refusal }) & {
  /** What is ruled about the chat, whether or not there is a token. Undefined: a stranger. */
  standing?: Standing | undefined;
};

export type Decision = { kind: "decided"; chat: Chat } | { kind: "unknown" | "owner" | "notOwner" };

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS token (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL, expires_at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS forbidden (
    scene TEXT NOT NULL, capability TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (scene, capability)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  ${ACCESS_SCHEMA}
  ${ALERTS_SCHEMA}
  ${WALLED_SCHEMA}
  ${ACCOUNTS_SCHEMA}
  ${DEFAULTS_SCHEMA}
  ${DIRECTORY_SCHEMA}
  ${FAILURES_SCHEMA}
`;

/** Chats that hear of a change at once, those of late first: an invocation may reach 1,000 objects. */
const MOST_TOLD = 500;

export class Bot extends DurableObject {
  readonly #sql: SqlStorage;
  readonly #access: Access;
  /** Model calls under way, in all chats of the deployment. */
  readonly #shares = new Shares();
  #wayOut: WayOut | undefined;
  /** The one token request under way, for whoever asks meanwhile. */
  #request: Promise<AccessToken> | undefined;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
    this.#access = new Access(this.#sql, Date.now);
  }

  /** The token, new when less than a minute of it is left or when it is `notThisToken`, which QQ refused. */
  async lease(
    chat: Chat,
    { notThisToken, batches = [] }: { notThisToken?: string | undefined; batches?: readonly Batch[] },
  ): Promise<LeaseAnswer> {
    noteChat(this.#sql, chat, Date.now());
    const spentUntilMs = await this.report(chat, batches);
    await this.#logClaimCode();
    const kept = this.#keptToken();
    const forbidden = this.#forbidden(chat.scene);
    // Looked up last: an owner's word may come while a token is on its way.
    const standing = () => this.#access.standingOf(chat);
    const leased = ({ value: token, expiresAtMs }: AccessToken): LeaseAnswer => {
      const lease = { token, expiresAtMs, forbidden, spentUntilMs, defaults: defaultsOf(this.#sql) };
      return { ok: true, lease, standing: standing() };
    };
    if (kept && kept.value !== notThisToken && isFresh(kept, Date.now())) return leased(kept);
    try {
      return leased(await this.#resting(() => this.#newToken()));
    } catch (error) {
      const refusal = toRefusal(error, "qq.token");
      const { operation, summary, advice, remedy } = refusal;
      if (remedy === "tellOperator") this.#alert({ cause: `${operation} ${advice}`, summary, advice });
      return { ok: false, refusal, standing: standing() };
    }
  }

  /** What a chat has spent on models. Returns until when the bot may spend no more; undefined: there is something left. */
  async report(chat: Chat, batches: readonly Batch[]): Promise<number | undefined> {
    const nowMs = Date.now();
    this.ctx.storage.transactionSync(() => book(this.#sql, chat, batches, nowMs));
    const today = dayStartMs(nowMs);
    return isSpent(readConfig(this.env).daily.bot, spentSince(this.#sql, today)) ? today + DAY_MS : undefined;
  }

  /** What an isolate may use of the model calls that a key may have at a time. Asked by each every few seconds while it calls. */
  async share(key: string, report: Report): Promise<Share> {
    // None here, but one where it is asked: the setting was just removed, and the old code is not gone yet.
    const limit = readConfig(this.env).modelConcurrency || Number.MAX_SAFE_INTEGER;
    return this.#shares.grant(key, report, { limit, nowMs: Date.now() });
  }

  /** Once, as long as there is no owner: whoever reads the log owns the bot anyway. */
  async #logClaimCode(): Promise<void> {
    const bot = findBot(readConfig(this.env), this.ctx.id.name ?? "");
    if (!bot || this.#noted("claimCodeLogged") || this.#access.hasOwner()) return;
    this.#note("claimCodeLogged", true);
    log.info("bot.unclaimed", {
      appId: bot.appId,
      advice: `私聊发送 /claim ${await claimCode(bot.appSecret)} 成为主人`,
    });
  }

  /** A chat claims to be the owner's. */
  async claim(chat: Chat, code: string): Promise<Claim> {
    const secret = findBot(readConfig(this.env), this.ctx.id.name ?? "")?.appSecret;
    const claim = this.#access.claim(chat, secret !== undefined && isSameCode(code, await claimCode(secret)));
    if (claim === "claimed") {
      log.info("bot.claimed", { chat: `${chat.scene}:${chat.id}` });
      await this.#push(chat, "owner");
    }
    return claim;
  }

  /** The code by which the owner lets this chat in, and whether there is an owner. Undefined where it is let in. */
  async pair(chat: Chat, name: string): Promise<{ code: string; hasOwner: boolean } | undefined> {
    const standing = this.#access.standingOf(chat);
    if (standing === "owner" || standing === "allowed") return undefined;
    return { code: this.#access.pair(chat, name, newPairingCode), hasOwner: this.#access.hasOwner() };
  }

  /** What all chats have spent on models. Undefined unless the owner's chat asks. */
  async usage(asking: Chat): Promise<Spent | undefined> {
    return this.#access.standingOf(asking) === "owner" ? spentOf(this.#sql, Date.now()) : undefined;
  }

  /** What counts in all chats where nobody has chosen, after `changes`. Undefined unless the owner's chat asks. */
  async choose(asking: Chat, changes: Defaults["values"] = {}): Promise<Defaults | undefined> {
    if (this.#access.standingOf(asking) !== "owner") return undefined;
    if (Object.keys(changes).length === 0) return defaultsOf(this.#sql);
    const defaults = this.ctx.storage.transactionSync(() => setDefaults(this.#sql, changes));
    await this.#pushDefaults(asking, defaults);
    const others = listChats(this.#sql).filter((chat) => chat.id !== asking.id || chat.scene !== asking.scene);
    const pushes = others.slice(0, MOST_TOLD).map((chat) => this.#pushDefaults(chat, defaults));
    this.ctx.waitUntil(Promise.all(pushes));
    return defaults;
  }

  /** A chat that cannot be reached hears of them with its next lease. */
  async #pushDefaults(chat: Chat, defaults: Defaults): Promise<void> {
    try {
      await this.env.CONVERSATION.getByName(conversationKey(this.ctx.id.name ?? "", chat)).setDefaults(defaults);
    } catch (error) {
      log.warn("defaults.not-pushed", { chat: `${chat.scene}:${chat.id}`, error: describe(error) });
    }
  }

  /** Who waits for approval. Undefined unless the owner's chat asks. */
  async whoWaits(asking: Chat): Promise<Waiting[] | undefined> {
    return this.#access.standingOf(asking) === "owner" ? this.#access.waiting() : undefined;
  }

  /** The owner's word about somebody, named by code or `scene:openid`. It reaches their chat before this returns. */
  async decide(asking: Chat, subject: string, standing: "allowed" | "denied"): Promise<Decision> {
    if (this.#access.standingOf(asking) !== "owner") return { kind: "notOwner" };
    const chat = this.#access.find(subject.trim());
    if (!chat) return { kind: "unknown" };
    if (this.#access.standingOf(chat) === "owner") return { kind: "owner" };
    this.#access.rule(chat, standing);
    await this.#push(chat, standing);
    return { kind: "decided", chat };
  }

  /** A chat that cannot be reached hears of it with its next lease. */
  async #push(chat: Chat, standing: Standing): Promise<void> {
    try {
      await this.env.CONVERSATION.getByName(conversationKey(this.ctx.id.name ?? "", chat)).setStanding(standing);
    } catch (error) {
      log.warn("standing.not-pushed", { chat: `${chat.scene}:${chat.id}`, error: describe(error) });
    }
  }

  async recordFailures(failures: readonly Failure[]): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      addFailures(this.#sql, failures);
      noteWalled(this.#sql, failures, Date.now());
    });
    await this.#askAgainLater();
    const hourAgoMs = Date.now() - 60 * 60_000;
    const lastHour = listFailures(this.#sql).filter(({ atMs }) => atMs > hourAgoMs);
    for (const alert of alertsOf(failures, lastHour)) this.#alert(alert);
  }

  /** Asks QQ whether it takes calls from this address again, and lets the chats that wait for it send their answers. */
  override async alarm(): Promise<void> {
    try {
      const chats = walledChats(this.#sql, Date.now());
      const { identity } = chats.length > 0 ? await this.#resting(() => this.#askQQ()) : {};
      if (identity?.ok) for (const chat of chats) await this.#resume(chat);
    } catch (error) {
      log.warn("wall.not-asked", { error: describe(error) });
    }
    await this.#askAgainLater();
  }

  /** One chat that cannot be reached keeps nobody else waiting. */
  async #resume(chat: Chat): Promise<void> {
    try {
      await this.env.CONVERSATION.getByName(conversationKey(this.ctx.id.name ?? "", chat)).resume();
      noteResumed(this.#sql, chat); // after it: a Bot that dies in between tells it again
    } catch (error) {
      log.warn("chat.not-resumed", { chat: `${chat.scene}:${chat.id}`, error: describe(error) });
    }
  }

  /** The first alarm stands: what comes meanwhile waits for it. */
  async #askAgainLater(): Promise<void> {
    const atMs = askAgainMs(this.#sql, Date.now());
    if (atMs !== undefined && (await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(atMs);
  }

  /** Tells the operator, once per cause and hour: at the webhook, and in the owner's chat with its next answer. */
  #alert(alert: Alert): void {
    if (!isDue(this.#sql, alert, Date.now())) return;
    const appId = this.ctx.id.name ?? "";
    const text = alertText(appId, alert);
    log.error("alert", { appId, summary: alert.summary, advice: alert.advice });
    const webhook = this.#webhook();
    if (webhook) this.ctx.waitUntil(callWebhook(webhook.reveal(), text));
    const owner = this.#access.rules().find(({ standing }) => standing === "owner");
    if (owner) this.ctx.waitUntil(this.#tellOwner(owner, text));
  }

  /** Undefined also where the settings are broken: then /healthz says so. */
  #webhook(): Secret | undefined {
    try {
      return readConfig(this.env).alertWebhook;
    } catch {
      return undefined;
    }
  }

  async #tellOwner(owner: Chat, text: string): Promise<void> {
    try {
      await this.env.CONVERSATION.getByName(conversationKey(this.ctx.id.name ?? "", owner)).notify(text);
    } catch (error) {
      log.warn("owner.not-told", { error: describe(error) });
    }
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

  /** What the operator is told. With `asksQQ`, after asking QQ for a token and for who the bot is, and where it sees us. */
  async health({ asksQQ }: { asksQQ: boolean }): Promise<BotHealth> {
    const asked = asksQQ ? await this.#resting(() => Promise.all([this.#askQQ(), this.#askForAddress()])) : [];
    return {
      ...Object.assign({}, ...asked),
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

  async #askForAddress(): Promise<Pick<BotHealth, "address">> {
    const { echo } = readConfig(this.env).qq;
    if (!echo) return {};
    const ask = async () => ({ address: await seenAddress(this.#api().transport, echo) });
    return { address: await this.#tried("egress.address", ask) };
  }

  /** Leaves no connection open that would keep this object in memory. */
  async #resting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.#wayOut?.rest();
    }
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
    this.#wayOut ??= openWay(config.qq.way);
    return { ...config.qq, appId: bot.appId, transport: this.#wayOut.transport };
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

/** Short enough to type; the owner alone can use it. */
function newPairingCode(): string {
  const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => alphabet[byte % alphabet.length]).join("");
}
