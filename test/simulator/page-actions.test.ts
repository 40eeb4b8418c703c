/** What a person does on the page, what QQ posts for it, and what the page shows of it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Chat } from "../../src/event.ts";
import { decode } from "../../src/qq/decode.ts";
import { CHATS, type PageBench, pageBench } from "../support/page-bench.ts";

let bench: PageBench;

beforeEach(async () => {
  bench = await pageBench();
});

afterEach(async () => {
  await bench.until(() => bench.lines("happened").every(({ acknowledged }) => acknowledged));
  await bench.stop();
});

const refused = { ok: false, words: { zh: expect.any(String), en: expect.any(String) } };

/** Says something, and resolves with its line when QQ knows whether it was taken. */
async function say(chat: Chat, more: Record<string, unknown> = {}) {
  const before = bench.lines("said").length;
  expect(await bench.act("say", { chat, by: speakerOf(chat), text: "你好", ...more })).toEqual({ ok: true });
  const newest = () => bench.lines("said").at(before);
  await bench.until(() => newest()?.acknowledged !== undefined);
  const line = newest();
  if (!line) throw new Error("nothing was said");
  return line;
}

const speakerOf = ({ scene }: Chat) => (scene === "c2c" ? "USER0001" : "MEMBER0001");
const heardAs = (n = -1) => decode({ ...bench.heard.at(n), op: 0 }, { appId: "102000001", receivedAtMs: 0 });

describe("saying something", () => {
  it.each([
    [CHATS.c2c, "C2C_MESSAGE_CREATE"],
    [CHATS.group, "GROUP_AT_MESSAGE_CREATE"],
    [CHATS.guildChannel, "AT_MESSAGE_CREATE"],
    [CHATS.guildDm, "DIRECT_MESSAGE_CREATE"],
  ])("reaches the bot from %o as %s, and stands in the chat", async (chat, event) => {
    const line = await say(chat);
    expect(line).toMatchObject({
      chat,
      text: "你好",
      acknowledged: true,
      addressed: true,
      by: { id: speakerOf(chat) },
    });
    expect(bench.heard).toMatchObject([{ t: event, d: { id: line.id } }]);
    expect(heardAs()).toMatchObject({ event: { chat, text: "你好", sender: { id: speakerOf(chat) } } });
  });

  it("has the name and the role of who says it", async () => {
    await say(CHATS.group, { by: "MEMBER0003" });
    expect(heardAs()).toMatchObject({ event: { sender: { id: "MEMBER0003", name: "陈静", role: "admin" } } });
  });

  it("may be said to others, where there are any", async () => {
    expect(await say(CHATS.group, { addressed: false })).toMatchObject({ addressed: false });
    expect(await say(CHATS.c2c, { addressed: false })).toMatchObject({ addressed: true });
    expect(bench.heard.map(({ t }) => t)).toEqual(["GROUP_MESSAGE_CREATE", "C2C_MESSAGE_CREATE"]);
  });

  it("quotes words in private chats and groups", async () => {
    const first = await say(CHATS.group, { by: "MEMBER0002", text: "原话" });
    const quoting = await say(CHATS.group, { quote: first.id });
    expect(quoting.quote).toEqual({ id: first.id, name: "阿雅", text: "原话" });
    expect(bench.heard.at(-1)?.d).toMatchObject({
      message_type: 103,
      msg_elements: [{ content: "原话", author: { username: "阿雅", bot: false } }],
    });
    const [index] = ext(0);
    expect(ext(1)).toContain(`ref_${index}`);
    expect(heardAs()).toMatchObject({ event: { quote: { text: "原话", name: "阿雅" } } });
  });

  it("quotes the bot's own words under the index that QQ gave it", async () => {
    const { id: msg_id } = await say(CHATS.c2c);
    const { json } = await bench.send(CHATS.c2c, { msg_type: 0, content: "我在", msg_id });
    await say(CHATS.c2c, { quote: json.id });
    const { ref_idx } = json.ext_info as { ref_idx: string };
    expect(ext(1)).toContain(`ref_msg_idx=${ref_idx}`);
    expect(bench.heard.at(-1)?.d).toMatchObject({ msg_elements: [{ content: "我在", author: { bot: true } }] });
  });

  it("quotes no more than an id in guilds", async () => {
    const first = await say(CHATS.guildChannel, { text: "原话" });
    await say(CHATS.guildChannel, { quote: first.id });
    expect(bench.heard.at(-1)?.d).toMatchObject({ message_reference: { message_id: first.id } });
    expect(bench.heard.at(-1)?.body).not.toContain("原话");
  });

  it("is shown as not taken when the bot does not take it", async () => {
    bench.statuses.push(500, 500, 500, 500);
    expect(await say(CHATS.c2c)).toMatchObject({ acknowledged: false });
  });

  it("is refused from nobody, nowhere, of nothing, and quoting what is elsewhere", async () => {
    const { id: quote } = await say(CHATS.c2c);
    const said = { chat: CHATS.group, by: "MEMBER0001", text: "好" };
    for (const odd of [
      { ...said, by: "USER0001" },
      { ...said, chat: { scene: "group", id: "G9" } },
      { ...said, text: " \n" },
      { ...said, quote },
      { ...said, quote: "nothing" },
    ])
      expect(await bench.act("say", odd)).toEqual(refused);
    expect(bench.heard).toHaveLength(1);
  });

  it.each([
    ["150000 characters at most", { text: "好".repeat(150_001) }],
    ["10 at most", { text: "", attachments: Array.from({ length: 11 }, () => "file") }],
  ])("is told its limit where it is more than that: %s", async (limit, more) => {
    const done = await bench.act("say", { chat: CHATS.c2c, by: "USER0001", ...more });
    expect(done).toMatchObject({ ok: false, words: { en: expect.stringContaining(limit) } });
  });

  function ext(n: number): string[] {
    const { message_scene } = bench.heard[n]?.d ?? {};
    return (message_scene as { ext: string[] }).ext; // of chats, it always has one
  }
});

