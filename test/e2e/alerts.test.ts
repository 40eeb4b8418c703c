/** The bot goes dumb: its operator is told once, at the webhook and in the owner's chat. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimCode } from "../../src/claim-code.ts";
import { Secret } from "../../src/log.ts";
import { refusal } from "../../src/simulator/codes.ts";
import type { Asked } from "../../src/simulator/ledger.ts";
import { type Bench, startBench } from "../support/bench.ts";

describe("a bot in trouble", () => {
  const cries: string[] = [];
  let hook: Server;
  let bench: Bench;

  beforeAll(async () => {
    hook = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => {
        body += String(chunk);
      });
      request.on("end", () => {
        cries.push((JSON.parse(body) as { text: string }).text);
        response.end("ok");
      });
    });
    await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
    const { port } = hook.address() as AddressInfo; // listening on a port
    bench = await startBench({ settings: { ALERT_WEBHOOK: `http://127.0.0.1:${port}/key-of-the-hook` } });
  });
  afterAll(async () => {
    await bench.stop();
    hook.close();
  });

  const answered = async (asked: Asked) => {
    await bench.qq.until(() => bench.qq.ledger.answersTo(asked.messageId).length > 0);
    return bench.qq.ledger.answersTo(asked.messageId)[0]?.text ?? "";
  };
  const failed = (asked: Asked) =>
    bench.worker.until(
      ({ event, outcome, messages }) =>
        event === "turn.ended" && outcome === "failed" && String(messages).includes(asked.messageId),
    );

  it("cries once when its address is not on the list, however many answers that costs, and tells its owner", async () => {
    const { qq, worker } = bench;
    const code = await claimCode(new Secret(qq.appSecret));
    await answered(await qq.say({ chatId: "owner", text: `/claim ${code}` }));
    qq.refusesAddress = true;
    for (const chatId of ["ann", "bob", "cid"]) await failed(await qq.say({ chatId, text: "hello" }));
    await worker.until(({ event }) => event === "alert.sent");
    qq.refusesAddress = false;
    const told = await answered(await qq.say({ chatId: "owner", text: "#owner" }));
    expect(told).toContain("IP 白名单");
    expect(told).toContain("#owner");
    expect(await answered(await qq.say({ chatId: "owner", text: "#again" }))).not.toContain("白名单");
    expect(cries).toHaveLength(1);
    expect(cries[0]).toContain("接口访问源IP不在白名单");
    expect(cries[0]).toContain("清空白名单");
    expect(worker.output).not.toContain("key-of-the-hook");
  });

  it("sends what was turned away for the address once that is mended, if nobody was told otherwise", async () => {
    const { qq } = bench;
    qq.refusesAddress = true;
    const [told, silent] = [
      await qq.say({ chatId: "told", text: "#told" }),
      await qq.say({ chatId: "silent", scene: "group", text: "#silent !md" }),
    ];
    for (const asked of [told, silent]) await failed(asked);
    qq.refusesAddress = false;
    expect(await answered(await qq.say({ chatId: "told", text: "#next" }))).toContain("发送「继续」可以看到它");
    expect(await answered(silent)).toContain("#silent");
    expect(qq.ledger.answersTo(silent.messageId)).toHaveLength(1);
    expect(qq.ledger.answersTo(told.messageId)).toEqual([]);
    expect(qq.ledger.judge().doubled).toEqual([]);
  });

  it("sends all that one person asked meanwhile, in its order and once each, none saying that another is missing", async () => {
    const { qq } = bench;
    qq.refusesAddress = true;
    const asked: Asked[] = [];
    for (const text of ["#1st", "#2nd", "#3rd"]) {
      const one = await qq.say({ chatId: "patient", text });
      asked.push(one);
      await failed(one);
    }
    qq.refusesAddress = false;
    const texts = await Promise.all(asked.map(answered));
    expect(texts.map((text) => text.match(/#\w+/)?.[0])).toEqual(["#1st", "#2nd", "#3rd"]);
    expect(texts.join()).not.toContain("没能送达");
    const judged = qq.ledger.judge();
    expect([judged.doubled, judged.outOfOrder]).toEqual([[], []]);
  }, 40_000);

  it("cries of guild messages that may be lost when they recur, and not of a single one", async () => {
    const { qq, worker } = bench;
    const before = cries.length;
    qq.weather.set({ kind: "refuse", status: 502 }, { times: 3 });
    for (const chatId of ["one", "two"]) await failed(await qq.say({ scene: "guildChannel", chatId, text: "hello" }));
    expect(cries.length).toBe(before);
    await failed(await qq.say({ scene: "guildChannel", chatId: "three", text: "hello" }));
    await worker.until(({ event }) => event === "alert.sent" && cries.length > before);
    expect(cries.slice(before)).toEqual([expect.stringContaining("频道消息")]);
  });

  it("cries for each cause by itself, and not for what needs nobody", async () => {
    const { qq, worker } = bench;
    const before = cries.length;
    qq.weather.set(refusal(40054013)); // the person refuses messages
    await failed(await qq.say({ chatId: "shy", text: "hello" }));
    qq.weather.set(refusal(11265)); // banned
    await failed(await qq.say({ chatId: "banned", text: "hello" }));
    await worker.until(({ event }, index) => event === "alert.sent" && index > 0 && cries.length > before);
    expect(cries.slice(before)).toEqual([expect.stringContaining("banned")]);
  });
});
