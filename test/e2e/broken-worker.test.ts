/**
 * Workers that are broken on purpose. If the ledger did not catch them, the other tests would prove nothing.
 */
import { afterEach, describe, expect, it } from "vitest";
import { type Bench, startBench } from "../support/bench.ts";

describe("the ledger", () => {
  let bench: Bench;
  afterEach(() => bench.stop());

  it("sees a Worker that forgets what it has heard: doubled", async () => {
    bench = await startBench({
      patches: [
        {
          file: "conversation/inbox.ts",
          find: `if (rows(storage, "SELECT turn FROM seen WHERE key = ?", key).length > 0) return { kind: "duplicate" };`,
          replace: "",
        },
        { file: "conversation/inbox.ts", find: "INSERT INTO seen", replace: "INSERT OR REPLACE INTO seen" },
      ],
    });
    const { qq } = bench;
    const { asked, body } = qq.compose({ text: "#twice" });
    qq.ledger.asked.push(asked);
    for (let delivery = 0; delivery < 2; delivery += 1) {
      await qq.deliver(asked, body);
      await qq.until(() => qq.ledger.delivered.length > delivery);
    }
    expect(qq.ledger.judge().doubled).toEqual([asked.messageId]);
  });

  it("sees a Worker that sends before it has stored: doubled after a kill", async () => {
    bench = await startBench({
      crashPoints: true,
      patches: [
        {
          file: "conversation/answering.ts",
          find: "  storage.transactionSync(() => {\n    if (!isUnchanged(storage, turn)) return enterIfOver(context, turn, step);\n    recordStep(storage, turn, step);",
          replace: `  const { chat, id } = turn.messages[0]!;
  const lease = await context.askForLease({});
  if (lease.ok) await context.send(chat, { kind: "text", text: step.text }, { msgId: id, msgSeq: 1 + (Date.now() % 60_000) }, lease.lease.token);
  await context.crashPoint("after-send");
  if (lease.ok) return endTurn(storage, turn.id, "answered", context.now());
  storage.transactionSync(() => {
    if (!isUnchanged(storage, turn)) return enterIfOver(context, turn, step);
    recordStep(storage, turn, step);`,
        },
        {
          file: "conversation/answering.ts",
          find: `import { hasEnded, isUnchanged, recordStep } from "./turns.ts";`,
          replace: `import { endTurn, hasEnded, isUnchanged, recordStep } from "./turns.ts";`,
        },
      ],
    });
    const { qq } = bench;
    bench.killAt("after-send");
    const asked = await qq.say({ text: "#unstored" });
    await bench.untilKilled("after-send", 1);
    await qq.until(() => qq.ledger.delivered.length === 2);
    expect(qq.ledger.judge().doubled).toEqual([asked.messageId]);
  });

  it("sees a Worker that repeats in a guild what may have arrived: doubled after a kill", async () => {
    bench = await startBench({
      crashPoints: true,
      patches: [
        {
          file: "conversation/turn-machine.ts",
          find: "return messages.every(({ chat }) => !isGuild(chat.scene));",
          replace: "return messages.length > 0;",
        },
        { file: "conversation/turn-machine.ts", find: `import { isGuild } from "../qq/encode.ts";`, replace: "" },
      ],
    });
    const { qq } = bench;
    bench.killAt("after-send");
    const asked = await qq.say({ scene: "guildChannel", text: "#again" });
    await bench.untilKilled("after-send", 1);
    await qq.until(() => qq.ledger.delivered.length === 2);
    expect(qq.ledger.judge().doubled).toEqual([asked.messageId]);
  });

  it("sees a Worker that moves the alarm away while a turn runs: lost after a kill", async () => {
    bench = await startBench({
      crashPoints: true,
      patches: [
        {
          file: "conversation/conversation.ts",
          find: `await crashPoint("after-acknowledgement");`,
          replace: `await storage.setAlarm(Date.now() + 3_600_000); await crashPoint("after-acknowledgement");`,
        },
      ],
    });
    const { qq } = bench;
    bench.killAt("during-model-stream");
    const asked = await qq.say({ text: "#asleep" });
    await bench.untilKilled("during-model-stream", 1);
    await expect(qq.until(() => qq.ledger.isSettled(), 3_000)).rejects.toThrow("not within");
    expect(qq.ledger.judge().lost).toEqual([asked.messageId]);
  });
});