describe("the bot's side", () => {
  it("is shown with whom QQ puts an @ of before it, in groups", async () => {
    for (const chat of [CHATS.c2c, CHATS.group]) {
      const { id: msg_id } = await say(chat);
      await bench.send(chat, { msg_type: 2, markdown: { content: "**好**" }, msg_id });
    }
    const [inPrivate, inGroup] = bench.lines("answered");
    expect(inPrivate).toMatchObject({ form: "markdown", text: "**好**", to: bench.lines("said")[0]?.id });
    expect(inPrivate?.at).toBeUndefined();
    expect(inGroup).toMatchObject({ at: "小明", to: bench.lines("said")[1]?.id });
  });

  it("is shown where QQ refuses it, with the code and its meaning", async () => {
    const { id: msg_id } = await say(CHATS.c2c);
    await bench.send(CHATS.c2c, { msg_type: 0, content: "好", msg_id: "nothing" });
    const about = { text: "好", status: 400, code: 40034024, meaning: "请求参数msg_id无效或越权", to: "nothing" };
    expect(bench.lines("refused")).toMatchObject([about]);
    const typing = { msg_type: 6, input_notify: { input_type: 1, input_second: 60 } };
    expect(await bench.send(CHATS.c2c, { ...typing, msg_id: "nothing" })).toMatchObject({ code: 40034024 });
    expect(bench.lines("refused")).toHaveLength(1);
    const changes: string[] = [];
    bench.page.state.subscribe(({ kind }) => changes.push(kind));
    await bench.send(CHATS.c2c, { ...typing, msg_id });
    expect(changes).toContain("typing");
  });

  it("is shown in chats that the page did not begin with", async () => {
    const before = bench.page.state.snapshot.chats.length;
    const { messageId } = await bench.qq.say({
      scene: "group",
      chatId: "G9",
      sender: "M9",
      senderName: "老王",
      text: "好",
    });
    const chats = bench.page.state.snapshot.chats.slice(before);
    expect(chats).toMatchObject([{ chat: { scene: "group", id: "G9" }, people: [{ id: "M9", name: "老王" }] }]);
    expect(bench.page.state.line(messageId)).toMatchObject({ kind: "said", acknowledged: true });
    await say({ scene: "group", id: "G9" }, { by: "M9" });
  });
});

