import { describe, expect, it } from "vitest";
import { type Decoded, decode } from "../../src/qq/decode.ts";
import c2c from "../fixtures/qq/C2C_MESSAGE_CREATE.json" with { type: "json" };
import group from "../fixtures/qq/GROUP_AT_MESSAGE_CREATE.json" with { type: "json" };

const APP_ID = "102000001";
const RECEIVED = Date.parse("2026-07-21T10:00:02+08:00");
const context = { appId: APP_ID, receivedAtMs: RECEIVED };

/** The fixture with other fields in its message. */
const c2cWith = (d: object, outer: object = {}) => decode({ ...c2c, ...outer, d: { ...c2c.d, ...d } }, context);
const groupWith = (d: object) => decode({ ...group, d: { ...group.d, ...d } }, context);

function eventOf(decoded: Decoded) {
  if (decoded.kind !== "event") throw new Error(`${decoded.kind}: ${decoded.why}`);
  return decoded.event;
}

describe("message in a private chat", () => {
  it("is heard with its chat, its sender and its times", () => {
    expect(eventOf(decode(c2c, context))).toEqual({
      kind: "message",
      appId: APP_ID,
      chat: { scene: "c2c", id: "A1B2000000000000000000000000C2C0" },
      id: "ROBOT1.0_YVzTU7YS0000000000000000!!",
      eventId: "C2C_MESSAGE_CREATE:o87gxm4e0000000000000000",
      sender: { id: "A1B2000000000000000000000000C2C0", name: undefined },
      text: "你好\n[图片 B43A.jpg: 尚不能查看]",
      sentAtMs: Date.parse("2026-07-21T02:00:00Z"),
      receivedAtMs: RECEIVED,
    });
  });

  it("takes its chat from user_openid, not from the id beside it", () => {
    const { chat, sender } = eventOf(c2cWith({ author: { id: "OTHER", user_openid: "OPENID", username: "小红" } }));
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
    expect(eventOf(groupWith({ author: { member_openid: "MEMBER", member_role } })).sender).toEqual({
      id: "MEMBER",
      name: undefined,
      role,
    });
  });

  it("needs no mentions, no group_id and no message type", () => {
    const { id, content, author, group_openid } = group.d;
    expect(eventOf(decode({ ...group, d: { id, content, author, group_openid } }, context)).text).toBe("/今日天气");
  });
});

describe("words", () => {
  it.each([
    [" 你好 ", "你好"],
    ["\n\t你好\n", "你好"],
    [`<@!${APP_ID}> 你好`, "你好"],
    [` <@${APP_ID}>你好`, "你好"],
    [`你好 <@!${APP_ID}>`, `你好 <@!${APP_ID}>`],
    ["<@!999> 你好", "<@!999> 你好"],
    [`<@!${APP_ID}1> 你好`, `<@!${APP_ID}1> 你好`],
    ["第一行\n  第二行", "第一行\n  第二行"],
    ["a < b && b > c", "a < b && b > c"],
    ['<faceType=1,faceId="277",ext="e30=">', '<faceType=1,faceId="277",ext="e30=">'],
    [" ", ""],
    ["", ""],
    [null, ""],
    [undefined, ""],
  ])("lose the mention of the bot and the space around it, nothing else: %j", (content, text) => {
    expect(eventOf(groupWith({ content })).text).toBe(text);
    expect(eventOf(c2cWith({ content, attachments: [] })).text).toBe(text);
  });
});

describe("attachments", () => {
  it.each([
    [{ content_type: "image/png", filename: "a.png" }, "[图片 a.png: 尚不能查看]"],
    [{ content_type: "image/gif" }, "[图片: 尚不能查看]"],
    [{ content_type: "video/mp4", filename: "b.mp4" }, "[视频 b.mp4: 尚不能查看]"],
    [{ content_type: "voice", filename: "c.amr" }, "[语音 c.amr: 尚不能查看]"],
    [{ content_type: "file", filename: "d.pdf" }, "[文件 d.pdf: 尚不能查看]"],
    [{ content_type: null, filename: null }, "[文件: 尚不能查看]"],
    [{}, "[文件: 尚不能查看]"],
  ])("are named and not read: %j", (attachment, text) => {
    expect(eventOf(c2cWith({ content: "", attachments: [attachment] })).text).toBe(text);
  });

  it("stand below the words, one on each line", () => {
    const attachments = [{ content_type: "image/png" }, { content_type: "file", filename: "d.pdf" }];
    expect(eventOf(c2cWith({ content: "看", attachments })).text).toBe(
      "看\n[图片: 尚不能查看]\n[文件 d.pdf: 尚不能查看]",
    );
  });

  it.each([[[]], [null], [undefined]])("may be missing: %j", (attachments) => {
    expect(eventOf(c2cWith({ attachments })).text).toBe("你好");
  });

  it("do not take their address along, which is short-lived and carries a key", () => {
    expect(JSON.stringify(decode(c2c, context))).not.toContain("rkey");
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
    expect(eventOf(c2cWith({ timestamp })).sentAtMs).toBe(ms);
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
    expect(eventOf(c2cWith({ timestamp })).sentAtMs).toBe(RECEIVED);
  });

  it("may be ahead of our clock: what that means is decided where the reply window is", () => {
    expect(eventOf(c2cWith({ timestamp: "2026-07-21T10:05:00+08:00" })).sentAtMs).toBe(RECEIVED + 298_000);
  });
});

describe("what is not for us", () => {
  it("is whatever a bot wrote, for two bots that answer each other never stop", () => {
    expect(c2cWith({ author: { ...c2c.d.author, bot: true } })).toMatchObject({ kind: "ignored" });
    expect(groupWith({ author: { ...group.d.author, bot: true } })).toMatchObject({ kind: "ignored" });
    expect(groupWith({ author: { ...group.d.author, bot: null } })).toMatchObject({ kind: "event" });
  });

  it.each([
    "GROUP_MESSAGE_CREATE",
    "AT_MESSAGE_CREATE",
    "DIRECT_MESSAGE_CREATE",
    "FRIEND_ADD",
    "GROUP_ADD_ROBOT",
    "INTERACTION_CREATE",
    "MESSAGE_AUDIT_PASS",
    "c2c_message_create",
    "C2C_MESSAGE_CREATE ",
    "toString",
    "__proto__",
    "",
  ])("is every event without a meaning yet: %j", (t) => {
    expect(decode({ ...c2c, t }, context)).toMatchObject({ kind: "ignored" });
  });

  it("is an event without a name", () => {
    expect(decode({ op: 0, d: c2c.d }, context)).toEqual({ kind: "ignored", why: "no meaning for (none)" });
  });
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
    // Each scene has its own identity: one in the place of the other is not guessed.
    ["author.user_openid", c2c.t, { ...c2c.d, author: group.d.author }],
  ])("names the field: %s of %s", (field, t, d) => {
    expect(decode({ ...c2c, t, d }, context)).toEqual({
      kind: "malformed",
      why: `${t}: ${field} is missing or of a wrong type`,
    });
  });
});
