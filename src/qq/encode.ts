/**
 * Tables: kind of reply -> body of a message POST, for chats with and without `msg_seq`. A kind missing here does not
 * compile.
 */
import type { Scene } from "../event.ts";
import type { Button, Reply, ReplyOf } from "../reply.ts";

/** Where a passive reply is booked. The same pair again is refused by QQ as a duplicate: that is the idempotency key. */
export interface ReplySlot {
  msgId: string;
  msgSeq: number;
  /** What is answered is an event, and not a message. */
  isEvent?: boolean | undefined;
}

type Encoders = { [K in Reply["kind"]]: (reply: ReplyOf<K>) => Record<string, unknown> };

const CHAT: Encoders = {
  // Buttons go with Markdown alone.
  text: ({ text, buttons = [] }) =>
    buttons.length > 0 ? withButtons(asMarkdown(text), buttons) : { msg_type: 0, content: text },
  markdown: ({ text, buttons = [] }) => withButtons(text, buttons),
};

/** Beside `markdown`, `content` must be empty. */
function withButtons(content: string, buttons: readonly Button[]): Record<string, unknown> {
  const body = { msg_type: 2, markdown: { content } };
  return buttons.length > 0 ? { ...body, keyboard: { content: { rows: rowsOf(buttons) } } } : body;
}

/** Five by five is all that QQ shows. */
const MOST_ROWS = 5;
const MOST_IN_ROW = 5;
const FEW = 2;
const LABEL = 10;

/** As few in a row as fit: narrow phones cut labels. */
function rowsOf(buttons: readonly Button[]) {
  const inRow = Math.min(MOST_IN_ROW, Math.max(FEW, Math.ceil(buttons.length / MOST_ROWS)));
  const rows = Array.from({ length: Math.min(MOST_ROWS, Math.ceil(buttons.length / inRow)) }, (_, row) =>
    buttons.slice(row * inRow, (row + 1) * inRow),
  );
  return rows.map((row, y) => ({ buttons: row.map((button, x) => encodeButton(button, `${y}-${x}`)) }));
}

/** A command that is said for them: a callback would be lost where its event is not ticked in QQ's console. */
function encodeButton({ label, command }: Button, id: string) {
  const shown = [...label].slice(0, LABEL).join("");
  return {
    id,
    render_data: { label: shown, visited_label: shown, style: 1 },
    action: { type: 2, permission: { type: 2 }, data: command, enter: true, unsupport_tips: command },
  };
}

/** Plain words in QQ's Markdown: every line stays a line, and no sign vanishes. Numbered lines may well become a list. */
function asMarkdown(text: string): string {
  return text
    .replace(/[\\`*<]/g, "\\$&")
    .replace(/(?<!\w)_|_(?!\w)/g, "\\_")
    .replace(/^([ \t]*)([#>+-])/gm, "$1\\$2")
    .replaceAll("\n", "\n\n");
}

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
