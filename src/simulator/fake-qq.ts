/**
 * Plays QQ, as strictly as QQ is documented: its API and its callbacks, in all scenes, with a ledger of what was asked and
 * what arrived. What it has against a message is in `messages.ts`, what it posts in `questions.ts` and `events.ts`. Node only.
 */
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type HttpBindings, type ServerType } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import type { Chat, Scene } from "../event.ts";
import { deliver, sign, signedCallback } from "./callbacks.ts";
import { type Refusal, type RefusalBody, refusal } from "./codes.ts";
import { DemoModel } from "./demo-model.ts";
import { chatOf, composeInteraction, type Payload, payloadOf } from "./events.ts";
import { type Asked, type Delivered, Ledger, type Refused } from "./ledger.ts";
import { isInGuild, type Message, objection, readMessage, type Target } from "./messages.ts";
import {
  type Bot,
  composeMessage,
  GUILD_ID,
  hex,
  isMessageEvent,
  type Question,
  rfc3339,
  type Stage,
  whoAsks,
} from "./questions.ts";
import { escapeGuild } from "./reading.ts";
import { AccessTokens } from "./tokens.ts";
import { type QQTrouble, Weather } from "./weather.ts";

export type { Question } from "./questions.ts";

export interface FakeQQOptions {
  appId: string;
  appSecret: string;
  /** Where callbacks go. May be set later, when the Worker's port is known. */
  callbackUrl?: string;
  now?: () => number;
  /** Pause between repetitions of a callback. */
  redeliveryPauseMs?: number;
}

/** A callback that was posted: its outer id is what `event_id` names. */
export interface Posted {
  eventId: string;
  t: string;
  d: Payload;
  /** HTTP status of each delivery; 0 where there was no answer in time. */
  deliveries: number[];
  acknowledged: boolean;
}

export interface Typing {
  chat: Chat;
  msgId: string;
  msgSeq: number;
  atMs: number;
}

/** A call that acknowledges an interaction. */
export interface Acknowledgement {
  id: string;
  code: number;
  atMs: number;
  /** Whether both headers with the AppID were there; without them it was refused (630006). */
  hasHeaders: boolean;
  /** The interaction had been acknowledged before. */
  isDuplicate: boolean;
}

export interface Pressed extends Posted {
  /** Undefined for what needs none. */
  acknowledgement: Acknowledgement | undefined;
}

type C = Context<{ Bindings: HttpBindings }>;

const BOT: Bot = { id: "14400000000000000001", memberOpenid: "B0700000000000000000000000000001", name: "机器人" };
/** A button and a menu entry: QQ shows that nothing happened until the bot acknowledges. */
const NEED_ACKNOWLEDGEMENT = [11, 12];

export class FakeQQ {
  readonly ledger = new Ledger();
  /** For messages; typing notices and acknowledgements have their own. */
  readonly weather = new Weather<QQTrouble>();
  readonly typingWeather = new Weather<QQTrouble>();
  readonly interactionWeather = new Weather<QQTrouble>();
  readonly tokenWeather = new Weather<QQTrouble>();
  readonly model = new DemoModel();
  readonly bot = BOT;
  readonly appId: string;
  readonly appSecret: string;
  callbackUrl: string;

  /** 接口访问源IP不在白名单: every API call is refused. */
  refusesAddress = false;
  /** Open to all bots in private chats and groups since 2026-04-23, in guilds by invitation. */
  markdownAllowed: Record<Scene, boolean> = { c2c: true, group: true, guildChannel: false, guildDm: false };
  /** Once set, links to anything else are refused. A domain covers its subdomains. */
  registeredDomains: ReadonlySet<string> | undefined;
  /** Guilds take messages only from bots that are connected to the WebSocket gateway, say their docs. */
  gatewayConnected = true;
  /** Whether messages to guilds wait for a review: see `passAudit`. */
  audits = false;

  tokenRequests = 0;
  readonly typings: Typing[] = [];
  readonly acknowledgements: Acknowledgement[] = [];
  /** Messages that wait for their review, by audit id. */
  readonly underReview = new Map<string, Delivered>();
  /** Called for every message of the bot that reaches a person, before the bot knows. */
  onDelivered: ((message: Delivered) => void) | undefined;
  /** Called for every message of the bot that QQ turned away. */
  onRefused: ((refused: Refused) => void) | undefined;
  onTyping: ((typing: Typing) => void) | undefined;

