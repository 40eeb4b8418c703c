/** The page over HTTP: its files, the stream of what happens, whom it serves, and what it makes of odd requests. */
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Change, Done, Snapshot } from "../../src/simulator/page/protocol.ts";
import { bundlePage } from "../../src/simulator/page-bundle.ts";
import { CHATS, type PageBench, pageBench } from "../support/page-bench.ts";

let bench: PageBench;

beforeEach(async () => {
  bench = await pageBench();
});

afterEach(() => bench.stop());

const SAY = { chat: CHATS.c2c, by: "USER0001", text: "你好" };
const JSON_TYPE = { "content-type": "application/json" };

/** With any headers at all, which `fetch` does not allow. */
function ask(
  path: string,
  {
    method = "GET",
    headers = {},
    body = "",
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; text: string }> {
  const { port } = new URL(bench.url);
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      let text = "";
      response.on("data", (data: Buffer) => {
        text += String(data);
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    call.on("error", reject);
    call.end(body);
  });
}

/** The stream's messages as they come; comments are left out. */
async function* events(signal: AbortSignal): AsyncGenerator<Snapshot | Change> {
  const response = await fetch(`${bench.url}/page/events`, { signal });
  let waiting: string[] = [];
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    waiting.push(chunk);
    if (!chunk.includes("\n")) continue; // a whole may come in many pieces
    const blocks = waiting.join("").split("\n\n");
    waiting = [blocks.pop() ?? ""];
    for (const block of blocks) if (block.startsWith("data: ")) yield JSON.parse(block.slice(6));
  }
}

