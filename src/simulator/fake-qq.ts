/**
 * Plays QQ, as strictly as QQ is documented: checks the token, the reply window and count, `msg_seq`, the length; signs
 * and repeats callbacks; keeps a ledger of what was asked and what arrived. Node only.
 */
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type HttpBindings, type ServerType } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import * as v from "valibot";
import type { Chat, Scene } from "../event.ts";
import { deliver, sign, signedCallback } from "./callbacks.ts";
import { DemoModel } from "./demo-model.ts";
import { type Asked, type Delivered, Ledger, type Refused } from "./ledger.ts";
import { type QQTrouble, Weather } from "./weather.ts";

const WINDOWS: Record<Scene, { ms: number; replies: number }> = {
  c2c: { ms: 60 * 60_000, replies: 4 },
  group: { ms: 5 * 60_000, replies: 5 },
  guildChannel: { ms: 5 * 60_000, replies: Number.POSITIVE_INFINITY },
  guildDm: { ms: 5 * 60_000, replies: Number.POSITIVE_INFINITY },
};
/** Unpublished; clients cut at 5000. */
const LONGEST_TEXT = 5_000;
const TOKEN_LIFE_S = 7_200;

const MessageBody = v.object({
  msg_type: v.number(),
  content: v.optional(v.string(), ""),
  msg_id: v.optional(v.string()),
  msg_seq: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffff_ffff)), 1),
});

export interface FakeQQOptions {
  appId: string;
  appSecret: string;
  /** Where callbacks go. May be set later, when the Worker's port is known. */
  callbackUrl?: string;
  now?: () => number;
  /** Pause between repetitions of a callback. */
  redeliveryPauseMs?: number;
}

export interface Question {
  text: string;
  scene?: Scene;
  /** `user_openid` or `group_openid`. */
  chatId?: string;
  /** Groups: `member_openid`. */
  sender?: string;
  senderName?: string;
  role?: "member" | "admin" | "owner";
  /** When it claims to have been written. */
  sentAtMs?: number;
}

type C = Context<{ Bindings: HttpBindings }>;

export class FakeQQ {
  readonly ledger = new Ledger();
  readonly weather = new Weather<QQTrouble>();
  readonly tokenWeather = new Weather<QQTrouble>();
  readonly model = new DemoModel();
  readonly appId: string;
  readonly appSecret: string;
  callbackUrl: string;
  /** 接口访问源IP不在白名单: every API call is refused. */
  refusesAddress = false;
  tokenRequests = 0;
  /** Called for every message of the bot that reaches a person, before the bot knows. */
  onDelivered: ((message: Delivered) => void) | undefined;
  /** Called for every message of the bot that QQ turned away. */
  onRefused: ((refused: Refused) => void) | undefined;

