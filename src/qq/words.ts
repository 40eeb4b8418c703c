/**
 * What a person wrote -> words: mentions, emoji, quotes, cards, chat records and attachments as a reader would say them.
 * Pure. Everything in here was written by strangers: no input may make it throw or take more than linear time.
 */
import * as v from "valibot";
import type { Attachment, IncomingMessage, Quote } from "../event.ts";
import {
  MESSAGE_TYPE,
  type WireAttachment,
  type WireCard,
  WireElement,
  type WireMessage,
  type WirePerson,
} from "./wire.ts";

export interface Place {
  appId: string;
  /** Guilds escape `& < >`, and know the bot by an id that is not its AppID. */
  inGuild: boolean;
  /** QQ sent the message because it mentions the bot. */
  isMentioned: boolean;
}

const MOST_NAME = 32;
const MOST_FILE_NAME = 100;
const MOST_TRANSCRIPT = 4_000;
const MOST_QUOTE = 4_000;
const MOST_RECORD = 8_000;
const MOST_FIELD = 500;
const MOST_ATTACHMENTS = 20;
/** Quotes and records inside each other: how deep, and how many of them in one message. */
const MOST_DEPTH = 4;
const MOST_ELEMENTS = 100;
/** QQ's own plugin refuses more. */
const MOST_EXT = 64 * 1024;

const RECORD = "[聊天记录]";
const EVERYBODY = "全体成员";

