/** In which form an answer goes out, and what becomes of it where QQ does not take that form. */
import { describe, expect, it } from "vitest";
import { FORBIDDEN_MS } from "../../src/conversation/lease.ts";
import { MORE } from "../../src/conversation/sentences.ts";
import type { Capability } from "../../src/errors.ts";
import type { Reply } from "../../src/reply.ts";
import { ChatWorld } from "../support/chat-world.ts";

const MARKED = "this is **important**";
const PLAIN = "this is important";
/** A table in Markdown that fills more replies than there are. */
const LONG = Array.from({ length: 9 }, (_, index) => `**${index}** ${"字".repeat(1_000)}`).join("\n\n");

/** A QQ that does not let this bot write Markdown. */
const noMarkdown = (code: number) => (reply: Reply) => (reply.kind === "markdown" ? code : undefined);

/** Asks, and lets the model answer `text`. */
async function ask(world: ChatWorld, text = MARKED): Promise<void> {
  await world.say("hello");
  await world.settleModel({ kind: "answer", text });
  await world.drain();
}

const forms = (world: ChatWorld) => world.arrived.map(({ form }) => form);
const digits = (world: ChatWorld) =>
  (
    world
      .texts()
      .join("")
      .match(/\d(?=\*{0,2} ?字)/g) ?? []
  ).join("");

describe("an answer", () => {
  it("goes out as QQ's Markdown where that shows more than the words alone", async () => {
    const world = new ChatWorld("group");
    await ask(world);
    expect(world.arrived).toMatchObject([{ form: "markdown", text: MARKED }]);
  });

  it("goes out as plain text where it would look the same", async () => {
    const world = new ChatWorld("group");
    await ask(world, "nothing special");
    expect(world.arrived).toMatchObject([{ form: "text", text: "nothing special" }]);
  });

  it("in Markdown begins with the hint and ends with the mark like one in plain text", async () => {
    const world = new ChatWorld("group");
    await world.say("one");
    await world.settleModel();
    await world.settleSend({ kind: "refuse", code: 304027 });
    await ask(world);
    expect(world.arrived[0]?.form).toBe("markdown");
    expect(world.texts()[0]).toMatch(/^\(上一条回答没能送达.*\n\nthis is \*\*important\*\*$/s);
  });
});

describe("Markdown that QQ does not let this bot write", () => {
  it.each([40034012, 40034127, 304036, 50056, 40034090, 304041])(
    "goes out in plain text at once, under the next number (%i)",
    async (code) => {
      const world = new ChatWorld("group");
      world.refuses = noMarkdown(code);
      await ask(world);
      expect(world.arrived).toEqual([{ msgId: "m1", msgSeq: 2, form: "text", text: PLAIN }]);
      expect(world.outcomes()).toMatchObject([{ outcome: "answered" }]);
      expect(world.failures).toEqual([]);
    },
  );

  it("is told to the Bot, and not tried again for a day, whatever becomes of the process", async () => {
    const world = new ChatWorld("group");
    world.refuses = noMarkdown(40034012);
    await ask(world);
    expect(world.forbidden).toEqual(["markdown"]);
    await world.crash();
    world.refuses = () => undefined;
    await world.advance(FORBIDDEN_MS - 1_000);
    await ask(world);
    expect(forms(world)).toEqual(["text", "text"]);
    await world.advance(1_000);
    await ask(world);
    expect(forms(world)).toEqual(["text", "text", "markdown"]);
    expect(world.forbidden).toEqual(["markdown"]);
  });

  it("is not even tried where the Bot knows of it from another chat", async () => {
    const world = new ChatWorld("group");
    world.refuses = noMarkdown(40034012);
    const forbidden: Partial<Record<Capability, number>> = { markdown: world.nowMs + FORBIDDEN_MS };
    world.lease = async () => ({
      ok: true,
      lease: { token: "t", expiresAtMs: world.nowMs + 2 * FORBIDDEN_MS, forbidden },
    });
    await ask(world);
    expect(world.arrived).toMatchObject([{ msgSeq: 1, form: "text" }]);
    expect(world.forbidden).toEqual([]);
  });

  it("is remembered with a new token too, when the Bot has not heard of it", async () => {
    const world = new ChatWorld("group");
    world.refuses = noMarkdown(40034012);
    await ask(world);
    await world.advance(7_200_000);
    await ask(world);
    expect(world.arrived.map(({ msgSeq }) => msgSeq)).toEqual([2, 1]);
  });

  it("costs one reply however long the answer is: all of it goes out in plain text", async () => {
    const world = new ChatWorld("group");
    world.refuses = noMarkdown(40034012);
    await ask(world, LONG);
    expect(new Set(forms(world))).toEqual(new Set(["text"]));
    expect(world.arrived).toHaveLength(4); // of five
    await world.say("继续");
    await world.drain();
    expect(world.modelCalls).toBe(1);
    expect(digits(world)).toBe("012345678");
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["answered", "answered"]);
  });
});