describe("the page", () => {
  it("is made of what is in the repository alone", async () => {
    const bundle = await bundlePage();
    expect(bundle.get("app.js")?.length).toBeGreaterThan(1_000);
    // Line by line: comments of libraries show imports.
    const elsewhere =
      /^\s*(import|export)\b.*\bfrom\s+["']|^\s*import\s+["']|\bimport\(\s*["']|@import|url\(\s*["']?http/m;
    for (const text of bundle.values()) expect(text).not.toMatch(elsewhere);
  });

  it.each([
    ["/", "text/html"],
    ["/page/app.js", "text/javascript"],
    ["/page/app.css", "text/css"],
  ])("serves %s as %s, and lets nothing in from elsewhere", async (path, type) => {
    const response = await fetch(bench.url + path);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toContain(type);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(
      /default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'/,
    );
    expect(policy).not.toContain("unsafe");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
  });

  it("has no other files, and leaves QQ's own paths to QQ", async () => {
    for (const path of ["/page/main.tsx", "/page/..%2fpackage.json", "/page/files/1", "/page/"])
      expect((await fetch(bench.url + path)).status).toBe(404);
    expect(await (await fetch(`${bench.url}/users/@me`)).json()).toMatchObject({ code: 11244 });
  });
});

describe("the stream", () => {
  it("begins with all that there is and goes on with what changes, for each page", async () => {
    await bench.act("say", SAY);
    await bench.until(() => bench.lines("said")[0]?.acknowledged === true);
    const closing = new AbortController();
    const pages = [events(closing.signal), events(closing.signal)];
    for (const page of pages) {
      const { value: first } = await page.next();
      expect(first).toMatchObject({
        bot: { appId: "102000001", name: "机器人" },
        claim: "/claim ABCDE-FGHJK",
        model: { name: "demo", isDemo: true },
        lines: [{ kind: "said", text: "你好", acknowledged: true }],
        traces: [{ chat: CHATS.c2c }],
      });
      expect((first as Snapshot).chats.map(({ chat }) => chat)).toEqual(Object.values(CHATS));
      expect((first as Snapshot).codes).toContainEqual({ code: 40054005, words: expect.anything() });
    }
    await bench.send(CHATS.c2c, { msg_type: 0, content: "你也好", msg_id: bench.lines("said")[0]?.id });
    for (const page of pages) {
      const line = await nextOf(page, ({ kind }) => kind === "line");
      expect(line).toMatchObject({ line: { kind: "answered", text: "你也好" } });
    }
    closing.abort();
  });

  it("beats while nothing happens", async () => {
    await bench.stop();
    bench = await pageBench({ heartbeatMs: 1 });
    const closing = new AbortController();
    const { body } = await fetch(`${bench.url}/page/events`, { signal: closing.signal });
    let text = "";
    for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (/\n\n: .*\n\n: /.test(text)) break;
    }
    expect(text.startsWith("data: {")).toBe(true);
    closing.abort();
  });

  it("is left by pages that are gone", async () => {
    const closing = new AbortController();
    await events(closing.signal).next();
    await events(closing.signal).next();
    expect(bench.page.state.listeners).toBe(2);
    closing.abort();
    await vi.waitFor(() => expect(bench.page.state.listeners).toBe(0));
    await bench.act("say", SAY);
  });

  it("holds what is newest, however much was said", async () => {
    const { state } = bench.page;
    const by = { id: "USER0001", name: "林晓", role: "member" as const };
    const callback = { url: "", headers: {}, body: "长".repeat(100_000) };
    for (let n = 1; n <= 50; n += 1) {
      const about = { id: String(n), chat: CHATS.c2c };
      const text = `${n} ${callback.body}`;
      state.show({ ...about, kind: "said", atMs: n, by, text, addressed: true, attachments: [] });
      state.showTrace({ ...about, startedAtMs: n, steps: [], callback });
    }
    const closing = new AbortController();
    const { value } = await events(closing.signal).next();
    const said = (value as Snapshot).lines.map((line) => line.kind === "said" && Number(line.text.split(" ")[0]));
    expect(said.at(-1)).toBe(50);
    expect(said.length).toBeGreaterThan(20);
    expect(said.length).toBeLessThan(50);
    expect((value as Snapshot).traces.length).toBeLessThan(50);
    closing.abort();
  });

  async function nextOf(page: AsyncGenerator<Snapshot | Change>, wanted: (change: Change) => boolean): Promise<Change> {
    for await (const event of { [Symbol.asyncIterator]: () => ({ next: () => page.next() }) })
      if ("kind" in event && wanted(event)) return event;
    throw new Error("the stream has ended");
  }
});

describe("whoever calls", () => {
  const own = () => new URL(bench.url).host;

  it.each([
    ["by another name of this machine", { host: "evil.example" }],
    ["by a name that begins like its own", { host: "localhost.evil.example" }],
    ["from a page of another site", { origin: "https://evil.example" }],
    ["from a page that hides where it is from", { origin: "null" }],
    ["from another port of this machine", { origin: "http://127.0.0.1:1" }],
    ["as a browser says, across sites", { "sec-fetch-site": "cross-site" }],
    ["as a browser says, from a site beside it", { "sec-fetch-site": "same-site" }],
  ] as [string, Record<string, string>][])("%s acts nowhere and hears nothing", async (_, headers) => {
    const posted = { method: "POST", headers: { ...JSON_TYPE, host: own(), ...headers }, body: JSON.stringify(SAY) };
    expect(await ask("/page/say", posted)).toMatchObject({ status: 403 });
    expect(await ask("/page/upload?name=a.txt", { ...posted, body: "a" })).toMatchObject({ status: 403 });
    expect(await ask("/page/events", { headers: { host: own(), ...headers } })).toMatchObject({ status: 403 });
    expect(bench.qq.ledger.asked).toEqual([]);
  });

  it("is served as localhost too, and may come by a link", async () => {
    const { port } = new URL(bench.url);
    const host = `localhost:${port}`;
    const headers = { ...JSON_TYPE, host, origin: `http://${host}`, "sec-fetch-site": "same-origin" };
    const { status, text } = await ask("/page/say", { method: "POST", headers, body: JSON.stringify(SAY) });
    expect([status, text]).toEqual([200, '{"ok":true}']);
    expect(await ask("/", { headers: { host, "sec-fetch-site": "cross-site" } })).toMatchObject({ status: 200 });
    expect(await ask("/", { headers: { host: "evil.example" } })).toMatchObject({ status: 403 });
  });
});

describe("an odd request", () => {
  const post = (path: string, body: string, headers: Record<string, string> = JSON_TYPE) =>
    fetch(bench.url + path, { method: "POST", headers, body });

  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["a list", "[]"],
    ["null", "null"],
    ["a chat of no scene", JSON.stringify({ ...SAY, chat: { scene: "__proto__", id: "USER0001" } })],
    ["a number as text", JSON.stringify({ ...SAY, text: 1 })],
    ["a field that nobody knows", JSON.stringify({ ...SAY, constructor: 1 })],
    ["text without an end", JSON.stringify({ ...SAY, text: "长".repeat(150_001) })],
  ])("is refused in words: %s", async (_, body) => {
    const done = (await (await post("/page/say", body)).json()) as Done;
    expect(done).toMatchObject({ ok: false, words: { zh: expect.any(String), en: expect.any(String) } });
    expect(bench.qq.ledger.asked).toEqual([]);
  });

  it.each(["toString", "__proto__", "nothing"])("is refused as an action that there is not: %s", async (name) => {
    expect((await post(`/page/${name}`, "{}")).status).toBe(404);
  });

  it("is refused as a form, and where it is too large", async () => {
    expect((await post("/page/say", JSON.stringify(SAY), { "content-type": "text/plain" })).status).toBe(415);
    expect((await post("/page/say", JSON.stringify({ ...SAY, text: "a".repeat(1024 * 1024) }))).status).toBe(413);
    expect((await post("/page/upload", "a".repeat(10 * 1024 * 1024 + 1), {})).status).toBe(413);
    expect(bench.qq.ledger.asked).toEqual([]);
  });
});

