/** An event that could not be stored is not acknowledged: QQ sends it again, and it is answered once. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { signedCallback } from "../../src/simulator/callbacks.ts";
import { type Bench, startBench } from "../support/bench.ts";

/** Sends the first 512 KiB of a body that claims or goes on to be 10 MB; resolves with the first words of the answer. */
async function begin10MB(port: number, framing: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const piece = "x".repeat(64 * 1024);
  socket.on("error", () => {}); // a server that has answered need not read on
  socket.write(`POST /qq/callback HTTP/1.1\r\nhost: bot\r\n${framing}\r\n\r\n`);
  const chunk = framing.startsWith("transfer") ? `${piece.length.toString(16)}\r\n${piece}\r\n` : piece;
  for (let sent = 0; sent < 8; sent += 1) socket.write(chunk);
  const [answer] = await once(socket, "data");
  socket.destroy();
  return String(answer);
}

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
    const inputs: { why: string; status: number; init: RequestInit }[] = [
      { why: "no body", status: 400, init: { headers: good.headers } },
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
    for (const framing of [`content-length: ${10 * 1024 * 1024}`, "transfer-encoding: chunked"]) {
      const lines = worker.lines.length;
      expect(await begin10MB(worker.port, framing)).toMatch(/^HTTP\/1\.1 413 /);
      await worker.until(({ event }, index) => event === "callback.refused" && index >= lines);
    }
    expect(worker.output).not.toContain(qq.appSecret);
    expect(await worker.storedObjects()).toBe(0);
  });
});
