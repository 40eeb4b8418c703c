/** MODEL_CONCURRENCY on the real Worker: how many calls the model sees at a time, and what becomes of those who wait. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { IncomingMessage } from "../../src/event.ts";
import type { ModelCall } from "../../src/simulator/demo-model.ts";
import { type Bench, startBench } from "../support/bench.ts";

const LIMIT = 3;
const CHATS = 50;

/** Tells of each time that the Bot is asked for a share. */
const TELLING = {
  file: "bot/bot.ts",
  find: "async share(key: string, report: Report): Promise<Share> {",
  replace: 'async share(key: string, report: Report): Promise<Share> {\nlog.info("share.asked", { key });',
};

/** The calls under way at the demo model. One ends with its last byte, or when its connection breaks. */
class Watched {
  readonly open = new Set<number>();
  most = 0;

  constructor({ qq }: Bench) {
    const tell = qq.model.onCall;
    qq.model.onCall = (call: ModelCall) => {
      tell?.(call);
      if (call.tookMs === undefined) this.open.add(call.n);
      else this.open.delete(call.n);
      this.most = Math.max(this.most, this.open.size);
    };
  }
}

describe(`${LIMIT} model calls at a time`, () => {
  let bench: Bench;
  let watched: Watched;

  beforeAll(async () => {
    bench = await startBench({ settings: { MODEL_CONCURRENCY: String(LIMIT) }, patches: [TELLING] });
    watched = new Watched(bench);
  });
  beforeEach(() => {
    watched.most = 0;
  });
  afterAll(() => bench.stop());

  const asks = () => bench.worker.lines.filter(({ event }) => event === "share.asked").length;
  const answersTo = (messageId: string) => bench.qq.ledger.answersTo(messageId);

  it(`are never passed when ${CHATS} chats write at once: each is answered once, in the order they asked`, async () => {
    const { qq } = bench;
    qq.model.weather.set({ kind: "slow", ms: 300 }, { times: CHATS });
    const [before, startMs] = [asks(), Date.now()];
    const all = await Promise.all(
      Array.from({ length: CHATS }, (_, chat) => qq.say({ chatId: `crowd-${chat}`, text: `#crowd${chat}` })),
    );
    await qq.until(() => all.every(({ messageId }) => answersTo(messageId).length > 0), 60_000);
    const tookS = (Date.now() - startMs) / 1000;
    expect(watched.most).toBe(LIMIT);
    expect(all.map(({ messageId }) => answersTo(messageId).length)).toEqual(Array(CHATS).fill(1));
    expect(qq.ledger.judge()).toMatchObject({ own: CHATS, told: 0, lost: [], doubled: [], outOfOrder: [] });
    const turns = await bench.worker.read<{ messages: string }>("Conversation", "SELECT messages FROM turn");
    const received = turns.flatMap(({ messages }) => JSON.parse(messages) as IncomingMessage[]);
    const callOf = ({ text }: IncomingMessage) => qq.model.calls.findIndex((question) => question.endsWith(text));
    const inOrder = received.toSorted((one, other) => one.receivedAtMs - other.receivedAtMs);
    // Those that ask in the same moment may change places.
    const displaced = inOrder.map((message, index) => Math.abs(callOf(message) - index));
    expect(Math.max(...displaced)).toBeLessThanOrEqual(2 * LIMIT);
    // One object is asked every few seconds, not once a message.
    const asked = asks() - before;
    expect(asked).toBeLessThan(tookS + 5);
    expect(asked).toBeLessThan(CHATS / 2);
  });

  it("leave /stop and a second message to those who wait for one of them", async () => {
    const { qq } = bench;
    const before = qq.model.calls.length;
    qq.model.weather.set({ kind: "slow", ms: 5_000 }, { times: LIMIT, about: "#busy" });
    const busy = await Promise.all(
      Array.from({ length: LIMIT }, (_, chat) => qq.say({ chatId: `busy-${chat}`, text: `#busy${chat}` })),
    );
    for (let look = 0; watched.open.size < LIMIT; look += 1) {
      if (look > 100) throw new Error("the places are not taken");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const given = await qq.say({ chatId: "given-up", text: "#given" });
    const joined = await qq.say({ chatId: "joined", text: "#joined" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stop = await qq.say({ chatId: "given-up", text: "/stop" });
    const second = await qq.say({ chatId: "joined", text: "#second" });
    await qq.until(() => answersTo(stop.messageId).length > 0);
    expect(qq.model.calls.length - before).toBe(LIMIT); // they still wait, or have stopped
    await qq.until(() => [...busy, second].every(({ messageId }) => answersTo(messageId).length > 0));
    expect(qq.ledger.judge().fates.get(joined.messageId)).toBe("joined");
    expect(answersTo(second.messageId)[0]?.text).toMatch(/#joined #second/);
    expect(answersTo(given.messageId)).toEqual([]);
    expect(qq.model.calls.some((question) => question.includes("#given"))).toBe(false);
    expect(watched.most).toBe(LIMIT);
  });

  it("are kept, and nobody is lost, when the process is killed in the middle", async () => {
    const { qq, worker } = bench;
    qq.model.weather.set({ kind: "slow", ms: 300 }, { times: 60 });
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, chat) => qq.say({ chatId: `killed-${chat}`, text: `#killed${chat}` })),
    );
    await qq.until(() => all.some(({ messageId }) => answersTo(messageId).length > 0));
    await worker.restart();
    await qq.until(() => all.every(({ messageId }) => answersTo(messageId).length > 0), 60_000);
    expect(all.map(({ messageId }) => answersTo(messageId).length)).toEqual(Array(20).fill(1));
    expect(watched.most).toBeLessThanOrEqual(LIMIT);
    const { fates, lost, doubled } = qq.ledger.judge();
    expect(all.map(({ messageId }) => fates.get(messageId))).toEqual(Array(20).fill("own"));
    expect({ lost, doubled }).toEqual({ lost: [], doubled: [] });
  });
});
