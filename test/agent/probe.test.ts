/** One sentence of a model: what setup, doctor and the health report ask for. */
import { describe, expect, it } from "vitest";
import { askOneSentence } from "../../src/agent/probe.ts";
import type { ModelEndpoint } from "../../src/config.ts";
import { Secret } from "../../src/log.ts";
import { modelAnswer } from "../support/outside.ts";

const ENDPOINT: ModelEndpoint = {
  provider: "deepseek",
  model: "deepseek-chat",
  baseUrl: "https://model.test/v1",
  apiKey: new Secret("sk-nobody-may-read"),
  headers: {},
};

describe("a sentence", () => {
  it("comes with the time it took", async () => {
    let nowMs = 1_000;
    const answer = await askOneSentence(
      ENDPOINT,
      async () => {
        nowMs += 250;
        return modelAnswer("你好!");
      },
      { now: () => nowMs },
    );
    expect(answer).toEqual({ ok: true, tookMs: 250, text: "你好!" });
  });

  it.each([
    [401, "key", "MODEL_API_KEY"],
    [404, "model", "MODEL"],
    [402, "quota", "额度"],
    [503, "service", "状态"],
  ])("that is refused with %i is a result, which says what to do", async (status, kind, words) => {
    const answer = await askOneSentence(ENDPOINT, async () => new Response("secret words", { status }));
    expect(answer).toMatchObject({ ok: false, kind, code: status, advice: expect.stringContaining(words) });
    expect(JSON.stringify(answer)).not.toMatch(/secret words|sk-nobody/);
  });

  it("that never comes is waited for no longer than it may take", async () => {
    const limits = { firstTokenMs: 1, silenceMs: 1, totalMs: 1 };
    const silent = (_: unknown, init?: RequestInit) =>
      new Promise<Response>((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
    expect(await askOneSentence(ENDPOINT, silent, { limits })).toMatchObject({ ok: false });
  });
});
