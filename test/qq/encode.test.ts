/** The bodies of message POSTs, scene by scene. */
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import type { Scene } from "../../src/event.ts";
import { encode, encodeTyping, isGuild } from "../../src/qq/encode.ts";
import type { Reply } from "../../src/reply.ts";
import { Keyboard, readKeyboard } from "../../src/simulator/keyboard.ts";

const SLOT = { msgId: "M1", msgSeq: 3 };
const EVENT = { msgId: "E1", msgSeq: 1, isEvent: true };
const plain: Reply = { kind: "text", text: "1 < 2 & 3 > 2 <@everyone>" };
const marked: Reply = { kind: "markdown", text: "**a** < b" };

describe.each<Scene>(["c2c", "group"])("in a %s", (scene) => {
  it("text is of type 0, as it is, under a number", () => {
    expect(encode(scene, plain, SLOT)).toEqual({ msg_type: 0, content: plain.text, msg_id: "M1", msg_seq: 3 });
  });

  it("Markdown is of type 2, with no content beside it", () => {
    expect(encode(scene, marked, SLOT)).toEqual({
      msg_type: 2,
      markdown: { content: "**a** < b" },
      msg_id: "M1",
      msg_seq: 3,
    });
  });

  it("an event is named as such, and never as a message", () => {
    expect(encode(scene, plain, EVENT)).toEqual({ msg_type: 0, content: plain.text, event_id: "E1", msg_seq: 1 });
  });
});

describe.each<Scene>(["guildChannel", "guildDm"])("in a %s", (scene) => {
  it("text has no type and no number, and is escaped", () => {
    expect(encode(scene, plain, SLOT)).toEqual({
      content: "1 &lt; 2 &amp; 3 &gt; 2 &lt;＠everyone&gt;",
      msg_id: "M1",
    });
  });

  it("what is escaped already is escaped again, so that it is read as it was written", () => {
    expect(encode(scene, { kind: "text", text: "&lt;" }, SLOT)).toMatchObject({ content: "&amp;lt;" });
  });

  it("Markdown has no type and no number", () => {
    expect(encode(scene, marked, SLOT)).toEqual({ markdown: { content: "**a** < b" }, msg_id: "M1" });
  });

  it("an event is named as such", () => {
    expect(encode(scene, plain, EVENT)).toMatchObject({ event_id: "E1" });
    expect(encode(scene, plain, EVENT)).not.toHaveProperty("msg_id");
  });
});

it("a typing notice is of type 6, for a minute, and paid for like a reply", () => {
  expect(encodeTyping(SLOT)).toEqual({
    msg_type: 6,
    input_notify: { input_type: 1, input_second: 60 },
    msg_id: "M1",
    msg_seq: 3,
  });
});

it("guilds are told from the other scenes", () => {
  expect((["c2c", "group", "guildChannel", "guildDm"] as const).map(isGuild)).toEqual([false, false, true, true]);
});

describe("buttons", () => {
  const slot = { msgId: "m", msgSeq: 1 };
  const words = fc.string({ minLength: 1 }).filter((text) => text.trim() !== "");
  const buttons = fc.array(fc.record({ label: words, command: words }), { minLength: 1, maxLength: 40 });

  it("go with Markdown, in rows and labels that QQ takes, whatever they say", () => {
    fc.assert(
      fc.property(buttons, fc.constantFrom("text", "markdown"), (list, kind) => {
        const body = encode("group", { kind, text: "words", buttons: list }, slot);
        expect(body).toMatchObject({ msg_type: 2, markdown: { content: "words" }, msg_id: "m", msg_seq: 1 });
        expect(body).not.toHaveProperty("content");
        const read = readKeyboard(v.parse(Keyboard, body.keyboard));
        expect(read).toHaveProperty("rows");
        if (!("rows" in read)) return;
        const shown = read.rows.flat();
        expect(shown.map(({ data }) => data)).toEqual(list.slice(0, 25).map(({ command }) => command));
        for (const { type, permission } of shown) expect([type, permission.type]).toEqual([2, 2]);
      }),
    );
  });

  it("leave every word under a text as it was", () => {
    const text = "# a\n1. b_c *d* <e> `f`\n- _g_";
    const { markdown } = encode("c2c", { kind: "text", text, buttons: [{ label: "x", command: "/x" }] }, slot);
    expect(markdown).toEqual({ content: "\\# a\n\n1. b_c \\*d\\* \\<e> \\`f\\`\n\n\\- \\_g\\_" });
  });

  it("are left out in guilds, which have none without an invitation", () => {
    const reply: Reply = { kind: "text", text: "words", buttons: [{ label: "x", command: "/x" }] };
    expect(encode("guildChannel", reply, slot)).toEqual({ content: "words", msg_id: "m" });
  });
});
