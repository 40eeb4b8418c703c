/**
 * What the bot hears, in its own words. Knows neither QQ's wire nor how anything is stored.
 */

/** Where people talk: a private chat (QQ: C2C) or a group. */
export type Scene = "c2c" | "group";

export interface Chat {
  scene: Scene;
  /** `user_openid` or `group_openid`. Valid for one AppID only. */
  id: string;
}

/** A person inside one chat. Ids of different scenes must never be compared, even when they look equal. */
export interface Sender {
  id: string;
  name?: string | undefined;
  /** Groups only. */
  role?: "member" | "admin" | "owner" | undefined;
}

export interface IncomingMessage {
  kind: "message";
  appId: string;
  chat: Chat;
  /** QQ's message id (`d.id`): what a reply names as `msg_id`. */
  id: string;
  /** The outer id of the delivery; the same on every repetition of it. */
  eventId: string;
  sender: Sender;
  text: string;
  /** When QQ says that it was written. May be ahead of our clock. */
  sentAtMs: number;
  receivedAtMs: number;
}

export type BotEvent = IncomingMessage;

declare const conversationKeyBrand: unique symbol;

/** Names one chat of one bot, and with it one `Conversation` object: `<appId>/c2c:<openid>`. */
export type ConversationKey = string & { readonly [conversationKeyBrand]: never };

export function conversationKey(appId: string, chat: Chat): ConversationKey {
  return `${appId}/${chat.scene}:${chat.id}` as ConversationKey; // the one place that brands
}
