/**
 * A chat in the terminal: what is typed is said in a private chat, `#name text` in a group, `@channel text` in a guild
 * channel, `!dm text` in a guild's direct messages. Answers appear when they come, Markdown as its source.
 */
import { createInterface } from "node:readline/promises";
import type { Scene } from "../event.ts";
import type { FakeQQ } from "./fake-qq.ts";
import type { Question } from "./questions.ts";

const PRIVATE_PROMPT = "你 › ";

const BOT_IN: Record<Scene, string> = {
  c2c: "机器人",
  group: "机器人(群)",
  guildChannel: "机器人(频道)",
  guildDm: "机器人(频道私信)",
};

/** Resolves when the person leaves: /quit, Ctrl-C or Ctrl-D. */
export async function chat(qq: FakeQQ): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: PRIVATE_PROMPT });
  const show = (line: string) => {
    process.stdout.write(`\r\x1b[K${line}\n`);
    terminal.prompt(true);
  };
  let isTyping = false;
  qq.onTyping = () => {
    if (!isTyping) show("机器人正在输入…");
    isTyping = true;
  };
  qq.onDelivered = ({ chat: { scene }, text }) => {
    isTyping = false;
    show(`${BOT_IN[scene]} › ${text}`);
  };
  qq.onRefused = ({ status, code, message, text }) =>
    show(`[QQ 拒收 HTTP ${status}${code === undefined ? "" : ` ${code} ${message}`}] ${text.slice(0, 60)}`);
  terminal.on("SIGINT", () => terminal.close());
  terminal.prompt();
  for await (const line of terminal) {
    const text = line.trim();
    if (text === "/quit") break;
    if (text !== "") {
      void qq.say(understood(text)).then(({ acknowledgedAtMs }) => {
        if (acknowledgedAtMs === undefined) show("[Worker 没有确认这条消息 / not acknowledged]");
      });
    }
    terminal.prompt();
  }
  terminal.close();
}

/** Where a typed line is said, and by whom. */
export function understood(line: string): Question {
  const [, member, toGroup] = /^#(\S+)\s+(.+)$/.exec(line) ?? [];
  if (member !== undefined && toGroup !== undefined)
    return { scene: "group", sender: `MEMBER-${member}`, senderName: member, text: toGroup };
  const [, channel, toChannel] = /^@(\S+)\s+(.+)$/.exec(line) ?? [];
  if (channel !== undefined && toChannel !== undefined)
    return { scene: "guildChannel", chatId: `CHANNEL-${channel}`, text: toChannel };
  const [, toDm] = /^!dm\s+(.+)$/.exec(line) ?? [];
  return toDm === undefined ? { text: line } : { scene: "guildDm", text: toDm };
}
