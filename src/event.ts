/**
 * What the bot hears, in its own words. Knows neither QQ's wire nor how anything is stored.
 */

/** Where people talk: a private chat (QQ: C2C), a group, a channel of a guild, a direct message of a guild. */
export type Scene = "c2c" | "group" | "guildChannel" | "guildDm";

/** Whether one person alone talks there. */
export function isPrivate({ scene }: Chat): boolean {
  return scene === "c2c" || scene === "guildDm";
}

export interface Chat {
  scene: Scene;
  /** `user_openid`, `group_openid`, `channel_id`, or the `guild_id` of a direct message. Valid for one AppID only. */
  id: string;
}

/** A person inside one chat. Ids of different scenes must never be compared, even when they look equal. */
export interface Sender {
  id: string;
  name?: string | undefined;
  /** Groups only. */
  role?: "member" | "admin" | "owner" | undefined;
}

interface Heard {
  appId: string;
  chat: Chat;
  /** The outer id of the delivery; the same on every repetition of it. */
  eventId: string;
  receivedAtMs: number;
}

export interface IncomingMessage extends Heard {
  kind: "message";
  /** QQ's message id (`d.id`): what a reply names as `msg_id`. With `isEvent`, the outer id of an event. */
  id: string;
  /** Not written but caused, as by a pressed button: a reply names it as `event_id`. */
  isEvent?: true | undefined;
  sender: Sender;
  /** The person's own words, with emoji, mentions, cards and forwarded records as words. */
  text: string;
  quote?: Quote | undefined;
  attachments?: readonly Attachment[] | undefined;
  /** When QQ says that it was written. May be ahead of our clock. */
  sentAtMs: number;
}

/** What a message was written in answer to. Empty where QQ does not tell. */
export interface Quote {
  text: string;
  /** Who wrote it, if known. */
  name?: string | undefined;
}

export interface Attachment {
  kind: "image" | "voice" | "video" | "file";
  name?: string | undefined;
  /** What QQ's own speech recognition heard. */
  transcript?: string | undefined;
}

/** Something was pressed or chosen. */
export interface Interaction extends Heard {
  kind: "interaction";
  /** What the acknowledgement to QQ names (`d.id`). */
  id: string;
  sender: Sender;
  /** `button` and `menu`: `data` was chosen. `clear`: the person emptied the chat. `other`: nothing that concerns us. */
  action: "button" | "menu" | "clear" | "other";
  data: string;
  /** QQ waits for an acknowledgement, 3 s at most. */
  needsAcknowledgement: boolean;
}

/** The bot and a chat have found or lost each other, or proactive messages were switched. */
export interface Relation extends Heard {
  kind: "relation";
  change: "joined" | "left" | "pushAllowed" | "pushRefused";
  /** Who did it; without an id where nobody did, as when a group is dissolved. */
  sender: Sender;
}

/** A message of a person was taken back. */
export interface Recall extends Heard {
  kind: "recall";
  messageId: string;
}

/** QQ has looked at a message of the bot that it had held back for review. */
export interface AuditResult extends Heard {
  kind: "audit";
  auditId: string;
  passed: boolean;
}

export type BotEvent = IncomingMessage | Interaction | Relation | Recall | AuditResult;

declare const conversationKeyBrand: unique symbol;

/** Names one chat of one bot, and with it one `Conversation` object: `<appId>/c2c:<openid>`. */
export type ConversationKey = string & { readonly [conversationKeyBrand]: never };

export function conversationKey(appId: string, chat: Chat): ConversationKey {
  return `${appId}/${chat.scene}:${chat.id}` as ConversationKey; // the one place that brands
}
