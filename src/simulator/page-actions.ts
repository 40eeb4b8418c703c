/**
 * What a person may do on the page, each action with the form of its body. What is not possible is refused in words; what
 * is, is begun and goes on by itself.
 */
import * as v from "valibot";
import type { Chat } from "../event.ts";
import type { FakeQQ } from "./fake-qq.ts";
import { type Files, pathOf } from "./files.ts";
import type { ActionName, Done, Line, Said } from "./page/protocol.ts";
import { causeOf } from "./page-chats.ts";
import { wireOf } from "./page-lines.ts";
import type { PageState } from "./page-state.ts";

export interface Stage {
  qq: FakeQQ;
  state: PageState;
  files: Files;
  /** Of this very server, as the Worker reaches it. */
  origin: () => string;
}

/** QQ itself takes less; what the Worker does with that much is for it to show. */
const LONGEST_TEXT = 150_000;
const MOST_ATTACHMENTS = 10;

const SCENES = ["c2c", "group", "guildChannel", "guildDm"] as const;
const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(200));
const chat = v.strictObject({ scene: v.picklist(SCENES), id });
const text = v.pipe(v.string(), v.maxLength(LONGEST_TEXT));

type Act = (body: unknown, stage: Stage) => Done;

/** An action that is refused where its body is not of its form. */
const action =
  <const Schema extends v.GenericSchema>(
    schema: Schema,
    act: (input: v.InferOutput<Schema>, stage: Stage) => Done,
  ): Act =>
  (body, stage) => {
    const { success, output, issues } = v.safeParse(schema, body);
    if (success) return act(output, stage);
    const where = issues[0].path?.map(({ key }) => String(key)).join(".") ?? "";
    return no(`请求不对:${where}`, `The request is not well formed: ${where}`);
  };

const DONE: Done = { ok: true };
const no = (zh: string, en: string): Done => ({ ok: false, words: { zh, en } });

const UNKNOWN_CHAT = no("没有这个会话", "There is no such chat");
const UNKNOWN_PERSON = no("这个会话里没有这个人", "Nobody of that id is in this chat");
const UNKNOWN_LINE = no("没有这条消息,可能太久以前了", "There is no such message, or it was too long ago");

const say = action(
  v.strictObject({
    chat,
    by: id,
    text,
    addressed: v.optional(v.boolean(), true),
    quote: v.optional(id),
    attachments: v.optional(v.pipe(v.array(id), v.maxLength(MOST_ATTACHMENTS)), []),
  }),
  ({ chat, by, text, addressed, quote, attachments }, { qq, state, files, origin }) => {
    const view = state.chatOf(chat);
    if (!view) return UNKNOWN_CHAT;
    const person = view.people.find((other) => other.id === by);
    if (!person) return UNKNOWN_PERSON;
    if (text.trim() === "" && attachments.length === 0) return no("消息是空的", "The message is empty");
    const quoted = quote === undefined ? undefined : state.line(quote);
    if (quote !== undefined && (!quoted || !isIn(quoted, chat) || !isMessage(quoted))) return UNKNOWN_LINE;
    const found = attachments.map((upload) => ({ upload, file: files.get(upload) }));
    const sent = found.flatMap(({ upload, file }) => (file ? [wireOf(file, origin() + pathOf(upload))] : []));
    if (sent.length < found.length) return no("附件已经不在了,请重新选择", "An attachment is gone; choose it again");
    void qq.say({
      scene: chat.scene,
      chatId: chat.id,
      sender: by,
      senderName: person.name,
      role: person.role,
      text,
      // In private chats everything is said to the bot.
      addressed: addressed || isAlone(chat),
      ...(quoted && isMessage(quoted) && { quote: quoteOf(quoted, qq.bot.name) }),
      ...(sent.length > 0 && { attachments: sent }),
    });
    return DONE;
  },
);

const happen = action(v.strictObject({ chat, event: id }), ({ chat, event }, { qq, state }) => {
  if (!state.chatOf(chat)) return UNKNOWN_CHAT;
  const cause = causeOf(chat, event);
  if (!cause) return no("这里不会发生这件事", "That does not happen here");
  if (event === "INTERACTION_CREATE")
    void qq.press({ scene: chat.scene, chatId: chat.id, data: "", type: 14 }).catch(() => {});
  else void qq.emit(event, placeIn(chat));
  return DONE;
});

const TABLE: { [Name in ActionName]?: Act } = { say, happen };

export function isAction(name: string): name is ActionName {
  return Object.hasOwn(TABLE, name);
}

/** Does what was asked for, or says why not. */
export function perform(name: ActionName, body: unknown, stage: Stage): Done {
  return TABLE[name]?.(body, stage) ?? no("没有这个操作", "There is no such action");
}

type MessageLine = Extract<Line, { kind: "said" | "answered" }>;

function isMessage(line: Line): line is MessageLine {
  return line.kind === "said" || line.kind === "answered";
}

function isIn(line: Line, { scene, id }: Chat): boolean {
  return line.chat.scene === scene && line.chat.id === id;
}

function isAlone({ scene }: Chat): boolean {
  return scene === "c2c" || scene === "guildDm";
}

/** The name of a quoted person, or of the bot. */
function quoteOf(line: MessageLine, bot: string) {
  const { id, text } = line;
  const said: (Said & MessageLine) | undefined = line.kind === "said" ? line : undefined;
  return { id, text, name: said?.by.name ?? bot, byBot: said === undefined };
}

/** What of a payload tells the chat. */
function placeIn({ scene, id }: Chat): Record<string, unknown> {
  switch (scene) {
    case "c2c":
      return { openid: id };
    case "group":
      return { group_openid: id };
    case "guildChannel":
      return { channel_id: id };
    case "guildDm":
      return { guild_id: id, direct_message: true };
    default:
      return scene satisfies never;
  }
}
