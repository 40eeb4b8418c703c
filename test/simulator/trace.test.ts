/** The timeline of a callback: what QQ, the Worker and the model did for it, in order, and what belongs to which. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { log } from "../../src/log.ts";
import { DEMO_MODEL_PATH } from "../../src/simulator/demo-model.ts";
import type { Step, Trace } from "../../src/simulator/page/protocol.ts";
import { CHATS, type PageBench, pageBench } from "../support/page-bench.ts";

let bench: PageBench;
let nowMs: number;

beforeEach(async () => {
  nowMs = Date.parse("2026-07-21T10:00:00+08:00");
  bench = await pageBench({ now: () => nowMs });
});

afterEach(() => bench.stop());

const traceOf = (id: string): Trace => {
  const trace = bench.page.state.trace(id);
  if (!trace) throw new Error("no trace");
  return trace;
};

const steps = (id: string, by?: Step["by"]) => traceOf(id).steps.filter((step) => by === undefined || step.by === by);
const names = (id: string, by?: Step["by"]) => steps(id, by).map(({ what }) => what);

/** As wrangler prints it. */
function logged(level: "info" | "warn" | "error", event: string, fields: Parameters<typeof log.info>[1]): void {
  const line = JSON.stringify({ level, event, ...fields });
  bench.page.hear(level === "info" ? line : `\x1b[33m▲ \x1b[43;33m[WARNING]\x1b[0m \x1b[1m${line}\x1b[0m`);
}

const say = (text = "你好", chat = CHATS.c2c, more: object = {}) =>
  bench.qq.say({ scene: chat.scene, chatId: chat.id, text, ...more });

const ask = async (content: string) => {
  const body = JSON.stringify({ messages: [{ role: "user", content }] });
  await (await fetch(`${bench.url}${DEMO_MODEL_PATH}/chat/completions`, { method: "POST", body })).text();
};

describe("a trace", () => {
  it("begins with what was posted, to be posted again, and each delivery of it", async () => {
    bench.statuses.push(500);
    const { messageId } = await say();
    const { callback, chat, startedAtMs } = traceOf(messageId);
    expect({ chat, startedAtMs }).toEqual({ chat: CHATS.c2c, startedAtMs: nowMs });
    const { host, connection, ...headers } = bench.heard[1]?.headers ?? {};
    expect(headers).toMatchObject(callback.headers);
    expect(callback).toMatchObject({ url: bench.qq.callbackUrl, body: bench.heard[1]?.body });
    expect(steps(messageId)).toMatchObject([
      {
        what: "callback",
        status: 500,
        level: "warn",
        tookMs: 0,
        fields: {
          event: "C2C_MESSAGE_CREATE",
          event_id: bench.heard[0]?.id,
          bytes: Buffer.byteLength(callback.body),
          timestamp: String(nowMs / 1000),
          signature: bench.heard[0]?.headers["x-signature-ed25519"],
        },
      },
      { what: "callback", status: 200, level: "info" },
      { what: "acknowledged", level: "info" },
    ]);
  });

  it("says when nobody took it", async () => {
    bench.statuses.push(500, 500, 500, 500);
    const { messageId } = await say();
    expect(steps(messageId).at(-1)).toMatchObject({ what: "unacknowledged", level: "error" });
  });

  it("holds each call of QQ's API, with what it was answered, and none of the words", async () => {
    const { messageId: msg_id } = await say();
    const typing = { msg_type: 6, input_notify: { input_type: 1, input_second: 60 } };
    await bench.send(CHATS.c2c, { ...typing, msg_id, msg_seq: 1 });
    await bench.send(CHATS.c2c, { msg_type: 0, content: "这是回答", msg_id, msg_seq: 2 });
    await bench.send(CHATS.c2c, { msg_type: 0, content: "这是回答", msg_id, msg_seq: 2 });
    await bench.call("GET", "users/@me", undefined);
    const calls = steps(msg_id, "qq").filter(({ what }) => !["callback", "acknowledged", "token"].includes(what));
    expect(calls).toMatchObject([
      { what: "typing", status: 200, level: "info", fields: { msg_id, msg_seq: 1 } },
      { what: "send", status: 200, level: "info", fields: { form: "text", msg_id, msg_seq: 2, characters: 4 } },
      { what: "send", status: 400, level: "warn", fields: { msg_seq: 2, code: 40054005 } },
      { what: "identity", status: 200 },
    ]);
    expect(names(msg_id)).toContain("token");
    expect(JSON.stringify(steps(msg_id))).not.toContain("这是回答");
  });

  it("says of a call that was cut off that it got no answer, and how long one took", async () => {
    const { messageId: msg_id } = await say();
    bench.qq.weather.set({ kind: "deliverThenDrop" });
    await bench.send(CHATS.c2c, { msg_type: 0, content: "好", msg_id }).catch(() => {});
    await bench.until(() => names(msg_id).includes("send"));
    expect(steps(msg_id).at(-1)).toMatchObject({ what: "send", status: 0, level: "warn" });
    bench.qq.weather.set({ kind: "refuse", status: 502 });
    bench.qq.onRefused = () => {
      nowMs += 70;
    };
    await bench.send(CHATS.c2c, { msg_type: 0, content: "好", msg_id, msg_seq: 2 });
    expect(steps(msg_id).at(-1)).toMatchObject({ what: "send", status: 502, tookMs: 70 });
  });

  it("has a button's acknowledgement, and the answer to the event", async () => {
    bench.onHeard = ({ id, d }) =>
      void bench
        .call("PUT", `interactions/${String(d.id)}`, { code: 0 })
        .then(() => bench.send(CHATS.c2c, { msg_type: 0, content: "好", event_id: id }));
    const { eventId } = await bench.qq.press({ data: "/stop" });
    await bench.until(() => names(eventId).includes("send"));
    expect(names(eventId).filter((name) => name !== "token")).toEqual(
      expect.arrayContaining(["callback", "acknowledged", "acknowledge", "send"]),
    );
  });
});

