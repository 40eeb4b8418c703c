/**
 * Table: QQ's event name `t` -> what it means to the bot. An event that is not in the table is acknowledged, logged
 * and ignored; so is a name that nobody knows yet.
 */
import * as v from "valibot";
import type { AuditResult, BotEvent, Chat, Interaction, Relation, Sender } from "../event.ts";
import {
  WireAudit,
  WireC2CMessage,
  WireC2CPlace,
  WireChannelAudit,
  WireChannelMessage,
  WireChannelPlace,
  WireChannelRecall,
  type WireEnvelope,
  WireFriendRelation,
  WireGroupMessage,
  WireGroupPlace,
  WireGroupRelation,
  WireGuildDmMessage,
  WireGuildDmRecall,
  WireInteraction,
  type WireMessage,
} from "./wire.ts";
import { namesBot, oneLine, readWords } from "./words.ts";

export interface DecodeContext {
  appId: string;
  receivedAtMs: number;
}

export type Decoded =
  | { kind: "event"; event: BotEvent }
  | { kind: "ignored"; why: string }
  | { kind: "malformed"; why: string };

type Decoder = (envelope: WireEnvelope, context: DecodeContext) => BotEvent | { ignored: string };

const DECODERS: Readonly<Record<string, Decoder>> = {
  C2C_MESSAGE_CREATE: message(fromFriend, "alone"),
  GROUP_AT_MESSAGE_CREATE: message(fromMember, "mentioned"),
  GROUP_MESSAGE_CREATE: message(fromMember, "overheard"),
  AT_MESSAGE_CREATE: message(fromChannel, "mentioned"),
  MESSAGE_CREATE: message(fromChannel, "overheard"),
  DIRECT_MESSAGE_CREATE: message(fromGuildDm, "alone"),

  MESSAGE_DELETE: recall(fromChannelRecall),
  PUBLIC_MESSAGE_DELETE: recall(fromChannelRecall),
  DIRECT_MESSAGE_DELETE: recall(fromGuildDmRecall),

  FRIEND_ADD: relation("joined", fromFriendRelation),
  FRIEND_DEL: relation("left", fromFriendRelation),
  C2C_MSG_RECEIVE: relation("pushAllowed", fromFriendRelation),
  C2C_MSG_REJECT: relation("pushRefused", fromFriendRelation),
  GROUP_ADD_ROBOT: relation("joined", fromGroupRelation),
  GROUP_DEL_ROBOT: relation("left", fromGroupRelation),
  GROUP_MSG_RECEIVE: relation("pushAllowed", fromGroupRelation),
  GROUP_MSG_REJECT: relation("pushRefused", fromGroupRelation),

  INTERACTION_CREATE: interaction,

  MESSAGE_AUDIT_PASS: audit(true),
  MESSAGE_AUDIT_REJECT: audit(false),
};

/** QQ may send these when their boxes are ticked in its console. They change nothing for a bot that answers people. */
const NOTHING_TO_DO: ReadonlySet<string> = new Set(
  `GROUP_MEMBER_ADD GROUP_MEMBER_REMOVE GROUP_JOIN_REQUEST
   SUBSCRIBE_MESSAGE_STATUS ENTER_AIO
   GUILD_CREATE GUILD_UPDATE GUILD_DELETE CHANNEL_CREATE CHANNEL_UPDATE CHANNEL_DELETE
   GUILD_MEMBER_ADD GUILD_MEMBER_UPDATE GUILD_MEMBER_REMOVE GUILD_MEMBER_DELETE
   MESSAGE_REACTION_ADD MESSAGE_REACTION_REMOVE
   AUDIO_START AUDIO_FINISH AUDIO_ON_MIC AUDIO_OFF_MIC
   AUDIO_OR_LIVE_CHANNEL_MEMBER_ENTER AUDIO_OR_LIVE_CHANNEL_MEMBER_EXIT
   FORUM_THREAD_CREATE FORUM_THREAD_UPDATE FORUM_THREAD_DELETE FORUM_POST_CREATE FORUM_POST_DELETE
   FORUM_REPLY_CREATE FORUM_REPLY_DELETE FORUM_PUBLISH_AUDIT_RESULT
   OPEN_FORUM_THREAD_CREATE OPEN_FORUM_THREAD_UPDATE OPEN_FORUM_THREAD_DELETE
   OPEN_FORUM_POST_CREATE OPEN_FORUM_POST_DELETE OPEN_FORUM_REPLY_CREATE OPEN_FORUM_REPLY_DELETE`.split(/\s+/),
);

