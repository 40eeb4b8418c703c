/** /default: what the owner chooses for all chats. */
import { describe, expect, it } from "vitest";
import type { Defaults } from "../../src/choice.ts";
import type { Desk, ForAll } from "../../src/commands/command.ts";
import { defaults } from "../../src/commands/default.ts";
import { message, NOW } from "../support/turns.ts";

const MODELS = ["deepseek/deepseek-flash", "qwen/qwen-plus"];

function ownersChat(more: Partial<ForAll> = {}, isOwner = true) {
  let chosen: Defaults["values"] = more.chosen ?? {};
  const changes: Defaults["values"][] = [];
  const desk: Partial<Desk> = {
    async choose(changed) {
      if (!isOwner) return undefined;
      if (changed) changes.push(changed);
      chosen = { ...chosen, ...changed };
      return { models: MODELS, locked: [], ...more, chosen };
    },
  };
  return {
    changes,
    async say(argument: string) {
      const asked = { message: message({}), storedAtMs: NOW, nowMs: NOW };
      return defaults.ask(desk as Desk, argument, asked); // all that it asks
    },
  };
}

describe("/default", () => {
  it("shows what counts in all chats, and what only the settings say", async () => {
    const { text } = await ownersChat({ chosen: { model: "qwen/qwen-plus" }, locked: ["language"] }).say("");
    expect(text).toContain("模型:qwen/qwen-plus(主人给所有人选的)");
    expect(text).toContain("人设:默认(默认)");
    expect(text).toContain("回答的语言:默认(默认,已锁定)");
    expect(text).toContain("model: qwen/qwen-plus (the owner's, for all)");
  });

  it.each([
    ["model 2", { model: "qwen/qwen-plus" }],
    ["/模型 plus", { model: "qwen/qwen-plus" }],
    ["QWEN", { model: "qwen/qwen-plus" }],
    ["persona 猫娘", { persona: "cat" }],
    ["人设 你是一只很懒的狗", { persona: "own:你是一只很懒的狗" }],
    ["think high", { thinking: "high" }],
    ["语言 英文", { language: "en" }],
    ["model default", { model: undefined }],
    ["reset", { model: undefined, persona: undefined, thinking: undefined, language: undefined }],
  ])("takes %j", async (argument, change) => {
    const chat = ownersChat();
    expect((await chat.say(argument)).text).toMatch(/好的|已恢复/);
    expect(chat.changes).toEqual([change]);
  });

  it.each([
    ["model", "2. qwen/qwen-plus"],
    ["model gpt-9", "没有「gpt-9」"],
    ["2", "先写选什么"],
    ["wether", "先写选什么"],
    [`persona ${"长".repeat(2_001)}`, "最多 2000 个字"],
  ])("changes nothing by %j, and says what there is", async (argument, words) => {
    const chat = ownersChat();
    expect((await chat.say(argument)).text).toContain(words);
    expect(chat.changes).toEqual([]);
  });

  it("offers buttons that say the same as the words", async () => {
    expect((await ownersChat().say("model")).buttons).toEqual([
      { label: MODELS[0], command: "/default model 1" },
      { label: MODELS[1], command: "/default model 2" },
    ]);
  });

  it("leaves what the operator has locked", async () => {
    const chat = ownersChat({ locked: ["model"] });
    expect((await chat.say("model 2")).text).toContain("operator has fixed");
    expect(chat.changes).toEqual([]);
  });

  it("is the owner's alone", async () => {
    const chat = ownersChat({}, false);
    expect((await chat.say("model 2")).text).toContain("只有主人");
    expect(chat.changes).toEqual([]);
  });
});
