import { describe, expect, it } from "vitest";
import { alertsOf, webhookBody } from "../../src/bot/alerts.ts";
import type { Failure } from "../../src/bot/failures.ts";

const failure = (more: Partial<Failure> = {}): Failure => ({
  ...{ reference: "abc234", atMs: 0, chat: "c2c:a", turn: 1, operation: "qq.send", summary: "banned", told: false },
  advice: "到 q.qq.com 查看。See q.qq.com.",
  ...more,
});

const QUIET = { advice: "无需处理。Nothing to do." };
const RECURRING = { advice: "若反复出现,检查网络。If it recurs, check the network." };
const times = (count: number, more: Partial<Failure>) => Array.from({ length: count }, () => failure(more));

describe("an alert", () => {
  it("is made of a failure that somebody has to act on", () => {
    const failures = [failure(), failure(QUIET)];
    expect(alertsOf(failures, failures)).toEqual([
      {
        cause: "qq.send 到 q.qq.com 查看。See q.qq.com.",
        summary: "banned",
        advice: "到 q.qq.com 查看。See q.qq.com.",
      },
    ]);
  });

  it("is made of an outage, which is no failure yet", () => {
    expect(alertsOf([failure({ isOngoing: true })], [])).toHaveLength(1);
  });

  it("is made of what may have been a hiccup when it comes for the third time in an hour", () => {
    expect(alertsOf([failure(RECURRING)], times(2, RECURRING))).toEqual([]);
    expect(
      alertsOf([failure(RECURRING)], [...times(2, RECURRING), failure({ ...RECURRING, operation: "turn" })]),
    ).toEqual([]);
    expect(alertsOf([failure(RECURRING)], times(3, RECURRING))).toMatchObject([{ advice: RECURRING.advice }]);
  });

  it("is made of many failures in an hour, whatever they are", () => {
    expect(alertsOf([failure(QUIET)], times(9, QUIET))).toEqual([]);
    expect(alertsOf([failure(QUIET)], [...times(8, QUIET), ...times(2, RECURRING)])).toMatchObject([
      { cause: "many failures", summary: "10 failures within an hour" },
    ]);
  });

  it("is not made of many failures that were told of by themselves", () => {
    expect(alertsOf([failure()], times(20, {}))).toHaveLength(1);
    expect(alertsOf([failure(QUIET)], [...times(20, {}), ...times(20, RECURRING), ...times(9, QUIET)])).toEqual([]);
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