export function decode(envelope: WireEnvelope, context: DecodeContext): Decoded {
  const name = envelope.t ?? "";
  const decoder = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
  if (!decoder) {
    const known = NOTHING_TO_DO.has(name) ? "nothing to do" : "no meaning";
    return { kind: "ignored", why: `${known} for ${printable(name)}` };
  }
  try {
    const decoded = decoder(envelope, context);
    return "ignored" in decoded ? { kind: "ignored", why: decoded.ignored } : { kind: "event", event: decoded };
  } catch (error) {
    if (!v.isValiError(error)) throw error;
    return {
      kind: "malformed",
      why: `${printable(name)}: ${v.getDotPath(error.issues[0]) ?? "d"} is missing or of a wrong type`,
    };
  }
}

interface From {
  chat: Chat;
  sender: Sender;
}

/** Who wrote what, and where. */
interface Written extends From {
  wire: WireMessage & { author: { bot?: boolean | null | undefined } };
}

function fromFriend(d: unknown): Written {
  const wire = v.parse(WireC2CMessage, d);
  const id = wire.author.user_openid;
  return { wire, chat: { scene: "c2c", id }, sender: { id, name: nameOf(wire.author.username) } };
}

function fromMember(d: unknown): Written {
  const wire = v.parse(WireGroupMessage, d);
  const { member_openid: id, username, member_role } = wire.author;
  return {
    wire,
    chat: { scene: "group", id: wire.group_openid },
    sender: { id, name: nameOf(username), role: role(member_role) },
  };
}

function fromChannel(d: unknown): Written {
  const wire = v.parse(WireChannelMessage, d);
  const name = nameOf(wire.member?.nick) ?? nameOf(wire.author.username);
  return { wire, chat: { scene: "guildChannel", id: wire.channel_id }, sender: { id: wire.author.id, name } };
}

function fromGuildDm(d: unknown): Written {
  const wire = v.parse(WireGuildDmMessage, d);
  const name = nameOf(wire.member?.nick) ?? nameOf(wire.author.username);
  return { wire, chat: { scene: "guildDm", id: wire.guild_id }, sender: { id: wire.author.id, name } };
}

/** How the bot comes to hear a message: nobody else is there, QQ says that it is meant, or it may be for anybody. */
type Hearing = "alone" | "mentioned" | "overheard";

function message(read: (d: unknown) => Written, hearing: Hearing): Decoder {
  return (envelope, { appId, receivedAtMs }) => {
    const { wire, chat, sender } = read(envelope.d);
    const inGuild = chat.scene === "guildChannel" || chat.scene === "guildDm";
    const place = { appId, inGuild, isMentioned: hearing === "mentioned" };
    // Two bots that answer each other never stop.
    if (wire.author.bot) return { ignored: "written by a bot" };
    if (hearing === "overheard" && !namesBot(wire, place)) return { ignored: "not addressed to the bot" };
    return {
      kind: "message",
      appId,
      chat,
      id: wire.id,
      eventId: envelope.id || wire.id,
      sender,
      ...readWords(wire, place),
      sentAtMs: toMs(wire.timestamp) ?? receivedAtMs,
      receivedAtMs,
    };
  };
}

interface TakenBack {
  chat: Chat;
  message: { id: string; author?: { bot?: boolean | undefined } | undefined };
}

function fromChannelRecall(d: unknown): TakenBack {
  const { message } = v.parse(WireChannelRecall, d);
  return { chat: { scene: "guildChannel", id: message.channel_id }, message };
}

function fromGuildDmRecall(d: unknown): TakenBack {
  const { message } = v.parse(WireGuildDmRecall, d);
  return { chat: { scene: "guildDm", id: message.guild_id }, message };
}

function recall(read: (d: unknown) => TakenBack): Decoder {
  return (envelope, { appId, receivedAtMs }) => {
    const { chat, message } = read(envelope.d);
    if (message.author?.bot) return { ignored: "written by a bot" };
    const eventId = envelope.id || `${envelope.t}:${message.id}`;
    return { kind: "recall", appId, chat, eventId, messageId: message.id, receivedAtMs };
  };
}

interface Met extends From {
  timestamp: string | number | null | undefined;
}

function fromFriendRelation(d: unknown): Met {
  const { openid: id, timestamp } = v.parse(WireFriendRelation, d);
  return { chat: { scene: "c2c", id }, sender: { id }, timestamp };
}

function fromGroupRelation(d: unknown): Met {
  const { group_openid, op_member_openid, timestamp } = v.parse(WireGroupRelation, d);
  return { chat: { scene: "group", id: group_openid }, sender: { id: op_member_openid ?? "" }, timestamp };
}

