/**
 * Table: QQ's event name `t` -> what it means to the bot. An event that is not in the table is acknowledged, logged
 * and ignored.
 */
import * as v from "valibot";
import type { BotEvent, Sender } from "../event.ts";
import { type WireAttachment, WireC2CMessage, type WireEnvelope, WireGroupMessage } from "./wire.ts";

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
  C2C_MESSAGE_CREATE(envelope, context) {
    const wire = v.parse(WireC2CMessage, envelope.d);
    if (wire.author.bot) return { ignored: "written by a bot" };
    return {
      ...message(wire, envelope, context),
      chat: { scene: "c2c", id: wire.author.user_openid },
      sender: { id: wire.author.user_openid, name: wire.author.username || undefined },
    };
  },

  GROUP_AT_MESSAGE_CREATE(envelope, context) {
    const wire = v.parse(WireGroupMessage, envelope.d);
    // Two bots that answer each other never stop.
    if (wire.author.bot) return { ignored: "written by a bot" };
    return {
      ...message(wire, envelope, context),
      chat: { scene: "group", id: wire.group_openid },
      sender: {
        id: wire.author.member_openid,
        name: wire.author.username || undefined,
        role: role(wire.author.member_role),
      },
    };
  },
};

export function decode(envelope: WireEnvelope, context: DecodeContext): Decoded {
  const name = envelope.t ?? "";
  const decoder = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
  if (!decoder) return { kind: "ignored", why: `no meaning for ${printable(name)}` };
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

type WireMessage = {
  id: string;
  content?: string | null | undefined;
  timestamp?: string | number | null | undefined;
  attachments?: WireAttachment[] | null | undefined;
};

function message(wire: WireMessage, envelope: WireEnvelope, { appId, receivedAtMs }: DecodeContext) {
  return {
    kind: "message" as const,
    appId,
    id: wire.id,
    eventId: envelope.id ?? wire.id,
    text: withAttachments(withoutMention(wire.content ?? "", appId), wire.attachments ?? []),
    sentAtMs: toMs(wire.timestamp) ?? receivedAtMs,
    receivedAtMs,
  };
}

/** QQ removes the mention of the bot but leaves the space behind it; some clients leave the tag as well. */
function withoutMention(content: string, appId: string): string {
  return content.replace(new RegExp(`^\\s*<@!?${appId}>`), "").trim();
}

/** Attachments are named, so that the model can say honestly that it has not read them. */
function withAttachments(text: string, attachments: readonly WireAttachment[]): string {
  const names = attachments.map(({ content_type: type, filename }) => {
    const kind = type?.startsWith("image")
      ? "图片"
      : type?.startsWith("video")
        ? "视频"
        : type === "voice"
          ? "语音"
          : "文件";
    return `[${kind}${filename ? ` ${filename}` : ""}: 尚不能查看]`;
  });
  return [text, ...names].filter(Boolean).join("\n");
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
