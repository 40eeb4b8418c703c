/** QQ keeps a list of addresses, and the Worker's is not on it: every way out but the straight one brings the answer. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Asked } from "../../src/simulator/ledger.ts";
import { type Bench, startBench } from "../support/bench.ts";
import { FIXED_ADDRESS, WAY_SECRETS, type WayName } from "../support/ways.ts";

const WAYS: readonly WayName[] = ["relay", "tunnel", "binding"];
const ADMIN_TOKEN = "a-token-for-the-console-of-the-tests";

async function startListed(way: WayName): Promise<Bench> {
  const bench = await startBench({ way, settings: { ADMIN_TOKEN } });
  bench.qq.allowedAddresses = new Set([FIXED_ADDRESS]);
  return bench;
}

async function answered({ qq }: Bench, asked: Asked): Promise<string> {
  await qq.until(() => qq.ledger.answersTo(asked.messageId).length > 0);
  return qq.ledger.answersTo(asked.messageId)[0]?.text ?? "";
}

async function health({ worker }: Bench): Promise<string> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  return (await fetch(`${worker.url}/console/api/health`, { headers })).text();
}

describe("calls straight from the Worker", () => {
  it("get 11298, and the operator is told what to do", async () => {
    const bench = await startListed("direct");
    const { messageId } = await bench.qq.say({ text: "hello" });
    await bench.worker.until(({ event, outcome }) => event === "turn.ended" && outcome === "failed");
    expect(bench.qq.ledger.answersTo(messageId)).toEqual([]);
    expect(await health(bench)).toContain("11298");
    await bench.stop();
  });
});

describe.each(WAYS)("through the %s", (way) => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await startListed(way);
  });
  afterAll(() => bench.stop());

  it("the answer arrives, in a private chat and in a group, and only QQ's calls go that way", async () => {
    const { qq } = bench;
    expect(await answered(bench, await qq.say({ text: "#private !long3" }))).toContain("#private");
    expect(await answered(bench, await qq.say({ scene: "group", text: "#group !md" }))).toContain("#group");
    await qq.until(() => qq.ledger.isSettled());
    expect([...qq.callers.callsFrom.keys()]).toEqual([FIXED_ADDRESS]);
    expect(qq.model.addresses).toEqual(new Set(["127.0.0.1"]));
    expect(qq.ledger.judge()).toMatchObject({ lost: [], torn: [], doubled: [], outOfOrder: [] });
  });

  // The others are the platform's own connections.
  if (way === "tunnel") {
    it("keeps nothing open when the work is done, which would keep the chat in memory", async () => {
      await bench.qq.until(() => bench.qq.ledger.isSettled() && bench.qq.callers.openConnections === 0, 15_000);
    });
  }

  it("the answer arrives once although the program dies when QQ has taken it, and again after that", async () => {
    const { qq, program } = bench;
    let deaths = 0;
    qq.onDelivered = () => {
      if (deaths > 0) return;
      deaths += 1;
      void program?.kill().then(() => program.restart());
    };
    const asked = await qq.say({ text: "#mid !md" });
    await qq.until(() => deaths === 1 && qq.ledger.answersTo(asked.messageId).length > 0);
    const next = await qq.say({ text: "#after" });
    expect(await answered(bench, next)).toContain("#after");
    await qq.until(() => qq.ledger.isSettled());
    expect(qq.ledger.answersTo(asked.messageId)).toHaveLength(1);
    expect(qq.ledger.judge()).toMatchObject({ lost: [], torn: [], doubled: [], outOfOrder: [] });
  });

  it("waits out a program that is down, and sends the answer when it is back", async () => {
    const { qq, program, worker } = bench;
    await program?.kill();
    const before = worker.lines.length;
    const asked = await qq.say({ scene: "group", text: "#down" });
    await worker.until(({ event }, index) => event === "send.refused" && index >= before);
    await program?.restart();
    expect(await answered(bench, asked)).toContain("#down");
    expect(qq.ledger.answersTo(asked.messageId)).toHaveLength(1);
  });

  it("shows its secrets in no log and no answer", async () => {
    const seen = bench.worker.output + (await health(bench));
    for (const secret of Object.values(WAY_SECRETS)) expect(seen).not.toContain(secret);
  });
});
