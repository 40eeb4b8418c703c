/** What `npm start` takes from `.dev.vars`, and what it does not. */
import { describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { modelIn, settingsOf } from "../../src/simulator/settings.ts";

const LOCAL = { appId: "102000001", appSecret: "local-secret", simulatorUrl: "http://127.0.0.1:8788" };

/** As `npm run setup` leaves it for a bot that is deployed. */
const DEPLOYED = {
  QQ_BOTS: '[{"appId":"102999999","appSecret":"real-secret"}]',
  QQ_TOKEN_URL: "https://relay.example/app/getAppAccessToken",
  QQ_API_HEADERS: '{"x-relay":"relay-secret"}',
  QQ_EGRESS_PROXY: "http://me:proxy-secret@198.51.100.7:3128",
  ALERT_WEBHOOK: "https://alerts.example/hook",
  MODEL_FALLBACKS: "deepseek/deepseek-chat",
  DEEPSEEK_API_KEY: "sk-real",
  SYSTEM_PROMPT: "You are a cat.",
};

describe("the Worker beside the simulator", () => {
  it("keeps to the local QQ whatever .dev.vars says of the deployed bot", () => {
    const config = readConfig({ ...DEPLOYED, ...settingsOf(LOCAL, undefined) });
    expect(config.bots.map(({ appId }) => appId)).toEqual(["102000001"]);
    const alone = readConfig(settingsOf(LOCAL, undefined));
    expect(config.qq).toEqual(alone.qq);
    expect(config.alertWebhook).toBeUndefined();
    expect(config.bots[0]?.models).toEqual(alone.bots[0]?.models);
    expect(config.bots[0]?.systemPrompt).toBe("You are a cat.");
  });

  it("leaves a real model and its fallbacks as they are", () => {
    const settings = settingsOf(LOCAL, "deepseek/deepseek-chat");
    expect(Object.keys(settings).filter((name) => name.startsWith("MODEL"))).toEqual([]);
  });
});

describe("the model of .dev.vars", () => {
  it.each([
    ["MODEL=deepseek/deepseek-chat", "deepseek/deepseek-chat"],
    ["MODEL=deepseek/deepseek-chat # the good one", "deepseek/deepseek-chat"],
    [`export MODEL="deepseek/deepseek-chat"\r\n`, "deepseek/deepseek-chat"],
    ["MODEL=openai/a\nMODEL=openai/b", "openai/b"],
    [`SYSTEM_PROMPT="You are\nMODEL=no/model\nof a cat"`, undefined],
    ["# MODEL=openai/a", undefined],
    ["MODEL=", undefined],
    ["MODEL=  # none", undefined],
    ["MODEL_API_KEY=sk-1", undefined],
    ["", undefined],
  ])("is read as wrangler reads it: %j", (text, model) => {
    expect(modelIn(text)).toBe(model);
  });
});
