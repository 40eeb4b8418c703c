/** Limits that the operator sets: how they are told, once, and what becomes of the messages beyond them. */
import { describe, expect, it } from "vitest";
import { ChatWorld } from "../support/chat-world.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Says something and lets everything come to rest. Returns what was said to it. */
async function ask(world: ChatWorld, id = "ann", inputTokens = 10): Promise<string[]> {
  const before = world.arrived.length;
  await world.say("hello", world.chat.scene === "c2c" ? {} : { id });
  if (world.thinkingAbout().length > 0) await world.settleModel({ kind: "answer", text: "fine", inputTokens });
  await world.drain();
  return world.texts().slice(before);
}

describe("messages in a minute", () => {
  it("beyond the limit get one sentence, then nothing, and never reach the model", async () => {
    const world = new ChatWorld();
    world.terms = { ...world.terms, messagesPerMinute: 3 };
    for (let n = 0; n < 3; n += 1) expect(await ask(world)).toEqual([expect.stringContaining("fine")]);
    expect(await ask(world)).toEqual([expect.stringContaining("一分钟最多 3 条")]);
    for (let n = 0; n < 5; n += 1) expect(await ask(world)).toEqual([]);
    expect(world.modelCalls).toBe(3);
  });

  it("count anew when the minute is over, whatever was written meanwhile", async () => {
    const world = new ChatWorld();
    world.terms = { ...world.terms, messagesPerMinute: 2 };
    for (let n = 0; n < 6; n += 1) await ask(world);
    await world.advance(60_001);
    expect(await ask(world)).toEqual([expect.stringContaining("fine")]);
    expect(world.modelCalls).toBe(3);
  });

  it("count each message of a burst, though one answer is for all of them", async () => {
    const world = new ChatWorld();
    world.terms = { ...world.terms, messagesPerMinute: 3 };
    for (let n = 0; n < 3; n += 1) await world.say("hello");
    await world.say("one too many");
    await world.settleModel();
    await world.drain();
    expect(world.texts().filter((text) => text.includes("一分钟最多"))).toHaveLength(1);
    expect(world.texts().filter((text) => text.includes("<m1><m2><m3>"))).toHaveLength(1);
  });

  it("count for each person of a group by themselves, and not for commands", async () => {
    const world = new ChatWorld("group");
    world.terms = { ...world.terms, messagesPerMinute: 1 };
    expect(await ask(world, "ann")).toEqual([expect.stringContaining("fine")]);
    expect(await ask(world, "bob")).toEqual([expect.stringContaining("fine")]);
    expect(await ask(world, "ann")).toEqual([expect.stringContaining("一分钟最多 1 条")]);
    await world.say("/help", { id: "ann" });
    await world.drain();
    expect(world.texts().at(-1)).toContain("/help");
  });
});

describe("tokens in a day", () => {
  it("of a person are told to be spent once, then nothing until the next day", async () => {
    const world = new ChatWorld();
    world.nowMs = Date.parse("2026-11-23T02:00:00Z");
    world.daily.person.tokens = 100;
    await ask(world, "ann", 200);
    expect(await ask(world)).toEqual([expect.stringContaining("你今天的额度用完了")]);
    expect(await ask(world)).toEqual([]);
    await world.advance(DAY_MS);
    expect(await ask(world)).toEqual([expect.stringContaining("fine")]);
    expect(world.modelCalls).toBe(2);
  });

  it("of a group are spent by all of it together, and told to it once", async () => {
    const world = new ChatWorld("group");
    world.nowMs = Date.parse("2026-11-23T02:00:00Z");
    world.daily.group.tokens = 100;
    await ask(world, "ann", 60);
    expect(await ask(world, "bob", 60)).toEqual([expect.stringContaining("fine")]);
    expect(await ask(world, "carol")).toEqual([expect.stringContaining("这里今天的额度用完了")]);
    expect(await ask(world, "ann")).toEqual([]);
    expect(world.modelCalls).toBe(2);
  });

  it("of a group are no limit of a private chat", async () => {
    const world = new ChatWorld();
    world.daily.group.tokens = 1;
    await ask(world);
    expect(await ask(world)).toEqual([expect.stringContaining("fine")]);
  });

  it("that are spent leave the answer to the model for that, where there is one", async () => {
    const world = new ChatWorld();
    world.daily.person.tokens = 100;
    world.spareModel = "test/spare";
    await ask(world, "ann", 200);
    for (let n = 0; n < 2; n += 1) expect(await ask(world)).toEqual([expect.stringContaining("fine")]);
    expect(world.questions.map(({ onSpare }) => onSpare)).toEqual([false, true, true]);
  });
});

describe("money in a day", () => {
  it("is spent by what models cost, whatever the tokens, and told once", async () => {
    const world = new ChatWorld();
    world.daily.person = { tokens: 0, yuan: 0.01 };
    world.prices = { "test/dear": { input: 100, output: 0 }, "test/cheap": { input: 1, output: 0 } };
    const spend = async (model: string) => {
      await world.say("hello");
      await world.settleModel({ kind: "answer", text: "fine", inputTokens: 99, outputTokens: 1, model });
      await world.drain();
    };
    for (let n = 0; n < 5; n += 1) await spend("test/cheap"); // 0.0005 yuan
    await spend("test/dear"); // 0.0099 more
    expect(await ask(world)).toEqual([expect.stringContaining("你今天的额度用完了")]);
    expect(await ask(world)).toEqual([]);
    expect(world.modelCalls).toBe(6);
  });
});

describe("several limits", () => {
  it("are never told one after the other", async () => {
    const world = new ChatWorld("group");
    world.nowMs = Date.parse("2026-11-23T02:00:00Z");
    world.daily.person.tokens = 50;
    world.daily.group.tokens = 100;
    await ask(world, "ann", 60);
    expect(await ask(world, "ann")).toEqual([expect.stringContaining("你今天的额度用完了")]);
    await ask(world, "bob", 60);
    expect(await ask(world, "ann")).toEqual([]);
    expect(await ask(world, "bob")).toEqual([expect.stringContaining("这里今天的额度用完了")]);
    world.terms = { ...world.terms, messagesPerMinute: 1 };
    for (const who of ["ann", "bob", "carol"]) expect(await ask(world, who), who).toEqual([]);
  });
});

describe("a chat that is muted", () => {
  it("hears nothing of the model, and why of a command that would have it asked", async () => {
    const world = new ChatWorld();
    await ask(world);
    await world.say("/mute 5");
    await world.drain();
    expect(await ask(world)).toEqual([]);
    for (const text of ["/retry", "/new what now?"]) {
      const before = world.arrived.length;
      await world.say(text);
      await world.drain();
      expect(world.texts().slice(before)).toEqual([expect.stringContaining("/mute off")]);
    }
    expect(world.modelCalls).toBe(1);
    await world.advance(5 * 60_000);
    expect(await ask(world)).toEqual([expect.stringContaining("fine")]);
    expect(world.outcomes().filter(({ outcome }) => outcome === "retried")).toEqual([]);
  });
});
