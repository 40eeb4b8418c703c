/** What QQ sends -> what the bot hears. Every fixture is a whole delivery. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BotEvent, IncomingMessage } from "../../src/event.ts";
import { Secret } from "../../src/log.ts";
import { type Decoded, decode } from "../../src/qq/decode.ts";
import { receive } from "../../src/qq/receive.ts";
import c2c from "../fixtures/qq/C2C_MESSAGE_CREATE.json" with { type: "json" };
import group from "../fixtures/qq/GROUP_AT_MESSAGE_CREATE.json" with { type: "json" };
import groupAll from "../fixtures/qq/GROUP_MESSAGE_CREATE.json" with { type: "json" };
import button from "../fixtures/qq/INTERACTION_CREATE.json" with { type: "json" };
import recall from "../fixtures/qq/MESSAGE_DELETE.json" with { type: "json" };
import { APP_ID, APP_SECRET, bytesOf, signedHeaders } from "../support/signed-request.ts";

const RECEIVED = Date.parse("2026-07-21T10:00:02+08:00");
const context = { appId: APP_ID, receivedAtMs: RECEIVED };

/** The fixture with other fields in its message. */
const c2cWith = (d: object, outer: object = {}) => decode({ ...c2c, ...outer, d: { ...c2c.d, ...d } }, context);
const groupWith = (d: object) => decode({ ...group, d: { ...group.d, ...d } }, context);

function eventOf(decoded: Decoded): BotEvent {
  if (decoded.kind !== "event") throw new Error(`${decoded.kind}: ${decoded.why}`);
  return decoded.event;
}

function messageOf(decoded: Decoded): IncomingMessage {
  const event = eventOf(decoded);
  if (event.kind !== "message") throw new Error(event.kind);
  return event;
}

const FIXTURES = join(import.meta.dirname, "../fixtures/qq");
const read = (name: string) => readFileSync(join(FIXTURES, `${name}.json`), "utf8");
const fixtures = readdirSync(FIXTURES).map((file) => file.replace(/\.json$/, ""));

const FRIEND = { chat: { scene: "c2c", id: "A1B2000000000000000000000000C2C0" } };
const PERSON = { ...FRIEND, sender: { id: "A1B2000000000000000000000000C2C0" } };
const GROUP = { chat: { scene: "group", id: "D4DE0000000000000000000000000000" } };
const MEMBER = { ...GROUP, sender: { id: "A1B20000000000000000000000GROUP0" } };
const SPEAKER = { ...GROUP, sender: { ...MEMBER.sender, name: "小明", role: "member" } };
const CHANNEL = { chat: { scene: "guildChannel", id: "100010" } };
const GUILD_DM = { chat: { scene: "guildDm", id: "18800000000002" } };
const VISITOR = { ...CHANNEL, sender: { id: "1234", name: "阿白" } };

const TEN = Date.parse("2026-07-21T02:00:00Z");
const c2cMessage = {
  kind: "message",
  ...PERSON,
  id: "ROBOT1.0_YVzTU7YS0000000000000000!!",
  text: "",
  sentAtMs: TEN,
};
const groupMessage = { ...c2cMessage, ...SPEAKER, id: "ROBOT1.0_DPLMsS1n0000000000000000!" };
const guildMessage = {
  ...c2cMessage,
  ...VISITOR,
  id: "0812345677890abcdef",
  sentAtMs: Date.parse("2021-05-20T07:14:58Z"),
};
const pressed = {
  kind: "interaction",
  ...PERSON,
  id: "1b13d569-4610-4ab9-bc51-feecc5def6d4",
  action: "button",
  data: "",
  needsAcknowledgement: true,
};

