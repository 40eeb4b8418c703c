/**
 * Plays QQ, as strictly as QQ is documented, in all scenes, with a ledger of what was asked and what arrived: what tests and
 * the terminal hold in their hands. Its HTTP side is `api.ts`, what it has against a message `messages.ts`, what it posts
 * `questions.ts` and `events.ts`. Node only.
 */
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type HttpBindings, type ServerType } from "@hono/node-server";
import type { Hono } from "hono";
import type { Chat, Scene } from "../event.ts";
import { Api } from "./api.ts";
import { type Attempt, deliver, postOnce, sign, signedCallback } from "./callbacks.ts";
import { Callers } from "./callers.ts";
import { DemoModel } from "./demo-model.ts";
import { chatOf, composeInteraction, NEED_ACKNOWLEDGEMENT, type Payload, payloadOf } from "./events.ts";
import { type Asked, type Delivered, Ledger, type Refused } from "./ledger.ts";
import {
  type Bot,
  composeMessage,
  hex,
  isMessageEvent,
  placeOf,
  type Question,
  type Stage,
  whoAsks,
} from "./questions.ts";
import { ReplyBook } from "./reply-book.ts";
import { AccessTokens } from "./tokens.ts";
import type { Watcher } from "./watching.ts";
import { type CallbackTrouble, type QQTrouble, Weather } from "./weather.ts";

export type { Question } from "./questions.ts";

/** As gateways do: long enough that whoever leaves connections open is seen to. */
const KEEPS_ALIVE_MS = 60_000;

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

/** The bot has not acknowledged what was pressed: QQ shows the person that it failed. */
export class NotAcknowledged extends Error {
  readonly posted: Posted;

  constructor(posted: Posted, withinMs: number) {
    super(`not within ${withinMs} ms: the press is not acknowledged`);
    this.posted = posted;
  }
}

const BOT: Bot = { id: "14400000000000000001", memberOpenid: "B0700000000000000000000000000001", name: "机器人" };
export class FakeQQ {
  readonly ledger = new Ledger();
  /** For messages; typing notices and acknowledgements have their own. */
  readonly weather = new Weather<QQTrouble>();
  readonly typingWeather = new Weather<QQTrouble>();
  readonly interactionWeather = new Weather<QQTrouble>();
  readonly uploadWeather = new Weather<QQTrouble>();
  readonly tokenWeather = new Weather<QQTrouble>();
  /** For callbacks, by what is in them. */
  readonly callbackWeather = new Weather<CallbackTrouble>();
  readonly model: DemoModel;
  readonly callers = new Callers();
  readonly bot = BOT;
  readonly appId: string;
  readonly appSecret: string;
  callbackUrl: string;

  /** 接口访问源IP不在白名单: every API call is refused. */
  refusesAddress = false;
  /** QQ's IP白名单: API calls from elsewhere are refused, those for a token are not. Undefined: there is no list. */
  allowedAddresses: ReadonlySet<string> | undefined;
  /** Open to all bots in private chats and groups since 2026-04-23, in guilds by invitation. */
  markdownAllowed: Record<Scene, boolean> = { c2c: true, group: true, guildChannel: false, guildDm: false };
  /** Buttons go with Markdown, so guilds have none without an invitation either. */
  buttonsAllowed: Record<Scene, boolean> = { c2c: true, group: true, guildChannel: false, guildDm: false };
  /** Once set, links to anything else are refused. A domain covers its subdomains. */
  registeredDomains: ReadonlySet<string> | undefined;
  /** Guilds take messages only from bots that are connected to the WebSocket gateway, say their docs. */
  gatewayConnected = true;
  /** Whether messages to guilds wait for a review: see `passAudit`. */
  audits = false;

  tokenRequests = 0;
  readonly typings: Typing[] = [];
  /** The ids of what was pressed. */
  readonly interactions = new Set<string>();
  readonly acknowledgements: Acknowledgement[] = [];
  /** Messages that wait for their review, by audit id. */
  readonly underReview = new Map<string, Delivered>();
  /** Called for every message of the bot that reaches a person, before the bot knows. */
  onDelivered: ((message: Delivered) => void) | undefined;
  /** Called for every message of the bot that QQ turned away. */
  onRefused: ((refused: Refused) => void) | undefined;
  onTyping: ((typing: Typing) => void) | undefined;
  readonly watchers = new Set<Watcher>();

  readonly #now: () => number;
  readonly #redeliveryPauseMs: number;
  readonly #tokens = new AccessTokens();
  readonly #book = new ReplyBook();
  readonly #listeners = new Set<() => void>();
  #server: ServerType | undefined;
  #serial = 0;