function relation(change: Relation["change"], read: (d: unknown) => Met): Decoder {
  return (envelope, { appId, receivedAtMs }) => {
    const { chat, sender, timestamp } = read(envelope.d);
    const eventId = envelope.id || `${envelope.t}:${chat.id}:${timestamp ?? ""}`;
    return { kind: "relation", appId, chat, eventId, change, sender, receivedAtMs };
  };
}

/** What QQ waits to have acknowledged. Everything else, such as feedback or a grant of rights, needs nothing of us. */
const ACTIONS = new Map<number | undefined, Interaction["action"]>([
  [11, "button"],
  [12, "menu"],
  [14, "clear"],
]);

const PLACES = {
  c2c: v.pipe(
    WireC2CPlace,
    v.transform(({ user_openid: id }): From => ({ chat: { scene: "c2c", id }, sender: { id } })),
  ),
  group: v.pipe(
    WireGroupPlace,
    v.transform(
      (wire): From => ({ chat: { scene: "group", id: wire.group_openid }, sender: { id: wire.group_member_openid } }),
    ),
  ),
  guildChannel: v.pipe(
    WireChannelPlace,
    v.transform(
      ({ channel_id: id, data }): From => ({
        chat: { scene: "guildChannel", id },
        sender: { id: data.resolved.user_id },
      }),
    ),
  ),
};

const SCENES = new Map<number | string | undefined, keyof typeof PLACES>([
  [0, "guildChannel"],
  [1, "group"],
  [2, "c2c"],
  ["guild", "guildChannel"],
  ["group", "group"],
  ["c2c", "c2c"],
]);

function interaction(
  envelope: WireEnvelope,
  { appId, receivedAtMs }: DecodeContext,
): Interaction | { ignored: string } {
  const wire = v.parse(WireInteraction, envelope.d);
  const type = wire.type ?? wire.data?.type;
  const action = ACTIONS.get(type) ?? "other";
  const resolved = wire.data?.resolved ?? wire.data?.resoloved;
  const from = v.safeParse(PLACES[sceneOf(wire)], { ...wire, data: { resolved } });
  if (!from.success) {
    // What needs nothing of us need not say where it happened.
    if (action === "other") return { ignored: `nothing to do for an interaction of type ${type ?? "(none)"}` };
    throw new v.ValiError(from.issues);
  }
  return {
    kind: "interaction",
    appId,
    ...from.output,
    id: wire.id,
    eventId: envelope.id || wire.id,
    action,
    data: resolved?.button_data || resolved?.feature_id || "",
    needsAcknowledgement: action !== "other",
    receivedAtMs,
  };
}

function sceneOf({ chat_type, scene, group_openid, channel_id }: WireInteraction): keyof typeof PLACES {
  const told = SCENES.get(chat_type) ?? SCENES.get(scene);
  if (told) return told;
  if (group_openid) return "group";
  return channel_id ? "guildChannel" : "c2c";
}

function audit(passed: AuditResult["passed"]): Decoder {
  return (envelope, { appId, receivedAtMs }) => {
    const { audit_id: auditId, group_openid, user_openid } = v.parse(WireAudit, envelope.d);
    const chat: Chat = group_openid
      ? { scene: "group", id: group_openid }
      : user_openid
        ? { scene: "c2c", id: user_openid }
        : { scene: "guildChannel", id: v.parse(WireChannelAudit, envelope.d).channel_id };
    const eventId = envelope.id || `${envelope.t}:${auditId}`;
    return { kind: "audit", appId, chat, eventId, auditId, passed, receivedAtMs };
  };
}

function nameOf(name: string | undefined): string | undefined {
  return oneLine(name) || undefined;
}

function role(value: string | null | undefined): Sender["role"] {
  return value === "owner" || value === "admin" || value === "member" ? value : undefined;
}

/**
 * Undefined where QQ's time cannot be read; the time of receipt is then used. So it is for the zero time of Unix or Go,
 * which means "not set": taken at its word, the reply window would be long over.
 */
function toMs(value: string | number | null | undefined): number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const ms = typeof value === "number" || /^\d+$/.test(value) ? unixMs(Number(value)) : Date.parse(rfc3339(value));
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

function unixMs(secondsOrMs: number): number {
  return secondsOrMs < 1e11 ? secondsOrMs * 1000 : secondsOrMs;
}

/** An old Go form carries "+0800 CST m=+…" behind the time. */
function rfc3339(time: string): string {
  const go = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,3})?)\d* ([+-]\d\d)(\d\d)/.exec(time);
  return go ? `${go[1]}T${go[2]}${go[3]}:${go[4]}` : time;
}

/** Names come from outside: keep a log line short and plain. */
function printable(name: string): string {
  return name.replace(/[^\w.-]/g, "?").slice(0, 64) || "(none)";
}