  readonly #now: () => number;
  readonly #redeliveryPauseMs: number;
  /** Per message: the numbers that replies used, and whether they were delivered. */
  readonly #used = new Map<string, Map<number, boolean>>();
  readonly #listeners = new Set<() => void>();
  #token: { value: string; expiresAtMs: number } | undefined;
  #server: ServerType | undefined;
  #count = 0;

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
    const { asked, body } = this.compose(question);
    this.ledger.asked.push(asked);
    await this.deliver(asked, body);
    return asked;
  }

  /** The callback of a message, without sending it. */
  compose({ text, scene = "c2c", chatId, sender, senderName, role = "member", sentAtMs }: Question): {
    asked: Asked;
    body: string;
  } {
    this.#count += 1;
    const messageId = `ROBOT1.0_${crypto.randomUUID().replaceAll("-", "")}`;
    const chat: Chat = { scene, id: chatId ?? (scene === "c2c" ? "USER0001" : "GROUP0001") };
    const who = scene === "c2c" ? chat.id : (sender ?? "MEMBER0001");
    const d = {
      id: messageId,
      content: scene === "group" ? ` ${text} ` : text,
      timestamp: new Date(sentAtMs ?? this.#now()).toISOString(),
      message_type: 0,
      message_scene: { source: "default", ext: [`msg_idx=REFIDX_${this.#count}==`] },
      attachments: [],
      ...(scene === "c2c"
        ? { author: { id: who, user_openid: who, union_openid: "", username: senderName ?? "", bot: false } }
        : {
            author: { id: who, member_openid: who, member_role: role, username: senderName ?? "", bot: false },
            group_id: chat.id,
            group_openid: chat.id,
            mentions: [],
          }),
    };
    const t = scene === "c2c" ? "C2C_MESSAGE_CREATE" : "GROUP_AT_MESSAGE_CREATE";
    const body = JSON.stringify({ op: 0, id: `${t}:${crypto.randomUUID()}`, t, d });
    return { asked: { messageId, chat, sender: who, text, askedAtMs: sentAtMs ?? this.#now(), deliveries: [] }, body };
  }

  async deliver(asked: Asked, body: string): Promise<void> {
    const acknowledged = await deliver(this.callbackUrl, this, body, {
      now: this.#now,
      pauseMs: this.#redeliveryPauseMs,
      onAnswer: (status) => asked.deliveries.push(status),
    });
    if (acknowledged) asked.acknowledgedAtMs ??= this.#now();
    this.#changed();
  }

  /** The check that QQ's console makes before it takes a callback address. */
  async validateCallback(): Promise<boolean> {
    const plainToken = crypto.randomUUID().replaceAll("-", "").slice(0, 20);
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
    this.#token = undefined;
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

  #routes(): Hono<{ Bindings: HttpBindings }> {
    const app = new Hono<{ Bindings: HttpBindings }>();
    app.route("/", this.model.routes());
    app.post("/app/getAppAccessToken", (c) => this.#giveToken(c));
    app.post("/v2/users/:id/messages", (c) => this.#takeMessage(c, { scene: "c2c", id: c.req.param("id") }));
    app.post("/v2/groups/:id/messages", (c) => this.#takeMessage(c, { scene: "group", id: c.req.param("id") }));
    app.notFound((c) => this.#refuse(c, 404, 11253, "no such API"));
    return app;
  }

  async #giveToken(c: C): Promise<Response> {
    this.tokenRequests += 1;
    const trouble = this.tokenWeather.next("");
    if (trouble?.kind === "drop") return this.#drop(c);
    if (trouble?.kind === "refuse") return this.#troubled(c, trouble);
    const { appId, clientSecret } = (await c.req.json()) as { appId?: unknown; clientSecret?: unknown };
    if (appId !== this.appId) return c.json({ code: 10004, message: "机器人不存在" });
    if (clientSecret !== this.appSecret) return c.json({ code: 100016, message: "invalid appid or secret" });
    const leftMs = (this.#token?.expiresAtMs ?? 0) - this.#now();
    if (!this.#token || leftMs < 60_000) {
      this.#token = { value: `token-${crypto.randomUUID()}`, expiresAtMs: this.#now() + TOKEN_LIFE_S * 1000 };
    }
    // A string, as in the documentation's example.
    return c.json({
      access_token: this.#token.value,
      expires_in: String(Math.floor((this.#token.expiresAtMs - this.#now()) / 1000)),
    });
  }

  async #takeMessage(c: C, chat: Chat): Promise<Response> {
    const parsed = v.safeParse(MessageBody, await c.req.json().catch(() => undefined));
    if (!parsed.success) return this.#refuse(c, 400, 12002, "request body wrong");
    const body = parsed.output;
    const trouble = this.weather.next(body.content);
    if (trouble?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, trouble.ms));
    if (trouble?.kind === "drop") return this.#drop(c);
    const refused = (status: number, code: number | undefined, answer: Response) => {
      const { msg_id: msgId, msg_seq: msgSeq, content: text } = body;
      const refusal = { chat, msgId, msgSeq, text, status, code, atMs: this.#now() };
      this.ledger.refused.push(refusal);
      this.onRefused?.(refusal);
      this.#changed();
      return answer;
    };
    // Refused at the message layer or delivered: the number is used up either way (no refund is documented).
    const used = this.#used.get(body.msg_id ?? "") ?? new Map<number, boolean>();
    this.#used.set(body.msg_id ?? "", used);
    if (trouble?.kind === "refuse") {
      if (trouble.status !== 401 && trouble.status < 500 && !used.has(body.msg_seq)) used.set(body.msg_seq, false);
      const code = (trouble.body as { err_code?: number; code?: number } | undefined) ?? {};
      return refused(trouble.status, code.err_code ?? code.code, this.#troubled(c, trouble));
    }
    const error = this.#objection(c, chat, body);
    if (error)
      return refused(error.status, error.code, this.#refuse(c, error.status, error.code, error.message, error.errCode));

    const msgId = body.msg_id ?? "";
    used.set(body.msg_seq, true);
    const id = `ROBOT1.0_${crypto.randomUUID()}`;
    const delivered = { id, chat, msgId, msgSeq: body.msg_seq, text: body.content, atMs: this.#now() };
    this.ledger.delivered.push(delivered);
    this.onDelivered?.(delivered);
    this.#changed();
    if (trouble?.kind === "deliverThenDrop") return this.#drop(c);
    if (trouble?.kind === "deliverThenFail") return c.html("<html>Bad Gateway</html>", trouble.status as 502);
    return c.json({ id, timestamp: new Date(this.#now()).toISOString(), ext_info: { ref_idx: `REFIDX_${id}==` } });
  }

  /** What QQ has against a message, in the order in which it looks. */
  #objection(
    c: C,
    chat: Chat,
    body: v.InferOutput<typeof MessageBody>,
  ): { status: number; code: number; message: string; errCode?: number } | undefined {
    if (this.refusesAddress) return { status: 401, code: 11298, message: "接口访问源IP不在白名单", errCode: 40023002 };
    const token = this.#token && this.#token.expiresAtMs > this.#now() ? this.#token.value : undefined;
    if (!token || c.req.header("authorization") !== `QQBot ${token}`)
      return { status: 401, code: 11244, message: "token not exist or expire" };
    if (c.req.header("x-union-appid") !== this.appId) return { status: 400, code: 11251, message: "appid wrong" };
    if (body.msg_type !== 0) return { status: 400, code: 50059, message: "wrong type" };
    if (body.content.trim() === "") return { status: 400, code: 50006, message: "empty message" };
    const question = this.ledger.asked.find(({ messageId }) => messageId === body.msg_id);
    if (!body.msg_id) return { status: 400, code: 40034105, message: "proactive message not permitted" };
    if (!question || question.chat.id !== chat.id || question.chat.scene !== chat.scene) {
      return { status: 400, code: 40034024, message: "msg_id invalid" };
    }
    const window = WINDOWS[chat.scene];
    if (this.#now() > question.askedAtMs + window.ms)
      return { status: 400, code: 40034005, message: "回复消息msg_id已过期" };
    const used = this.#used.get(body.msg_id);
    if (used?.get(body.msg_seq)) return { status: 400, code: 40054005, message: "消息被去重,请检查请求msgseq" };
    const others = [...(used?.keys() ?? [])].filter((seq) => seq !== body.msg_seq).length;
    if (others >= window.replies) return { status: 400, code: 40034128, message: "被动回复超过限制" };
    if (body.content.length > LONGEST_TEXT) return { status: 400, code: 40054007, message: "消息超长" };
    return undefined;
  }

  #refuse(c: C, status: number, code: number, message: string, errCode = code): Response {
    c.header("x-tps-trace-id", crypto.randomUUID());
    return c.json({ message, code, err_code: errCode, trace_id: crypto.randomUUID() }, status as 400);
  }

  #troubled(c: C, { status, body, retryAfterS }: Extract<QQTrouble, { kind: "refuse" }>): Response {
    if (retryAfterS !== undefined) c.header("retry-after", String(retryAfterS));
    return body === undefined ? c.html("<html>trouble</html>", status as 500) : c.json(body, status as 400);
  }

  #drop(c: C): Response {
    c.env.incoming.socket.destroy();
    return RESPONSE_ALREADY_SENT;
  }
}