  readonly #now: () => number;
  readonly #redeliveryPauseMs: number;
  readonly #tokens = new AccessTokens();
  /** Per message or event: the numbers that replies used, and whether they were delivered. */
  readonly #used = new Map<string, Map<number, boolean>>();
  /** What may be answered beside the questions of the ledger: by `d.id` of a message, by outer id of an event. */
  readonly #targets = new Map<string, Target>();
  readonly #interactions = new Set<string>();
  /** When each guild chat got something. */
  readonly #guildSends = new Map<string, number[]>();
  readonly #listeners = new Set<() => void>();
  #server: ServerType | undefined;
  #serial = 0;

  constructor(options: FakeQQOptions) {
    this.appId = options.appId;
    this.appSecret = options.appSecret;
    this.callbackUrl = options.callbackUrl ?? "";
    this.#now = options.now ?? Date.now;
    this.#redeliveryPauseMs = options.redeliveryPauseMs ?? 300;
  }

  /** Starts listening on 127.0.0.1 and returns the address, which serves API, token and demo model. */
  async start(port = 0): Promise<string> {
    const server = createAdaptorServer({ fetch: this.#routes().fetch });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // listening on a port, so it has one
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    if ("closeAllConnections" in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** Somebody writes. Resolves when the callback is acknowledged or given up. */
  async say(question: Question): Promise<Asked> {
    const { asked, bodies } = this.compose(question);
    this.ledger.asked.push(asked);
    await Promise.all(bodies.map((body) => this.deliver(asked, body)));
    return asked;
  }

  /** The callback of a message, without sending it; with `both` there are two of them. */
  compose(question: Question): { asked: Asked; body: string; bodies: string[] } {
    const { messageId, chat, sender, events } = composeMessage(question, this.#stage());
    const bodies = events.map(({ t, d }) => this.#envelope(t, d).body);
    const asked: Asked = {
      messageId,
      chat,
      sender,
      text: question.text,
      askedAtMs: question.sentAtMs ?? this.#now(),
      deliveries: [],
      ...(question.addressed === false && { unaddressed: true }),
    };
    return { asked, body: bodies[0] ?? "", bodies };
  }

  async deliver(asked: Asked, body: string): Promise<void> {
    const acknowledged = await this.#post(body, asked.deliveries);
    if (acknowledged) asked.acknowledgedAtMs ??= this.#now();
    this.#changed();
  }

  /**
   * Something happens. `d` replaces fields of the payload that the event has otherwise. Resolves when the callback is
   * acknowledged or given up. What people write this way is not in the ledger, but may be answered.
   */
  async emit(t: string, d: Payload = {}): Promise<Posted> {
    const payload = { ...payloadOf(t, this.#stage()), ...d };
    const { eventId, body } = this.#envelope(t, payload);
    if (isMessageEvent(t)) this.#targets.set(String(payload.id), { chat: chatOf(payload), atMs: this.#now() });
    const deliveries: number[] = [];
    const acknowledged = await this.#post(body, deliveries);
    this.#changed();
    return { eventId, t, d: payload, deliveries, acknowledged };
  }

  /**
   * Somebody presses a button (11), a menu entry (12) or clears the chat (14). Resolves when the bot has acknowledged it;
   * for types that need no acknowledgement, when the callback is acknowledged.
   *
   * @throws Error if no acknowledgement comes within `withinMs`.
   */
  async press({
    data,
    type = 11,
    withinMs = 10_000,
    ...who
  }: Pick<Question, "scene" | "chatId" | "sender"> & {
    data: string;
    type?: number;
    withinMs?: number;
  }): Promise<Pressed> {
    const { chat, sender } = whoAsks(who);
    const payload = composeInteraction({ chat, sender, data, type }, this.#stage());
    const acknowledgement = () => this.acknowledgements.find(({ id, hasHeaders }) => id === payload.id && hasHeaders);
    const posted = await this.emit("INTERACTION_CREATE", payload);
    if (NEED_ACKNOWLEDGEMENT.includes(type)) await this.until(() => acknowledgement() !== undefined, withinMs);
    return { ...posted, acknowledgement: acknowledgement() };
  }

  /** A review ends well: the message is delivered, and the bot is told. */
  async passAudit(auditId: string): Promise<Posted> {
    const message = this.#endReview(auditId);
    message.atMs = this.#now();
    this.#show(message);
    return this.emit("MESSAGE_AUDIT_PASS", { audit_id: auditId, ...placeOf(message), message_id: message.id });
  }

  /** A review ends badly: the message is never seen, and the bot is told. */
  async rejectAudit(auditId: string): Promise<Posted> {
    const message = this.#endReview(auditId);
    return this.emit("MESSAGE_AUDIT_REJECT", { audit_id: auditId, ...placeOf(message) });
  }

  /** The check that QQ's console makes before it takes a callback address. */
  async validateCallback(): Promise<boolean> {
    const plainToken = hex().slice(0, 20);
    const eventTs = String(Math.floor(this.#now() / 1000));
    const request = await signedCallback(
      this,
      JSON.stringify({ d: { plain_token: plainToken, event_ts: eventTs }, op: 13 }),
      this.#now(),
    );
    const response = await fetch(this.callbackUrl, { method: "POST", ...request }).catch(() => undefined);
    if (!response?.ok) return false;
    const expected = await sign(this.appSecret, eventTs + plainToken);
    const answer = (await response.json()) as { plain_token?: string; signature?: string };
    return answer.plain_token === plainToken && answer.signature === expected;
  }

  /** QQ forgets the token before its time. */
  expireToken(): void {
    this.#tokens.forget();
  }

  /** Resolves when `condition` holds, looked at whenever something happens here; rejects after `withinMs`. */
  async until(condition: () => boolean, withinMs = 30_000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#listeners.delete(look);
        reject(new Error(`not within ${withinMs} ms: ${JSON.stringify({ lost: this.ledger.judge().lost })}`));
      }, withinMs);
      const look = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
    });
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #stage(): Stage {
    this.#serial += 1;
    return { appId: this.appId, bot: this.bot, nowMs: this.#now(), serial: this.#serial };
  }

  /** An event with its outer id; from here on it may be answered. */
  #envelope(t: string, d: Payload): { eventId: string; body: string } {
    const eventId = `${t}:${crypto.randomUUID()}`;
    const chat = chatOf(d);
    this.#targets.set(eventId, { chat, atMs: this.#now(), event: t });
    if (t === "INTERACTION_CREATE") this.#interactions.add(String(d.id));
    return { eventId, body: JSON.stringify({ op: 0, id: eventId, t, d }) };
  }

  #post(body: string, deliveries: number[]): Promise<boolean> {
    return deliver(this.callbackUrl, this, body, {
      now: this.#now,
      pauseMs: this.#redeliveryPauseMs,
      onAnswer: (status) => deliveries.push(status),
    });
  }

  #routes(): Hono<{ Bindings: HttpBindings }> {
    const app = new Hono<{ Bindings: HttpBindings }>();
    app.route("/", this.model.routes());
    app.post("/app/getAppAccessToken", (c) => this.#giveToken(c));
    for (const { scene, path } of MESSAGE_ROUTES)
      app.post(path, (c) => this.#takeMessage(c, { scene, id: c.req.param("id") ?? "" }));
    app.put("/interactions/:id", (c) => this.#takeAcknowledgement(c, c.req.param("id")));
    app.get("/users/@me", (c) => this.#describeBot(c));
    app.notFound((c) => this.#refuse(c, { ...refusal(11253), status: 404 }));
    return app;
  }

  async #giveToken(c: C): Promise<Response> {
    this.tokenRequests += 1;
    const trouble = this.tokenWeather.next("");
    if (trouble?.kind === "drop") return this.#drop(c);
    if (trouble?.kind === "refuse") return this.#refuse(c, trouble);
    const { appId, clientSecret } = (await c.req.json()) as { appId?: unknown; clientSecret?: unknown };
    if (appId !== this.appId) return this.#refuse(c, { ...refusal(10004), status: 200 });
    if (clientSecret !== this.appSecret) return this.#refuse(c, refusal(100016));
    const { value, expiresInS } = this.#tokens.give(this.#now());
    // A string, as in the documentation's example.
    return c.json({ access_token: value, expires_in: String(expiresInS) });
  }

  /** A code, if the caller gets no further than the door. */
  #turnsAway(c: C): number | undefined {
    if (this.refusesAddress) return 11298;
    return this.#tokens.isGood(c.req.header("authorization"), this.#now()) ? undefined : 11244;
  }

  #describeBot(c: C): Response {
    const code = this.#turnsAway(c);
    if (code) return this.#refuse(c, refusal(code));
    return c.json({ id: this.bot.id, username: this.bot.name, avatar: "", bot: true, share_url: "", welcome_msg: "" });
  }

  async #takeAcknowledgement(c: C, id: string): Promise<Response> {
    const trouble = this.interactionWeather.next("");
    if (trouble?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, trouble.ms));
    if (trouble?.kind === "drop") return this.#drop(c);
    if (trouble?.kind === "refuse") return this.#refuse(c, trouble);
    const early = this.#turnsAway(c);
    if (early) return this.#refuse(c, refusal(early));
    const { code } = (await c.req.json().catch(() => ({}))) as { code?: unknown };
    if (!this.#interactions.has(id) || typeof code !== "number" || !ACKNOWLEDGEMENT_CODES.includes(code))
      return this.#refuse(c, refusal(630001));
    const hasHeaders = ["x-union-appid", "x-callback-appid"].every((name) => c.req.header(name) === this.appId);
    const isDuplicate = this.acknowledgements.some((other) => other.id === id && other.hasHeaders);
    this.acknowledgements.push({ id, code, atMs: this.#now(), hasHeaders, isDuplicate });
    this.#changed();
    if (!hasHeaders) return this.#refuse(c, refusal(630006));
    if (trouble?.kind === "deliverThenDrop") return this.#drop(c);
    if (trouble?.kind === "deliverThenFail") return this.#refuse(c, refusal(trouble.status));
    return c.text(""); // seen to be empty
  }

  async #takeMessage(c: C, chat: Chat): Promise<Response> {
    const message = readMessage(chat, await c.req.json().catch(() => undefined));
    if (!message) return this.#refuseMessage(c, { chat, text: "" }, refusal(12002));
    const trouble = (message.form === "typing" ? this.typingWeather : this.weather).next(message.text);
    if (trouble?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, trouble.ms));
    if (trouble?.kind === "drop") return this.#drop(c);
    if (trouble?.kind === "refuse") {
      if (costsReply(trouble)) this.#book(message, false);
      return this.#refuseMessage(c, message, trouble);
    }
    const early = this.#turnsAway(c) ?? (c.req.header("x-union-appid") === this.appId ? undefined : 11251);
    if (early) return this.#refuseMessage(c, message, refusal(early));
    const code = this.#objection(message);
    if (code) {
      this.#book(message, false);
      return this.#refuseMessage(c, message, refusal(code));
    }
    return this.#accept(c, message, trouble);
  }

  #objection(message: Message): number | undefined {
    const { chat, msgId = "" } = message;
    const question = this.ledger.asked.find(({ messageId }) => messageId === msgId);
    const nowMs = this.#now();
    return objection(message, {
      nowMs,
      target: question ? { chat: question.chat, atMs: question.askedAtMs } : this.#targets.get(msgId),
      used: this.#used.get(msgId) ?? new Map(),
      guildSendsLately: this.#sentTo(chat).filter((atMs) => atMs > nowMs - 1_000).length,
      gatewayConnected: this.gatewayConnected,
      markdownAllowed: this.markdownAllowed[chat.scene],
      registeredDomains: this.registeredDomains,
    });
  }

  /** A number is used up whether or not its message was delivered: no refund is documented. */
  #book(message: Message, delivered: boolean): void {
    const { msgId } = message;
    if (msgId === undefined) return;
    const used = this.#used.get(msgId) ?? new Map<number, boolean>();
    this.#used.set(msgId, used);
    const number = isInGuild(message) ? used.size + 1 : message.msgSeq;
    if (delivered || !used.has(number)) used.set(number, delivered);
  }

  #accept(c: C, message: Message, trouble: QQTrouble | undefined): Response {
    const { chat, form, text, msgId = "", msgSeq } = message;
    const atMs = this.#now();
    this.#book(message, true);
    if (isInGuild(message)) this.#sentTo(chat).push(atMs);
    const id = isInGuild(message) ? `08${hex()}` : `ROBOT1.0_${hex()}!!`;
    if (form === "typing") {
      const typing = { chat, msgId, msgSeq, atMs };
      this.typings.push(typing);
      this.onTyping?.(typing);
      this.#changed();
    } else {
      const delivered: Delivered = {
        id,
        chat,
        form,
        msgId,
        ...(message.isEvent && { isEvent: true }),
        msgSeq,
        text,
        atMs,
      };
      if (isInGuild(message) && this.audits) return this.#holdBack(c, delivered);
      this.#show(delivered);
    }
    if (trouble?.kind === "deliverThenDrop") return this.#drop(c);
    if (trouble?.kind === "deliverThenFail") return this.#refuse(c, refusal(trouble.status));
    if (isInGuild(message)) return c.json(this.#guildMessage(id, message));
    const timestamp = rfc3339(atMs);
    return c.json(form === "typing" ? { timestamp } : { id, timestamp, ext_info: { ref_idx: `REFIDX_${id}==` } });
  }

  #show(message: Delivered): void {
    this.ledger.delivered.push(message);
    this.onDelivered?.(message);
    this.#changed();
  }

  #holdBack(c: C, message: Delivered): Response {
    const auditId = crypto.randomUUID();
    this.underReview.set(auditId, message);
    this.#changed();
    return this.#refuse(c, refusal(304023, { auditId }));
  }

  #endReview(auditId: string): Delivered {
    const message = this.underReview.get(auditId);
    if (!message) throw new Error(`nothing is under review as ${auditId}`);
    this.underReview.delete(auditId);
    return message;
  }

  #sentTo({ scene, id }: Chat): number[] {
    const key = `${scene}:${id}`;
    const times = this.#guildSends.get(key) ?? [];
    this.#guildSends.set(key, times);
    return times;
  }

