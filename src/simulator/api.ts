/**
 * QQ's HTTP side: the access token, the messages of all scenes, uploads, the acknowledgement of interactions, and who the bot is.
 * Strict: what QQ is documented to refuse is refused, with its status, code and words.
 */
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono, type Next } from "hono";
import type { Chat, Scene } from "../event.ts";
import { addressOf, traceOf } from "./callers.ts";
import { type RefusalBody, refusal } from "./codes.ts";
import type { Payload } from "./events.ts";
import type { FakeQQ } from "./fake-qq.ts";
import type { Delivered, Refused } from "./ledger.ts";
import { MediaShelf } from "./media-shelf.ts";
import { isInGuild, type Message, objection, readMessage } from "./messages.ts";
import { hex, placeOf, rfc3339 } from "./questions.ts";
import { escapeGuild } from "./reading.ts";
import type { ReplyBook } from "./reply-book.ts";
import type { AccessTokens } from "./tokens.ts";
import type { ApiCall } from "./watching.ts";
import type { QQTrouble } from "./weather.ts";

type Env = { Bindings: HttpBindings; Variables: { seen: Pick<ApiCall, "what" | "chat" | "about" | "fields"> } };
type C = Context<Env>;
type Refuse = Extract<QQTrouble, { kind: "refuse" }>;

/** What only QQ itself sees. */
export interface Inside {
  tokens: AccessTokens;
  book: ReplyBook;
  now: () => number;
  /** Something happened that somebody may wait for. */
  changed: () => void;
}

export class Api {
  readonly #qq: FakeQQ;
  readonly #tokens: AccessTokens;
  readonly #book: ReplyBook;
  readonly #now: () => number;
  readonly #changed: () => void;
  readonly #shelf: MediaShelf;

  constructor(qq: FakeQQ, { tokens, book, now, changed }: Inside) {
    this.#qq = qq;
    this.#tokens = tokens;
    this.#book = book;
    this.#now = now;
    this.#changed = changed;
    this.#shelf = new MediaShelf(now);
  }

