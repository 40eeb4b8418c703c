/** What QQ posts: every event of the platform, and what people write in every scene. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decode } from "../../src/qq/decode.ts";
import { signedMessage, webhookKey } from "../../src/qq/signature.ts";
import { EVENT_NAMES } from "../../src/simulator/events.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import type { Question } from "../../src/simulator/questions.ts";

const APP_ID = "102000001";
const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";

interface Callback {
  op: number;
  id: string;
  t: string;
  d: Record<string, unknown>;
}

let qq: FakeQQ;
let url: string;
let bot: Server;
/** What the bot heard, if its signature is good. */
let heard: Callback[];
/** The statuses with which it answers, then 200. */
let answers: number[];
let onHeard: (callback: Callback) => void;

beforeEach(async () => {
  heard = [];
  answers = [];
  onHeard = () => {};
  const key = await webhookKey(APP_SECRET);
  bot = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const body = Buffer.concat(chunks).toString();
      const {
        "x-signature-timestamp": timestamp,
        "x-signature-ed25519": signature,
        "x-bot-appid": appId,
      } = request.headers;
      const isSigned = await key.verify(String(signature), signedMessage(String(timestamp), Buffer.concat(chunks)));
      const callback = JSON.parse(body) as Callback;
      if (isSigned && appId === APP_ID) heard.push(callback);
      response.writeHead(answers.shift() ?? 200).end('{"op":12,"d":0}');
      onHeard(callback);
    });
  });
  await new Promise<void>((resolve) => bot.listen(0, "127.0.0.1", resolve));
  const callbackUrl = `http://127.0.0.1:${(bot.address() as AddressInfo).port}`; // it listens on a port
  qq = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET, callbackUrl, redeliveryPauseMs: 1 });
  url = await qq.start();
});

afterEach(async () => {
  await qq.stop();
  bot.closeAllConnections();
  bot.close();
});

describe("an event", () => {
  it.each(EVENT_NAMES)("is posted, signed, under its name: %s", async (t) => {
    const posted = await qq.emit(t);
    expect(posted).toMatchObject({ t, deliveries: [200], acknowledged: true });
    expect(heard).toEqual([{ op: 0, id: posted.eventId, t, d: posted.d }]);
    expect(posted.eventId.startsWith(`${t}:`)).toBe(true);
    expect(Object.keys(posted.d).length).toBeGreaterThan(0);
    const decoded = decode({ ...heard[0], op: 0 }, { appId: APP_ID, receivedAtMs: 0 });
    expect(decoded.kind).not.toBe("malformed");
  });

  it("carries what a test says instead of its own", async () => {
    await qq.emit("GROUP_ADD_ROBOT", { group_openid: "G9" });
    await qq.emit("NEVER_HEARD_OF", { a: 1 });
    expect(heard).toMatchObject([
      { d: { group_openid: "G9", op_member_openid: "MEMBER0001" } },
      { t: "NEVER_HEARD_OF", d: { a: 1 } },
    ]);
  });

  it("is posted again, as it was, until it is acknowledged, four times in all", async () => {
    answers = [500, 500];
    expect(await qq.emit("FRIEND_ADD")).toMatchObject({ deliveries: [500, 500, 200], acknowledged: true });
    expect(new Set(heard.map((callback) => JSON.stringify(callback))).size).toBe(1);
    answers = [500, 500, 500, 500, 200];
    expect(await qq.emit("FRIEND_ADD")).toMatchObject({ deliveries: [500, 500, 500, 500], acknowledged: false });
  });
});