describe("the Worker's log lines", () => {
  it("are joined by message, by messages and by event", async () => {
    const { messageId } = await say();
    const { eventId } = await bench.qq.emit("FRIEND_ADD");
    logged("info", "callback.accepted", { chat: "c2c:USER0001", message: messageId, storeMs: 3 });
    logged("info", "callback.accepted", { chat: "c2c:USER0001", message: eventId });
    logged("info", "turn.ended", { turn: 1, chat: "c2c:USER0001", messages: [messageId], outcome: "answered" });
    expect(names(messageId, "worker")).toEqual(["callback.accepted", "turn.ended"]);
    expect(names(eventId, "worker")).toEqual(["callback.accepted"]);
    expect(steps(messageId, "worker")[0]?.fields).toEqual({ chat: "c2c:USER0001", message: messageId, storeMs: 3 });
  });

  it("are joined by the trace id of the delivery, also where they come before its answer", async () => {
    bench.statuses.push(401);
    bench.onHeard = ({ headers }) => {
      logged("warn", "callback.refused", { why: "stale", traceId: String(headers["x-tps-trace-id"]) });
    };
    const { messageId } = await say();
    expect(names(messageId, "worker")).toEqual(["callback.refused", "callback.refused"]);
    expect(steps(messageId, "worker")[0]).toMatchObject({ level: "warn", fields: { why: "stale" } });
    logged("info", "callback.ignored", { traceId: String(bench.heard[0]?.headers["x-tps-trace-id"]) });
    expect(names(messageId, "worker")).toHaveLength(3);
  });

  it("are told apart by chat where turns have the same number", async () => {
    const inPrivate = (await say()).messageId;
    const inGroup = (await say("你好", CHATS.group)).messageId;
    logged("warn", "model.failed", { turn: 1, chat: "group:GROUP0001", summary: "HTTP 500" });
    logged("warn", "send.refused", { turn: 1, chat: "c2c:USER0001", code: 11298 });
    expect([names(inPrivate, "worker"), names(inGroup, "worker")]).toEqual([["send.refused"], ["model.failed"]]);
  });

  it("are joined by turn, and put right where the turn says at its end what it was about", async () => {
    const first = (await say("一", CHATS.group)).messageId;
    const second = (await say("二", CHATS.group)).messageId;
    const chat = "group:GROUP0001";
    logged("warn", "model.failed", { turn: 8, chat });
    logged("warn", "send.refused", { turn: 7, chat });
    expect([names(first, "worker"), names(second, "worker")]).toEqual([["model.failed"], ["send.refused"]]);
    logged("info", "turn.ended", { turn: 8, chat, messages: [second] });
    expect(names(first, "worker")).toEqual(["send.refused"]);
    expect(names(second, "worker").sort()).toEqual(["model.failed", "turn.ended"]);
    logged("info", "typing.refused", { turn: 7, chat });
    expect(names(first, "worker")).toEqual(["send.refused", "typing.refused"]);
  });

  it("of a later turn go to what is left, once the earlier one was taken for it", async () => {
    const first = (await say("一", CHATS.group)).messageId;
    const second = (await say("二", CHATS.group)).messageId;
    const chat = "group:GROUP0001";
    logged("warn", "model.failed", { turn: 8, chat });
    logged("info", "turn.ended", { turn: 8, chat, messages: [second] });
    logged("warn", "send.refused", { turn: 7, chat });
    expect(names(first, "worker")).toEqual(["send.refused"]);
    expect(names(second, "worker").sort()).toEqual(["model.failed", "turn.ended"]);
  });

  it("that come after the end of their turn belong to it still", async () => {
    const first = (await say("一", CHATS.group)).messageId;
    const second = (await say("二", CHATS.group)).messageId;
    const chat = "group:GROUP0001";
    logged("info", "turn.ended", { turn: 2, chat, messages: [second] });
    logged("warn", "draft.lost", { turn: 2, chat });
    expect([names(first, "worker"), names(second, "worker")]).toEqual([[], ["turn.ended", "draft.lost"]]);
  });

  it("of a turn of several messages end all of them", async () => {
    const all = [(await say("一")).messageId, (await say("二")).messageId];
    logged("info", "turn.ended", { turn: 1, chat: "c2c:USER0001", messages: all });
    for (const id of all) expect(names(id, "worker")).toEqual(["turn.ended"]);
    const later = (await say("三")).messageId;
    logged("info", "token.renewed", { appId: "102000001" });
    expect(names(later, "worker")).toEqual(["token.renewed"]);
  });

  it("that name nothing belong to the newest that has not ended", async () => {
    const first = (await say("一")).messageId;
    const second = (await say("二", CHATS.group)).messageId;
    logged("info", "turn.ended", { turn: 1, chat: "group:GROUP0001", messages: [second] });
    logged("info", "token.renewed", { appId: "102000001" });
    expect([names(first, "worker"), names(second, "worker")]).toEqual([["token.renewed"], ["turn.ended"]]);
  });

  it("are read at the time at which they come", async () => {
    const { messageId } = await say();
    nowMs += 1_234;
    logged("info", "callback.accepted", { message: messageId });
    expect(steps(messageId).at(-1)).toMatchObject({ what: "callback.accepted", atMs: nowMs });
  });

  it.each([
    "",
    "{",
    '{"level":"info"',
    '{"level":"info","event":1}',
    '{"level":"loud","event":"turn.ended"}',
    '{"level":"info","event":"turn.ended","messages":{"0":1},"chat":1,"turn":"1"}',
    "⎔ Starting local server...",
    "[wrangler:info] POST /qq/callback 200 OK (8ms)",
  ])("are not everything that wrangler prints: %s", async (line) => {
    const { messageId } = await say();
    expect(() => bench.page.hear(line)).not.toThrow();
    expect(names(messageId, "worker").filter((name) => name !== "turn.ended")).toEqual([]);
  });
});

