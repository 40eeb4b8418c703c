/** All of QQ in text: every scene, every event, and what people see of them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Scene } from "../../src/event.ts";
import { EVENT_NAMES } from "../../src/simulator/events.ts";
import type { Asked } from "../../src/simulator/ledger.ts";
import { type Bench, startBench } from "../support/bench.ts";

const SCENES: readonly Scene[] = ["c2c", "group", "guildChannel", "guildDm"];

describe("all of QQ", () => {
  let bench: Bench;
  let count = 0;

  beforeAll(async () => {
    bench = await startBench();
  });
  afterAll(() => bench.stop());
  beforeEach(() => {
    count += 1;
    bench.qq.weather.clear();
    bench.qq.model.weather.clear();
    bench.qq.markdownAllowed = { c2c: true, group: true, guildChannel: true, guildDm: true };
  });

  const chatId = () => `scene-${count}`;
  const answers = (asked: Asked) => bench.qq.ledger.answersTo(asked.messageId);
  const answered = async (asked: Asked, parts = 1) => {
    await bench.qq.until(() => answers(asked).length >= parts);
    return answers(asked);
  };
  const lastPrompt = () => bench.qq.model.calls.at(-1);

  describe.each(SCENES)("a %s", (scene) => {
    it("is answered in its Markdown, under its own message", async () => {
      const asked = await bench.qq.say({ scene, chatId: chatId(), text: `#s${count} !md` });
      expect(await answered(asked)).toMatchObject([{ form: "markdown" }]);
      const [answer] = answers(asked);
      expect(answer?.text).toContain("**第一点**");
      expect(answer?.text).not.toMatch(/^\|/m);
      expect(bench.qq.ledger.refused.filter(({ msgId }) => msgId === asked.messageId)).toEqual([]);
    });

    it("is answered in plain text where words are all there is, whatever signs they hold", async () => {
      const asked = await bench.qq.say({ scene, chatId: chatId(), text: "1 < 2 && a_b > *c" });
      const [answer] = await answered(asked);
      expect(answer).toMatchObject({ form: "text" });
      expect(answer?.text).toContain("1 < 2 && a_b > *c");
    });

    it("gives the model the words of emoji, quotes and attachments", async () => {
      const face = '<faceType=1,faceId="277",ext="eyJ0ZXh0Ijoi5rGq5rGqIn0=">';
      const inGuild = scene === "guildChannel" || scene === "guildDm";
      const asked = await bench.qq.say({
        scene,
        chatId: chatId(),
        text: `#q${count}`,
        ...(!inGuild && { content: ` #q${count} 看 ${face} ` }),
        quote: { text: "昨天说的", name: "小红" },
        attachments: [
          { content_type: "image/jpeg", filename: "cat.jpg", url: "https://multimedia.nt.qq.com.cn/download" },
          { content_type: "voice", filename: "a.amr", asr_refer_text: "明天见" },
        ],
      });
      await answered(asked);
      expect(lastPrompt()).toContain("cat.jpg: 尚不能查看");
      expect(lastPrompt()).toContain("QQ 识别为:明天见");
      if (inGuild) return;
      expect(lastPrompt()).toContain("[表情: 汪汪]");
      expect(lastPrompt()).toContain("> 昨天说的");
    });
  });

  it("answers a group message once that came as both of its events", async () => {
    const calls = bench.qq.model.calls.length;
    const asked = await bench.qq.say({ scene: "group", chatId: chatId(), text: `#b${count}`, both: true });
    await answered(asked);
    // Whatever a second answer would be comes before the answer to a later message.
    await answered(await bench.qq.say({ scene: "group", chatId: chatId(), text: `#after${count}` }));
    expect(asked.deliveries).toEqual([200, 200]);
    expect(answers(asked)).toHaveLength(1);
    expect(bench.qq.model.calls.length - calls).toBe(2);
  });

  it("answers what mentions it among all messages of a group, and leaves the rest alone", async () => {
    const { qq } = bench;
    const event = "GROUP_MESSAGE_CREATE";
    const others = await qq.say({ scene: "group", chatId: chatId(), text: "#others", event, addressed: false });
    const asked = await qq.say({ scene: "group", chatId: chatId(), text: `#m${count}`, event });
    await answered(asked);
    expect(others.deliveries).toEqual([200]);
    expect(answers(others)).toEqual([]);
  });

  it("acknowledges every event of the platform, and goes on", async () => {
    const { qq } = bench;
    for (const name of EVENT_NAMES) {
      const { deliveries } = await qq.emit(name);
      expect(deliveries, name).toEqual([200]);
    }
    expect(EVENT_NAMES.length).toBeGreaterThan(40);
    await answered(await qq.say({ chatId: chatId(), text: `#still${count}` }));
  });

  it("shows in a private chat that it is at work, at the cost of one reply, and nowhere else", async () => {
    const { qq } = bench;
    const typings = qq.typings.length;
    const asked = await qq.say({ chatId: chatId(), text: `#t${count}` });
    expect(await answered(asked)).toMatchObject([{ msgSeq: 2 }]);
    expect(qq.typings.slice(typings)).toMatchObject([{ msgId: asked.messageId, msgSeq: 1 }]);
    const elsewhere = SCENES.filter((scene) => scene !== "c2c");
    await Promise.all(
      elsewhere.map(async (scene) => answered(await qq.say({ scene, chatId: chatId(), text: `#x${count}` }))),
    );
    expect(qq.typings).toHaveLength(typings + 1);
  });

  it("answers all the same where the typing notice is refused or not answered", async () => {
    const { qq } = bench;
    for (const trouble of [{ kind: "drop" }, { kind: "refuse", status: 500 }, { kind: "delay", ms: 5_000 }] as const) {
      qq.typingWeather.set(trouble);
      expect(await answered(await qq.say({ chatId: `${chatId()}-${trouble.kind}`, text: "hello" }))).toHaveLength(1);
    }
  });

  it("acknowledges a pressed button at once, and does what a command on it says", async () => {
    const { qq } = bench;
    qq.model.weather.set({ kind: "slow", ms: 3_000 });
    const asked = await qq.say({ chatId: chatId(), text: `#slow${count}` });
    const { acknowledgement, eventId } = await qq.press({ chatId: chatId(), data: "/stop" });
    expect(acknowledgement).toMatchObject({ code: 0, isDuplicate: false });
    await qq.until(() => qq.ledger.answersTo(eventId).length > 0);
    expect(qq.ledger.answersTo(eventId)[0]?.text).toContain("已停止");
    expect(answers(asked)).toEqual([]);
  });

  it("begins anew where the person has emptied the chat", async () => {
    const { qq } = bench;
    await answered(await qq.say({ chatId: chatId(), text: `#before${count}` }));
    await qq.press({ chatId: chatId(), data: "", type: 14 });
    await answered(await qq.say({ chatId: chatId(), text: `#after${count}` }));
    expect(bench.qq.model.prompts.at(-1)).not.toContain(`#before${count}`);
  });

  it("greets a new friend and a new group once", async () => {
    const { qq } = bench;
    const friend = await qq.emit("FRIEND_ADD", { openid: `friend-${count}` });
    const group = await qq.emit("GROUP_ADD_ROBOT", { group_openid: `group-${count}` });
    await qq.until(() => [friend, group].every(({ eventId }) => qq.ledger.answersTo(eventId).length > 0));
    for (const { eventId } of [friend, group]) {
      expect(qq.ledger.answersTo(eventId)).toHaveLength(1);
      expect(qq.ledger.answersTo(eventId)[0]?.text).toContain("AI 助手");
    }
  });

  it("gives up what it was about to say in a group that has removed it", async () => {
    const { qq, worker } = bench;
    qq.model.weather.set({ kind: "slow", ms: 2_000 });
    const asked = await qq.say({ scene: "group", chatId: chatId(), text: `#gone${count}` });
    await qq.emit("GROUP_DEL_ROBOT", { group_openid: chatId() });
    await worker.until(({ event, kind }) => event === "callback.accepted" && kind === "relation");
    await answered(await qq.say({ chatId: chatId(), text: `#elsewhere${count}` }));
    const failures = await worker.read<{ chat: string; summary: string }>("Bot", "SELECT chat, summary FROM failure");
    expect(failures.filter(({ chat }) => chat === `group:${chatId()}`)).toMatchObject([
      { summary: expect.stringContaining("removed") },
    ]);
    expect(answers(asked)).toEqual([]);
  });

  it("forgets a question that was taken back before its answer", async () => {
    const { qq } = bench;
    qq.model.weather.set({ kind: "slow", ms: 2_000 });
    const asked = await qq.say({ scene: "guildChannel", chatId: chatId(), text: `#oops${count}` });
    await qq.emit("PUBLIC_MESSAGE_DELETE", {
      message: { id: asked.messageId, guild_id: "1", channel_id: chatId(), author: { id: asked.sender } },
    });
    await answered(await qq.say({ scene: "guildChannel", chatId: chatId(), text: `#better${count}` }));
    expect(answers(asked)).toEqual([]);
  });

  it("shows what there is when the window of a group ends, and the rest on request", async () => {
    const { qq } = bench;
    qq.model.weather.set({ kind: "drip", ms: 9_000, words: 60 });
    // Two seconds before the person must see something.
    const asked = await qq.say({
      scene: "group",
      chatId: chatId(),
      text: `#long${count} !long4`,
      sentAtMs: Date.now() - 224_000,
    });
    await qq.until(() => answers(asked).some(({ text }) => text.includes("发送「继续」")));
    const more = await qq.say({ scene: "group", chatId: chatId(), text: "继续" });
    await answered(more);
    await qq.until(() => qq.ledger.judge().torn.length === 0);
    const said = [...answers(asked), ...answers(more)].map(({ text }) => text).join("\n");
    const stretches = [...said.matchAll(/,(\d+)\/(\d+)\)/g)];
    const of = Number(stretches[0]?.[2]);
    expect(stretches.map(([, n]) => Number(n))).toEqual(Array.from({ length: of }, (_, index) => index + 1));
    expect(qq.ledger.judge().doubled).toEqual([]);
  });

  it("answers ten people who ask at once in one group, each in time or with a sentence, in order", async () => {
    const { qq } = bench;
    qq.model.weather.set({ kind: "slow", ms: 4_000 }, { times: 10, about: "#ten" });
    const sentAtMs = Date.now() - 195_000; // 45 s are left
    const asked: Asked[] = [];
    // One callback after the other, a few milliseconds apart: what "in order" means must be known.
    for (let index = 0; index < 10; index += 1) {
      const who = { scene: "group" as const, chatId: chatId(), sender: `P${index}` };
      asked.push(await qq.say({ ...who, text: `#ten${index}`, sentAtMs }));
    }
    await qq.until(() => asked.every((question) => answers(question).length > 0), 60_000);
    for (const question of asked) {
      expect(answers(question)).toHaveLength(1);
      expect(answers(question)[0]?.atMs).toBeLessThan(sentAtMs + 240_000);
    }
    const own = asked.filter(({ messageId }) => qq.ledger.judge().fates.get(messageId) === "own");
    expect(own.length).toBeGreaterThanOrEqual(6);
    expect(qq.ledger.judge()).toMatchObject({ doubled: [], outOfOrder: [] });
  });
});
