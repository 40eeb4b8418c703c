/**
 * Routes, and the one place that turns an error into a status. A callback is acknowledged only when its event is stored.
 */
import { Hono, type Context as HonoContext, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Bot } from "./bot/bot.ts";
import { readAdminToken, readConfig } from "./config.ts";
import { isOperator } from "./console/auth.ts";
import { healthReport, readProbe } from "./console/health.ts";
import { ConfigError, SignatureError } from "./errors.ts";
import { type BotEvent, conversationKey } from "./event.ts";
import { describe, log } from "./log.ts";
import { NOT_STORED, type Received, receive, STORED } from "./qq/receive.ts";

type Context = { Bindings: Cloudflare.Env };

/** QQ's events have a few kilobytes. */
const BODY_LIMIT = 256 * 1024;
/** QQ waits 3 s for the acknowledgement. */
const STORE_WITHIN_MS = 2_000;
const STORE_TRIES = 3;
const NOTE_EVERY_MS = 60_000;
/** QQ's servers are in China, and so are the people. */
const NEAR_QQ = { locationHint: "apac" } as const;

export function createApp() {
  const app = new Hono<Context>();
  const noteValidation = createValidationNotes();
  const noteCallback = createCallbackNotes();

  app.get("/healthz", ({ env, json }) => {
    try {
      const { bots } = readConfig(env);
      return json({ ok: true, bots: bots.length });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return json({ ok: false, problems: error.problems }, 503);
    }
  });

  app.get("/console/api/health", async (c) => {
    const adminToken = readAdminToken(c.env);
    if (!adminToken) return c.notFound();
    c.header("cache-control", "no-store");
    if (!(await isOperator(c.req.header("authorization"), adminToken))) {
      return c.body(null, 401, { "www-authenticate": "Bearer" });
    }
    const report = await healthReport(c.env, {
      probe: readProbe(c.req.query("probe")),
      now: Date.now,
      askBot: (appId, options) => c.env.BOT.getByName(appId, NEAR_QQ).health(options),
    });
    return c.json(report);
  });

  const tooLarge = (c: HonoContext<Context>) => {
    log.warn("callback.refused", { why: "body too large" });
    return c.body(null, 413);
  };
  const counted = bodyLimit({ maxSize: BODY_LIMIT, onError: tooLarge });
  /** A body that says how long it is cannot be longer; counting one makes a second stream of it. */
  const limit: MiddlewareHandler<Context> = (c, next) => {
    const length = c.req.header("content-length");
    if (length === undefined || c.req.header("transfer-encoding") !== undefined) return counted(c, next);
    return Number(length) > BODY_LIMIT ? Promise.resolve(tooLarge(c)) : next();
  };

  for (const path of ["/qq/callback", "/qq/callback/:appId"] as const) {
    app.post(path, limit, async (c) => {
      const { req, env } = c;
      const body = new Uint8Array(await req.arrayBuffer());
      if (body.length === 0) {
        log.warn("callback.refused", { why: "no body" });
        return c.body(null, 400);
      }
      const delivery = {
        body,
        signature: req.header("x-signature-ed25519") ?? null,
        timestamp: req.header("x-signature-timestamp") ?? null,
        appId: req.header("x-bot-appid") ?? null,
        pathAppId: req.param("appId"),
      };
      const received = await receive(delivery, readConfig(env).bots, Date.now);
      const traceId = req.header("x-tps-trace-id");
      switch (received.kind) {
        case "validation":
          noteValidation(c, { ...received, answered: true });
          return c.json(received.answer);
        case "heartbeat":
          return c.json(received.answer);
        case "ignored":
          log.info("callback.ignored", { appId: received.appId, why: received.why, traceId });
          return c.json(STORED);
        case "malformed":
          log.warn("callback.refused", { appId: received.appId, why: received.why, traceId });
          return c.body(null, 400);
        case "event":
          await storeEvent(env, received, { traceId, named: delivery.appId !== null });
          noteCallback(c, received.event.appId);
          return c.json(STORED);
        default:
          return received satisfies never;
      }
    });
    app.all(path, (c) => {
      log.warn("callback.refused", { why: `method ${c.req.method}` });
      return c.body(null, 405, { allow: "POST" });
    });
  }

  app.notFound((c) => {
    // A callback address with a slip in it shows here and nowhere else.
    if (c.req.method === "POST") log.warn("callback.refused", { why: "unknown path", path: c.req.path.slice(0, 100) });
    return c.body(null, 404);
  });

  app.onError((error, c) => {
    if (error instanceof SignatureError) {
      log.warn("callback.refused", { why: error.message, traceId: c.req.header("x-tps-trace-id") });
      if (error.validation) noteValidation(c, { ...error.validation, answered: false });
      return c.body(null, 401);
    }
    if (error instanceof ConfigError) log.error("config.invalid", { problems: error.problems });
    else log.error("callback.not-stored", { error: describe(error) });
    return c.json(NOT_STORED, 500);
  });

  return app;
}

