/** Every command on the real Worker, typed by everybody and everywhere: always an answer, and never the model's. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimCode } from "../../src/claim-code.ts";
import { COMMANDS } from "../../src/commands/index.ts";
import { Secret } from "../../src/log.ts";
import type { Question } from "../../src/simulator/questions.ts";
import { type Bench, startBench } from "../support/bench.ts";

/** Who types, and where. */
const PEOPLE = {
  "the owner in private": { chatId: "owner" },
  "somebody who was let in": { chatId: "friend" },
  "a stranger": { chatId: "stranger" },
  "an admin of a group": { scene: "group", chatId: "club", sender: "admin", role: "admin" },
  "a member of a group": { scene: "group", chatId: "club", sender: "member", role: "member" },
  "somebody in a strange group": { scene: "group", chatId: "strangers", sender: "who", role: "member" },
} as const satisfies Record<string, Partial<Question>>;

describe("commands", () => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await startBench({
      settings: { ACCESS: "pairing", MODEL_CHOICES: "openai-compatible/other", LOCKED_CHOICES: "language" },
    });
    await ask(`/claim ${await claimCode(new Secret(bench.qq.appSecret))}`, PEOPLE["the owner in private"]);
    for (const chat of ["c2c:friend", "group:club"]) await ask(`/allow ${chat}`, PEOPLE["the owner in private"]);
  });
  afterAll(() => bench.stop());

  async function ask(text: string, who: Partial<Question>): Promise<string> {
    const { messageId } = await bench.qq.say({ ...who, text });
    await bench.qq.until(() => bench.qq.ledger.answersTo(messageId).length > 0);
    return bench.qq.ledger
      .answersTo(messageId)
      .map((answer) => answer.text)
      .join("\n");
  }

  describe.each(Object.entries(PEOPLE))("typed by %s", (_, who) => {
    const typed = COMMANDS.flatMap(({ names, when }) => (when === "queued" ? [] : names.map((name) => `/${name}`)));

    it.each([...typed, ...COMMANDS.map(({ names }) => `/${names[0]} ?`), "/weather", "/stopp", "/mute off"])(
      "%s is answered, and not by the model",
      async (text) => {
        const calls = bench.qq.model.calls.length;
        expect((await ask(text, who)).trim()).not.toBe("");
        expect(bench.qq.model.calls.length).toBe(calls);
      },
    );
  });

  it("are not heard at all from whom the owner has denied, once they were told", async () => {
    await ask("/deny c2c:denied", PEOPLE["the owner in private"]);
    expect(await ask("/help", { chatId: "denied" })).toContain("主人没有同意");
    const { messageId } = await bench.qq.say({ chatId: "denied", text: "/help" });
    await ask("/ping", { chatId: "friend" });
    expect(bench.qq.ledger.answersTo(messageId)).toEqual([]);
  });

  it("do not wait behind an answer under way", async () => {
    bench.qq.model.weather.set({ kind: "slow", ms: 2_000 });
    const slow = await bench.qq.say({ chatId: "friend", text: "#slow" });
    for (const text of ["/help", "/status", "/ping", "/whoami"]) {
      expect(await ask(text, { chatId: "friend" })).not.toBe("");
      expect(bench.qq.ledger.answersTo(slow.messageId)).toEqual([]);
    }
    await bench.qq.until(() => bench.qq.ledger.answersTo(slow.messageId).length > 0);
    bench.qq.model.weather.clear();
  });

  it("tell how long a message took on each stretch of its way", async () => {
    expect(await ask("/ping", { chatId: "friend" })).toMatch(/QQ → 我:约 \d+ ms.*存下:\d+ ms;到发出:\d+ ms/);
  });

  it("change what the model is asked, for whoever chose it, until it is taken back", async () => {
    const friend = { chatId: "friend" };
    const prompt = () => bench.qq.model.prompts.at(-1) ?? "";
    expect(await ask("/persona 你是一只很懒的狗", friend)).toContain("很懒的狗");
    await ask("#lazy", friend);
    expect(prompt()).toContain("你是一只很懒的狗");
    await ask("#mine", PEOPLE["the owner in private"]);
    expect(prompt()).not.toContain("很懒的狗");
    expect(await ask("/lang en", friend)).toContain("operator has fixed");
    expect(await ask("/config", friend)).toContain("很懒的狗");
    await ask("/config reset", friend);
    await ask("#again", friend);
    expect(prompt()).not.toContain("很懒的狗");
  });

  it("choose for a whole group by its admins, and for oneself by anybody", async () => {
    const { "an admin of a group": admin, "a member of a group": member } = PEOPLE;
    const prompt = () => bench.qq.model.prompts.at(-1) ?? "";
    expect(await ask("/persona 老师 全群", member)).toContain("admins");
    await ask("/persona 老师 全群", admin);
    await ask("#group", member);
    expect(prompt()).toContain("耐心的老师");
    await ask("/persona 翻译", member);
    await ask("#own", member);
    expect(prompt()).toContain("你是翻译");
    await ask("#admin", admin);
    expect(prompt()).toContain("耐心的老师");
    await ask("/config reset 全群", admin);
    await ask("/config reset", member);
  });

  it("choose for all chats by the owner, where neither the chat nor the person has chosen", async () => {
    const { "the owner in private": owner, "a member of a group": member } = PEOPLE;
    const friend = { chatId: "friend" };
    const prompt = () => bench.qq.model.prompts.at(-1) ?? "";
    expect(await ask("/default persona 老师", friend)).toContain("只有主人");
    await ask("/persona 翻译", friend);
    expect(await ask("/default persona 老师", owner)).toContain("所有聊天的人设:老师");
    await ask("#all", member);
    expect(prompt()).toContain("耐心的老师");
    await ask("#owner", owner);
    expect(prompt()).toContain("耐心的老师");
    expect(await ask("/config", member)).toContain("人设:老师(主人给所有人选的)");
    await ask("#own", friend);
    expect(prompt()).toContain("你是翻译");
    await ask("/default reset", owner);
    await ask("/config reset", friend);
    await ask("#reset", friend);
    expect(prompt()).not.toMatch(/耐心的老师|你是翻译/);
  });

  it("offer choices as buttons, and in words where QQ does not take buttons", async () => {
    const shown = async (chatId: string) => {
      const { messageId } = await bench.qq.say({ chatId, text: "/persona" });
      await bench.qq.until(() => bench.qq.ledger.answersTo(messageId).length > 0);
      return bench.qq.ledger.answersTo(messageId)[0];
    };
    const withButtons = await shown("owner");
    expect(withButtons?.buttons?.flat().map(({ data }) => data)).toContain("/persona 1");
    bench.qq.buttonsAllowed.c2c = false;
    const withWords = await shown("owner");
    bench.qq.buttonsAllowed.c2c = true;
    expect(withWords?.buttons ?? []).toEqual([]);
    expect(withWords?.text).toContain("/persona");
    expect((await shown("friend"))?.text).toContain("助手"); // without another try
    expect(bench.qq.ledger.refused.filter(({ code }) => code === 304057)).toHaveLength(1);
  });

  it("begin anew: the model sees nothing of what was said before, and the question behind /new is its first", async () => {
    const friend = { chatId: "friend" };
    await ask("#secret", friend);
    await ask("/new", friend);
    await ask("#after", friend);
    expect(bench.qq.model.prompts.at(-1)).not.toContain("#secret");
    await ask("/new #first", friend);
    expect(bench.qq.model.prompts.at(-1)).toContain("#first");
    expect(bench.qq.model.prompts.at(-1)).not.toContain("#after");
  });

  it("ask the last question again, without the answer that was not wanted", async () => {
    const friend = { chatId: "friend" };
    await ask("/new", friend);
    expect(await ask("/retry", friend)).toContain("没有可以重问");
    const first = await ask("#again1", friend);
    const second = await ask("/retry", friend);
    expect(second).toContain("#again1");
    expect(second).not.toBe(first);
    expect(bench.qq.model.prompts.at(-1)?.split("#again1")).toHaveLength(2);
  });

  it("keep the bot quiet in a chat for a while, and let it talk again", async () => {
    const { "an admin of a group": admin, "a member of a group": member } = PEOPLE;
    await ask("/mute 5", admin);
    const calls = bench.qq.model.calls.length;
    const { messageId } = await bench.qq.say({ ...member, text: "#quiet" });
    expect(await ask("/status", member)).toContain("安静中");
    await ask("/mute off", admin);
    expect(await ask("#loud", member)).toContain("#loud");
    expect(bench.qq.ledger.answersTo(messageId)).toEqual([]);
    expect(bench.qq.model.calls.length).toBe(calls + 1);
  });

  it("tell a model for 'hi' no more than 2,500 bytes beyond the persona", async () => {
    const persona = "你是一个测试。";
    await ask(`/persona ${persona}`, { chatId: "friend" });
    await ask("/new hi", { chatId: "friend" });
    const prompt = bench.qq.model.prompts.at(-1) ?? "";
    expect(new TextEncoder().encode(prompt).length - new TextEncoder().encode(persona).length).toBeLessThan(2_500);
  });
});