/** Fixture -> the event without what all events have: the bot, the outer id and the time of receipt. */
const HEARD: Record<string, object> = {
  C2C_MESSAGE_CREATE: { ...c2cMessage, text: "你好", attachments: [{ kind: "image", name: "B43A.jpg" }] },
  "C2C_MESSAGE_CREATE.bare": { ...c2cMessage, id: "ROBOT1.0_bare", sentAtMs: RECEIVED },
  "C2C_MESSAGE_CREATE.emoji": { ...c2cMessage, text: "[表情: 汪汪]你好[表情: 酷][表情]" },
  "C2C_MESSAGE_CREATE.voice": {
    ...c2cMessage,
    attachments: [{ kind: "voice", name: "V0.amr", transcript: "今天天气怎么样?" }],
  },
  "C2C_MESSAGE_CREATE.quote": { ...c2cMessage, text: "这是什么意思?", quote: { text: "明天下午三点开会" } },
  "C2C_MESSAGE_CREATE.quote-many": {
    ...c2cMessage,
    text: "总结一下",
    quote: { text: "=== 消息 1 ===\n[消息内容] 今天吃什么\n=== 消息 2 ===\n[消息内容] 火锅" },
  },
  "C2C_MESSAGE_CREATE.quote-picture": {
    ...c2cMessage,
    text: "这张呢?",
    quote: { text: "[图片 C0DE.png: 尚不能查看]", name: "小红" },
  },
  "C2C_MESSAGE_CREATE.quote-old": { ...c2cMessage, text: "接着说", quote: { text: "" } },
  "C2C_MESSAGE_CREATE.card": {
    ...c2cMessage,
    text: "[卡片消息] 小程序\n摘要: 附近的火锅店\n描述: 人均 80 元\n来源: 点评\n链接: https://example.com/shop/1",
  },
  "C2C_MESSAGE_CREATE.card-without-content": {
    ...c2cMessage,
    text: "[卡片消息] 位置\n[位置] 人民公园\n地址: 人民路 1 号",
  },
  "C2C_MESSAGE_CREATE.record": {
    ...c2cMessage,
    text: "[聊天记录]\n小明: 晚上吃什么?\n小红: 火锅\n  或者烤肉\n  [图片 menu.jpg: 尚不能查看]\n某人: [表情: 酷]",
  },
  "C2C_MESSAGE_CREATE.record-card": { ...c2cMessage, text: "[聊天记录]\n标题: 小明和小红的聊天记录\n小明: 早" },

  GROUP_AT_MESSAGE_CREATE: { ...groupMessage, text: "/今日天气" },
  "GROUP_AT_MESSAGE_CREATE.quote": { ...groupMessage, quote: { text: "谁会修电脑?", name: "小红" } },
  "GROUP_AT_MESSAGE_CREATE.mentions-users": { ...groupMessage, text: "帮 @小红 查一下天气" },
  "GROUP_AT_MESSAGE_CREATE.mentions-scoped": { ...groupMessage, text: "帮 @小红 和 @全体成员 查一下天气" },
  GROUP_MESSAGE_CREATE: { ...groupMessage, text: "/今日天气" },

  AT_MESSAGE_CREATE: { ...guildMessage, text: "hi" },
  "AT_MESSAGE_CREATE.without-mentions": { ...guildMessage, text: "hi" },
  "AT_MESSAGE_CREATE.escapes": {
    ...guildMessage,
    text: "1 < 2 && <@!1234> &lt; @abc #频道 [表情] @全体成员",
    attachments: [{ kind: "image", name: "a.png" }],
  },
  MESSAGE_CREATE: { ...guildMessage, text: "你好", quote: { text: "" } },
  DIRECT_MESSAGE_CREATE: { ...guildMessage, ...GUILD_DM, sender: { id: "1234", name: "abc" }, text: "在吗 <3" },

  MESSAGE_DELETE: { kind: "recall", ...CHANNEL, messageId: "0812345677890abcdef" },
  PUBLIC_MESSAGE_DELETE: { kind: "recall", ...CHANNEL, messageId: "0812345677890abcdef" },
  DIRECT_MESSAGE_DELETE: { kind: "recall", ...GUILD_DM, messageId: "0812345677890abcdef" },

  FRIEND_ADD: { kind: "relation", ...PERSON, change: "joined" },
  FRIEND_DEL: { kind: "relation", ...PERSON, change: "left" },
  C2C_MSG_RECEIVE: { kind: "relation", ...PERSON, change: "pushAllowed" },
  C2C_MSG_REJECT: { kind: "relation", ...PERSON, change: "pushRefused" },
  GROUP_ADD_ROBOT: { kind: "relation", ...MEMBER, change: "joined" },
  GROUP_DEL_ROBOT: { kind: "relation", ...MEMBER, change: "left" },
  "GROUP_DEL_ROBOT.dissolved": { kind: "relation", ...GROUP, sender: { id: "" }, change: "left" },
  GROUP_MSG_RECEIVE: { kind: "relation", ...MEMBER, change: "pushAllowed" },
  GROUP_MSG_REJECT: { kind: "relation", ...MEMBER, change: "pushRefused" },

  INTERACTION_CREATE: { ...pressed, data: "confirm:once" },
  "INTERACTION_CREATE.group": { ...pressed, ...MEMBER, data: "vote:1" },
  "INTERACTION_CREATE.guild": { ...pressed, ...CHANNEL, sender: { id: "1234" }, data: "vote:2" },
  "INTERACTION_CREATE.misspelt": { ...pressed, data: "old" },
  "INTERACTION_CREATE.menu": { ...pressed, action: "menu", data: "daily-news" },
  "INTERACTION_CREATE.clear": { ...pressed, action: "clear" },
  "INTERACTION_CREATE.feedback": { ...pressed, action: "other", needsAcknowledgement: false },

  MESSAGE_AUDIT_PASS: {
    kind: "audit",
    chat: { scene: "guildChannel", id: "1699792" },
    auditId: "5f60b782-0000-0000-0000-000000000000",
    passed: true,
  },
  MESSAGE_AUDIT_REJECT: {
    kind: "audit",
    chat: { scene: "guildChannel", id: "1699792" },
    auditId: "5f60b782-0000-0000-0000-000000000000",
    passed: false,
  },
  "MESSAGE_AUDIT_PASS.group": { kind: "audit", ...GROUP, auditId: "a1", passed: true },
  "MESSAGE_AUDIT_REJECT.c2c": { kind: "audit", ...FRIEND, auditId: "a2", passed: false },
};

