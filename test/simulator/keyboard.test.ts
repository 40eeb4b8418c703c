/** Buttons and files of the bot, as QQ takes and refuses them over HTTP. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Chat } from "../../src/event.ts";
import { CHATS, type PageBench, pageBench } from "../support/page-bench.ts";

let bench: PageBench;
let nowMs: number;

beforeEach(async () => {
  nowMs = Date.parse("2026-07-21T10:00:00+08:00");
  bench = await pageBench({ now: () => nowMs });
});

afterEach(() => bench.stop());

async function asked(chat: Chat): Promise<string> {
  return (await bench.qq.say({ scene: chat.scene, chatId: chat.id, text: "你好" })).messageId;
}

const button = (id = "1", action: object = {}, render: object = {}) => ({
  id,
  render_data: { label: "好的", visited_label: "选了", style: 1, ...render },
  action: { type: 2, permission: { type: 2 }, data: "/help", unsupport_tips: "请升级", ...action },
});

const keyboard = (...rows: object[][]) => ({ content: { rows: rows.map((buttons) => ({ buttons })) } });
const markdown = { msg_type: 2, markdown: { content: "选一个" } };
const many = (length: number, row = 0) => Array.from({ length }, (_, n) => button(`${row}-${n}`));

describe("buttons", () => {
  it.each([CHATS.c2c, CHATS.group])("go with Markdown, up to five rows of five, in %o", async (chat) => {
    const rows = Array.from({ length: 5 }, (_, row) => many(5, row));
    const whole = { ...markdown, keyboard: keyboard(...rows), msg_id: await asked(chat) };
    expect(await bench.send(chat, whole)).toMatchObject({ status: 200 });
    const { buttons } = bench.qq.ledger.delivered[0] ?? {};
    expect(buttons?.map((row) => row.length)).toEqual([5, 5, 5, 5, 5]);
    expect(buttons?.[4]?.[4]).toMatchObject({ id: "4-4", label: "好的", style: 1, type: 2, data: "/help" });
    expect(bench.lines("answered")[0]?.buttons[4]?.[4]).toMatchObject({ id: "4-4", label: "好的", action: "command" });
  });

  it.each([
    ["six rows", keyboard(...Array.from({ length: 6 }, (_, row) => many(1, row))), 40034029],
    ["six in a row", keyboard(many(6)), 40034029],
    ["no rows", keyboard(), 40034029],
    ["an empty row", keyboard([]), 40034029],
    ["a label of eleven characters", keyboard([button("1", {}, { label: "长".repeat(11) })]), 304039],
    ["an empty label", keyboard([button("1", {}, { label: " " })]), 304039],
    ["a label of eleven once it was pressed", keyboard([button("1", {}, { visited_label: "长".repeat(11) })]), 304039],
    ["a style that is disputed", keyboard([button("1", {}, { style: 4 })]), 305007],
    ["an action that there is not", keyboard([button("1", { type: 9 })]), 304039],
    ["a permission that there is not", keyboard([button("1", { permission: { type: 4 } })]), 304039],
    ["an address that is none", keyboard([button("1", { type: 0, data: "/help" })]), 304039],
    ["a script for an address", keyboard([button("1", { type: 0, data: "javascript:alert(1)" })]), 304039],
    ["an address in its question", keyboard([button("1", { modal: { content: "https://qq.com" } })]), 304039],
    ["a long question", keyboard([button("1", { modal: { content: "长".repeat(41) } })]), 304039],
    ["a long yes", keyboard([button("1", { modal: { content: "好吗", confirm_text: "当然可以啊" } })]), 304039],
    ["two of one id", keyboard([button("1"), button("1")]), 304039],
    ["a field that nobody knows", keyboard([{ ...button(), colour: 1 }]), 304039],
    ["a template, which is not played", { id: "template" }, 304038],
    ["nothing to read", { rows: [] }, 12002],
  ])("are refused with %s", async (_, odd, code) => {
    const msg_id = await asked(CHATS.c2c);
    expect(await bench.send(CHATS.c2c, { ...markdown, keyboard: odd, msg_id })).toMatchObject({ status: 400, code });
    expect(bench.qq.ledger.delivered).toEqual([]);
  });

  it("may be ten characters long, whatever they weigh", async () => {
    const whole = keyboard([button("1", {}, { label: "𠮷".repeat(10) })]);
    expect(await bench.send(CHATS.c2c, { ...markdown, keyboard: whole, msg_id: await asked(CHATS.c2c) })).toMatchObject(
      {
        status: 200,
      },
    );
  });

  it("are refused with plain text, with typing, and where the bot has no right to them", async () => {
    const msg_id = await asked(CHATS.c2c);
    const more = { keyboard: keyboard([button()]), msg_id };
    expect(await bench.send(CHATS.c2c, { msg_type: 0, content: "好", ...more })).toMatchObject({ code: 22006 });
    const typing = { msg_type: 6, input_notify: { input_type: 1, input_second: 60 } };
    expect(await bench.send(CHATS.c2c, { ...typing, ...more })).toMatchObject({ code: 22006 });
    bench.qq.buttonsAllowed.c2c = false;
    expect(await bench.send(CHATS.c2c, { ...markdown, ...more, msg_seq: 2 })).toMatchObject({ code: 304057 });
  });

  it("are for invited bots in guilds", async () => {
    const chat = CHATS.guildChannel;
    const msg_id = await asked(chat);
    const { markdown: content } = markdown;
    const whole = { markdown: content, keyboard: keyboard([button()]), msg_id };
    expect(await bench.send(chat, { content: "好", keyboard: whole.keyboard, msg_id })).toMatchObject({ code: 22006 });
    bench.qq.markdownAllowed.guildChannel = true;
    expect(await bench.send(chat, whole)).toMatchObject({ code: 304057 });
    bench.qq.buttonsAllowed.guildChannel = true;
    expect(await bench.send(chat, whole)).toMatchObject({ status: 200 });
  });
});

describe("files", () => {
  const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const FOLDERS = { c2c: "v2/users", group: "v2/groups", guildChannel: "channels", guildDm: "dms" };
  const upload = (body: object, { scene, id }: Chat = CHATS.c2c) =>
    bench.call("POST", `${FOLDERS[scene]}/${id}/files`, body);
  const media = (answer: { json: Record<string, unknown> }) => ({
    msg_type: 7,
    media: { file_info: String(answer.json.file_info) },
  });

  it.each([CHATS.c2c, CHATS.group])("are uploaded, then sent and shown, in %o", async (chat) => {
    const kept = await upload({ file_type: 1, file_data: PNG, file_name: "猫.png" }, chat);
    expect(kept.json).toEqual({ file_uuid: expect.any(String), file_info: expect.any(String), ttl: 300 });
    const sent = await bench.send(chat, { ...media(kept), msg_id: await asked(chat) });
    expect(sent).toMatchObject({ status: 200 });
    const [picture] = bench.lines("answered")[0]?.attachments ?? [];
    expect(picture).toMatchObject({ name: "猫.png", contentType: "image/png", width: 1, height: 1, size: 70 });
    const served = await fetch(bench.url + picture?.url);
    expect(Buffer.from(await served.arrayBuffer()).toString("base64")).toBe(PNG);
  });

  it("are fetched by QQ from an address", async () => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === "/cat.png" ? 200 : 404).end(Buffer.from(PNG, "base64"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
    const kept = await upload({ file_type: 1, url: `${origin}/cat.png` });
    await bench.send(CHATS.c2c, { ...media(kept), content: " ", msg_id: await asked(CHATS.c2c) });
    expect(bench.qq.ledger.delivered).toMatchObject([{ media: { name: "cat.png", contentType: "image/png" } }]);
    expect(await upload({ file_type: 1, url: `${origin}/dog.png` })).toMatchObject({ code: 850026 });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await upload({ file_type: 1, url: `${origin}/cat.png` })).toMatchObject({ code: 850026 });
  });

  it("are kept for five minutes, for the kind of chat that they were uploaded to", async () => {
    const kept = await upload({ file_type: 4, file_data: "aGk=", file_name: "a.txt" });
    const more = { ...media(kept), msg_id: await asked(CHATS.c2c) };
    const inGroup = { ...media(kept), msg_id: await asked(CHATS.group) };
    expect(await bench.send(CHATS.group, inGroup)).toMatchObject({ code: 304080 });
    const unknown = { ...more, media: { file_info: "unknown" } };
    expect(await bench.send(CHATS.c2c, { ...unknown, msg_seq: 2 })).toMatchObject({ code: 304080 });
    nowMs += 299_999;
    expect(await bench.send(CHATS.c2c, { ...more, msg_seq: 3 })).toMatchObject({ status: 200 });
    nowMs += 1;
    expect(await bench.send(CHATS.c2c, { ...more, msg_seq: 4 })).toMatchObject({ code: 304080 });
  });

  it.each([
    ["of no kind", { file_type: 9, file_data: PNG }, 10000],
    ["from nowhere", { file_type: 1 }, 10000],
    ["from two places", { file_type: 1, file_data: PNG, url: "https://qq.com/a.png" }, 10000],
    ["as bytes that are none", { file_type: 1, file_data: "%" }, 10000],
    ["in parts, which is not played", { upload_id: "1" }, 10000],
    ["as files without a name", { file_type: 4, file_data: "aGk=" }, 10000],
    ["to be sent at once", { file_type: 1, file_data: PNG, srv_send_msg: true }, 40034105],
    ["as pictures that are none", { file_type: 1, file_data: "aGk=", file_name: "a.png" }, 850019],
    ["as videos that are none", { file_type: 2, file_data: PNG }, 850019],
    ["from this machine's files", { file_type: 4, url: "file:///etc/passwd", file_name: "a" }, 850026],
    [
      "of 20 MB and more",
      { file_type: 4, file_data: Buffer.alloc(20 * 1024 * 1024 + 1).toString("base64"), file_name: "a" },
      850031,
    ],
  ])("are refused %s", async (_, body, code) => {
    expect(await upload(body)).toMatchObject({ status: 400, code });
  });

  it("are for those who have a token, from where they may call", async () => {
    const bare = await fetch(`${bench.url}/v2/users/USER0001/files`, { method: "POST", body: "{}" });
    expect(await bare.json()).toMatchObject({ code: 11244 });
    bench.qq.refusesAddress = true;
    expect(await upload({ file_type: 1, file_data: PNG })).toMatchObject({ json: { code: 11298 } });
  });

  it("are not text, and text is no file", async () => {
    const msg_id = await asked(CHATS.c2c);
    const kept = await upload({ file_type: 1, file_data: PNG });
    expect(await bench.send(CHATS.c2c, { ...media(kept), msg_type: 0, content: "好", msg_id })).toMatchObject({
      code: 22006,
    });
    expect(await bench.send(CHATS.c2c, { msg_type: 7, content: "好", msg_id })).toMatchObject({ code: 22006 });
  });
});
