/** Somebody's own OpenClaw behind this front door: sessions, /new, a crash in mid-answer, and what is wrong with its settings. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Bench, startBench } from "../support/bench.ts";
import { type OpenClaw, startOpenClaw } from "../support/openclaw.ts";

const TOKEN = "gateway-token-that-nobody-else-may-read";

describe("an OpenClaw gateway", () => {
  let gateway: OpenClaw;
  let bench: Bench;
  /** Each test has a chat of its own: the gateway remembers them all. */
  let chat = 0;

  beforeAll(async () => {
    gateway = await startOpenClaw(TOKEN);
  });
  afterEach(() => bench.stop());
  afterAll(() => gateway.stop());

  async function start(settings: Record<string, string> = {}, crashPoints = false): Promise<void> {
    bench = await startBench({
      crashPoints,
      settings: {
        MODEL: "openclaw/default",
        MODEL_BASE_URL: gateway.url,
        OPENCLAW_GATEWAY_TOKEN: TOKEN,
        ...settings,
      },
    });
    chat += 1;
    gateway.runs.length = 0;
    gateway.pauseMs = 0;
  }

  async function ask(text: string, chatId = `chat${chat}`): Promise<string> {
    const { messageId } = await bench.qq.say({ chatId, text });
    await bench.qq.until(() => bench.qq.ledger.answersTo(messageId).length > 0);
    return bench.qq.ledger.answersTo(messageId)[0]?.text ?? "";
  }

  it("is told the newest message alone, and remembers each chat by itself", async () => {
    await start();
    expect(await ask("第一句")).toBe("听到:第一句");
    expect(await ask("第二句")).toBe("听到:第二句");
    await ask("别人", "bob");
    expect(gateway.runs.map(({ told, remembered }) => [told, remembered])).toEqual([
      [["第一句"], []],
      [["第二句"], ["第一句"]],
      [["别人"], []],
    ]);
    expect(new Set(gateway.runs.map(({ user }) => user)).size).toBe(2);
    expect(gateway.runs.every(({ channel }) => channel === "qqbot")).toBe(true);
  });

  it("begins a new session with /new, which it never sees", async () => {
    await start();
    await ask("之前的话");
    await ask("/new");
    await ask("之后的话");
    expect(gateway.runs.map(({ told, remembered }) => [told, remembered])).toEqual([
      [["之前的话"], []],
      [["之后的话"], []],
    ]);
    expect(gateway.runs[0]?.user).not.toBe(gateway.runs[1]?.user);
  });

  it("that is at work when the process dies is asked again, and one answer arrives", async () => {
    await start({}, true);
    gateway.pauseMs = 300;
    bench.killAt("during-model-stream");
    expect(await ask("#crash")).toBe("听到:#crash");
    expect(gateway.runs.map(({ told, isCancelled, remembered }) => ({ told, isCancelled, remembered }))).toEqual([
      { told: ["#crash"], isCancelled: true, remembered: [] },
      { told: ["#crash"], isCancelled: false, remembered: [] },
    ]);
    expect(bench.qq.ledger.delivered).toHaveLength(1);
  });

  it("has its run given up by /stop", async () => {
    await start();
    gateway.pauseMs = 10_000;
    const { messageId } = await bench.qq.say({ chatId: `chat${chat}`, text: "想很久" });
    await bench.qq.until(() => bench.qq.typings.some(({ msgId }) => msgId === messageId));
    while (gateway.runs.length === 0) await ask("/ping");
    expect(await ask("/stop")).toContain("Stopped");
    while (!gateway.runs[0]?.isCancelled) await ask("/ping");
    expect(bench.qq.ledger.answersTo(messageId)).toEqual([]);
  });

  it.each([
    ["names an agent that is not there", { MODEL: "openclaw/nobody" }],
    ["has a wrong token", { OPENCLAW_GATEWAY_TOKEN: "wrong" }],
  ])("whose setting %s tells the person, and nobody the token", async (_, settings) => {
    await start(settings);
    expect(await ask("hello")).toContain("模型设置有问题");
    expect(bench.worker.output).not.toContain(TOKEN);
  });
});
