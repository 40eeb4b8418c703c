/** How a log line names a turn: by its number, which counts in its chat alone, and so by its chat, too. */
import type { Turn } from "./turn-machine.ts";

export function named({ id, messages }: Pick<Turn, "id" | "messages">): { turn: number; chat: string | undefined } {
  const { chat } = messages[0] ?? {};
  return { turn: id, chat: chat && `${chat.scene}:${chat.id}` };
}