describe("taking a message back", () => {
  it.each([
    [CHATS.guildChannel, {}, "PUBLIC_MESSAGE_DELETE"],
    [CHATS.guildChannel, { addressed: false }, "MESSAGE_DELETE"],
    [CHATS.guildDm, {}, "DIRECT_MESSAGE_DELETE"],
  ])("is told to the bot in guilds: %o %o", async (chat, how, event) => {
    const { id } = await say(chat, how);
    expect(await bench.act("recall", { line: id })).toEqual({ ok: true });
    await bench.until(() => bench.lines("happened")[0]?.acknowledged === true);
    expect(bench.heard.at(-1)).toMatchObject({ t: event, d: { message: { id, author: { id: "MEMBER0001" } } } });
    expect(heardAs()).toMatchObject({ event: { kind: "recall", messageId: id, chat } });
    expect(bench.page.state.line(id)).toMatchObject({ recalled: true });
  });

  it.each([CHATS.c2c, CHATS.group])("is not told in %o", async (chat) => {
    const { id } = await say(chat);
    expect(await bench.act("recall", { line: id })).toEqual({ ok: true });
    expect(bench.page.state.line(id)).toMatchObject({ recalled: true });
    await say(chat);
    expect(bench.heard.map(({ t }) => t)).not.toContain(expect.stringMatching(/DELETE/));
    expect(bench.heard).toHaveLength(2);
  });

  it("is refused twice, and for what nobody said", async () => {
    const { id } = await say(CHATS.guildDm);
    await bench.act("recall", { line: id });
    expect(await bench.act("recall", { line: id })).toEqual(refused);
    expect(await bench.act("recall", { line: "nothing" })).toEqual(refused);
  });
});

describe("pressing a button", () => {
  const button = (id: string, action: object = {}, more: object = {}) => ({
    id,
    render_data: { label: `按钮${id}`, style: 1 },
    action: { type: 1, permission: { type: 2 }, data: `data ${id}`, ...action },
    ...more,
  });

  async function shown(chat: Chat, ...buttons: object[]): Promise<string> {
    bench.qq.markdownAllowed.guildChannel = true;
    bench.qq.buttonsAllowed.guildChannel = true;
    const { id: msg_id } = await say(chat);
    const kind = chat.scene === "guildChannel" ? {} : { msg_type: 2 };
    const keyboard = { content: { rows: [{ buttons }] } };
    const { status, json } = await bench.send(chat, { ...kind, markdown: { content: "选" }, keyboard, msg_id });
    expect(status).toBe(200);
    return String(json.id);
  }

  const acknowledge = () => {
    bench.onHeard = ({ t, d }) => {
      if (t === "INTERACTION_CREATE") void bench.call("PUT", `interactions/${String(d.id)}`, { code: 0 });
    };
  };

  it.each([CHATS.c2c, CHATS.group, CHATS.guildChannel])("tells the bot what it carries, in %o", async (chat) => {
    acknowledge();
    const line = await shown(chat, button("1"), button("2"));
    expect(bench.page.state.line(line)).toMatchObject({
      buttons: [
        [
          { id: "1", label: "按钮1", style: 1, isOpen: true, action: "callback" },
          { id: "2", label: "按钮2" },
        ],
      ],
    });
    expect(await bench.act("press", { line, button: "2", by: speakerOf(chat) })).toEqual({ ok: true });
    await bench.until(() => bench.lines("happened")[0]?.acknowledged === true);
    expect(bench.heard.at(-1)?.d).toMatchObject({
      type: 11,
      data: {
        resolved: {
          button_id: "2",
          button_data: "data 2",
          ...(chat.scene === "guildChannel" && { user_id: "MEMBER0001", message_id: line }),
        },
      },
    });
    expect(heardAs()).toMatchObject({ event: { kind: "interaction", data: "data 2", chat } });
  });

  it("waits for the bot's acknowledgement, not only for that of the callback", async () => {
    const line = await shown(CHATS.c2c, button("1"));
    await bench.act("press", { line, button: "1", by: "USER0001" });
    await bench.until(() => bench.page.state.trace(String(bench.heard.at(-1)?.id))?.steps.length === 2);
    const [happened] = bench.lines("happened");
    expect(happened).toMatchObject({ event: "INTERACTION_CREATE" });
    expect(happened?.acknowledged).toBeUndefined();
    await bench.call("PUT", `interactions/${String(bench.heard.at(-1)?.d.id)}`, { code: 0 });
    await bench.until(() => bench.lines("happened")[0]?.acknowledged === true);
  });

  it("is for those who may", async () => {
    const line = await shown(
      CHATS.group,
      button("admins", { permission: { type: 1 } }),
      button("listed", { permission: { type: 0, specify_user_ids: ["MEMBER0002"] } }),
      button("nobody", { permission: { type: 0, specify_user_ids: ["USER0009"] } }),
    );
    acknowledge();
    const press = async (id: string, by: string) => (await bench.act("press", { line, button: id, by })).ok;
    expect([await press("admins", "MEMBER0001"), await press("admins", "MEMBER0003")]).toEqual([false, true]);
    expect([await press("listed", "MEMBER0003"), await press("listed", "MEMBER0002")]).toEqual([false, true]);
    const view = bench.page.state.line(line);
    expect(view?.kind === "answered" && view.buttons.flat().map(({ isOpen }) => isOpen)).toEqual([true, true, false]);
    expect(await press("nobody", "MEMBER0001")).toBe(false);
  });

  it("greys the other buttons of its group", async () => {
    acknowledge();
    const group_id = "g";
    const line = await shown(CHATS.c2c, button("1", {}, { group_id }), button("2", {}, { group_id }), button("3"));
    const press = async (id: string) => (await bench.act("press", { line, button: id, by: "USER0001" })).ok;
    expect([await press("1"), await press("2"), await press("3")]).toEqual([true, false, true]);
  });

  it("is refused where there is none, or none that tells the bot", async () => {
    const line = await shown(
      CHATS.c2c,
      button("1", { type: 2, data: "/stop" }),
      button("2", { type: 0, data: "https://qq.com" }),
    );
    expect(bench.page.state.line(line)).toMatchObject({
      buttons: [
        [
          { action: "command", data: "/stop" },
          { action: "link", data: "https://qq.com" },
        ],
      ],
    });
    for (const [name, by] of [
      ["1", "USER0001"],
      ["2", "USER0001"],
      ["3", "USER0001"],
      ["1", "nobody"],
    ])
      expect(await bench.act("press", { line, button: name, by })).toEqual(refused);
    expect(await bench.act("press", { line: "nothing", button: "1", by: "USER0001" })).toEqual(refused);
    expect(bench.heard).toHaveLength(1);
  });
});

