import { describe, expect, it } from "vitest";
import { alertsOf, webhookBody } from "../../src/bot/alerts.ts";
import type { Failure } from "../../src/bot/failures.ts";

const failure = (more: Partial<Failure> = {}): Failure => ({
  ...{ reference: "abc234", atMs: 0, chat: "c2c:a", turn: 1, operation: "qq.send", summary: "banned", told: false },
  advice: "到 q.qq.com 查看。See q.qq.com.",
  ...more,
});

describe("an alert", () => {
  it("is made of a failure that somebody has to act on", () => {
    expect(alertsOf([failure(), failure({ advice: "无需处理。Nothing to do." })], 2)).toEqual([
      {
        cause: "qq.send 到 q.qq.com 查看。See q.qq.com.",
        summary: "banned",
        advice: "到 q.qq.com 查看。See q.qq.com.",
      },
    ]);
  });

  it("is made of many failures in an hour, whatever they are", () => {
    const quiet = [failure({ advice: "无需处理。Nothing to do." })];
    expect(alertsOf(quiet, 9)).toEqual([]);
    expect(alertsOf(quiet, 10)).toMatchObject([{ cause: "many failures", summary: "10 failures within an hour" }]);
  });
});

describe("a webhook", () => {
  it.each([
    ["https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k", { msgtype: "text", text: { content: "help" } }],
    ["https://oapi.dingtalk.com/robot/send?access_token=k", { msgtype: "text", text: { content: "help" } }],
    ["https://open.feishu.cn/open-apis/bot/v2/hook/k", { msg_type: "text", content: { text: "help" } }],
    ["https://discord.com/api/webhooks/k", { content: "help" }],
    ["https://hooks.slack.com/services/k", { text: "help" }],
  ])("gets the words in the form that it reads: %s", (url, body) => {
    expect(webhookBody(url, "help")).toEqual(body);
  });
});
