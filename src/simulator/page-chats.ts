/** The chats of the page: who is there, and what may happen to them beside messages. */
import type { Chat, Scene } from "../event.ts";
import type { EventName, Payload } from "./events.ts";
import type { ChatView, Person, Words } from "./page/protocol.ts";

const person = (id: string, name: string, role: Person["role"] = "member"): Person => ({ id, name, role });

const CHATS: readonly Omit<ChatView, "events">[] = [
  { chat: { scene: "c2c", id: "USER0001" }, name: "林晓", people: [person("USER0001", "林晓")] },
  {
    chat: { scene: "group", id: "GROUP0001" },
    name: "周末爬山群",
    people: [
      person("MEMBER0001", "小明"),
      person("MEMBER0002", "阿雅"),
      person("MEMBER0003", "陈静", "admin"),
      person("MEMBER0004", "王伟", "owner"),
    ],
  },
  {
    chat: { scene: "guildChannel", id: "CHANNEL0001" },
    name: "闲聊大厅",
    people: [person("MEMBER0001", "小明"), person("MEMBER0002", "阿雅"), person("MEMBER0004", "王伟", "owner")],
  },
  { chat: { scene: "guildDm", id: "DM0001" }, name: "小明的频道私信", people: [person("MEMBER0001", "小明")] },
];

/** An event that a person of the page may cause, by the scene it belongs to. */
interface Cause {
  event: EventName;
  words: Words;
  /** What the payload carries beside what tells the chat. */
  d?: Payload;
}

const CAUSES: Record<Scene, readonly Cause[]> = {
  c2c: [
    { event: "FRIEND_ADD", words: { zh: "加了机器人为好友", en: "Added the bot as a friend" } },
    { event: "FRIEND_DEL", words: { zh: "删除了机器人", en: "Removed the bot" } },
    { event: "C2C_MSG_REJECT", words: { zh: "关闭了机器人主动消息", en: "Switched proactive messages off" } },
    { event: "C2C_MSG_RECEIVE", words: { zh: "打开了机器人主动消息", en: "Switched proactive messages on" } },
    { event: "INTERACTION_CREATE", words: { zh: "清空了聊天记录", en: "Cleared the conversation" }, d: { type: 14 } },
  ],
  group: [
    { event: "GROUP_ADD_ROBOT", words: { zh: "把机器人加进了群", en: "Added the bot to the group" } },
    { event: "GROUP_DEL_ROBOT", words: { zh: "把机器人移出了群", en: "Removed the bot from the group" } },
    { event: "GROUP_MSG_REJECT", words: { zh: "不让机器人主动发言", en: "Switched proactive messages off" } },
    { event: "GROUP_MSG_RECEIVE", words: { zh: "允许机器人主动发言", en: "Switched proactive messages on" } },
    { event: "GROUP_MEMBER_ADD", words: { zh: "有人入群", en: "Somebody joined the group" } },
    { event: "GROUP_MEMBER_REMOVE", words: { zh: "有人退群", en: "Somebody left the group" } },
  ],
  guildChannel: [
    { event: "GUILD_CREATE", words: { zh: "机器人加入了频道", en: "The bot joined the guild" } },
    { event: "GUILD_DELETE", words: { zh: "机器人离开了频道", en: "The bot left the guild" } },
    { event: "GUILD_MEMBER_ADD", words: { zh: "有人加入频道", en: "Somebody joined the guild" } },
    { event: "GUILD_MEMBER_REMOVE", words: { zh: "有人离开频道", en: "Somebody left the guild" } },
    { event: "MESSAGE_REACTION_ADD", words: { zh: "有人贴了表情", en: "Somebody reacted with an emoji" } },
  ],
  guildDm: [],
};

/** Said of events that no person of the page may cause. */
const OTHERS: Partial<Record<EventName, Words>> = {
  INTERACTION_CREATE: { zh: "按下了按钮", en: "Pressed a button" },
  MESSAGE_DELETE: { zh: "撤回了一条消息", en: "Took a message back" },
  PUBLIC_MESSAGE_DELETE: { zh: "撤回了一条消息", en: "Took a message back" },
  DIRECT_MESSAGE_DELETE: { zh: "撤回了一条消息", en: "Took a message back" },
  MESSAGE_AUDIT_PASS: { zh: "一条消息通过了审核", en: "A message passed its review" },
  MESSAGE_AUDIT_REJECT: { zh: "一条消息没有通过审核", en: "A message failed its review" },
};

export function startingChats(): ChatView[] {
  return CHATS.map((view) => ({ ...view, events: eventsOf(view.chat.scene) }));
}

/** A chat that the page did not begin with, such as one of the terminal's. */
export function unforeseenChat(chat: Chat): ChatView {
  return { chat, name: chat.id, people: [], events: eventsOf(chat.scene) };
}

export function causeOf({ scene }: Chat, event: string): Cause | undefined {
  return CAUSES[scene].find((cause) => cause.event === event);
}

/** What an event is in words; QQ's own name where there are none. */
export function wordsOf({ scene }: Chat, event: string, d: Payload): Words {
  const isClearing = event === "INTERACTION_CREATE" && d.type === 14;
  if (event !== "INTERACTION_CREATE" || isClearing) {
    const cause = CAUSES[scene].find((other) => other.event === event);
    if (cause) return cause.words;
  }
  return Object.entries(OTHERS).find(([name]) => name === event)?.[1] ?? { zh: event, en: event };
}

function eventsOf(scene: Scene): ChatView["events"] {
  return CAUSES[scene].map(({ event, words }) => ({ event, words }));
}