const IGNORED: Record<string, string> = {
  "GROUP_MESSAGE_CREATE.overheard": "not addressed to the bot",
  "GROUP_MESSAGE_CREATE.bot": "written by a bot",
  "MESSAGE_CREATE.overheard": "not addressed to the bot",
  "INTERACTION_CREATE.authorisation": "nothing to do for an interaction of type 19",
};

/** The rest of the platform's names: acknowledged, and nothing comes of it. */
const NOTHING_TO_DO = [
  ...["GROUP_MEMBER_ADD", "GROUP_MEMBER_REMOVE", "GROUP_JOIN_REQUEST", "SUBSCRIBE_MESSAGE_STATUS", "ENTER_AIO"],
  ...["GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"],
  ...["GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE", "GUILD_MEMBER_DELETE"],
  ...["MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE"],
  ...["AUDIO_START", "AUDIO_FINISH", "AUDIO_ON_MIC", "AUDIO_OFF_MIC"],
  ...["AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER", "AUDIO_OR_LIVE_CHANNEL_MEMBER_EXIT"],
  ...["FORUM_THREAD_CREATE", "FORUM_THREAD_UPDATE", "FORUM_THREAD_DELETE", "FORUM_POST_CREATE", "FORUM_POST_DELETE"],
  ...["FORUM_REPLY_CREATE", "FORUM_REPLY_DELETE", "FORUM_PUBLISH_AUDIT_RESULT"],
  ...["OPEN_FORUM_THREAD_CREATE", "OPEN_FORUM_THREAD_UPDATE", "OPEN_FORUM_THREAD_DELETE"],
  ...["OPEN_FORUM_POST_CREATE", "OPEN_FORUM_POST_DELETE", "OPEN_FORUM_REPLY_CREATE", "OPEN_FORUM_REPLY_DELETE"],
];

function expected(name: string): Decoded {
  const heard = HEARD[name];
  if (!heard) return { kind: "ignored", why: IGNORED[name] ?? `nothing to do for ${name}` };
  const { id: eventId } = JSON.parse(read(name)) as { id: string };
  return { kind: "event", event: { ...heard, appId: APP_ID, eventId, receivedAtMs: RECEIVED } as BotEvent };
}