describe("what people write", () => {
  const said = async (question: Partial<Question>) => {
    const asked = await qq.say({ text: "1 < 2 #m1", ...question });
    return { asked, callbacks: heard };
  };

  it.each<[Question["scene"], string, object]>([
    ["c2c", "C2C_MESSAGE_CREATE", { content: "1 < 2 #m1", author: { user_openid: "USER0001" } }],
    [
      "group",
      "GROUP_AT_MESSAGE_CREATE",
      { content: " 1 < 2 #m1 ", group_openid: "GROUP0001", author: { member_openid: "MEMBER0001" }, mentions: [] },
    ],
    ["guildChannel", "AT_MESSAGE_CREATE", { channel_id: "CHANNEL0001", author: { id: "MEMBER0001" } }],
    [
      "guildDm",
      "DIRECT_MESSAGE_CREATE",
      { content: "1 &lt; 2 #m1", guild_id: "DM0001", direct_message: true, src_guild_id: expect.stringMatching(/./) },
    ],
  ])("is posted as the event of its scene: %s", async (scene, t, d) => {
    const { asked, callbacks } = await said({ scene });
    expect(callbacks).toMatchObject([{ t, d: { id: asked.messageId, ...d } }]);
    expect(qq.ledger.asked).toEqual([asked]);
    expect(asked).toMatchObject({ chat: { scene }, text: "1 < 2 #m1", deliveries: [200] });
  });

  it("names the bot in a channel, and escapes the rest", async () => {
    const { callbacks } = await said({ scene: "guildChannel" });
    expect(callbacks[0]?.d).toMatchObject({
      content: `<@!${qq.bot.id}> 1 &lt; 2 #m1`,
      mentions: [{ id: qq.bot.id, bot: true }],
    });
  });

  it("names the bot among all messages of a group", async () => {
    const { callbacks } = await said({ event: "GROUP_MESSAGE_CREATE", mentions: [{ scope: "all" }] });
    expect(callbacks).toMatchObject([
      {
        t: "GROUP_MESSAGE_CREATE",
        d: {
          content: `<@${qq.bot.memberOpenid}> 1 < 2 #m1`,
          mentions: [{ member_openid: qq.bot.memberOpenid, is_you: true }, { scope: "all" }],
        },
      },
    ]);
  });

  it.each([
    ["group", "GROUP_MESSAGE_CREATE"],
    ["guildChannel", "MESSAGE_CREATE"],
  ] as const)("names nobody when it is said to others, and no answer is owed: %s", async (scene, t) => {
    const { callbacks } = await said({ scene, addressed: false });
    expect(callbacks).toMatchObject([{ t, d: { content: expect.not.stringContaining("@"), mentions: [] } }]);
    expect(qq.ledger.judge()).toMatchObject({ lost: [], own: 0 });
    await said({ scene });
    expect(qq.ledger.judge().lost).toHaveLength(1);
  });

  it.each([
    ["group", ["GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"]],
    ["guildChannel", ["AT_MESSAGE_CREATE", "MESSAGE_CREATE"]],
  ] as const)("is posted as both events when both are ticked: %s", async (scene, names) => {
    const { asked, callbacks } = await said({ scene, both: true });
    expect(callbacks.map(({ t }) => t).sort()).toEqual(names);
    expect(new Set(callbacks.map(({ d }) => d.id))).toEqual(new Set([asked.messageId]));
    expect(new Set(callbacks.map(({ id }) => id)).size).toBe(2);
    expect(asked.deliveries).toEqual([200, 200]);
  });

  it.each(["c2c", "group"] as const)("carries a quote: %s", async (scene) => {
    const { callbacks } = await said({ scene, quote: { text: "旧话", name: "小红" } });
    const d = callbacks[0]?.d as { message_scene: { ext: string[] }; msg_elements: { msg_idx: string }[] };
    expect(d).toMatchObject({ message_type: 103, msg_elements: [{ content: "旧话", author: { username: "小红" } }] });
    expect(d.message_scene.ext).toContain(`ref_msg_idx=${d.msg_elements[0]?.msg_idx}`);
  });

  it.each(["c2c", "group", "guildChannel", "guildDm"] as const)(
    "carries attachments and raw content: %s",
    async (scene) => {
      const attachments = [{ content_type: "voice", asr_refer_text: "喂" }];
      const { callbacks } = await said({ scene, attachments, content: "<faceType=1>", byBot: true });
      expect(callbacks[0]?.d).toMatchObject({ attachments, content: "<faceType=1>", author: { bot: true } });
    },
  );

  it("says when it was written, to the second and in Beijing", async () => {
    const sentAtMs = Date.parse("2026-07-21T10:00:00.900+08:00");
    const { asked, callbacks } = await said({ sentAtMs });
    expect(callbacks[0]?.d.timestamp).toBe("2026-07-21T10:00:00+08:00");
    expect(asked.askedAtMs).toBe(sentAtMs);
  });
});

describe("a press", () => {
  /** The bot acknowledges what it hears. */
  async function acknowledging(more: Record<string, string> = {}): Promise<void> {
    const response = await fetch(`${url}/app/getAppAccessToken`, {
      method: "POST",
      body: JSON.stringify({ appId: APP_ID, clientSecret: APP_SECRET }),
    });
    const { access_token } = (await response.json()) as { access_token: string };
    onHeard = ({ d }) =>
      void fetch(`${url}/interactions/${d.id}`, {
        method: "PUT",
        headers: {
          authorization: `QQBot ${access_token}`,
          "x-union-appid": APP_ID,
          "x-callback-appid": APP_ID,
          ...more,
        },
        body: JSON.stringify({ code: 0 }),
      });
  }

  it.each<[Question["scene"], object]>([
    ["c2c", { chat_type: 2, scene: "c2c", user_openid: "P" }],
    ["group", { chat_type: 1, scene: "group", group_openid: "P", group_member_openid: "MEMBER0001" }],
    ["guildChannel", { chat_type: 0, channel_id: "P", data: { resolved: { user_id: "MEMBER0001" } } }],
  ])("is posted, and over when the bot has acknowledged it: %s", async (scene, d) => {
    await acknowledging();
    const pressed = await qq.press({ scene, chatId: "P", data: "/help" });
    expect(pressed).toMatchObject({
      t: "INTERACTION_CREATE",
      d: { application_id: APP_ID, type: 11, data: { type: 11, resolved: { button_data: "/help" } } },
      acknowledgement: { id: pressed.d.id, code: 0, hasHeaders: true, isDuplicate: false },
    });
    expect(pressed.d).toMatchObject(d);
  });

  it("of the menu names its entry", async () => {
    await acknowledging();
    expect((await qq.press({ data: "f1", type: 12 })).d).toMatchObject({ data: { resolved: { feature_id: "f1" } } });
  });

  it("needs no acknowledgement where QQ waits for none", async () => {
    expect(await qq.press({ data: "", type: 14 })).toMatchObject({ acknowledged: true, acknowledgement: undefined });
  });

  it("fails if the bot does not acknowledge it, or not as QQ wants it", async () => {
    await expect(qq.press({ data: "/help", withinMs: 20 })).rejects.toThrow("not within 20 ms");
    await acknowledging({ "x-callback-appid": "" });
    await expect(qq.press({ data: "/help", withinMs: 100 })).rejects.toThrow("not within 100 ms");
    expect(qq.acknowledgements).toMatchObject([{ hasHeaders: false }]);
  });
});
