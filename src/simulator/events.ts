/**
 * Table: QQ's event name `t` -> a realistic payload. Shapes as the docs and captured callbacks have them; what the tables
 * of the docs only name is kept as small as they leave it.
 */
import type { Chat } from "../event.ts";
import { composeMessage, GUILD_ID, hex, type MessageEvent, placeOf, rfc3339, type Stage } from "./questions.ts";

export type Payload = Record<string, unknown>;
type Compose = (stage: Stage) => Payload;

const USER = "USER0001";
const GROUP = "GROUP0001";
const MEMBER = "MEMBER0001";
const CHANNEL = "CHANNEL0001";

const seconds = ({ nowMs }: Stage) => Math.floor(nowMs / 1000);

const written =
  (event: MessageEvent): Compose =>
  (stage) => {
    const { events } = composeMessage({ text: "你好", event }, stage);
    return events[0]?.d ?? {};
  };

const deleted =
  (isDirect: boolean): Compose =>
  () => ({
    message: {
      id: `08${hex()}`,
      ...placeOf(isDirect ? { scene: "guildDm", id: "DM0001" } : { scene: "guildChannel", id: CHANNEL }),
      author: { id: MEMBER, username: "小明", bot: false },
      ...(isDirect && { direct_message: true, src_guild_id: GUILD_ID }),
    },
    op_user: { id: MEMBER },
  });

const friend: Compose = (stage) => ({ openid: USER, timestamp: seconds(stage), author: { union_openid: "UNION0001" } });
const pushSwitch: Compose = (stage) => ({ openid: USER, timestamp: seconds(stage) });
const group: Compose = (stage) => ({ group_openid: GROUP, op_member_openid: MEMBER, timestamp: seconds(stage) });
const groupMember: Compose = (stage) => ({
  timestamp: seconds(stage),
  group_openid: GROUP,
  member_openid: MEMBER,
  user_openid: MEMBER,
});

const audit =
  (passed: boolean): Compose =>
  ({ nowMs, serial }) => ({
    audit_id: crypto.randomUUID(),
    audit_time: rfc3339(nowMs),
    create_time: rfc3339(nowMs),
    channel_id: CHANNEL,
    guild_id: GUILD_ID,
    ...(passed && { message_id: `08${hex()}` }),
    seq_in_channel: String(serial),
  });

const reaction: Compose = () => ({
  user_id: MEMBER,
  guild_id: GUILD_ID,
  channel_id: CHANNEL,
  emoji: { id: "277", type: 1 },
  target: { id: `08${hex()}`, type: 0 },
});

const guild: Compose = ({ nowMs }) => ({
  id: GUILD_ID,
  name: "测试频道",
  icon: "https://groupprohead-76292.picgzc.qpic.cn/0",
  owner_id: MEMBER,
  member_count: 2,
  max_members: 300,
  description: "",
  joined_at: rfc3339(nowMs),
  op_user_id: MEMBER,
});

const channel: Compose = () => ({
  id: CHANNEL,
  guild_id: GUILD_ID,
  name: "闲聊",
  type: 0,
  sub_type: 0,
  position: 1,
  owner_id: MEMBER,
  op_user_id: MEMBER,
});

const guildMember: Compose = ({ nowMs }) => ({
  guild_id: GUILD_ID,
  joined_at: rfc3339(nowMs),
  nick: "小明",
  op_user_id: MEMBER,
  roles: ["1"],
  user: { id: MEMBER, username: "小明", avatar: "http://thirdqq.qlogo.cn/0", bot: false },
});

const audio: Compose = () => ({ guild_id: GUILD_ID, channel_id: CHANNEL, audio_url: "", text: "" });
const live: Compose = () => ({ guild_id: GUILD_ID, channel_id: CHANNEL, channel_type: 2, user_id: MEMBER });
const forum: Compose = () => ({ guild_id: GUILD_ID, channel_id: CHANNEL, author_id: MEMBER });