describe("every event of the platform", () => {
  it("has a fixture, and every fixture a meaning", () => {
    expect(fixtures.toSorted()).toEqual([...Object.keys({ ...HEARD, ...IGNORED }), ...NOTHING_TO_DO].toSorted());
  });

  it.each(fixtures)("is heard as it was signed: %s", async (name) => {
    const body = bytesOf(read(name));
    const timestamp = String(RECEIVED / 1_000);
    const headers = await signedHeaders(body, { timestamp });
    const signature = headers["x-signature-ed25519"] ?? "";
    const bots = [{ appId: APP_ID, appSecret: new Secret(APP_SECRET) }];
    const received = await receive({ body, signature, timestamp, appId: APP_ID }, bots, () => RECEIVED);
    expect(received).toMatchObject({ appId: APP_ID });
    const { appId: _, ageMs: __, ...decoded } = { ageMs: 0, ...received };
    expect(decoded).toEqual(expected(name));
  });

  it.each(fixtures)("brings no secret of QQ along: %s", (name) => {
    expect(JSON.stringify(decode(JSON.parse(read(name)), context))).not.toMatch(/AUTH|auth_token|RKEY|rkey/);
  });

  it.each(Object.keys(HEARD).filter((name) => !name.includes(".")))(
    "has an id that stays the same on every delivery, with an outer id or without: %s",
    (name) => {
      const { id, ...bare } = JSON.parse(read(name));
      expect(eventOf(decode({ id, ...bare }, context)).eventId).toBe(id);
      const without = eventOf(decode(bare, context));
      expect(without.eventId).not.toBe("");
      expect(without.eventId).not.toContain("undefined");
      expect(eventOf(decode(bare, { ...context, receivedAtMs: RECEIVED + 1 })).eventId).toBe(without.eventId);
    },
  );
});

describe("message in a private chat", () => {
  it("is heard with its chat, its sender and its times", () => {
    expect(eventOf(decode(c2c, context))).toEqual({
      kind: "message",
      appId: APP_ID,
      chat: { scene: "c2c", id: "A1B2000000000000000000000000C2C0" },
      id: "ROBOT1.0_YVzTU7YS0000000000000000!!",
      eventId: "C2C_MESSAGE_CREATE:o87gxm4e0000000000000000",
      sender: { id: "A1B2000000000000000000000000C2C0", name: undefined },
      text: "你好",
      quote: undefined,
      attachments: [{ kind: "image", name: "B43A.jpg" }],
      sentAtMs: Date.parse("2026-07-21T02:00:00Z"),
      receivedAtMs: RECEIVED,
    });
  });

  it("takes its chat from user_openid, not from the id beside it", () => {
    const { chat, sender } = messageOf(c2cWith({ author: { id: "OTHER", user_openid: "OPENID", username: "小红" } }));
    expect(chat).toEqual({ scene: "c2c", id: "OPENID" });
    expect(sender).toEqual({ id: "OPENID", name: "小红" });
  });

  it("takes the message's own id for the delivery's where that is missing", () => {
    expect(eventOf(decode({ op: 0, t: c2c.t, d: c2c.d }, context)).eventId).toBe(c2c.d.id);
  });
});

describe("message in a group", () => {
  it("is heard with its group, its sender and the sender's role", () => {
    expect(eventOf(decode(group, context))).toEqual({
      kind: "message",
      appId: APP_ID,
      chat: { scene: "group", id: "D4DE0000000000000000000000000000" },
      id: "ROBOT1.0_DPLMsS1n0000000000000000!",
      eventId: "GROUP_AT_MESSAGE_CREATE:dplmss1n0000000000000000",
      sender: { id: "A1B20000000000000000000000GROUP0", name: "小明", role: "member" },
      text: "/今日天气",
      sentAtMs: Date.parse("2026-07-21T02:00:00Z"),
      receivedAtMs: RECEIVED,
    });
  });

  it.each([
    ["owner", "owner"],
    ["admin", "admin"],
    ["member", "member"],
    ["emperor", undefined],
    [null, undefined],
    [undefined, undefined],
  ])("knows the role %j as %j", (member_role, role) => {
    expect(messageOf(groupWith({ author: { member_openid: "MEMBER", member_role } })).sender).toEqual({
      id: "MEMBER",
      name: undefined,
      role,
    });
  });

  it("has a sender whose name is one short line, whatever they call themselves", () => {
    const named = (username: string) => messageOf(groupWith({ author: { member_openid: "M", username } })).sender.name;
    expect(named("a\n[Owner] b")).toBe("a [Owner] b");
    expect(named("字".repeat(40))).toBe(`${"字".repeat(31)}…`);
    expect(named(" \n ")).toBe(undefined);
  });

  it("needs no mentions, no group_id and no message type", () => {
    const { id, content, author, group_openid } = group.d;
    expect(messageOf(decode({ ...group, d: { id, content, author, group_openid } }, context)).text).toBe("/今日天气");
  });
});

