import type { Scene, Sender } from "../event.ts";
import { type ReceivedCommand, text, type Words } from "./command.ts";

const ROLES: Record<NonNullable<Sender["role"]>, Words> = {
  owner: { zh: "群主", en: "owner of the group" },
  admin: { zh: "管理员", en: "admin of the group" },
  member: { zh: "成员", en: "member of the group" },
};

const PLACES: Record<Scene, Words> = {
  c2c: { zh: "私聊", en: "a private chat" },
  group: { zh: "群", en: "a group" },
  guildChannel: { zh: "频道", en: "a channel" },
  guildDm: { zh: "频道私信", en: "a guild's direct message" },
};

/** The ids that `/allow` and `/deny` take. They are good for this bot alone. */
export const whoami: ReceivedCommand = {
  when: "received",
  names: ["whoami", "id", "bot-me", "我是谁"],
  aliases: [],
  summary: { zh: "你和这个聊天的编号", en: "your id and this chat's" },
  run({ message: { chat, sender }, isOwner }) {
    const roles = [
      isOwner ? { zh: "机器人的主人", en: "the bot's owner" } : undefined,
      sender.role && ROLES[sender.role],
    ];
    const named = (language: keyof Words) => roles.flatMap((role) => (role ? [role[language]] : [])).join(", ");
    const [zh, en] = [named("zh"), named("en")];
    return text(
      `你${zh && `(${zh})`}:${sender.id}\n这里是${PLACES[chat.scene].zh}:${chat.scene}:${chat.id}`,
      `You${en && ` (${en})`}: ${sender.id}\nThis is ${PLACES[chat.scene].en}: ${chat.scene}:${chat.id}`,
    );
  },
};