describe("an upload", () => {
  const PNG = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  );

  async function upload(name: string, body: Uint8Array<ArrayBuffer> | string): Promise<string> {
    const response = await fetch(`${bench.url}/page/upload?name=${encodeURIComponent(name)}`, { method: "POST", body });
    const done = (await response.json()) as Done;
    return done.ok ? (done.upload ?? "") : "";
  }

  it("goes along with a message as QQ sends it, and is shown to those who look", async () => {
    const attachment = await upload("../../我的 猫.png", new Uint8Array(PNG));
    expect(await bench.act("say", { ...SAY, text: "", attachments: [attachment] })).toEqual({ ok: true });
    await bench.until(() => bench.lines("said")[0]?.acknowledged === true);
    const about = { width: 1, height: 1, size: PNG.length };
    const url = `/page/files/${attachment}`;
    expect(bench.heard[0]?.d.attachments).toEqual([
      { content_type: "image/png", filename: "我的 猫.png", ...about, url: bench.url + url },
    ]);
    expect(bench.lines("said")[0]?.attachments).toEqual([
      { contentType: "image/png", name: "我的 猫.png", ...about, url },
    ]);
    const served = await fetch(bench.url + url);
    expect(served.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(await served.arrayBuffer()).equals(PNG)).toBe(true);
  });

  it.each([
    ["a page", "page.html", "<script>alert(1)</script>"],
    ["a drawing", "drawing.svg", '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
    ["a page that says it is a picture", "page.png", "<!doctype html><script>alert(1)</script>"],
  ])("is never run: %s", async (_, name, text) => {
    const { headers } = await fetch(`${bench.url}/page/files/${await upload(name, text)}`);
    expect(headers.get("content-type")).toBe("application/octet-stream");
    expect(headers.get("content-disposition")).toMatch(/^attachment; /);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
  });

  it("has a name that can be shown", async () => {
    const shown = async (name: string) => bench.page.files.get(await upload(name, "a"))?.name;
    expect(await shown("a\u202egpj.exe\r\nSet-Cookie: a")).toBe("agpj.exeSet-Cookie: a");
    expect(await shown("")).toBe("file");
    expect(await shown(`${"长".repeat(500)}.txt`)).toHaveLength(120);
    expect(await upload("empty.txt", "")).toBe("");
  });

  it("is refused once it is gone", async () => {
    expect(await bench.act("say", { ...SAY, attachments: ["gone"] })).toMatchObject({ ok: false });
    expect(bench.heard).toEqual([]);
  });
});
