/**
 * A chat in the terminal: what is typed is said in a private chat, `#name text` in a group. Answers appear when they come.
 */
import { createInterface } from "node:readline/promises";
import type { FakeQQ } from "./fake-qq.ts";

const PRIVATE_PROMPT = "你 › ";

/** Resolves when the person leaves: /quit, Ctrl-C or Ctrl-D. */
export async function chat(qq: FakeQQ): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout, prompt: PRIVATE_PROMPT });
  const show = (line: string) => {
    process.stdout.write(`\r\x1b[K${line}\n`);
    terminal.prompt(true);
  };
  qq.onDelivered = ({ chat: { scene }, text }) => show(`${scene === "group" ? "机器人(群)" : "机器人"} › ${text}`);
  qq.onRefused = ({ status, code, text }) =>
    show(`[QQ 拒收 HTTP ${status}${code === undefined ? "" : ` ${code}`}] ${text.slice(0, 60)}`);
  terminal.on("SIGINT", () => terminal.close());
  terminal.prompt();
  for await (const line of terminal) {
    const text = line.trim();
    if (text === "/quit") break;
    if (text !== "")
      void say(qq, text).then((acknowledged) => acknowledged || show("[Worker 没有确认这条消息 / not acknowledged]"));
    terminal.prompt();
  }
  terminal.close();
}

async function say(qq: FakeQQ, line: string): Promise<boolean> {
  const [, senderName, text] = /^#(\S+)\s+(.+)$/.exec(line) ?? [];
  const asked =
    senderName === undefined || text === undefined
      ? await qq.say({ text: line })
      : await qq.say({ scene: "group", sender: `MEMBER-${senderName}`, senderName, text });
  return asked.acknowledgedAtMs !== undefined;
}
