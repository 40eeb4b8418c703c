/** An event that could not be stored is not acknowledged: QQ sends it again, and it is answered once. */
import { afterEach, describe, expect, it } from "vitest";
import { signedCallback } from "../../src/simulator/callbacks.ts";
import { type Bench, startBench } from "../support/bench.ts";

describe("storing", () => {
  let bench: Bench;
  afterEach(() => bench.stop());

  it("asks QQ to send again what could not be stored, and answers it once", async () => {
    bench = await startBench({
      patches: [
        {
          file: "conversation/conversation.ts",
          find: "const receipt = this.ctx.storage.transactionSync(() => {",
          replace: `const receipt = this.ctx.storage.transactionSync(() => {
      globalThis.failures = (globalThis.failures ?? 0) + 1;
      if (globalThis.failures <= 2) {
        accept(this.ctx.storage, event, Date.now());
        throw new Error("database or disk is full");
      }`,
        },
      ],
    });
    const { qq, worker } = bench;
    const asked = await qq.say({ text: "#full" });
    await qq.until(() => qq.ledger.isSettled());
    expect(asked.deliveries).toEqual([500, 500, 200]);
    expect(qq.ledger.judge()).toMatchObject({ own: 1, doubled: [] });
    expect(qq.model.calls).toHaveLength(1);
    expect(worker.lines.filter(({ event }) => event === "callback.not-stored")).toHaveLength(2);
  });

  it("refuses bad input with a 4xx on a real socket, and stores nothing", async () => {
    bench = await startBench();
    const { qq, worker } = bench;
    const now = Date.now();
    const { body } = qq.compose({ text: "#never" });
    const stale = await signedCallback(qq, body, now - 16 * 60_000);
    const good = await signedCallback(qq, body, now);
    const huge = "x".repeat(10 * 1024 * 1024);
    const inputs: { why: string; status: number; init: RequestInit }[] = [
      { why: "no body", status: 400, init: { headers: good.headers } },
      { why: "10 MB", status: 413, init: { headers: good.headers, body: huge } },
      {
        why: "10 MB in chunks",
        status: 413,
        init: { headers: good.headers, body: new Blob([huge]).stream(), duplex: "half" } as RequestInit,
      },
      { why: "not JSON", status: 400, init: await signedCallback(qq, "{", now) },
      {
        why: "wrong types",
        status: 400,
        init: await signedCallback(qq, `{"op":0,"t":"C2C_MESSAGE_CREATE","d":{"id":1}}`, now),
      },
      { why: "unknown AppID", status: 401, init: { ...good, headers: { ...good.headers, "x-bot-appid": "1" } } },
      { why: "no headers", status: 401, init: { body } },
      {
        why: "malformed signature",
        status: 401,
        init: { ...good, headers: { ...good.headers, "x-signature-ed25519": "zz" } },
      },
      { why: "stale", status: 401, init: stale },
      { why: "a changed body", status: 401, init: { ...good, body: body.replace("#never", "#other") } },
    ];
    for (const { why, status, init } of inputs) {
      const lines = worker.lines.length;
      const response = await fetch(worker.callbackUrl, { method: "POST", ...init });
      expect(`${why}: ${response.status}`).toBe(`${why}: ${status}`);
      expect(await response.text()).toBe("");
      await worker.until(({ event }, index) => event === "callback.refused" && index >= lines);
      expect(worker.lines.length - lines, why).toBe(1);
    }
    expect(worker.output).not.toContain(qq.appSecret);
    expect(await worker.storedObjects()).toBe(0);
  });
});