describe("what happens beside messages", () => {
  it("is offered in each chat and reaches the bot as what it is", async () => {
    const { chats } = bench.page.state.snapshot;
    const offered = chats.flatMap(({ chat, events }) => events.map(({ event }) => ({ chat, event })));
    expect(offered.length).toBeGreaterThan(10);
    for (const [n, { chat, event }] of offered.entries()) {
      expect(await bench.act("happen", { chat, event })).toEqual({ ok: true });
      await bench.until(() => bench.lines("happened")[n]?.acknowledged === true);
      expect(bench.lines("happened")[n]).toMatchObject({
        chat,
        event,
        words: { zh: expect.stringMatching(/\p{sc=Han}/u) },
      });
      expect(bench.heard[n]?.t).toBe(event);
    }
    expect(bench.heard.find(({ t }) => t === "FRIEND_ADD")?.d).toMatchObject({ openid: "USER0001" });
    expect(bench.heard.find(({ t }) => t === "INTERACTION_CREATE")?.d).toMatchObject({ type: 14 });
  });

  it("is refused where it does not happen", async () => {
    for (const event of ["GROUP_ADD_ROBOT", "C2C_MESSAGE_CREATE", "toString"])
      expect(await bench.act("happen", { chat: CHATS.c2c, event })).toEqual(refused);
    expect(await bench.act("happen", { chat: { scene: "c2c", id: "U9" }, event: "FRIEND_ADD" })).toEqual(refused);
    expect(bench.heard).toEqual([]);
  });
});

describe("posting a callback again", () => {
  it("is signed anew, or sent byte for byte", async () => {
    const { id } = await say(CHATS.c2c);
    const [first] = bench.heard;
    expect(await bench.act("replay", { trace: id, asItWas: true })).toEqual({ ok: true });
    await bench.until(() => stepsOf(id) === 2);
    expect(await bench.act("replay", { trace: id })).toEqual({ ok: true });
    await bench.until(() => stepsOf(id) === 3);
    expect(bench.heard.map(({ body }) => body)).toEqual([first?.body, first?.body, first?.body]);
    const traceIds = bench.heard.map(({ headers }) => headers["x-tps-trace-id"]);
    expect(traceIds[1]).toBe(traceIds[0]);
    expect(traceIds[2]).not.toBe(traceIds[0]);
    expect(bench.heard[1]?.headers["x-signature-ed25519"]).toBe(first?.headers["x-signature-ed25519"]);
  });

  it("is refused where nothing was posted", async () => {
    expect(await bench.act("replay", { trace: "nothing" })).toEqual(refused);
  });

  const stepsOf = (id: string) => bench.page.state.trace(id)?.steps.filter(({ what }) => what === "callback").length;
});

describe("hostile words", () => {
  it.each([
    ["script", "<script>alert(1)</script><img src=x onerror=alert(1)>"],
    ["text that turns around", "\u202eabc\u0000\ufeff"],
    ["half a pair", "\ud800"],
    ["a very long line", "a".repeat(100_000)],
    ["broken Markdown", "```\n[a](javascript:alert(1)) ![](x"],
  ])("travel as they are: %s", async (_, text) => {
    expect(await say(CHATS.group, { text })).toMatchObject({ text, acknowledged: true });
  });
});
