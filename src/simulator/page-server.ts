/**
 * The page's side of the simulator's HTTP: its files, the stream of what happens, and what is done. It acts, so it serves
 * only whoever calls it by this machine's own name, and lets no other site act through a browser.
 */
import { readFile as readText } from "node:fs/promises";
import { join } from "node:path";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { LARGEST_UPLOAD } from "./files.ts";
import { readFile, servedAs } from "./media.ts";
import type { Change, Done, Snapshot } from "./page/protocol.ts";
import { isAction, perform, type Stage } from "./page-actions.ts";
import type { Bundle } from "./page-bundle.ts";

type Env = { Bindings: HttpBindings };

const LARGEST_ACTION = 1024 * 1024;
/** What a page has not taken yet: one that takes no more begins anew, with the whole. */
const MOST_WAITING = 32 * 1024 * 1024;
const HEARTBEAT_MS = 15_000;

const HEADERS = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

export interface PageOptions {
  bundle: Bundle;
  heartbeatMs?: number;
}

export function pageRoutes(stage: Stage, { bundle, heartbeatMs = HEARTBEAT_MS }: PageOptions): Hono<Env> {
  const app = new Hono<Env>();
  app.use("/", guard("visit"), dressed);
  app.use("/page/*", guard("act"), dressed);

  app.get("/", (c) => c.html(shell(bundle)));
  app.get("/page/events", (c) => c.body(events(stage, heartbeatMs), 200, { "content-type": "text/event-stream" }));
  app.get("/page/files/:id", (c) => {
    const file = stage.files.get(c.req.param("id"));
    return file ? servedAs(file) : c.body(null, 404);
  });
  app.get("/page/readme", async (c) => {
    const file = c.req.query("lang") === "zh" ? "README.zh-CN.md" : "README.md";
    return c.text(await readText(join(import.meta.dirname, "../..", file), "utf8"));
  });
  app.get("/page/:file", (c) => {
    const name = c.req.param("file");
    const text = bundle.get(name);
    if (text === undefined) return c.body(null, 404);
    return c.body(text, 200, { "content-type": TYPES[name.split(".").at(-1) ?? ""] ?? "text/plain; charset=utf-8" });
  });

  app.post("/page/upload", limited(LARGEST_UPLOAD, "10 MB"), async (c) => {
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    if (bytes.byteLength === 0) return c.json(no("文件是空的", "The file is empty"));
    return c.json({ ok: true, upload: stage.files.add(readFile(c.req.query("name") ?? "", bytes)) } satisfies Done);
  });
  app.post("/page/:action", limited(LARGEST_ACTION, "1 MB"), async (c) => {
    const name = c.req.param("action");
    if (!isAction(name)) return c.json(no("没有这个操作", "There is no such action"), 404);
    // Which no form of another site can send.
    if (!/^application\/json\b/i.test(c.req.header("content-type") ?? ""))
      return c.json(no("需要 JSON", "JSON is needed"), 415);
    const body: unknown = await c.req.json().catch(() => undefined);
    return c.json(perform(name, body, stage));
  });
  app.all("/page/*", (c) => c.body(null, 404));
  return app;
}

const no = (zh: string, en: string): Done => ({ ok: false, words: { zh, en } });

function shell(bundle: Bundle): string {
  const style = bundle.has("app.css") ? '\n<link rel="stylesheet" href="/page/app.css">' : "";
  return `<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>qq-edge</title>
<link rel="icon" href="data:,">${style}
<div id="app"></div>
<script type="module" src="/page/app.js"></script>
</html>
`;
}

async function dressed(c: Context<Env>, next: () => Promise<void>): Promise<void> {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) if (!c.res.headers.has(name)) c.header(name, value);
}

/**
 * Another site's name may lead to this machine, and another site's page may send a browser here: neither sees or does
 * anything. It may link here.
 */
function guard(what: "visit" | "act"): MiddlewareHandler<Env> {
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    const origin = c.req.header("origin");
    const site = c.req.header("sec-fetch-site");
    const isOurs = /^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(host);
    const isFromHere = origin === undefined || origin === `http://${host}`;
    const isSent = what === "act" && site !== undefined && site !== "same-origin" && site !== "none";
    if (isOurs && isFromHere && !isSent) return next();
    return c.json(no("只接受本机页面的请求", "Only this machine's own page may ask"), 403);
  };
}

function limited(maxSize: number, words: string): MiddlewareHandler<Env> {
  return bodyLimit({
    maxSize,
    onError: (c) => c.json(no(`太大了,最多 ${words}`, `Too large: ${words} at most`), 413),
  });
}

/** Server-sent events: the whole, then every change. Ends when the page takes no more. */
function events({ state }: Stage, heartbeatMs: number): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder();
  let stop = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (text: string) => {
          controller.enqueue(utf8.encode(text));
          if ((controller.desiredSize ?? 0) > 0) return;
          stop();
          controller.close();
        };
        const tell = (data: Snapshot | Change) => send(`data: ${JSON.stringify(data)}\n\n`);
        const unsubscribe = state.subscribe(tell);
        const heartbeat = setInterval(() => send(": still here\n\n"), heartbeatMs);
        stop = () => {
          unsubscribe();
          clearInterval(heartbeat);
        };
        tell(state.snapshot);
      },
      cancel: () => stop(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MOST_WAITING }),
  );
}