describe("a call of the demo model", () => {
  it("is joined by what was said, with the time to its first word and to its end", async () => {
    const first = (await say("今天天气如何")).messageId;
    const second = (await say("明天呢", CHATS.group)).messageId;
    await ask("[小明] 明天呢");
    await ask("今天天气如何");
    await bench.until(() => steps(first, "model")[0]?.status === 200);
    expect(steps(first, "model")).toMatchObject([
      { what: "call", status: 200, level: "info", tookMs: 0, fields: { call: 2, firstByteMs: 0, isWhole: true } },
    ]);
    expect(steps(second, "model")).toMatchObject([{ status: 200, fields: { call: 1 } }]);
  });

  it("is there while it is under way, and once", async () => {
    const { messageId } = await say("慢慢说");
    bench.qq.model.weather.set({ kind: "slow", ms: 1 });
    const seen: unknown[] = [];
    bench.page.state.subscribe(() => seen.push(steps(messageId, "model").map(({ status }) => status)));
    await ask("慢慢说");
    await bench.until(() => steps(messageId, "model")[0]?.status === 200);
    expect(seen).toEqual(expect.arrayContaining([[undefined], [200]]));
    expect(steps(messageId, "model")).toHaveLength(1);
  });

  it("is marked where it failed", async () => {
    const { messageId } = await say("坏了吗");
    bench.qq.model.weather.set({ kind: "status", status: 500 });
    await ask("坏了吗");
    await bench.until(() => steps(messageId, "model")[0]?.status === 500);
    expect(steps(messageId, "model")).toMatchObject([{ level: "warn" }]);
  });
});
