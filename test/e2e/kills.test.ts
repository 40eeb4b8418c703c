/** SIGKILL at every named crash point and at random times: one answer each, in order; in guilds one at most. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CrashPoint } from "../../src/conversation/crash-point.ts";
import type { IncomingMessage, Scene } from "../../src/event.ts";
import { type Bench, startBench } from "../support/bench.ts";

const POINTS: readonly { point: CrashPoint; text: string }[] = [
  { point: "after-acknowledgement", text: "hello" },
  { point: "during-model-stream", text: "hello !md" },
  { point: "before-send", text: "hello" },
  { point: "after-send", text: "hello !md" },
  { point: "between-parts", text: "!long4" },
];
const KILLS = 20;
/** Between two messages of a chat. */
const PAUSE_MS = 100;
/** QQ numbers the replies there, so that a repetition is refused. */
const NUMBERED: readonly Scene[] = ["c2c", "group"];
const GUILDS: readonly Scene[] = ["guildChannel", "guildDm"];

describe.each([
  { name: "private chats and groups", scenes: NUMBERED, way: "direct" as const },
  { name: "guilds", scenes: GUILDS, way: "direct" as const },
  { name: "private chats and groups, through a tunnel", scenes: NUMBERED, way: "tunnel" as const },
  { name: "guilds, through a tunnel", scenes: GUILDS, way: "tunnel" as const },
])("a killed process, in $name", ({ scenes, way }) => {
  let bench: Bench;
  let marker = 0;

  beforeAll(async () => {
    bench = await startBench({ crashPoints: true, way });
  });
  afterAll(() => bench.stop());

  const ask = (name: string, text: string, index: number) => {
    marker += 1;
    const scene = scenes[index % scenes.length] ?? "c2c";
    return bench.qq.say({ chatId: `${scene}-${name}`, text: `#k${marker} ${text}`, scene });
  };

  /** Guilds lose what may have arrived, and say so: nothing twice, nothing out of order, and every loss on the list. */
  async function expectTheRule(): Promise<void> {
    const { qq, worker } = bench;
    const { lost, torn, doubled, outOfOrder } = qq.ledger.judge();
    expect({ doubled, outOfOrder }).toEqual({ doubled: [], outOfOrder: [] });
    if (scenes === NUMBERED) return expect({ lost, torn }).toEqual({ lost: [], torn: [] });
    const failures = await worker.read<{ chat: string; turn: number }>("Bot", "SELECT chat, turn FROM failure");
    const turns = await worker.read<{ id: number; messages: string }>("Conversation", "SELECT id, messages FROM turn");
    const listed = turns.flatMap(({ id, messages }) => {
      const answered = JSON.parse(messages) as IncomingMessage[];
      return answered
        .filter(({ chat }) =>
          failures.some((failure) => failure.turn === id && failure.chat === `${chat.scene}:${chat.id}`),
        )
        .map((message) => message.id);
    });
    expect(lost.filter((id) => !listed.includes(id))).toEqual([]);
  }

  /** Whatever came before it in its chat has ended when this has its answer. */
  async function settle(names: readonly string[]): Promise<void> {
    const { qq } = bench;
    const last = await Promise.all(names.map((name, index) => ask(name, "the end", index)));
    await qq.until(() => last.every(({ messageId }) => qq.ledger.answersTo(messageId).length > 0), 60_000);
    if (scenes === NUMBERED) await qq.until(() => qq.ledger.isSettled(), 60_000);
  }

  for (const { point, text } of POINTS) {
    it(`keeps its promise when killed ${KILLS} times at "${point}"`, async () => {
      const { qq, hits } = bench;
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const name = `${point}-${kill % 6}`;
        bench.killAt(point);
        await ask(name, text, kill);
        await bench.untilKilled(point, kill);
        const next = await ask(name, "and then?", kill);
        await qq.until(() => qq.ledger.answersTo(next.messageId).length > 0 || qq.ledger.isSettled());
      }
      bench.disarm();
      await settle(Array.from({ length: 6 }, (_, index) => `${point}-${index}`));
      expect(hits.get(point)).toBe(KILLS);
      expect(qq.ledger.judge().told).toBe(0);
      await expectTheRule();
    });
  }

  it(`keeps its promise when killed ${KILLS} times at random`, async () => {
    const { worker, program } = bench;
    let kills = 0;
    let talking = true;
    const killing = (async () => {
      // A fixed sequence of pauses: what happens in them is random enough.
      for (; kills < KILLS; kills += 1) {
        await new Promise((resolve) => setTimeout(resolve, 40 + ((kills * 7_919) % 400)));
        // The proxy's connections break with it, in the middle of whatever they carry.
        await (kills % 2 && program ? program : worker).restart();
      }
      talking = false;
    })();
    const names = Array.from({ length: 6 }, (_, index) => `random-${index}`);
    const chats = names.map(async (name, index) => {
      while (talking) {
        await ask(name, index % 3 ? "hello !md" : "!long3", index);
        // As fast as they are acknowledged, the queue would be full: its refusals overtake, and say nothing of what waits.
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    });
    await Promise.all([killing, ...chats]);
    await settle(names);
    expect(kills).toBe(KILLS);
    await expectTheRule();
  });

  it("ends a turn that kills the process each time in one apology, and answers the next message of that chat", async () => {
    const { qq, hits } = bench;
    const [scene] = scenes;
    const before = hits.get("during-model-stream") ?? 0;
    // Once for each time that the model was asked about it, whatever else the model is asked beside it.
    const deaths = () => (hits.get("during-model-stream") ?? 0) - before;
    const askedAbout = () => qq.model.calls.filter((question) => question.includes("#poison")).length;
    bench.killAt("during-model-stream", { times: 100, when: () => askedAbout() > deaths() });
    const poison = await qq.say({ scene, chatId: "u-poison", text: "#poison" });
    await qq.until(() => qq.ledger.answersTo(poison.messageId).length > 0);
    const next = await qq.say({ scene, chatId: "u-poison", text: "#fine" });
    bench.disarm();
    await qq.until(() => qq.ledger.answersTo(next.messageId).length > 0);
    expect(hits.get("during-model-stream")).toBe(before + 2);
    expect(qq.ledger.answersTo(poison.messageId).map(({ text }) => text.slice(0, 2))).toEqual(["抱歉"]);
    expect(qq.ledger.judge().fates.get(next.messageId)).toBe("own");
  });
});