  /** @param page has its routes before QQ's. */
  routes(page?: Hono<{ Bindings: HttpBindings }>): Hono<Env> {
    const app = new Hono<Env>();
    if (page) app.route("/", page);
    app.route("/", this.#qq.model.routes());
    for (const path of TRACE_PATHS) app.get(path, traceOf);
    app.use(this.#qq.callers.count());
    app.use((c, next) => this.#watch(c, next));
    app.post("/app/getAppAccessToken", (c) => this.#giveToken(c));
    for (const { scene, path } of MESSAGE_ROUTES)
      app.post(path, (c) => this.#takeMessage(c, { scene, id: c.req.param("id") ?? "" }));
    for (const { scene, path } of UPLOAD_ROUTES)
      app.post(path, (c) => this.#takeUpload(c, { scene, id: c.req.param("id") ?? "" }));
    app.put("/interactions/:id", (c) => this.#takeAcknowledgement(c, c.req.param("id")));
    app.get("/users/@me", (c) => this.#describeBot(c));
    app.notFound((c) => this.#refuse(c, { ...refusal(11253), status: 404 }));
    return app;
  }

  /** Tells whoever watches how a call went. */
  async #watch(c: C, next: Next): Promise<void> {
    const atMs = this.#now();
    await next();
    const seen = c.get("seen");
    if (!seen || this.#qq.watchers.size === 0) return;
    const isBroken = c.env.incoming.socket.destroyed;
    const json = isBroken
      ? {}
      : await c.res
          .clone()
          .json()
          .catch(() => ({}));
    const { err_code, code = err_code } = json as Partial<RefusalBody>;
    const status = isBroken ? 0 : c.res.status;
    this.#qq.tell((watcher) => watcher.called?.({ ...seen, atMs, tookMs: this.#now() - atMs, status, code }));
  }

  async #giveToken(c: C): Promise<Response> {
    this.#qq.tokenRequests += 1;
    c.set("seen", { what: "token", fields: {} });
    const trouble = this.#qq.tokenWeather.next("");
    if (trouble?.kind === "drop") return this.#drop(c);
    if (trouble?.kind === "refuse") return this.#refuse(c, trouble);
    const { appId, clientSecret } = (await c.req.json()) as { appId?: unknown; clientSecret?: unknown };
    if (appId !== this.#qq.appId) return this.#refuse(c, { ...refusal(10004), status: 200 });
    if (clientSecret !== this.#qq.appSecret) return this.#refuse(c, refusal(100016));
    const { value, expiresInS } = this.#tokens.give(this.#now());
    // A string, as in the documentation's example.
    return c.json({ access_token: value, expires_in: String(expiresInS) });
  }

  /** A code, if the caller gets no further than the door. */
  #turnsAway(c: C): number | undefined {
    if (this.#qq.refusesAddress || this.#qq.allowedAddresses?.has(addressOf(c)) === false) return 11298;
    return this.#tokens.isGood(c.req.header("authorization"), this.#now()) ? undefined : 11244;
  }

  #describeBot(c: C): Response {
    c.set("seen", { what: "identity", fields: {} });
    const code = this.#turnsAway(c);
    if (code) return this.#refuse(c, refusal(code));
    return c.json({
      id: this.#qq.bot.id,
      username: this.#qq.bot.name,
      avatar: "",
      bot: true,
      share_url: "",
      welcome_msg: "",
    });
  }

  async #takeAcknowledgement(c: C, id: string): Promise<Response> {
    c.set("seen", { what: "acknowledge", about: id, fields: {} });
    const trouble = this.#qq.interactionWeather.next("");
    if (trouble?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, trouble.ms));
    if (trouble?.kind === "drop") return this.#drop(c);
    if (trouble?.kind === "refuse") return this.#refuse(c, trouble);
    const early = this.#turnsAway(c);
    if (early) return this.#refuse(c, refusal(early));
    const { code } = (await c.req.json().catch(() => ({}))) as { code?: unknown };
    if (!this.#qq.interactions.has(id) || typeof code !== "number" || !ACKNOWLEDGEMENT_CODES.includes(code))
      return this.#refuse(c, refusal(630001));
    const hasHeaders = ["x-union-appid", "x-callback-appid"].every((name) => c.req.header(name) === this.#qq.appId);
    const isDuplicate = this.#qq.acknowledgements.some((other) => other.id === id && other.hasHeaders);
    this.#qq.acknowledgements.push({ id, code, atMs: this.#now(), hasHeaders, isDuplicate });
    this.#changed();
    if (!hasHeaders) return this.#refuse(c, refusal(630006));
    if (trouble?.kind === "deliverThenDrop") return this.#drop(c);
    if (trouble?.kind === "deliverThenFail") return this.#refuse(c, refusal(trouble.status));
    return c.text(""); // seen to be empty
  }

  async #takeUpload(c: C, chat: Chat): Promise<Response> {
    c.set("seen", { what: "upload", chat, fields: {} });
    const trouble = this.#qq.uploadWeather.next("");
    if (trouble?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, trouble.ms));
    if (trouble?.kind === "drop") return this.#drop(c);
    if (trouble?.kind === "refuse") return this.#refuse(c, trouble);
    const early = this.#turnsAway(c);
    if (early) return this.#refuse(c, refusal(early));
    const taken = await this.#shelf.take(chat, await c.req.json().catch(() => undefined));
    return "code" in taken ? this.#refuse(c, refusal(taken.code)) : c.json(taken);
  }

  async #takeMessage(c: C, chat: Chat): Promise<Response> {
    const message = readMessage(chat, await c.req.json().catch(() => undefined));
    c.set("seen", seenOf(chat, message));
    if (!message) return this.#refuseMessage(c, { chat, text: "" }, refusal(12002));
    const trouble = (message.form === "typing" ? this.#qq.typingWeather : this.#qq.weather).next(message.text);
    if (trouble?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, trouble.ms));
    if (trouble?.kind === "forgetTokens") this.#tokens.forget();
    if (trouble?.kind === "drop") return this.#drop(c);
    if (trouble?.kind === "refuse") {
      if (costsReply(trouble)) this.#book.book(message, { delivered: false, atMs: this.#now() });
      return this.#refuseMessage(c, message, trouble);
    }
    const early = this.#turnsAway(c) ?? (c.req.header("x-union-appid") === this.#qq.appId ? undefined : 11251);
    if (early) return this.#refuseMessage(c, message, refusal(early));
    const code = this.#objection(message);
    if (code) {
      this.#book.book(message, { delivered: false, atMs: this.#now() });
      return this.#refuseMessage(c, message, refusal(code));
    }
    return this.#accept(c, message, trouble);
  }

  #objection(message: Message): number | undefined {
    const { chat, msgId = "", fileInfo } = message;
    const question = this.#qq.ledger.asked.findLast(({ messageId }) => messageId === msgId);
    const nowMs = this.#now();
    return objection(message, {
      nowMs,
      target: question ? { chat: question.chat, atMs: question.askedAtMs } : this.#book.targetOf(msgId),
      used: this.#book.usedOf(msgId),
      guildSendsLately: this.#book.guildSends(chat).filter((atMs) => atMs > nowMs - 1_000).length,
      gatewayConnected: this.#qq.gatewayConnected,
      markdownAllowed: this.#qq.markdownAllowed[chat.scene],
      buttonsAllowed: this.#qq.buttonsAllowed[chat.scene],
      hasFile: fileInfo !== undefined && this.#shelf.find(chat, fileInfo) !== undefined,
      registeredDomains: this.#qq.registeredDomains,
    });
  }

  #accept(c: C, message: Message, trouble: QQTrouble | undefined): Response {
    const { chat, form, text, msgId = "", msgSeq, rows, fileInfo } = message;
    const media = fileInfo === undefined ? undefined : this.#shelf.find(chat, fileInfo);
    const atMs = this.#now();
    this.#book.book(message, { delivered: true, atMs });
    const id = isInGuild(message) ? `08${hex()}` : `ROBOT1.0_${hex()}!!`;
    if (form === "typing") {
      const typing = { chat, msgId, msgSeq, atMs };
      this.#qq.typings.push(typing);
      this.#qq.onTyping?.(typing);
      this.#qq.tell((watcher) => watcher.typing?.(typing));
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
        ...(rows && { buttons: rows }),
        ...(media && { media }),
        atMs,
      };
      if (isInGuild(message) && this.#qq.audits) return this.#holdBack(c, delivered);
      this.#qq.show(delivered);
    }
    if (trouble?.kind === "deliverThenDrop") return this.#drop(c);
    if (trouble?.kind === "deliverThenFail") return this.#refuse(c, refusal(trouble.status));
    if (isInGuild(message)) return c.json(this.#guildMessage(id, message));
    const timestamp = rfc3339(atMs);
    return c.json(form === "typing" ? { timestamp } : { id, timestamp, ext_info: { ref_idx: `REFIDX_${id}==` } });
  }

  #holdBack(c: C, message: Delivered): Response {
    const auditId = crypto.randomUUID();
    this.#qq.underReview.set(auditId, message);
    this.#changed();
    return this.#refuse(c, refusal(304023, { auditId }));
  }

  #guildMessage(id: string, { chat, form, text }: Message): Payload {
    const timestamp = rfc3339(this.#now());
    const author = { id: this.#qq.bot.id, username: this.#qq.bot.name, bot: true };
    const seq = this.#book.guildSends(chat).length;
    const content = form === "text" ? escapeGuild(text) : "";
    return { id, ...placeOf(chat), content, timestamp, author, seq, seq_in_channel: String(seq) };
  }

  #refuseMessage(
    c: C,
    { chat, msgId, msgSeq, text, form }: Pick<Message, "chat" | "text"> & Partial<Message>,
    trouble: Refuse,
  ): Response {
    const { code, err_code, message = "" } = (trouble.body ?? {}) as Partial<RefusalBody>;
    const refused: Refused = {
      chat,
      msgId,
      msgSeq,
      form,
      text,
      status: trouble.status,
      code: code ?? err_code,
      message,
      atMs: this.#now(),
    };
    this.#qq.ledger.refused.push(refused);
    this.#qq.onRefused?.(refused);
    this.#qq.tell((watcher) => watcher.refused?.(refused));
    this.#changed();
    return this.#refuse(c, trouble);
  }

  #refuse(c: C, { status, body, retryAfterS }: Refuse): Response {
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

/** What of a message is no text that somebody wrote. */
function seenOf(chat: Chat, message: Message | undefined): Pick<ApiCall, "what" | "chat" | "about" | "fields"> {
  if (!message) return { what: "send", chat, fields: {} };
  const { form, msgId, msgSeq, isEvent, text } = message;
  const what = form === "typing" ? "typing" : "send";
  const name = isEvent ? "event_id" : "msg_id";
  return { what, chat, about: msgId, fields: { form, [name]: msgId, msg_seq: msgSeq, characters: text.length } };
}

/** Our own, which a relay serves, and Cloudflare's, to which a relay passes it on. */
const TRACE_PATHS = ["/egress-address", "/cdn-cgi/trace"];

/** From "done" to "admins only". */
const ACKNOWLEDGEMENT_CODES = [0, 1, 2, 3, 4, 5];

/** Files of one kind of chat are not known in the other; guilds have their own way. */
const UPLOAD_ROUTES: readonly { scene: Scene; path: string }[] = [
  { scene: "c2c", path: "/v2/users/:id/files" },
  { scene: "group", path: "/v2/groups/:id/files" },
];

const MESSAGE_ROUTES: readonly { scene: Scene; path: string }[] = [
  { scene: "c2c", path: "/v2/users/:id/messages" },
  { scene: "group", path: "/v2/groups/:id/messages" },
  { scene: "guildChannel", path: "/channels/:id/messages" },
  { scene: "guildDm", path: "/dms/:id/messages" },
];

/** Whether a refusal came from behind the door: a message that QQ has looked at counts as a reply. */
function costsReply({ status, body }: Refuse): boolean {
  return status !== 401 && (status < 500 || body !== undefined);
}
