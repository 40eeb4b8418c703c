/**
 * What QQ has against a message of the bot: the rules of its send pages, as functions of the body and of what QQ knows.
 * Where the pages are silent, the stricter reading: buttons go with Markdown alone. What is not played here (cards, templates)
 * is refused, so that nobody believes that it was seen.
 */
import * as v from "valibot";
import type { Chat, Scene } from "../event.ts";
import { Keyboard, type Rows, readKeyboard } from "./keyboard.ts";
import { unregisteredLink } from "./links.ts";
import { isRawInGuild, readable, unescapeGuild } from "./reading.ts";

const MINUTE = 60_000;

/** Docs: overview.html, dms.html. No count is stated for guilds. */
const WINDOWS: Record<Scene, { ms: number; replies: number }> = {
  c2c: { ms: 60 * MINUTE, replies: 4 },
  group: { ms: 5 * MINUTE, replies: 5 },
  guildChannel: { ms: 5 * MINUTE, replies: Number.POSITIVE_INFINITY },
  guildDm: { ms: 5 * MINUTE, replies: Number.POSITIVE_INFINITY },
};
/** Not stated anywhere; more than one has been refused in the field. */
const EVENT_WINDOW = { ms: 5 * MINUTE, replies: 1 };
/** Unpublished; clients cut at 5000. */
const LONGEST = 5_000;
/** In any one second, in one channel, of any kind. */
const GUILD_MESSAGES_PER_S = 5;

const GUILD_EVENTS = [
  "GUILD_MEMBER_ADD",
  "GUILD_MEMBER_UPDATE",
  "GUILD_MEMBER_REMOVE",
  "MESSAGE_REACTION_ADD",
  "MESSAGE_REACTION_REMOVE",
];

/** The events that a message may answer by `event_id`. */
const ANSWERABLE: Record<Scene, readonly string[]> = {
  c2c: ["INTERACTION_CREATE", "C2C_MSG_RECEIVE", "FRIEND_ADD"],
  group: ["INTERACTION_CREATE", "GROUP_ADD_ROBOT", "GROUP_MSG_RECEIVE"],
  guildChannel: GUILD_EVENTS,
  guildDm: GUILD_EVENTS,
};

const shared = {
  content: v.optional(v.string(), ""),
  markdown: v.optional(v.strictObject({ content: v.optional(v.string(), "") })),
  keyboard: v.optional(Keyboard),
  msg_id: v.optional(v.string()),
  event_id: v.optional(v.string()),
};

const ChatBody = v.strictObject({
  ...shared,
  msg_type: v.number(),
  input_notify: v.optional(
    v.strictObject({ input_type: v.literal(1), input_second: v.pipe(v.number(), v.minValue(1), v.maxValue(60)) }),
  ),
  media: v.optional(v.strictObject({ file_info: v.string() })),
  msg_seq: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffff_ffff)), 1),
});

const GuildBody = v.strictObject(shared);

export interface Message {
  chat: Chat;
  form: "text" | "markdown" | "typing";
  /** As a person reads it; Markdown as its source. */
  text: string;
  /** Under it. */
  rows: Rows | undefined;
  /** Of a picture, a video, a voice or a file: what its upload was answered with. */
  fileInfo: string | undefined;
  /** What is answered: a message or, with `isEvent`, an event. */
  msgId: string | undefined;
  isEvent: boolean;
  /** 0 in guilds, which know no such number. */
  msgSeq: number;
  /** What is wrong with the body by itself: a code. */
  flaw: number | undefined;
}

/** Undefined for a body that QQ cannot read. */
export function readMessage(chat: Chat, json: unknown): Message | undefined {
  const isGuild = chat.scene === "guildChannel" || chat.scene === "guildDm";
  if (isGuild) {
    const { success, output: body } = v.safeParse(GuildBody, json);
    if (!success) return undefined;
    const { message, flaw } = read(chat, body);
    return { ...message, fileInfo: undefined, msgSeq: 0, flaw: flawInGuild(body) ?? flaw };
  }
  const { success, output: body } = v.safeParse(ChatBody, json);
  if (!success) return undefined;
  const { message, flaw } = read(chat, body);
  const whole = { ...message, fileInfo: body.media?.file_info, msgSeq: body.msg_seq };
  if (body.msg_type !== TYPING) return { ...whole, flaw: flawInChat(body) ?? flaw };
  return { ...whole, form: "typing", flaw: flawInTyping(chat, body) };
}

type SharedBody = v.InferOutput<typeof GuildBody>;
type ChatBody = v.InferOutput<typeof ChatBody>;

const TEXT = 0;
const MARKDOWN = 2;
const TYPING = 6;
const MEDIA = 7;

type Read = Omit<Message, "msgSeq" | "fileInfo" | "flaw">;

function read(
  chat: Chat,
  { content, markdown, keyboard, msg_id, event_id }: SharedBody,
): { message: Read; flaw: number | undefined } {
  const isGuild = chat.scene === "guildChannel" || chat.scene === "guildDm";
  const buttons = keyboard && readKeyboard(keyboard);
  const message: Read = {
    chat,
    rows: buttons && "rows" in buttons ? buttons.rows : undefined,
    form: markdown ? "markdown" : "text",
    text: markdown?.content ?? (isGuild ? unescapeGuild(content) : content),
    msgId: msg_id ?? event_id,
    isEvent: msg_id === undefined && event_id !== undefined,
  };
  return { message, flaw: buttons && "flaw" in buttons ? buttons.flaw : undefined };
}

