import { SELF } from "cloudflare:test";
import { describe, expect, it } from "vitest";

describe("health", () => {
  it("says that the settings are complete, without any of them", async () => {
    const response = await SELF.fetch("https://bot.test/healthz");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ok: true, bots: 1 });
  });
});
