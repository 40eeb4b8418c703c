import { describe, expect, it } from "vitest";
import { understood } from "../../src/simulator/terminal.ts";

describe("a line in the terminal", () => {
  it.each([
    ["你好", { text: "你好" }],
    ["!long3", { text: "!long3" }],
    ["!dm", { text: "!dm" }],
    ["#小明 你好 #m1", { scene: "group", sender: "MEMBER-小明", senderName: "小明", text: "你好 #m1" }],
    ["@闲聊 你好", { scene: "guildChannel", chatId: "CHANNEL-闲聊", text: "你好" }],
    ["!dm !md 你好", { scene: "guildDm", text: "!md 你好" }],
  ])("is said where it belongs: %s", (line, question) => {
    expect(understood(line)).toEqual(question);
  });
});
