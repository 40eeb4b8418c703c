/** What may be answered, how often it was, and when each chat of a guild got something. */
import type { Chat } from "../event.ts";
import { isInGuild, type Message, type Target } from "./messages.ts";

export class ReplyBook {
  /** Messages by `d.id`, events by outer id. */
  readonly #targets = new Map<string, Target>();
  /** Per message or event: the numbers that replies used, and whether they were delivered. */
  readonly #used = new Map<string, Map<number, boolean>>();
  readonly #guildSends = new Map<string, number[]>();

  /** From here on `id` may be answered. */
  open(id: string, target: Target): void {
    this.#targets.set(id, target);
  }

  targetOf(id: string): Target | undefined {
    return this.#targets.get(id);
  }

  usedOf(id: string): ReadonlyMap<number, boolean> {
    return this.#used.get(id) ?? new Map();
  }

  /** Books a reply. A number is used up whether or not its message was delivered: no refund is documented. */
  book(message: Message, { delivered, atMs }: { delivered: boolean; atMs: number }): void {
    const { chat, msgId } = message;
    if (delivered && isInGuild(message)) this.#guildSends.set(keyOf(chat), [...this.guildSends(chat), atMs]);
    if (msgId === undefined) return;
    const used = this.#used.get(msgId) ?? new Map<number, boolean>();
    this.#used.set(msgId, used);
    const number = isInGuild(message) ? used.size + 1 : message.msgSeq;
    if (delivered || !used.has(number)) used.set(number, delivered);
  }

  /** When a chat of a guild got something; empty for other chats. */
  guildSends(chat: Chat): readonly number[] {
    return this.#guildSends.get(keyOf(chat)) ?? [];
  }
}

function keyOf({ scene, id }: Chat): string {
  return `${scene}:${id}`;
}
