/** What QQ takes from a bot, and what it has against it: bodies sent over HTTP to a started fake QQ. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Chat, Scene } from "../../src/event.ts";
import { refusal } from "../../src/simulator/codes.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";

const APP_ID = "102000001";
const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";
const MINUTE = 60_000;
const FOLDERS: Record<Scene, string> = {
  c2c: "v2/users",
  group: "v2/groups",
  guildChannel: "channels",
  guildDm: "dms",
};

let nowMs: number;
let qq: FakeQQ;
let url: string;
let token: string;

beforeEach(async () => {
  nowMs = Date.parse("2026-07-21T10:00:00+08:00");
  qq = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET, now: () => nowMs, redeliveryPauseMs: 1 });
  url = await qq.start();
  // Nobody listens there: what happens does not reach a bot.
  qq.callbackUrl = "http://127.0.0.1:1";
  token = await freshToken();
});

afterEach(() => qq.stop());

async function freshToken(): Promise<string> {
  const response = await fetch(`${url}/app/getAppAccessToken`, {
    method: "POST",
    body: JSON.stringify({ appId: APP_ID, clientSecret: APP_SECRET }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Somebody has written. */
function asked(scene: Scene, chatId?: string): { chat: Chat; msg_id: string } {
  const { asked: question } = qq.compose({ text: "你好", scene, chatId });
  qq.ledger.asked.push(question);
  return { chat: question.chat, msg_id: question.messageId };
}