function flawInChat(body: ChatBody): number | undefined {
  const { msg_type, content, markdown, keyboard, media, input_notify, msg_id, event_id } = body;
  if (![TEXT, MARKDOWN, MEDIA].includes(msg_type)) return 50059;
  if (msg_id !== undefined && event_id !== undefined) return 12002;
  if (markdown && content !== "") return 50037;
  if ((msg_type === MARKDOWN) !== (markdown !== undefined) || input_notify) return 22006;
  if ((msg_type === MEDIA) !== (media !== undefined) || (keyboard && !markdown)) return 22006;
  return media ? undefined : emptiness({ content, markdown });
}

function flawInTyping(chat: Chat, body: ChatBody): number | undefined {
  const { content, markdown, keyboard, media, input_notify, event_id } = body;
  if (chat.scene !== "c2c") return 50059;
  if (!input_notify || content !== "" || markdown || keyboard || media) return 22006;
  return event_id === undefined ? undefined : 12002;
}

function flawInGuild({ content, markdown, keyboard, msg_id, event_id }: SharedBody): number | undefined {
  if (msg_id !== undefined && event_id !== undefined) return 12002;
  if (isRawInGuild(content)) return 12002;
  if (markdown && content !== "") return 50037;
  if (keyboard && !markdown) return 22006;
  return emptiness({ content, markdown });
}

function emptiness({ content, markdown }: Pick<SharedBody, "content" | "markdown">): number | undefined {
  if (markdown) return markdown.content.trim() === "" ? 40034008 : undefined;
  return content.trim() === "" ? 50006 : undefined;
}

/** What a message answers: what a person wrote, or an event. */
export interface Target {
  /** Events of a guild belong to no channel. */
  chat: Chat | undefined;
  atMs: number;
  /** The name of an event. */
  event?: string;
}

export interface Facts {
  nowMs: number;
  /** What QQ knows under the `msg_id` or `event_id`. */
  target: Target | undefined;
  /** The numbers that replies to it have used, and whether they were delivered. */
  used: ReadonlyMap<number, boolean>;
  /** Messages that this chat of a guild got within the last second. */
  guildSendsLately: number;
  gatewayConnected: boolean;
  markdownAllowed: boolean;
  buttonsAllowed: boolean;
  /** Whether QQ knows the file of the message, for this kind of chat, and keeps it still. */
  hasFile: boolean;
  /** Undefined: every link is allowed. */
  registeredDomains: ReadonlySet<string> | undefined;
}

type Rule = (message: Message, facts: Facts) => number | undefined | false;

/** In the order in which QQ looks: the body, whom it answers, how often, and what it says. */
const RULES: readonly Rule[] = [
  ({ flaw }) => flaw,
  (message, { gatewayConnected }) => isInGuild(message) && !gatewayConnected && 304018,
  (message) => message.msgId === undefined && (isInGuild(message) ? 304046 : 40034105),
  (message, { target }) =>
    !(message.isEvent ? isEventHere(message, target) : isMessageHere(message, target)) && invalid(message),
  ({ isEvent, chat }, { target }) => isEvent && !ANSWERABLE[chat.scene].includes(target?.event ?? "") && 40034027,
  (message, { target, nowMs }) => nowMs > (target?.atMs ?? 0) + windowOf(message).ms && expired(message),
  ({ msgSeq }, { used }) => used.get(msgSeq) && 40054005,
  (message, { used }) => repliesBeside(message, used) >= windowOf(message).replies && 40034128,
  (_, { guildSendsLately }) => guildSendsLately >= GUILD_MESSAGES_PER_S && 20028,
  (message, { markdownAllowed }) =>
    message.form === "markdown" && !markdownAllowed && (isInGuild(message) ? 304036 : 40034012),
  ({ rows }, { buttonsAllowed }) => rows && !buttonsAllowed && 304057,
  ({ fileInfo }, { hasFile }) => fileInfo !== undefined && !hasFile && 304080,
  ({ text }) => text.length > LONGEST && 40054007,
  (message, { registeredDomains: domains }) => domains && hasForeignLink(message, domains) && 40054010,
];

/** The code of what QQ has against a message; undefined if nothing. */
export function objection(message: Message, facts: Facts): number | undefined {
  for (const rule of RULES) {
    const code = rule(message, facts);
    if (code) return code;
  }
  return undefined;
}

export function isInGuild({ chat: { scene } }: Pick<Message, "chat">): boolean {
  return scene === "guildChannel" || scene === "guildDm";
}

function windowOf({ chat, isEvent }: Message): { ms: number; replies: number } {
  return isEvent ? EVENT_WINDOW : WINDOWS[chat.scene];
}

function isMessageHere({ chat }: Message, target: Target | undefined): boolean {
  return target?.event === undefined && target?.chat?.id === chat.id && target.chat.scene === chat.scene;
}

function isEventHere(message: Message, target: Target | undefined): boolean {
  if (target?.event === undefined) return false;
  if (target.chat === undefined) return isInGuild(message);
  return target.chat.id === message.chat.id && target.chat.scene === message.chat.scene;
}

function invalid(message: Message): number {
  if (isInGuild(message)) return 304026;
  return message.isEvent ? 40034025 : 40034024;
}

function expired(message: Message): number {
  if (message.isEvent) return 40034026;
  return isInGuild(message) ? 304027 : 40034005;
}

function repliesBeside({ msgSeq }: Message, used: Facts["used"]): number {
  return [...used.keys()].filter((seq) => seq !== msgSeq).length;
}

function hasForeignLink({ form, text }: Message, domains: ReadonlySet<string>): boolean {
  return form !== "typing" && unregisteredLink(readable({ form, text }), domains) !== undefined;
}