/**
 * Resolves only after the event is durable.
 *
 * @throws the last error when that did not succeed in time.
 */
async function storeEvent(
  env: Cloudflare.Env,
  { event, ageMs }: Extract<Received, { kind: "event" }>,
  { traceId, named }: { traceId: string | undefined; named: boolean },
): Promise<void> {
  const sinceMs = Date.now();
  const result = await store(env, event);
  log.info("callback.accepted", {
    appId: event.appId,
    chat: `${event.chat.scene}:${event.chat.id}`,
    kind: event.kind,
    message: event.kind === "message" ? event.id : event.eventId,
    result,
    ageMs,
    storeMs: Date.now() - sinceMs,
    traceId,
    ...(!named && { header: "X-Bot-Appid is missing" }),
  });
}

/** Deploys and moves of an object break its stub once; a new one reaches it. An overloaded object is left alone. */
async function store(env: Cloudflare.Env, event: BotEvent): Promise<string> {
  const untilMs = Date.now() + STORE_WITHIN_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      return await env.CONVERSATION.getByName(conversationKey(event.appId, event.chat), NEAR_QQ).receive(event);
    } catch (error) {
      if (tries >= STORE_TRIES || Date.now() >= untilMs || !isRetryable(error)) throw error;
      log.warn("callback.store-again", { error: describe(error), tries });
    }
  }
}

/** The platform marks its own errors: developers.cloudflare.com/durable-objects/best-practices/error-handling. */
function isRetryable(error: unknown): boolean {
  const { retryable, overloaded } = error as { retryable?: boolean; overloaded?: boolean }; // marks on a thrown object
  return retryable === true && overloaded !== true;
}

/**
 * Tells the Bot of callback-address checks, so that the operator can tell "never called" from "refused". At most once a
 * minute per isolate, bot and outcome: strangers can send them too, and the Bot is one for all.
 */
function createValidationNotes() {
  const isDue = createThrottle();
  return (
    { env, executionCtx }: HonoContext<Context>,
    { appId, signed, answered }: { appId: string; signed: boolean; answered: boolean },
  ): void => {
    log.info("callback.validation", { appId, signed, answered });
    const atMs = Date.now();
    if (!isDue(`${appId} ${signed} ${answered}`, atMs)) return;
    executionCtx.waitUntil(note(env, appId, (bot) => bot.noteValidation({ atMs, signed, answered })));
  };
}

/** Tells the Bot that callbacks arrive: the first of an isolate at once, then at most one a minute. */
function createCallbackNotes() {
  const isDue = createThrottle();
  return ({ env, executionCtx }: HonoContext<Context>, appId: string): void => {
    const nowMs = Date.now();
    if (isDue(appId, nowMs)) executionCtx.waitUntil(note(env, appId, (bot) => bot.noteCallback(nowMs)));
  };
}

function createThrottle() {
  const lastMs = new Map<string, number>();
  return (key: string, nowMs: number): boolean => {
    if (nowMs - (lastMs.get(key) ?? 0) < NOTE_EVERY_MS) return false;
    lastMs.set(key, nowMs);
    return true;
  };
}

async function note(
  env: Cloudflare.Env,
  appId: string,
  tell: (bot: DurableObjectStub<Bot>) => Promise<void>,
): Promise<void> {
  // Let the answer leave first: an object may be far away, and QQ's console is said to wait 100 ms.
  await new Promise((resolve) => setTimeout(resolve));
  try {
    await tell(env.BOT.getByName(appId, NEAR_QQ));
  } catch (error) {
    // QQ has its answer: a note that is lost costs nobody anything.
    log.warn("note.lost", { appId, error: describe(error) });
  }
}