  #guildMessage(id: string, { chat, form, text }: Message): Payload {
    const timestamp = rfc3339(this.#now());
    const author = { id: this.bot.id, username: this.bot.name, bot: true };
    const seq = this.#sentTo(chat).length;
    const content = form === "text" ? escapeGuild(text) : "";
    return { id, ...placeOf({ chat }), content, timestamp, author, seq, seq_in_channel: String(seq) };
  }

  #refuseMessage(
    c: C,
    { chat, msgId, msgSeq, text }: Pick<Message, "chat" | "text"> & Partial<Message>,
    trouble: Refusal | Extract<QQTrouble, { kind: "refuse" }>,
  ): Response {
    const { code, err_code, message = "" } = (trouble.body ?? {}) as Partial<RefusalBody>;
    const refused: Refused = {
      chat,
      msgId,
      msgSeq,
      text,
      status: trouble.status,
      code: err_code ?? code,
      message,
      atMs: this.#now(),
    };
    this.ledger.refused.push(refused);
    this.onRefused?.(refused);
    this.#changed();
    return this.#refuse(c, trouble);
  }

  #refuse(c: C, { status, body, retryAfterS }: Extract<QQTrouble, { kind: "refuse" }>): Response {
    c.header("x-tps-trace-id", hex());
    if (retryAfterS !== undefined) c.header("retry-after", String(retryAfterS));
    // Hono's types know the statuses by number.
    return body === undefined ? c.html("<html>trouble</html>", status as 500) : c.json(body, status as 400);
  }

  #drop(c: C): Response {
    c.env.incoming.socket.destroy();
    return RESPONSE_ALREADY_SENT;
  }
}

/** From "done" to "admins only". */
const ACKNOWLEDGEMENT_CODES = [0, 1, 2, 3, 4, 5];

const MESSAGE_ROUTES: readonly { scene: Scene; path: string }[] = [
  { scene: "c2c", path: "/v2/users/:id/messages" },
  { scene: "group", path: "/v2/groups/:id/messages" },
  { scene: "guildChannel", path: "/channels/:id/messages" },
  { scene: "guildDm", path: "/dms/:id/messages" },
];

/** Whether a refusal came from behind the door: a message that QQ has looked at counts as a reply. */
function costsReply({ status, body }: Extract<QQTrouble, { kind: "refuse" }>): boolean {
  return status !== 401 && (status < 500 || body !== undefined);
}

function placeOf({ chat: { scene, id } }: { chat: Chat }): Payload {
  return scene === "guildDm" ? { guild_id: id, channel_id: `${id}-channel` } : { guild_id: GUILD_ID, channel_id: id };
}
