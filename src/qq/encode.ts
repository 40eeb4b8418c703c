/**
 * Tables: kind of reply -> body of a message POST, for chats with and without `msg_seq`. A kind missing here does not
 * compile.
 */
import type { Scene } from "../event.ts";
import type { Reply, ReplyOf } from "../reply.ts";

/** Where a passive reply is booked. The same pair again is refused by QQ as a duplicate: that is the idempotency key. */
export interface ReplySlot {
  msgId: string;
  msgSeq: number;
  /** What is answered is an event, and not a message. */
  isEvent?: boolean | undefined;
}

type Encoders = { [K in Reply["kind"]]: (reply: ReplyOf<K>) => Record<string, unknown> };

const CHAT: Encoders = {
  text: ({ text }) => ({ msg_type: 0, content: text }),
  markdown: ({ text }) => ({ msg_type: 2, markdown: { content: text } }), // beside `markdown`, `content` must be empty
};

/** Guilds know no `msg_type`, and escape what they take for markup. */
const GUILD: Encoders = {
  text: ({ text }) => ({ content: escapeGuild(quiet(text)) }),
  markdown: ({ text }) => ({ markdown: { content: quiet(text) } }),
};

/** The body of one part. Guilds have no `msg_seq`: there a repetition is a second message. */
export function encode(scene: Scene, reply: Reply, slot: ReplySlot): Record<string, unknown> {
  const answered = slot.isEvent ? { event_id: slot.msgId } : { msg_id: slot.msgId };
  if (isGuild(scene)) return { ...write(GUILD, reply), ...answered };
  return { ...write(CHAT, reply), ...answered, msg_seq: slot.msgSeq };
}

/** Shown beside the bot's name, for up to a minute. Private chats only; counts as a reply. */
export function encodeTyping({ msgId, msgSeq }: ReplySlot): Record<string, unknown> {
  return { msg_type: 6, input_notify: { input_type: 1, input_second: 60 }, msg_id: msgId, msg_seq: msgSeq };
}

export function isGuild(scene: Scene): boolean {
  return scene === "guildChannel" || scene === "guildDm";
}

function write(encoders: Encoders, reply: Reply): Record<string, unknown> {
  return reply.kind === "text" ? encoders.text(reply) : encoders.markdown(reply);
}

/** The one mention that needs no tag. */
function quiet(text: string): string {
  return text.replaceAll("@everyone", "＠everyone");
}

function escapeGuild(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
