/** What people write, as QQ's message events of each scene carry it. */
import type { Chat, Scene } from "../event.ts";
import { escapeGuild } from "./reading.ts";

/** What the platform knows while it composes a callback. */
export interface Stage {
  appId: string;
  bot: Bot;
  nowMs: number;
  /** Rises with every callback. */
  serial: number;
}

/** The bot as people see it: its id in guilds, and its `member_openid` in groups. */
export interface Bot {
  id: string;
  memberOpenid: string;
  name: string;
}

export type MessageEvent =
  | "C2C_MESSAGE_CREATE"
  | "GROUP_AT_MESSAGE_CREATE"
  | "GROUP_MESSAGE_CREATE"
  | "AT_MESSAGE_CREATE"
  | "MESSAGE_CREATE"
  | "DIRECT_MESSAGE_CREATE";

export interface Question {
  text: string;
  /** Default: where `event` comes from, else a private chat. */
  scene?: Scene | undefined;
  /** `user_openid`, `group_openid`, `channel_id`, or the `guild_id` of a direct message. */
  chatId?: string | undefined;
  /** Everywhere but in private chats, which have one person: who writes. */
  sender?: string | undefined;
  senderName?: string | undefined;
  role?: "member" | "admin" | "owner" | undefined;
  /** When it claims to have been written. */
  sentAtMs?: number | undefined;
  /** Default: the event of a message to the bot; with `addressed: false` the one of all messages. */
  event?: MessageEvent | undefined;
  /** Whether the bot is mentioned. No answer is owed to what is said to others. Default: true. */
  addressed?: boolean | undefined;
  /** Posted as a message to the bot and again as one of all messages, with the same `d.id`. */
  both?: boolean | undefined;
  /** Further mentions, as they travel. */
  mentions?: readonly object[] | undefined;
  /** What it is written in answer to. Guilds send no more of it than its id, other chats no id but a quote index. */
  quote?: { text: string; name?: string | undefined; id?: string | undefined; byBot?: boolean | undefined } | undefined;
  /** As they travel. */
  attachments?: readonly object[] | undefined;
  /** Replaces what is made of `text`, mention and escapes included. */
  content?: string | undefined;
  /** Written by another bot. */
  byBot?: boolean | undefined;
}

export interface ComposedMessage {
  messageId: string;
  chat: Chat;
  sender: string;
  events: { t: MessageEvent; d: Record<string, unknown> }[];
}

export const GUILD_ID = "18700000000001";

const DEFAULT_CHATS: Record<Scene, string> = {
  c2c: "USER0001",
  group: "GROUP0001",
  guildChannel: "CHANNEL0001",
  guildDm: "DM0001",
};

/** Scene -> the event of a message to the bot, and the event of all messages where there is one. */
const EVENTS: Record<Scene, readonly [MessageEvent, MessageEvent?]> = {
  c2c: ["C2C_MESSAGE_CREATE"],
  group: ["GROUP_AT_MESSAGE_CREATE", "GROUP_MESSAGE_CREATE"],
  guildChannel: ["AT_MESSAGE_CREATE", "MESSAGE_CREATE"],
  guildDm: ["DIRECT_MESSAGE_CREATE"],
};

export function composeMessage(question: Question, stage: Stage): ComposedMessage {
  const { event, addressed = true, both = false } = question;
  const { chat, sender } = whoAsks(question);
  const { scene } = chat;
  const isChat = scene === "c2c" || scene === "group";
  const messageId = isChat ? `ROBOT1.0_${hex()}!!` : `08${hex()}`;
  const [toBot, toAll = toBot] = EVENTS[scene];
  const names = both ? [...new Set([toBot, toAll])] : [event ?? (addressed ? toBot : toAll)];
  const write = isChat ? chatMessage : guildMessage;
  const events = names.map((t) => ({
    t,
    d: { id: messageId, ...write({ t, question, chat, sender, stage, messageId }) },
  }));
  return { messageId, chat, sender, events };
}

/** Where somebody speaks, and who, if that is not said. */
export function whoAsks({ scene: named, chatId, sender, event }: Partial<Question>): { chat: Chat; sender: string } {
  const scene = named ?? sceneOf(event) ?? "c2c";
  const chat: Chat = { scene, id: chatId ?? DEFAULT_CHATS[scene] };
  return { chat, sender: scene === "c2c" ? chat.id : (sender ?? "MEMBER0001") };
}