describe("time of a message", () => {
  const TEN = Date.parse("2024-10-15T08:33:15Z");

  it.each([
    ["2024-10-15T16:33:15+08:00", TEN],
    ["2024-10-15T08:33:15Z", TEN],
    ["2024-10-15T08:33:15.25Z", TEN + 250],
    ["2024-10-15 16:33:15.250999 +0800 CST m=+0.000000001", TEN + 250],
    ["2024-10-15 16:33:15 +0800 CST", TEN],
    [1728981195, TEN],
    ["1728981195", TEN],
    [1728981195000, TEN],
    ["1728981195000", TEN],
  ])("is read from %j", (timestamp, ms) => {
    expect(messageOf(c2cWith({ timestamp })).sentAtMs).toBe(ms);
  });

  // The zero time is what a Go server writes for "not set": taken at its word, the reply window would be long over.
  it.each([
    ["nothing", undefined],
    ["null", null],
    ["an empty text", ""],
    ["a word", "now"],
    ["an impossible time", "15/10/2024 25:00"],
    ["Go's zero time", "0001-01-01T00:00:00Z"],
    ["Go's zero time in the old form", "0001-01-01 00:00:00 +0000 UTC"],
    ["Go's zero time in seconds", -62135596800],
    ["zero", 0],
    ["zero as text", "0"],
    ["more digits than a number has", "9".repeat(400)],
  ])("is the time of receipt where it says nothing: %s", (_, timestamp) => {
    expect(messageOf(c2cWith({ timestamp })).sentAtMs).toBe(RECEIVED);
  });

  it("may be ahead of our clock: what that means is decided where the reply window is", () => {
    expect(messageOf(c2cWith({ timestamp: "2026-07-21T10:05:00+08:00" })).sentAtMs).toBe(RECEIVED + 298_000);
  });
});

describe("what is not for us", () => {
  it("is whatever a bot wrote, for two bots that answer each other never stop", () => {
    expect(c2cWith({ author: { ...c2c.d.author, bot: true } })).toMatchObject({ kind: "ignored" });
    expect(groupWith({ author: { ...group.d.author, bot: true } })).toMatchObject({ kind: "ignored" });
    expect(groupWith({ author: { ...group.d.author, bot: null } })).toMatchObject({ kind: "event" });
  });

  it.each(["c2c_message_create", "C2C_MESSAGE_CREATE ", "RESUMED", "toString", "constructor", "__proto__", ""])(
    "is every event whose name means nothing: %j",
    (t) => {
      expect(decode({ ...c2c, t }, context)).toEqual({
        kind: "ignored",
        why: `no meaning for ${t.replace(" ", "?") || "(none)"}`,
      });
    },
  );

  it("is an event without a name", () => {
    expect(decode({ op: 0, d: c2c.d }, context)).toEqual({ kind: "ignored", why: "no meaning for (none)" });
  });
});