const PAYLOADS = {
  C2C_MESSAGE_CREATE: written("C2C_MESSAGE_CREATE"),
  GROUP_AT_MESSAGE_CREATE: written("GROUP_AT_MESSAGE_CREATE"),
  GROUP_MESSAGE_CREATE: written("GROUP_MESSAGE_CREATE"),
  AT_MESSAGE_CREATE: written("AT_MESSAGE_CREATE"),
  MESSAGE_CREATE: written("MESSAGE_CREATE"),
  DIRECT_MESSAGE_CREATE: written("DIRECT_MESSAGE_CREATE"),
  MESSAGE_DELETE: deleted(false),
  PUBLIC_MESSAGE_DELETE: deleted(false),
  DIRECT_MESSAGE_DELETE: deleted(true),
  FRIEND_ADD: (stage) => ({ ...friend(stage), scene: 1001, scene_param: "", short_code: "" }),
  FRIEND_DEL: friend,
  C2C_MSG_RECEIVE: pushSwitch,
  C2C_MSG_REJECT: pushSwitch,
  GROUP_ADD_ROBOT: group,
  GROUP_DEL_ROBOT: group,
  GROUP_MSG_RECEIVE: group,
  GROUP_MSG_REJECT: group,
  GROUP_MEMBER_ADD: groupMember,
  GROUP_MEMBER_REMOVE: groupMember,
  GROUP_JOIN_REQUEST: ({ nowMs }) => ({
    group_openid: GROUP,
    join_request_id: hex(),
    risk_tips: "",
    union_openid: "",
    member_openid: MEMBER,
    username: "小明",
    apply_at: rfc3339(nowMs),
    apply_source: "self_apply",
    invited_by: "",
    bot: false,
    verify_info: { method: "verify_message", verify_message: "你好" },
    auto_approved: { strategy_id: "" },
  }),
  INTERACTION_CREATE: (stage) =>
    composeInteraction({ chat: { scene: "c2c", id: USER }, sender: USER, type: 11, data: "" }, stage),
  MESSAGE_AUDIT_PASS: audit(true),
  MESSAGE_AUDIT_REJECT: audit(false),
  MESSAGE_REACTION_ADD: reaction,
  MESSAGE_REACTION_REMOVE: reaction,
  GUILD_CREATE: guild,
  GUILD_UPDATE: guild,
  GUILD_DELETE: guild,
  CHANNEL_CREATE: channel,
  CHANNEL_UPDATE: channel,
  CHANNEL_DELETE: channel,
  GUILD_MEMBER_ADD: guildMember,
  GUILD_MEMBER_UPDATE: guildMember,
  GUILD_MEMBER_REMOVE: guildMember,
  SUBSCRIBE_MESSAGE_STATUS: (stage) => ({
    group_openid: "",
    openid: USER,
    result: [{ template_id: 1, custom_template_id: "1", op: 1, subscribe_id: hex(), update_ts: seconds(stage) }],
  }),
  ENTER_AIO: () => ({ user_openid: USER, from_source: "default" }),
  AUDIO_START: audio,
  AUDIO_FINISH: audio,
  AUDIO_ON_MIC: audio,
  AUDIO_OFF_MIC: audio,
  AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER: live,
  AUDIO_OR_LIVE_CHANNEL_MEMBER_EXIT: live,
  FORUM_THREAD_CREATE: forum,
  FORUM_THREAD_UPDATE: forum,
  FORUM_THREAD_DELETE: forum,
  FORUM_POST_CREATE: forum,
  FORUM_POST_DELETE: forum,
  FORUM_REPLY_CREATE: forum,
  FORUM_REPLY_DELETE: forum,
  FORUM_PUBLISH_AUDIT_RESULT: forum,
  OPEN_FORUM_THREAD_CREATE: forum,
  OPEN_FORUM_THREAD_UPDATE: forum,
  OPEN_FORUM_THREAD_DELETE: forum,
  OPEN_FORUM_POST_CREATE: forum,
  OPEN_FORUM_POST_DELETE: forum,
  OPEN_FORUM_REPLY_CREATE: forum,
  OPEN_FORUM_REPLY_DELETE: forum,
} satisfies Record<string, Compose>;

export type EventName = keyof typeof PAYLOADS;

/** Every event that QQ is known to post. */
export const EVENT_NAMES = Object.keys(PAYLOADS) as readonly EventName[]; // the keys of the table

/** What an event of this name carries if nothing is said about it: nothing for an unknown one. */
export function payloadOf(name: string, stage: Stage): Payload {
  const known = EVENT_NAMES.find((other) => other === name);
  return known ? PAYLOADS[known](stage) : {};
}

/** A press on something of the bot's. */
export interface Press {
  chat: Chat;
  sender: string;
  /** What the button carries, or the `feature_id` of a menu entry. */
  data: string;
  /** 11 a button, 12 the menu of a private chat, 14 "clear the conversation"; the docs list more. */
  type: number;
  buttonId?: string | undefined;
  /** Under which the button stands. */
  messageId?: string | undefined;
}

const MENU = 12;
/** A button and a menu entry: QQ shows that nothing happened until the bot acknowledges. */
export const NEED_ACKNOWLEDGEMENT = [11, MENU];

export function composeInteraction(
  { chat, sender, type, data, buttonId = "button-1", messageId = `08${hex()}` }: Press,
  { appId, nowMs }: Stage,
): Payload {
  const where: Record<Chat["scene"], Payload> = {
    c2c: { chat_type: 2, scene: "c2c", user_openid: chat.id },
    group: { chat_type: 1, scene: "group", group_openid: chat.id, group_member_openid: sender },
    guildChannel: { chat_type: 0, scene: "guild", ...placeOf(chat) },
    guildDm: { chat_type: 0, scene: "guild", ...placeOf(chat) },
  };
  const isGuild = chat.scene === "guildChannel" || chat.scene === "guildDm";
  return {
    application_id: appId,
    id: crypto.randomUUID(),
    type,
    version: 1,
    timestamp: rfc3339(nowMs),
    ...where[chat.scene],
    data: {
      type,
      resolved: {
        ...(type === MENU ? { feature_id: data } : { button_data: data, button_id: buttonId }),
        ...(isGuild && { user_id: sender, message_id: messageId }),
      },
    },
  };
}

/** Where an event happened; undefined if in no chat. */
export function chatOf(payload: Payload): Chat | undefined {
  const { openid, user_openid, group_openid, channel_id, guild_id, direct_message, author, message } = payload;
  if (typeof message === "object" && message !== null) return chatOf({ ...message }); // one that was taken back
  const written = author as { user_openid?: unknown } | undefined; // read as unknown on the next lines
  const places: readonly [Chat["scene"], unknown][] = [
    ["guildDm", direct_message === true ? guild_id : undefined],
    ["group", group_openid],
    ["c2c", openid ?? user_openid ?? written?.user_openid],
    ["guildChannel", channel_id],
  ];
  const [scene, id] = places.find(([, place]) => typeof place === "string" && place !== "") ?? [];
  return scene && { scene, id: String(id) };
}