describe("Markdown that QQ finds wrong", () => {
  it("goes out in plain text, and the next answer is tried in Markdown", async () => {
    const world = new ChatWorld("group");
    world.refuses = noMarkdown(50057);
    await ask(world);
    expect(world.arrived).toMatchObject([{ msgSeq: 2, form: "text", text: PLAIN }]);
    expect(world.forbidden).toEqual([]);
    world.refuses = () => undefined;
    await ask(world);
    expect(forms(world)).toEqual(["text", "markdown"]);
  });

  it("is given up where even plain text is refused", async () => {
    const world = new ChatWorld("group");
    world.refuses = () => 50057;
    await ask(world);
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    expect(world.failures).toHaveLength(1);
  });
});

describe("links that QQ does not take", () => {
  const LINK = "see [the page](https://www.example.com/a.html)";
  const noLinks = (code: number) => (reply: Reply) => (/www\.|https?:/.test(reply.text) ? code : undefined);

  it.each([40054010, 304003])("are defused, remembered and told to the Bot (%i)", async (code) => {
    const world = new ChatWorld("group");
    world.refuses = noLinks(code);
    await ask(world, LINK);
    await ask(world, LINK);
    expect(world.arrived).toMatchObject([
      { msgSeq: 2, form: "text", text: expect.stringContaining("www[.]example[.]com") },
      { msgSeq: 1, form: "text", text: expect.stringContaining("www[.]example[.]com") },
    ]);
    expect(world.forbidden).toEqual(["links"]);
  });

  it("leave Markdown without links as it is", async () => {
    const world = new ChatWorld("group");
    world.refuses = noLinks(40054010);
    await ask(world, LINK);
    await ask(world);
    expect(forms(world)).toEqual(["text", "markdown"]);
  });

  it("are defused in all of a long answer at once", async () => {
    const world = new ChatWorld("group");
    world.refuses = noLinks(40054010);
    const text = Array.from({ length: 9 }, (_, i) => `**${i}** ${"字".repeat(1_000)} www.example.com`).join("\n\n");
    await ask(world, text);
    expect(world.arrived).toHaveLength(4); // of five
    await world.say("继续");
    await world.drain();
    expect(digits(world)).toBe("012345678");
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["answered", "answered"]);
  });
});

describe("kept words", () => {
  it("keep their form", async () => {
    const world = new ChatWorld("group");
    await ask(world, LONG);
    await world.say("继续");
    await world.drain();
    expect(new Set(forms(world))).toEqual(new Set(["markdown"]));
    expect(digits(world)).toBe("012345678");
  });

  it("are given in plain text where QQ has refused Markdown since", async () => {
    const world = new ChatWorld("group");
    await ask(world, LONG);
    const before = world.arrived.length;
    world.refuses = noMarkdown(40034012);
    await ask(world);
    const tried = world.arrived.length;
    await world.say("继续");
    await world.drain();
    expect(forms(world).slice(before)).not.toContain("markdown");
    expect(world.arrived[tried]?.msgSeq).toBe(1); // it was not even tried
    expect(world.arrived.at(-1)?.text).not.toContain("**");
  });

  it("of an answer whose last part was refused as Markdown go out or are announced", async () => {
    const world = new ChatWorld("group");
    await world.say("hello");
    await world.settleModel({ kind: "answer", text: LONG });
    for (let part = 0; part < 4; part += 1) await world.settleSend();
    await world.settleSend({ kind: "refuse", code: 40034012 });
    await world.drain();
    expect(world.outcomes()).toMatchObject([{ outcome: "failed" }]);
    await world.say("继续");
    await world.drain();
    expect(digits(world)).toBe("012345678");
    expect(world.texts().at(-1)).not.toContain(MORE);
  });
});