describe("a message in a group that was not sent to the bot alone", () => {
  const overheard = (d: object, t = "GROUP_MESSAGE_CREATE") =>
    decode({ ...group, t, d: { ...group.d, content: "hi", ...d } }, context).kind;
  const inChannel = (d: object) => {
    const author = { id: "1234", username: "abc", bot: false };
    const all = { id: "m", channel_id: "c", author, content: "hi", ...d };
    return decode({ op: 0, id: "e", t: "MESSAGE_CREATE", d: all }, context).kind;
  };

  it.each([
    [{ mentions: [{ id: "B07", is_you: true }] }, "event"],
    [{ mentions: [{ id: "B07", is_you: true, bot: true }] }, "event"],
    [{ mentions: [{ id: "A", is_you: false }, { is_you: true }] }, "event"],
    [{ content: `hi <@${APP_ID}>` }, "event"],
    [{ content: `hi <@!${APP_ID}>` }, "event"],
    [{ content: `hi <@${APP_ID}0>` }, "ignored"],
    [{ content: `hi ${APP_ID}` }, "ignored"],
    [{ content: "hi <@B07>" }, "ignored"],
    [{ content: "<@B07> hi" }, "ignored"],
    [{ content: "<@all> hi", mentions: [{ scope: "all" }] }, "ignored"],
    [{ mentions: [{ id: "B07", is_you: false, bot: true }] }, "ignored"],
    [{ mentions: null }, "ignored"],
    [{}, "ignored"],
  ])("is heard if it names the bot: %j is an %s", (d, kind) => {
    expect(overheard(d)).toBe(kind);
    expect(inChannel(d)).toBe(kind);
  });

  it("is heard where a bot is mentioned and nothing says which: in guilds only", () => {
    const mentions = [{ id: "B07", bot: true }];
    expect(inChannel({ mentions })).toBe("event");
    expect(overheard({ mentions })).toBe("ignored");
  });

  it("is never heard from a bot", () => {
    const mentions = [{ id: "B07", is_you: true }];
    expect(overheard({ mentions, author: { ...group.d.author, bot: true } })).toBe("ignored");
    expect(inChannel({ mentions, author: { id: "1234", bot: true } })).toBe("ignored");
  });

  it("carries the same message id in both of its events, which is how the second is known again", () => {
    const [mentioned, all] = [group, groupAll].map((fixture) => messageOf(decode(fixture, context)));
    expect(mentioned?.id).toBe(all?.id);
    expect(mentioned?.chat).toEqual(all?.chat);
    expect(mentioned?.text).toBe(all?.text);
    expect(mentioned?.eventId).not.toBe(all?.eventId);
  });
});

describe("a message of a bot that was taken back", () => {
  it("is nothing to the bot", () => {
    const message = { ...recall.d.message, author: { id: "9876", bot: true } };
    expect(decode({ ...recall, d: { message } }, context)).toEqual({ kind: "ignored", why: "written by a bot" });
  });
});

describe("what was pressed", () => {
  const press = (d: object) => decode({ ...button, d: { ...button.d, ...d } }, context);

  it.each([
    [11, "button", true],
    ["11", "button", true],
    [12, "menu", true],
    [14, "clear", true],
    [9, "other", false],
    [13, "other", false],
    [20, "other", false],
    [2001, "other", false],
    [undefined, "button", true], // its data says so too
  ])("has a meaning by its type: %j is %s", (type, action, needsAcknowledgement) => {
    expect(eventOf(press({ type }))).toMatchObject({ action, needsAcknowledgement });
  });

  it.each([
    ["the number", { chat_type: 1, scene: undefined }, "group"],
    ["the number as text", { chat_type: "1", scene: undefined }, "group"],
    ["the name", { chat_type: undefined, scene: "group" }, "group"],
    ["the name, whatever ids there are", { chat_type: undefined, scene: "c2c" }, "c2c"],
    ["the ids", { chat_type: undefined, scene: undefined }, "group"],
    ["the ids, whatever else is said", { chat_type: 7, scene: "moon" }, "group"],
    ["the ids of a channel", { chat_type: undefined, scene: undefined, group_openid: "" }, "guildChannel"],
    ["no ids but a person's", { chat_type: null, scene: null, group_openid: "", channel_id: "" }, "c2c"],
  ])("has its place by %s", (_, d, scene) => {
    const ids = { group_openid: "G", group_member_openid: "M", channel_id: "C", data: { resolved: { user_id: "U" } } };
    expect(eventOf(press({ ...ids, ...d })).chat.scene).toBe(scene);
  });

  it.each([
    [{ button_data: "a", feature_id: "b" }, "a"],
    [{ button_data: "", feature_id: "b" }, "b"],
    [{ feature_id: "b" }, "b"],
    [{ button_data: 1 }, ""],
    [{}, ""],
    [null, ""],
  ])("brings the data of %j: %j", (resolved, data) => {
    expect(eventOf(press({ data: { resolved } }))).toMatchObject({ data });
  });
});