  constructor(options: FakeQQOptions) {
    this.appId = options.appId;
    this.appSecret = options.appSecret;
    this.callbackUrl = options.callbackUrl ?? "";
    this.#now = options.now ?? Date.now;
    this.#redeliveryPauseMs = options.redeliveryPauseMs ?? 300;
    this.model = new DemoModel(this.#now);
    this.callers.onClose = () => this.#changed();
    this.model.onCall = (call) => this.tell((watcher) => watcher.modelCalled?.(call));
  }

  /**
   * Starts listening on 127.0.0.1 and returns the address, which serves API, token and demo model: `https://localhost:<port>`
   * with `tls` (PEM), else `http://127.0.0.1:<port>`. What `page` has a route for is not QQ's.
   */
  async start(
    port = 0,
    { tls, page }: { tls?: { key: string; cert: string }; page?: Hono<{ Bindings: HttpBindings }> } = {},
  ): Promise<string> {
    const inside = { tokens: this.#tokens, book: this.#book, now: this.#now, changed: () => this.#changed() };
    const api = new Api(this, inside);
    const { fetch } = api.routes(page);
    const server = createAdaptorServer(
      tls ? { fetch, createServer: createHttpsServer, serverOptions: tls } : { fetch },
    );
    if ("keepAliveTimeout" in server) server.keepAliveTimeout = KEEPS_ALIVE_MS;
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    const listening = (server.address() as AddressInfo).port; // it listens on a port, so it has one
    return tls ? `https://localhost:${listening}` : `http://127.0.0.1:${listening}`;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    if ("closeAllConnections" in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** TCP connections that have brought calls of QQ so far, the token's included: 20 calls over 3 of them count 3. */
  get connections(): number {
    return this.callers.connections;
  }

  /** Somebody writes. Resolves when the callback is acknowledged or given up. */
  async say(question: Question): Promise<Asked> {
    const { asked, bodies } = this.compose(question);
    this.ledger.asked.push(asked);
    this.tell((watcher) => watcher.asked?.(asked, question));
    await Promise.all(bodies.map((body) => this.deliver(asked, body)));
    this.tell((watcher) => watcher.settled?.(asked.messageId, asked.acknowledgedAtMs !== undefined));
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
    const acknowledged = await this.#post(asked.messageId, body, asked.deliveries);
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
    if (isMessageEvent(t)) this.#book.open(String(payload.id), { chat: chatOf(payload), atMs: this.#now() });
    const deliveries: number[] = [];
    const posting = { id: eventId, eventId, t, d: payload, chat: chatOf(payload), atMs: this.#now() };
    this.tell((watcher) => watcher.posting?.(posting));
    const acknowledged = await this.#post(eventId, body, deliveries);
    this.tell((watcher) => watcher.settled?.(eventId, acknowledged));
    this.#changed();
    return { eventId, t, d: payload, deliveries, acknowledged };
  }

  /** Posts a callback once more: signed anew, or with the headers that it had. Returns its HTTP status, 0 for none. */
  async replay(
    id: string,
    { body, headers }: { body: string; headers?: Readonly<Record<string, string>> },
  ): Promise<number> {
    const request = headers ? { body, headers } : await signedCallback(this, body, this.#now());
    const onAnswer = (attempt: Attempt) => this.#tellDelivery(id, attempt);
    return (await postOnce(this.callbackUrl, request, { now: this.#now, onAnswer })).status;
  }

  /** Tells all who watch. */
  tell(what: (watcher: Watcher) => void): void {
    for (const watcher of this.watchers) what(watcher);
  }

  /**
   * Somebody presses a button (11), a menu entry (12) or clears the chat (14). Resolves when the bot has acknowledged it;
   * for types that need no acknowledgement, when the callback is acknowledged.
   *
   * @throws NotAcknowledged if no acknowledgement comes within `withinMs`.
   */
  async press({
    data,
    type = 11,
    buttonId,
    messageId,
    withinMs = 10_000,
    ...who
  }: Pick<Question, "scene" | "chatId" | "sender"> & {
    data: string;
    type?: number;
    buttonId?: string;
    /** Under which the button stands. */
    messageId?: string;
    withinMs?: number;
  }): Promise<Pressed> {
    const { chat, sender } = whoAsks(who);
    const payload = composeInteraction({ chat, sender, data, type, buttonId, messageId }, this.#stage());
    const acknowledgement = () => this.acknowledgements.find(({ id, hasHeaders }) => id === payload.id && hasHeaders);
    const posted = await this.emit("INTERACTION_CREATE", payload);
    if (NEED_ACKNOWLEDGEMENT.includes(type))
      await this.until(() => acknowledgement() !== undefined, withinMs).catch(() => {
        throw new NotAcknowledged(posted, withinMs);
      });
    return { ...posted, acknowledgement: acknowledgement() };
  }

  /** A review ends well: the message is delivered, and the bot is told. */
  async passAudit(auditId: string): Promise<Posted> {
    const message = this.#endReview(auditId);
    message.atMs = this.#now();
    this.show(message);
    return this.emit("MESSAGE_AUDIT_PASS", { audit_id: auditId, ...placeOf(message.chat), message_id: message.id });
  }

  /** A review ends badly: the message is never seen, and the bot is told. */
  async rejectAudit(auditId: string): Promise<Posted> {
    const message = this.#endReview(auditId);
    return this.emit("MESSAGE_AUDIT_REJECT", { audit_id: auditId, ...placeOf(message.chat) });
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

  /** A message of the bot reaches its person. */
  show(message: Delivered): void {
    this.ledger.delivered.push(message);
    this.onDelivered?.(message);
    this.tell((watcher) => watcher.delivered?.(message));
    this.#changed();
  }

  #endReview(auditId: string): Delivered {
    const message = this.underReview.get(auditId);
    if (!message) throw new Error(`nothing is under review as ${auditId}`);
    this.underReview.delete(auditId);
    return message;
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
    this.#book.open(eventId, { chat: chatOf(d), atMs: this.#now(), event: t });
    if (t === "INTERACTION_CREATE") this.interactions.add(String(d.id));
    return { eventId, body: JSON.stringify({ op: 0, id: eventId, t, d }) };
  }

  #post(id: string, body: string, deliveries: number[]): Promise<boolean> {
    return deliver(this.callbackUrl, this, body, {
      now: this.#now,
      pauseMs: this.#redeliveryPauseMs,
      trouble: this.callbackWeather.next(body),
      onAnswer: (attempt) => {
        deliveries.push(attempt.status);
        this.#tellDelivery(id, attempt);
      },
    });
  }

  #tellDelivery(id: string, attempt: Attempt): void {
    this.tell((watcher) => watcher.delivery?.({ id, url: this.callbackUrl, ...attempt }));
  }
}