/** In guilds content is escaped, so that what looks like a tag is one. Each alternative reads a character once. */
const TAG =
  /<@!?(?<id>[\w-]{1,128})>|(?<![\w.])@everyone\b|(?<channel><#\d{1,32}>)|(?<emoji><emoji:\d{1,9}>)|(?<face><faceType=\d{1,9}(?:, ?faceId="[^"]*")?(?:, ?ext="(?<ext>[^"]*)")?>)/g;

const LABELS = { image: "图片", voice: "语音", video: "视频", file: "文件" } as const;

/** Whether a message that was not sent to the bot alone names it. */
export function namesBot(wire: WireMessage, place: Place): boolean {
  if (wire.mentions.some((person) => isBot(person, place))) return true;
  const own = ownIds(wire, place);
  return [...(wire.content ?? "").matchAll(TAG)].some(({ groups }) => own.has(groups?.id ?? ""));
}

export function readWords(wire: WireMessage, place: Place): Pick<IncomingMessage, "text" | "quote" | "attachments"> {
  const reading: Reading = { read: contentReader(wire, place), elementsLeft: MOST_ELEMENTS };
  const attachments = wire.attachments.slice(0, MOST_ATTACHMENTS).map(readAttachment);
  return {
    text: ownWords(wire, reading, 0),
    quote: readQuote(wire, reading),
    attachments: attachments.length > 0 ? attachments : undefined,
  };
}

/** One line of at most `most` characters: what strangers chose for a name stays a name. */
export function oneLine(text: string | undefined, most: number = MOST_NAME): string {
  const line = (text ?? "").slice(0, 4 * most).replace(/[\s\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, " ");
  return cut(line.trim(), most).toWellFormed();
}

interface Reading {
  read: (content: string) => string;
  elementsLeft: number;
}

type Written = Pick<v.InferOutput<typeof WireElement>, "message_type" | "attachments" | "ark_data" | "msg_elements"> & {
  content?: string | null | undefined;
};

/** Without what was quoted and attached. */
function ownWords(written: Written, reading: Reading, depth: number): string {
  const content = reading.read(written.content ?? "");
  const { message_type: type, msg_elements: elements } = written;
  const card = written.ark_data ?? (type === MESSAGE_TYPE.card ? {} : undefined);
  if (type === MESSAGE_TYPE.record || card?.ark_type === "forward_msg")
    return record(content, card, readElements(elements, reading, depth));
  if (type === MESSAGE_TYPE.parallel && content === "")
    return readElements(elements, reading, depth)
      .map(({ text }) => text)
      .join("\n");
  return cardWords(content, card);
}

function record(content: string, card: Partial<WireCard> | undefined, said: readonly Quote[]): string {
  const head = content.includes(RECORD) ? content : [content, RECORD].filter(Boolean).join("\n");
  const lines = said.map(({ name, text }) => `${name ?? "某人"}: ${text.replaceAll("\n", "\n  ")}`);
  return cut([cardWords(head, card), ...lines].join("\n"), MOST_RECORD);
}

/** QQ's own summary of a card, and what it leaves out. */
function cardWords(content: string, card: Partial<WireCard> | undefined): string {
  if (!card) return content;
  const { title, desc, source, nickname, address, jump_url } = card.fields ?? {};
  const fields = { 标题: title, 描述: desc, 来源: source, 名称: nickname, 地址: address, 链接: jump_url };
  let words = content || [`[卡片消息] ${oneLine(card.ark_name)}`.trim(), oneLine(card.prompt, MOST_FIELD)].join("\n");
  words = words.trim();
  for (const [label, field] of Object.entries(fields)) {
    const value = oneLine(field, MOST_FIELD);
    if (value && !words.includes(value)) words += `\n${label}: ${value}`;
  }
  return words;
}

function readQuote(wire: WireMessage, reading: Reading): Quote | undefined {
  const isQuote = wire.message_type === MESSAGE_TYPE.quote;
  const refers = wire.message_scene?.ext.some((entry) => /^(?:ref_msg_idx=|refMsgIdx:)\S/.test(entry));
  if (!isQuote && !refers && !wire.message_reference?.message_id) return undefined;
  const ownElements = wire.message_type === MESSAGE_TYPE.record || wire.message_type === MESSAGE_TYPE.parallel;
  const [quoted] = ownElements ? [] : readElements(wire.msg_elements.slice(0, 1), reading, 0);
  return quoted ? { text: cut(quoted.text, MOST_QUOTE), name: quoted.name } : { text: "" };
}

/** Everything in messages inside a message, as words. Beyond the bounds there is nothing. */
function readElements(elements: readonly unknown[], reading: Reading, depth: number): Quote[] {
  if (depth >= MOST_DEPTH) return [];
  const read: Quote[] = [];
  for (const raw of elements) {
    if (reading.elementsLeft <= 0) break;
    reading.elementsLeft -= 1;
    const element = v.safeParse(WireElement, raw);
    if (element.success) read.push(readElement(element.output, reading, depth + 1));
  }
  return read;
}

function readElement(element: v.InferOutput<typeof WireElement>, reading: Reading, depth: number): Quote {
  const [quoted] =
    element.message_type === MESSAGE_TYPE.quote ? readElements(element.msg_elements.slice(0, 1), reading, depth) : [];
  const words = [
    quoted?.text && `(引用${quoted.name ? ` ${quoted.name}` : ""}: ${quoted.text})`,
    ownWords(element, reading, depth),
    ...element.attachments.slice(0, MOST_ATTACHMENTS).map((attachment) => attachmentWords(readAttachment(attachment))),
  ];
  return { text: words.filter(Boolean).join("\n"), name: nameOf(element.author) };
}

function readAttachment({ content_type: type = "", filename, asr_refer_text: heard }: WireAttachment): Attachment {
  return {
    kind: kindOf(type.toLowerCase()),
    name: oneLine(filename, MOST_FILE_NAME) || undefined,
    transcript: cut((heard ?? "").trim(), MOST_TRANSCRIPT).toWellFormed() || undefined,
  };
}

function kindOf(type: string): Attachment["kind"] {
  if (type.startsWith("image")) return "image";
  if (type.startsWith("video")) return "video";
  return type === "voice" || type.startsWith("audio/") ? "voice" : "file";
}

function attachmentWords({ kind, name, transcript }: Attachment): string {
  if (transcript) return `[${LABELS[kind]},QQ 识别为:${oneLine(transcript, MOST_TRANSCRIPT)}]`;
  return `[${LABELS[kind]}${name ? ` ${name}` : ""}: 尚不能查看]`;
}

/** Content -> words, with the tags of one message. */
function contentReader(wire: WireMessage, place: Place): (content: string) => string {
  const own = ownIds(wire, place);
  const names = namesById(wire.mentions);
  const { inGuild } = place;

  function spell({ 0: tag, groups = {} }: RegExpExecArray): string {
    const { id, channel, emoji, face, ext } = groups;
    if (face) return faceWords(ext ?? "");
    if (channel) return "#频道";
    if (emoji) return inGuild ? "[表情]" : tag;
    if (id === undefined || id === "all" || id === "everyone") return `@${EVERYBODY}`;
    return own.has(id) ? "" : `@${names.get(id) ?? `成员${id.slice(-4)}`}`;
  }

  return (content) => {
    const words: string[] = [];
    let at = 0;
    for (const tag of content.matchAll(TAG)) {
      const before = content.slice(at, tag.index);
      const word = spell(tag);
      words.push(inGuild ? unescaped(before) : before, word);
      at = tag.index + tag[0].length;
      // The gap that a mention of the bot leaves would have a space on both sides.
      if (word === "" && content[at] === " " && /^\s?$/.test(content[tag.index - 1] ?? "")) at += 1;
    }
    const rest = content.slice(at);
    words.push(inGuild ? unescaped(rest) : rest);
    return words.join("").trim().toWellFormed();
  };
}

/** `&amp;lt;` is what somebody wrote as `&lt;`: each character is unescaped once. */
function unescaped(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", amp: "&" };
  return text.replace(/&(lt|gt|amp);/g, (escaped, name: string) => characters[name] ?? escaped);
}

/** Market stickers carry brackets of their own. */
function faceWords(ext: string): string {
  const name = oneLine(faceText(ext)).replace(/[[\]]/g, "").trim();
  return name ? `[表情: ${name}]` : "[表情]";
}

function faceText(ext: string): string | undefined {
  if (ext.length > MOST_EXT) return undefined;
  try {
    const bytes = Uint8Array.from(atob(ext), (character) => character.charCodeAt(0));
    const { text }: { text?: unknown } = JSON.parse(new TextDecoder().decode(bytes)) ?? {};
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined; // neither base64 nor JSON: a face without a name
  }
}

function idsOf({ id, member_openid, user_openid }: WirePerson): string[] {
  return [id, member_openid, user_openid].filter((each) => each !== undefined);
}

function nameOf(person: WirePerson | undefined): string | undefined {
  if (!person) return undefined;
  return oneLine(person.nickname) || oneLine(person.username) || idsOf(person).map((id) => `成员${id.slice(-4)}`)[0];
}

function namesById(mentions: readonly WirePerson[]): Map<string, string> {
  return new Map(
    mentions.flatMap((person) => {
      const name = person.scope === "all" ? EVERYBODY : nameOf(person);
      return name === undefined ? [] : idsOf(person).map((id): [string, string] => [id, name]);
    }),
  );
}

/** Guilds mark no mention as "you": a bot that is mentioned there is taken for this one. */
function isBot({ is_you, bot }: WirePerson, { inGuild }: Place): boolean {
  return is_you ?? (inGuild && bot === true);
}

/** The ids by which a tag may mean the bot. */
function ownIds({ content, mentions }: WireMessage, place: Place): Set<string> {
  const bots = mentions.filter((person) => isBot(person, place));
  // Of two bots in a guild nobody says which is this one: both keep their names.
  const own = bots.filter(({ is_you }) => is_you || bots.length === 1).flatMap(idsOf);
  return new Set([place.appId, ...own, ...(bots.length === 0 ? firstUnknown(content, mentions, place) : [])]);
}

/** A guild message that mentions the bot begins with it, as a rule, and may not list whom it mentions. */
function firstUnknown(content: string | null | undefined, mentions: readonly WirePerson[], place: Place): string[] {
  if (!place.inGuild || !place.isMentioned) return [];
  const [, first] = /^\s*<@!?([\w-]{1,128})>/.exec(content ?? "") ?? [];
  return first === undefined || mentions.some((person) => idsOf(person).includes(first)) ? [] : [first];
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