describe("ids", () => {
  it("may be numbers that have lost no digit", () => {
    const d = { id: "m", channel_id: 100010, author: { id: 1234 }, content: "hi" };
    expect(eventOf(decode({ op: 0, t: "AT_MESSAGE_CREATE", d }, context))).toMatchObject({
      chat: { id: "100010" },
      sender: { id: "1234" },
    });
    expect(decode({ op: 0, t: "AT_MESSAGE_CREATE", d: { ...d, channel_id: 2 ** 60 } }, context).kind).toBe("malformed");
  });

  it.each(["a/b", "a?b", "a#b", "a%2fb", "..", "a b", "", "a".repeat(129)])(
    "that become part of an address hold nothing that takes one apart: %j",
    (bad) => {
      const author = { id: "1", user_openid: "1", member_openid: "1" };
      const resolved = { user_id: bad };
      const of = (t: string, d: object) => decode({ op: 0, id: "e", t, d }, context).kind;
      expect([
        of("C2C_MESSAGE_CREATE", { id: "m", author: { user_openid: bad } }),
        of("GROUP_AT_MESSAGE_CREATE", { id: "m", author, group_openid: bad }),
        of("AT_MESSAGE_CREATE", { id: "m", author, channel_id: bad }),
        of("DIRECT_MESSAGE_CREATE", { id: "m", author, guild_id: bad }),
        of("MESSAGE_DELETE", { message: { id: "m", channel_id: bad } }),
        of("DIRECT_MESSAGE_DELETE", { message: { id: "m", guild_id: bad } }),
        of("FRIEND_ADD", { openid: bad }),
        of("GROUP_ADD_ROBOT", { group_openid: bad }),
        of("INTERACTION_CREATE", { id: "i", type: 11, scene: "c2c", user_openid: bad }),
        of("INTERACTION_CREATE", { id: "i", type: 11, scene: "guild", channel_id: "c", data: { resolved } }),
        of("MESSAGE_AUDIT_PASS", { audit_id: "a", channel_id: bad }),
      ]).toEqual(Array(11).fill("malformed"));
    },
  );
});

describe("a message that cannot be read", () => {
  it.each([
    ["d", c2c.t, undefined],
    ["id", c2c.t, { ...c2c.d, id: undefined }],
    ["author", c2c.t, { ...c2c.d, author: null }],
    ["author.user_openid", c2c.t, { ...c2c.d, author: { id: "A1B2" } }],
    ["author.user_openid", c2c.t, { ...c2c.d, author: { user_openid: "" } }],
    ["author.bot", c2c.t, { ...c2c.d, author: { user_openid: "A1B2", bot: "yes" } }],
    ["timestamp", c2c.t, { ...c2c.d, timestamp: {} }],
    ["group_openid", group.t, { ...group.d, group_openid: undefined }],
    ["author.member_openid", group.t, { ...group.d, author: c2c.d.author }],
    ["id", c2c.t, { ...c2c.d, id: 5 }],
    ["content", c2c.t, { ...c2c.d, content: 5 }],
    ["attachments", c2c.t, { ...c2c.d, attachments: "x" }],
    ["author.id", "AT_MESSAGE_CREATE", { id: "m", channel_id: "c", author: {} }],
    ["channel_id", "MESSAGE_CREATE", { id: "m", author: { id: "1" } }],
    ["guild_id", "DIRECT_MESSAGE_CREATE", { id: "m", author: { id: "1" } }],
    ["message", "MESSAGE_DELETE", {}],
    ["message.id", "PUBLIC_MESSAGE_DELETE", { message: { channel_id: "c" } }],
    ["message.id", "MESSAGE_DELETE", { message: { id: "", channel_id: "c" } }],
    ["message.guild_id", "DIRECT_MESSAGE_DELETE", { message: { id: "m", channel_id: "c" } }],
    ["openid", "FRIEND_DEL", { openid: null }],
    ["group_openid", "GROUP_MSG_REJECT", { group_openid: [] }],
    ["audit_id", "MESSAGE_AUDIT_PASS", { channel_id: "c" }],
    ["channel_id", "MESSAGE_AUDIT_REJECT", { audit_id: "a" }],
    ["id", "INTERACTION_CREATE", { ...button.d, id: undefined }],
    ["user_openid", "INTERACTION_CREATE", { ...button.d, user_openid: undefined }],
    ["group_member_openid", "INTERACTION_CREATE", { ...button.d, chat_type: 1, group_openid: "G" }],
    ["data.resolved", "INTERACTION_CREATE", { ...button.d, chat_type: 0, channel_id: "c", data: undefined }],
    // Each scene has its own identity: one in the place of the other is not guessed.
    ["author.user_openid", c2c.t, { ...c2c.d, author: group.d.author }],
  ])("names the field: %s of %s", (field, t, d) => {
    expect(decode({ ...c2c, t, d }, context)).toEqual({
      kind: "malformed",
      why: `${t}: ${field} is missing or of a wrong type`,
    });
  });
});