interface Answer {
  status: number;
  code: number | undefined;
  json: Record<string, unknown>;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/${path}`, {
    method,
    headers: { authorization: `QQBot ${token}`, "x-union-appid": APP_ID, "x-callback-appid": APP_ID, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, unknown>;
  return { status: response.status, code: (json.err_code ?? json.code) as number | undefined, json };
}

const send = ({ scene, id }: Chat, body: unknown, headers?: Record<string, string>) =>
  call("POST", `${FOLDERS[scene]}/${id}/messages`, body, headers);

const CHATS = ["c2c", "group"] as const;
const GUILDS = ["guildChannel", "guildDm"] as const;

const typing = (input_second = 60) => ({ msg_type: 6, input_notify: { input_type: 1, input_second } });
const markdown = (content: string) => ({ msg_type: 2, markdown: { content } });

describe("the door", () => {
  it("gives the same token until its last minute, in which the old one stays good", async () => {
    nowMs += 7_139_000;
    expect(await freshToken()).toBe(token);
    nowMs += 2_000;
    expect(await freshToken()).not.toBe(token);
    expect(await call("GET", "users/@me")).toMatchObject({ status: 200 });
    nowMs += 60_000;
    expect(await call("GET", "users/@me")).toMatchObject({ status: 401, code: 11244 });
  });

  it("says who the bot is", async () => {
    expect((await call("GET", "users/@me")).json).toMatchObject({ id: qq.bot.id, username: qq.bot.name, bot: true });
  });

  it("turns away whoever has no token, calls from an unlisted address, or names another AppID", async () => {
    const { chat, msg_id } = asked("c2c");
    const body = { msg_type: 0, content: "好", msg_id };
    expect(await send(chat, body, { authorization: "QQBot nonsense" })).toMatchObject({ status: 401, code: 11244 });
    expect(await send(chat, body, { "x-union-appid": "1" })).toMatchObject({ status: 400, code: 11251 });
    qq.refusesAddress = true;
    expect(await send(chat, body)).toMatchObject({ status: 401, json: { code: 11298, err_code: 40023002 } });
    expect(await call("GET", "users/@me")).toMatchObject({ status: 401, json: { code: 11298 } });
    expect(qq.ledger.refused.map(({ code }) => code)).toEqual([11244, 11251, 11298]);
    qq.refusesAddress = false;
    expect(await send(chat, body)).toMatchObject({ status: 200 });
  });

  it("knows no other API", async () => {
    expect(await call("POST", "v2/users/USER0001/stream_messages", {})).toMatchObject({ status: 404, code: 11253 });
  });
});

describe.each(CHATS)("a message to a chat: %s", (scene) => {
  it("is taken as text or Markdown, and answered with its id", async () => {
    const { chat, msg_id } = asked(scene);
    const first = await send(chat, { msg_type: 0, content: "<好> &lt;", msg_id, msg_seq: 1 });
    const second = await send(chat, { ...markdown("# 好"), msg_id, msg_seq: 2 });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(qq.ledger.delivered).toMatchObject([
      { id: first.json.id, form: "text", text: "<好> &lt;", msgId: msg_id, msgSeq: 1, chat },
      { id: second.json.id, form: "markdown", text: "# 好", msgId: msg_id, msgSeq: 2 },
    ]);
    expect(first.json).toMatchObject({ ext_info: { ref_idx: expect.stringMatching(/^REFIDX_/) } });
  });

  it.each<[string, object, number]>([
    ["nothing to read", { msg_type: "0", content: "好" }, 12002],
    ["a field that nobody knows", { msg_type: 0, content: "好", feature_id: 1 }, 12002],
    ["a sequence number of nothing", { msg_type: 0, content: "好", msg_seq: 0 }, 12002],
    ["a kind that nobody knows", { msg_type: 8, content: "好" }, 50059],
    ["text beside Markdown", { ...markdown("好"), content: "好" }, 50037],
    ["Markdown as text", { msg_type: 0, markdown: { content: "好" } }, 22006],
    ["text as Markdown", { msg_type: 2, content: "好" }, 22006],
    ["typing as text", { ...typing(), msg_type: 0, content: "好" }, 22006],
    ["empty text", { msg_type: 0, content: " " }, 50006],
    ["empty Markdown", markdown(" "), 40034008],
    ["text that is too long", { msg_type: 0, content: "长".repeat(5_001) }, 40054007],
    ["Markdown that is too long", markdown("长".repeat(5_001)), 40054007],
    ["an event beside the message", { msg_type: 0, content: "好", event_id: "FRIEND_ADD:1" }, 12002],
  ])("is refused with %s", async (_, body, code) => {
    const { chat, msg_id } = asked(scene);
    expect(await send(chat, { ...body, msg_id })).toMatchObject({ status: 400, code });
    expect(qq.ledger.delivered).toEqual([]);
    expect(qq.ledger.refused).toMatchObject([{ status: 400, code, message: expect.stringMatching(/./) }]);
  });

  it("takes text of the greatest length", async () => {
    const { chat, msg_id } = asked(scene);
    expect(await send(chat, { msg_type: 0, content: "长".repeat(5_000), msg_id })).toMatchObject({ status: 200 });
  });

  it("must answer a message of this chat", async () => {
    const { chat } = asked(scene);
    const elsewhere = asked(scene, "ELSEWHERE");
    const text = { msg_type: 0, content: "好" };
    expect(await send(chat, text)).toMatchObject({ code: 40034105 });
    expect(await send(chat, { ...text, msg_id: "ROBOT1.0_x" })).toMatchObject({ code: 40034024 });
    expect(await send(chat, { ...text, msg_id: elsewhere.msg_id })).toMatchObject({ code: 40034024 });
  });

  it("is refused under a number that came through before", async () => {
    const { chat, msg_id } = asked(scene);
    expect(await send(chat, { msg_type: 0, content: "一", msg_id, msg_seq: 1 })).toMatchObject({ status: 200 });
    expect(await send(chat, { msg_type: 0, content: "二", msg_id, msg_seq: 1 })).toMatchObject({ code: 40054005 });
    expect(await send(chat, { msg_type: 0, content: "二", msg_id })).toMatchObject({ code: 40054005 });
  });

  it("may not be Markdown where that is not allowed", async () => {
    const { chat, msg_id } = asked(scene);
    qq.markdownAllowed[scene] = false;
    expect(await send(chat, { ...markdown("好"), msg_id })).toMatchObject({ status: 400, code: 40034012 });
    expect(await send(chat, { msg_type: 0, content: "好", msg_id, msg_seq: 2 })).toMatchObject({ status: 200 });
  });

  it("costs a reply when it is refused for what it says", async () => {
    const { chat, msg_id } = asked(scene);
    const replies = scene === "c2c" ? 4 : 5;
    for (let msg_seq = 1; msg_seq <= replies; msg_seq += 1)
      expect(await send(chat, { msg_type: 0, content: "长".repeat(5_001), msg_id, msg_seq })).toMatchObject({
        code: 40054007,
      });
    expect(await send(chat, { msg_type: 0, content: "好", msg_id, msg_seq: 9 })).toMatchObject({ code: 40034128 });
  });
});

describe("how long and how often", () => {
  it.each([
    ["c2c", 60, 4],
    ["group", 5, 5],
  ] as const)("a message is answered: %s %i min, %i times", async (scene, minutes, replies) => {
    const { chat, msg_id } = asked(scene);
    nowMs += minutes * MINUTE;
    for (let msg_seq = 1; msg_seq <= replies; msg_seq += 1)
      expect(await send(chat, { msg_type: 0, content: `${msg_seq}`, msg_id, msg_seq })).toMatchObject({ status: 200 });
    expect(await send(chat, { msg_type: 0, content: "还有", msg_id, msg_seq: 9 })).toMatchObject({ code: 40034128 });
    nowMs += 1;
    expect(await send(chat, { msg_type: 0, content: "晚了", msg_id, msg_seq: 10 })).toMatchObject({ code: 40034005 });
  });

  it.each(GUILDS)("a message of a guild is answered: %s 5 min, without a count", async (scene) => {
    const { chat, msg_id } = asked(scene);
    for (let n = 1; n <= 7; n += 1) {
      expect(await send(chat, { content: `${n}`, msg_id })).toMatchObject({ status: 200 });
      nowMs += 1_000;
    }
    nowMs += 5 * MINUTE - 7_000;
    expect(await send(chat, { content: "刚好", msg_id })).toMatchObject({ status: 200 });
    nowMs += 1;
    expect(await send(chat, { content: "晚了", msg_id })).toMatchObject({ code: 304027 });
  });

  it("a channel takes five messages in a second, whatever they answer", async () => {
    const { chat, msg_id } = asked("guildChannel");
    const other = asked("guildChannel");
    for (let n = 1; n <= 5; n += 1)
      expect(await send(chat, { content: `${n}`, msg_id })).toMatchObject({ status: 200 });
    nowMs += 999;
    expect(await send(chat, { content: "六", msg_id: other.msg_id })).toMatchObject({ status: 429, code: 20028 });
    const elsewhere = asked("guildChannel", "CHANNEL0002");
    expect(await send(elsewhere.chat, { content: "六", msg_id: elsewhere.msg_id })).toMatchObject({ status: 200 });
    nowMs += 1;
    expect(await send(chat, { content: "六", msg_id: other.msg_id })).toMatchObject({ status: 200 });
  });

  it("a group takes more than that", async () => {
    for (const { chat, msg_id } of [asked("group"), asked("group")])
      for (let msg_seq = 1; msg_seq <= 5; msg_seq += 1)
        expect(await send(chat, { msg_type: 0, content: "好", msg_id, msg_seq })).toMatchObject({ status: 200 });
  });
});

describe("a typing notice", () => {
  it("is shown and costs a reply, but is no message", async () => {
    const { chat, msg_id } = asked("c2c");
    const answer = await send(chat, { ...typing(), msg_id, msg_seq: 1 });
    expect(answer.status).toBe(200);
    expect(answer.json).not.toHaveProperty("id");
    expect(qq.typings).toMatchObject([{ chat, msgId: msg_id, msgSeq: 1 }]);
    expect(qq.ledger.delivered).toEqual([]);
    expect(await send(chat, { msg_type: 0, content: "好", msg_id, msg_seq: 1 })).toMatchObject({ code: 40054005 });
    for (let msg_seq = 2; msg_seq <= 4; msg_seq += 1)
      expect(await send(chat, { msg_type: 0, content: "好", msg_id, msg_seq })).toMatchObject({ status: 200 });
    expect(await send(chat, { ...typing(), msg_id, msg_seq: 5 })).toMatchObject({ code: 40034128 });
  });

  it.each<[string, object, number]>([
    ["longer than a minute", typing(61), 12002],
    ["without its notice", { msg_type: 6 }, 22006],
    ["with words", { ...typing(), content: "好" }, 22006],
    ["for an event", { ...typing(), event_id: "FRIEND_ADD:1" }, 12002],
  ])("is refused %s", async (_, body, code) => {
    const { chat, msg_id } = asked("c2c");
    expect(await send(chat, { ...body, msg_id })).toMatchObject({ status: 400, code });
    expect(qq.typings).toEqual([]);
  });

  it("belongs to a message in a private chat", async () => {
    const { chat } = asked("c2c");
    expect(await send(chat, typing())).toMatchObject({ code: 40034105 });
    const inGroup = asked("group");
    expect(await send(inGroup.chat, { ...typing(), msg_id: inGroup.msg_id })).toMatchObject({ code: 50059 });
  });

  it("has a weather of its own", async () => {
    const { chat, msg_id } = asked("c2c");
    qq.weather.set(refusal(40034006));
    expect(await send(chat, { ...typing(), msg_id, msg_seq: 1 })).toMatchObject({ status: 200 });
    qq.typingWeather.set(refusal(22009));
    expect(await send(chat, { msg_type: 0, content: "好", msg_id, msg_seq: 2 })).toMatchObject({ code: 40034006 });
    expect(await send(chat, { ...typing(), msg_id, msg_seq: 3 })).toMatchObject({ code: 22009 });
  });
});

describe.each(GUILDS)("a message to a guild: %s", (scene) => {
  it("is taken escaped and shown unescaped, and answered as a message", async () => {
    const { chat, msg_id } = asked(scene);
    const answer = await send(chat, { content: "1 &lt; 2 &amp;lt;", msg_id });
    expect(answer).toMatchObject({
      status: 200,
      json: { id: expect.stringMatching(/./), author: { bot: true }, content: "1 &lt; 2 &amp;lt;" },
    });
    expect(answer.json[scene === "guildDm" ? "guild_id" : "channel_id"]).toBe(chat.id);
    expect(qq.ledger.delivered).toMatchObject([{ form: "text", text: "1 < 2 &lt;", msgSeq: 0, chat }]);
  });

  it.each<[string, object, number]>([
    ["nothing in it", {}, 50006],
    ["empty Markdown", { markdown: { content: "" } }, 40034008],
    ["text beside Markdown", { content: "好", markdown: { content: "好" } }, 50037],
    ["a raw <", { content: "a < b" }, 12002],
    ["a raw >", { content: "a > b" }, 12002],
    ["a raw &", { content: "a & b" }, 12002],
    ["a type", { msg_type: 0, content: "好" }, 12002],
    ["a sequence number", { msg_seq: 1, content: "好" }, 12002],
    ["text that is too long", { content: "长".repeat(5_001) }, 40054007],
  ])("is refused with %s", async (_, body, code) => {
    const { chat, msg_id } = asked(scene);
    qq.markdownAllowed[scene] = true;
    expect(await send(chat, { ...body, msg_id })).toMatchObject({ status: 400, code });
    expect(qq.ledger.delivered).toEqual([]);
  });

  it("is delivered as often as it is sent", async () => {
    const { chat, msg_id } = asked(scene);
    for (let n = 0; n < 2; n += 1)
      expect(await send(chat, { content: "(回答 1,1/1)", msg_id })).toMatchObject({ status: 200 });
    for (const question of qq.ledger.asked) question.acknowledgedAtMs = 0;
    expect(qq.ledger.judge().doubled).toEqual([msg_id]);
  });

  it("must answer a message of this chat", async () => {
    const { chat } = asked(scene);
    const { msg_id } = asked(scene, "ELSEWHERE");
    expect(await send(chat, { content: "好" })).toMatchObject({ code: 304046 });
    expect(await send(chat, { content: "好", msg_id })).toMatchObject({ code: 304026 });
  });

  it("may be Markdown by invitation only", async () => {
    const { chat, msg_id } = asked(scene);
    expect(await send(chat, { markdown: { content: "# 好" }, msg_id })).toMatchObject({ status: 400, code: 304036 });
    qq.markdownAllowed[scene] = true;
    expect(await send(chat, { markdown: { content: "# a < b" }, msg_id })).toMatchObject({ status: 200 });
    expect(qq.ledger.delivered).toMatchObject([{ form: "markdown", text: "# a < b" }]);
  });

  it("needs the gateway where QQ insists on it", async () => {
    const { chat, msg_id } = asked(scene);
    qq.gatewayConnected = false;
    expect(await send(chat, { content: "好", msg_id })).toMatchObject({ status: 400, code: 304018 });
    const inPrivate = asked("c2c");
    expect(await send(inPrivate.chat, { msg_type: 0, content: "好", msg_id: inPrivate.msg_id })).toMatchObject({
      status: 200,
    });
  });

  it("waits for its review, and is seen only if that ends well", async () => {
    const { chat, msg_id } = asked(scene);
    qq.audits = true;
    const auditOf = ({ json }: Answer) => (json.data as { message_audit: { audit_id: string } }).message_audit.audit_id;
    const good = await send(chat, { content: "好", msg_id });
    const bad = await send(chat, { content: "坏", msg_id });
    expect(good).toMatchObject({ status: 202, code: 304023 });
    expect([...qq.underReview.keys()]).toEqual([auditOf(good), auditOf(bad)]);
    expect(qq.ledger.delivered).toEqual([]);
    const inPrivate = asked("c2c");
    const unreviewed = { msg_type: 0, content: "好", msg_id: inPrivate.msg_id };
    expect(await send(inPrivate.chat, unreviewed)).toMatchObject({ status: 200 });
    qq.ledger.delivered.splice(0);

    const passed = await qq.passAudit(auditOf(good));
    const rejected = await qq.rejectAudit(auditOf(bad));
    expect(qq.ledger.delivered).toMatchObject([{ text: "好", chat }]);
    expect(passed).toMatchObject({
      t: "MESSAGE_AUDIT_PASS",
      d: { audit_id: auditOf(good), message_id: qq.ledger.delivered[0]?.id },
    });
    expect(rejected).toMatchObject({ t: "MESSAGE_AUDIT_REJECT", d: { audit_id: auditOf(bad) } });
    expect(rejected.d).not.toHaveProperty("message_id");
    await expect(qq.passAudit(auditOf(bad))).rejects.toThrow("nothing is under review");
  });
});

describe("the answer to an event", () => {
  const answer = (event_id: string, msg_seq = 1) => ({ msg_type: 0, content: "你好", event_id, msg_seq });
  const USER: Chat = { scene: "c2c", id: "USER0001" };
  const GROUP: Chat = { scene: "group", id: "GROUP0001" };
  const inGroup = { scene: "group", user_openid: undefined, group_openid: GROUP.id };

  it.each<[string, Chat, object]>([
    ["FRIEND_ADD", USER, {}],
    ["C2C_MSG_RECEIVE", USER, {}],
    ["INTERACTION_CREATE", USER, {}],
    ["GROUP_ADD_ROBOT", GROUP, {}],
    ["GROUP_MSG_RECEIVE", GROUP, {}],
    ["INTERACTION_CREATE", GROUP, inGroup],
  ])("is taken once: %s", async (t, chat, d) => {
    const { eventId } = await qq.emit(t, { ...d });
    nowMs += 5 * MINUTE;
    expect(await send(chat, answer(eventId))).toMatchObject({ status: 200 });
    expect(qq.ledger.delivered).toMatchObject([{ msgId: eventId, isEvent: true, chat }]);
    expect(await send(chat, answer(eventId))).toMatchObject({ code: 40054005 });
    expect(await send(chat, answer(eventId, 2))).toMatchObject({ code: 40034128 });
    expect(qq.ledger.judge()).toMatchObject({ own: 0, lost: [], doubled: [], torn: [] });
  });

  it.each<[string, Chat]>([
    ["FRIEND_DEL", USER],
    ["C2C_MSG_REJECT", USER],
    ["C2C_MESSAGE_CREATE", USER],
    ["GROUP_DEL_ROBOT", GROUP],
    ["GROUP_MEMBER_ADD", GROUP],
  ])("is refused where the event takes none: %s", async (t, chat) => {
    const { eventId } = await qq.emit(t);
    expect(await send(chat, answer(eventId))).toMatchObject({ status: 400, code: 40034027 });
  });

  it("is refused for an event of another chat, of nobody, or of long ago", async () => {
    const { eventId } = await qq.emit("FRIEND_ADD", { openid: "SOMEBODY" });
    expect(await send(USER, answer(eventId))).toMatchObject({ code: 40034025 });
    expect(await send(USER, answer("FRIEND_ADD:unheard-of"))).toMatchObject({ code: 40034025 });
    const ofGuild = await qq.emit("GUILD_MEMBER_ADD");
    expect(await send(USER, answer(ofGuild.eventId))).toMatchObject({ code: 40034025 });
    nowMs += 5 * MINUTE + 1;
    expect(await send({ scene: "c2c", id: "SOMEBODY" }, answer(eventId))).toMatchObject({ code: 40034026 });
  });

  it("is not named like the answer to a message, nor the other way round", async () => {
    const { eventId } = await qq.emit("FRIEND_ADD");
    const { chat, msg_id } = asked("c2c");
    expect(await send(chat, { msg_type: 0, content: "好", msg_id: eventId })).toMatchObject({ code: 40034024 });
    expect(await send(chat, answer(msg_id))).toMatchObject({ code: 40034025 });
  });

  it("is taken once in guilds too, for what guilds answer", async () => {
    const reaction = await qq.emit("MESSAGE_REACTION_ADD", { channel_id: "CHANNEL0001" });
    const chat: Chat = { scene: "guildChannel", id: "CHANNEL0001" };
    expect(await send(chat, { content: "好", event_id: reaction.eventId })).toMatchObject({ status: 200 });
    expect(await send(chat, { content: "好", event_id: reaction.eventId })).toMatchObject({ code: 40034128 });
    const elsewhere = await qq.emit("MESSAGE_REACTION_ADD", { channel_id: "CHANNEL0002" });
    expect(await send(chat, { content: "好", event_id: elsewhere.eventId })).toMatchObject({ code: 304026 });
    const joined = await qq.emit("GUILD_MEMBER_ADD");
    expect(await send(chat, { content: "欢迎", event_id: joined.eventId })).toMatchObject({ status: 200 });
    const { eventId } = await qq.emit("CHANNEL_CREATE");
    expect(await send(chat, { content: "好", event_id: eventId })).toMatchObject({ code: 40034027 });
  });

  it("may answer a message that was emitted", async () => {
    const { d } = await qq.emit("GROUP_MESSAGE_CREATE");
    expect(await send(GROUP, { msg_type: 0, content: "好", msg_id: d.id })).toMatchObject({ status: 200 });
    const direct = await qq.emit("DIRECT_MESSAGE_CREATE");
    expect(await send({ scene: "guildDm", id: "DM0001" }, { content: "好", msg_id: direct.d.id })).toMatchObject({
      status: 200,
    });
  });
});

describe("links", () => {
  it.each([
    "见 https://evil.test/a",
    "见http://1.2.3.4/",
    "见www.evil.test",
    "evil.test 很好",
    "运行 crawler.py 即可",
    "a/b.sh",
    "[看这里](/relative)",
    "https://example.com.evil.test/",
    "https://example.com/ 与 notexample.com",
  ])("are refused outside of what is registered: %s", async (content) => {
    const { chat, msg_id } = asked("c2c");
    qq.registeredDomains = new Set(["example.com"]);
    expect(await send(chat, { msg_type: 0, content, msg_id, msg_seq: 1 })).toMatchObject({ code: 40054010 });
    expect(await send(chat, { ...markdown(content), msg_id, msg_seq: 2 })).toMatchObject({ code: 40054010 });
    qq.registeredDomains = undefined;
    expect(await send(chat, { ...markdown(content), msg_id, msg_seq: 3 })).toMatchObject({ status: 200 });
  });

  it.each([
    "见 https://example.com/a.html?b=c.d",
    "见 www.example.com/a.html 与 Example.com",
    "[文档](https://docs.example.com/x)",
    "圆周率 3.14,第1.2节,好。的",
    "www[.]evil[.]test 与 crawler[.]py",
    "(回答 1,1/1)",
  ])("are taken where registered, and so is what is none: %s", async (content) => {
    const { chat, msg_id } = asked("group");
    qq.registeredDomains = new Set(["example.com"]);
    expect(await send(chat, { msg_type: 0, content, msg_id, msg_seq: 1 })).toMatchObject({ status: 200 });
    expect(await send(chat, { ...markdown(content), msg_id, msg_seq: 2 })).toMatchObject({ status: 200 });
  });

  it("are seen behind the escapes of Markdown, and in guilds", async () => {
    const { chat, msg_id } = asked("c2c");
    qq.registeredDomains = new Set();
    expect(await send(chat, { ...markdown("www\\.evil\\.test"), msg_id })).toMatchObject({ code: 40054010 });
    const guild = asked("guildChannel");
    expect(await send(guild.chat, { content: "evil.test", msg_id: guild.msg_id })).toMatchObject({ code: 40054010 });
  });
});

describe("weather", () => {
  it("finds its words in text and in Markdown, in every scene", async () => {
    for (const scene of [...CHATS, ...GUILDS]) {
      qq.markdownAllowed[scene] = true;
      const isGuild = scene === "guildChannel" || scene === "guildDm";
      qq.weather.set(refusal(40034006), { about: "#w<1", times: 2 });
      const { chat, msg_id } = asked(scene);
      const text = isGuild ? { content: "#w&lt;1" } : { msg_type: 0, content: "#w<1" };
      const marked = isGuild ? { markdown: { content: "#w<1" } } : markdown("#w<1");
      expect(await send(chat, { ...text, msg_id })).toMatchObject({ code: 40034006 });
      expect(await send(chat, { ...marked, msg_id })).toMatchObject({ code: 40034006 });
    }
  });

  it("costs a reply when QQ has looked at the message, and none at the door", async () => {
    const { chat, msg_id } = asked("c2c");
    const text = (msg_seq: number) => ({ msg_type: 0, content: "好", msg_id, msg_seq });
    qq.weather.set(refusal(11244), { times: 2 });
    qq.weather.set(refusal(503), { times: 2 });
    for (let msg_seq = 1; msg_seq <= 4; msg_seq += 1) await send(chat, text(msg_seq));
    qq.weather.set(refusal(40034006), { times: 3 });
    for (let msg_seq = 5; msg_seq <= 7; msg_seq += 1) await send(chat, text(msg_seq));
    expect(await send(chat, text(8))).toMatchObject({ status: 200 });
    expect(await send(chat, text(9))).toMatchObject({ code: 40034128 });
  });

  it("delivers and then breaks the connection, in guilds as in chats", async () => {
    qq.weather.set({ kind: "deliverThenDrop" });
    const { chat, msg_id } = asked("guildChannel");
    await expect(send(chat, { content: "好", msg_id })).rejects.toThrow("fetch failed");
    expect(qq.ledger.delivered).toHaveLength(1);
  });
});

describe("refusal", () => {
  it.each<[number, number, object]>([
    [11241, 401, { code: 11241, err_code: 11241 }],
    [11243, 401, { code: 11243 }],
    [11244, 401, { code: 11244 }],
    [11298, 401, { code: 11298, err_code: 40023002 }],
    [40023002, 401, { code: 11298, err_code: 40023002 }],
    [40006, 404, { code: 40006, err_code: 40113002 }],
    [40113003, 404, { code: 40007, err_code: 40113003 }],
    [20028, 429, { code: 20028 }],
    [304041, 500, { code: 304041 }],
    [304023, 202, { code: 304023, data: { message_audit: { audit_id: expect.stringMatching(/./) } } }],
    [304024, 202, { code: 304024, data: { message_audit: { audit_id: expect.stringMatching(/./) } } }],
    [40034012, 400, { code: 40034012, err_code: 40034012 }],
    [100016, 200, { code: 100016 }],
    [99_999, 400, { code: 99_999 }],
  ])("of %i comes as HTTP %i", (code, status, body) => {
    expect(refusal(code)).toMatchObject({
      kind: "refuse",
      status,
      body: { ...body, message: expect.stringMatching(/./), trace_id: expect.stringMatching(/./) },
    });
  });

  it("of a status is a page without a code", () => {
    expect(refusal(502)).toEqual({ kind: "refuse", status: 502 });
  });
});

describe("the acknowledgement of an interaction", () => {
  const put = (id: unknown, body: unknown, headers?: Record<string, string>) =>
    call("PUT", `interactions/${id}`, body, headers);

  it("is recorded, and known again when it comes twice", async () => {
    const { d } = await qq.emit("INTERACTION_CREATE");
    expect(await put(d.id, { code: 0 })).toMatchObject({ status: 200 });
    expect(await put(d.id, { code: 3 })).toMatchObject({ status: 200 });
    expect(qq.acknowledgements).toEqual([
      { id: d.id, code: 0, atMs: nowMs, hasHeaders: true, isDuplicate: false },
      { id: d.id, code: 3, atMs: nowMs, hasHeaders: true, isDuplicate: true },
    ]);
  });

  it.each(["x-union-appid", "x-callback-appid"])("needs %s", async (header) => {
    const { d } = await qq.emit("INTERACTION_CREATE");
    expect(await put(d.id, { code: 0 }, { [header]: "" })).toMatchObject({ status: 400, code: 630006 });
    expect(qq.acknowledgements).toMatchObject([{ id: d.id, hasHeaders: false }]);
    expect(await put(d.id, { code: 0 })).toMatchObject({ status: 200 });
    expect(qq.acknowledgements[1]).toMatchObject({ hasHeaders: true, isDuplicate: false });
  });

  it("needs a token, a code, and an interaction", async () => {
    const { d } = await qq.emit("INTERACTION_CREATE");
    expect(await put(d.id, { code: 0 }, { authorization: "" })).toMatchObject({ status: 401, code: 11244 });
    expect(await put(d.id, { code: "0" })).toMatchObject({ code: 630001 });
    expect(await put(d.id, { code: 6 })).toMatchObject({ code: 630001 });
    expect(await put(d.id, undefined)).toMatchObject({ code: 630001 });
    expect(await put("unheard-of", { code: 0 })).toMatchObject({ code: 630001 });
    expect(qq.acknowledgements).toEqual([]);
  });

  it("has a weather of its own", async () => {
    const { d } = await qq.emit("INTERACTION_CREATE");
    qq.weather.set(refusal(500));
    qq.interactionWeather.set(refusal(630004));
    expect(await put(d.id, { code: 0 })).toMatchObject({ status: 400, code: 630004 });
    expect(await put(d.id, { code: 0 })).toMatchObject({ status: 200 });
  });
});