export function isMessageEvent(name: string): boolean {
  return Object.values(EVENTS).some((events) => events.some((event) => event === name));
}

/** How a guild names a chat. A direct message has a guild of its own, with one channel. */
export function placeOf({ scene, id }: Chat): { guild_id: string; channel_id: string } {
  return scene === "guildDm" ? { guild_id: id, channel_id: `${id}-channel` } : { guild_id: GUILD_ID, channel_id: id };
}

/** QQ's time: to the second, in Beijing. */
export function rfc3339(ms: number): string {
  return `${new Date(ms + 8 * 60 * 60_000).toISOString().slice(0, 19)}+08:00`;
}

export function hex(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

function sceneOf(event: MessageEvent | undefined): Scene | undefined {
  const scenes = Object.keys(EVENTS) as Scene[]; // the keys of a Record<Scene, …>
  return scenes.find((scene) => event !== undefined && EVENTS[scene].includes(event));
}

interface Writing {
  t: MessageEvent;
  question: Question;
  chat: Chat;
  sender: string;
  stage: Stage;
  messageId: string;
}

function chatMessage({ t, question, chat, sender, stage, messageId }: Writing): Record<string, unknown> {
  const { text, senderName = "", role = "member", quote, addressed = true, byBot = false, mentions = [] } = question;
  // Of all messages, the ones to the bot keep its tag and say who is meant (adapter-qq and a test against the docs).
  const isTagged = t === "GROUP_MESSAGE_CREATE" && addressed;
  const { memberOpenid, name } = stage.bot;
  const content = t === "GROUP_AT_MESSAGE_CREATE" ? ` ${text} ` : isTagged ? `<@${memberOpenid}> ${text}` : text;
  const itself = {
    scope: "single",
    id: memberOpenid,
    member_openid: memberOpenid,
    username: name,
    bot: true,
    is_you: true,
  };
  const index = `REFIDX_${messageId}==`;
  const quoted = `REFIDX_${quote?.id ?? `quoted${stage.serial}`}==`;
  return {
    content: question.content ?? content,
    timestamp: rfc3339(question.sentAtMs ?? stage.nowMs),
    message_type: quote ? 103 : 0,
    message_scene: { source: "default", ext: [...(quote ? [`ref_msg_idx=${quoted}`] : []), `msg_idx=${index}`] },
    attachments: question.attachments ?? [],
    ...(quote && {
      msg_elements: [
        {
          msg_idx: quoted,
          message_type: 103,
          content: quote.text,
          ...(quote.name !== undefined && { author: { id: hex(), username: quote.name, bot: quote.byBot ?? false } }),
        },
      ],
    }),
    ...(chat.scene === "c2c"
      ? { author: { id: sender, user_openid: sender, union_openid: "", username: senderName, bot: byBot } }
      : {
          author: {
            id: sender,
            member_openid: sender,
            union_openid: "",
            member_role: role,
            username: senderName,
            bot: byBot,
          },
          group_id: chat.id,
          group_openid: chat.id,
          mentions: [...(isTagged ? [itself] : []), ...mentions],
        }),
  };
}

function guildMessage({ t, question, chat, sender, stage }: Writing): Record<string, unknown> {
  const { text, senderName = "", quote, addressed = true, byBot = false, mentions = [] } = question;
  const isTagged = t === "AT_MESSAGE_CREATE" || (t === "MESSAGE_CREATE" && addressed);
  const { id, name } = stage.bot;
  const isDirect = t === "DIRECT_MESSAGE_CREATE";
  return {
    content: question.content ?? `${isTagged ? `<@!${id}> ` : ""}${escapeGuild(text)}`,
    timestamp: rfc3339(question.sentAtMs ?? stage.nowMs),
    author: { avatar: "http://thirdqq.qlogo.cn/0", bot: byBot, id: sender, username: senderName },
    member: { joined_at: "2021-04-12T16:34:42+08:00", roles: ["1"], nick: senderName },
    ...placeOf(chat),
    ...(isDirect && { direct_message: true, src_guild_id: GUILD_ID }),
    seq: stage.serial,
    seq_in_channel: String(stage.serial),
    mentions: [...(isTagged ? [{ id, username: name, bot: true }] : []), ...mentions],
    ...(question.attachments && { attachments: question.attachments }),
    ...(quote && { message_reference: { message_id: quote.id ?? `08quoted${stage.serial}` } }),
  };
}