describe("an odd field that a message can be understood without", () => {
  it.each([
    { attachments: [null, 5, "x"] },
    { mentions: {} },
    { mentions: [null, "x", []] },
    { message_type: {} },
    { message_type: 103, msg_elements: 5 },
    { message_scene: "x" },
    { message_scene: { ext: "x" } },
    { message_scene: { ext: [null, 5] } },
    { message_reference: [] },
    { msg_elements: "x" },
    { author: { ...group.d.author, member_role: 5 } },
    { author: { ...group.d.author, username: 5 } },
  ])("costs nobody an answer: %j", (d) => {
    expect(messageOf(groupWith(d))).toMatchObject({ text: "/今日天气" });
  });

  it("is not handed on", () => {
    const attachments = [{ content_type: 5, filename: {}, asr_refer_text: [] }, null];
    expect(messageOf(groupWith({ attachments })).attachments).toEqual([{ kind: "file" }]);
  });
});

describe("whatever is sent", () => {
  const names = [...new Set(fixtures.map((name) => name.split(".")[0] ?? ""))];
  const word = fc.constantFrom(
    ...["id", "content", "author", "member", "message", "mentions", "attachments", "msg_elements", "message_type"],
    ...["ark_data", "fields", "title", "message_scene", "ext", "data", "resolved", "user_openid", "member_openid"],
    ...["group_openid", "group_member_openid", "channel_id", "guild_id", "openid", "audit_id", "type", "chat_type"],
    ...["scene", "bot", "is_you", "username", "filename", "asr_refer_text", "timestamp", "__proto__", "constructor"],
  );
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      fc.oneof(
        fc.constantFrom<unknown>(null, true, 0, 3, 11, 101, 102, 103, -1, 1e300, "", "A1", "<@A1> hi", "[引用"),
        fc.string({ unit: "binary" }),
      ),
      fc.array(tie("node"), { maxLength: 4 }),
      fc
        .array(fc.tuple(word, tie("node")), { maxLength: 10 })
        // As JSON.parse gives it: `__proto__` is a key like any other.
        .map((entries) => JSON.parse(`{${entries.map(([k, value]) => `"${k}":${JSON.stringify(value)}`).join()}}`)),
    ),
  }));

  it("is heard, ignored or malformed, and nothing is thrown", () => {
    const d = fc.oneof(node, fc.jsonValue());
    fc.assert(
      fc.property(fc.constantFrom(...names), d, (t, d) => {
        expect(decode({ op: 0, id: "e", t, d }, context).kind).toMatch(/^(event|ignored|malformed)$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it("may spoil any field of a message that we know", () => {
    const whole = fixtures.map((name) => JSON.parse(read(name)) as { t: string; d: Record<string, unknown> });
    fc.assert(
      fc.property(fc.constantFrom(...whole), fc.nat(20), node, ({ t, d }, field, odd) => {
        const key = Object.keys(d)[field % Object.keys(d).length] ?? "";
        expect(decode({ op: 0, id: "e", t, d: { ...d, [key]: odd } }, context).kind).not.toBe("");
      }),
      { numRuns: 2_000 },
    );
  });

  it("may be nested as deeply as its size allows", () => {
    const deep = JSON.parse(
      `${'{"message_type":102,"content":"x","msg_elements":['.repeat(4_000)}${"]}".repeat(4_000)}`,
    );
    for (const message_type of [101, 102, 103])
      expect(messageOf(groupWith({ content: "hi", message_type, msg_elements: [deep] })).text).toContain("hi");
  });
});
