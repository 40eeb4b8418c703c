/**
 * What a person may do on the page, each action with the form of its body. What is not possible is refused in words; what
 * is, is begun and goes on by itself.
 */
import * as v from "valibot";
import type { Chat } from "../event.ts";
import { type Burst, MOST_CHATS, MOST_MESSAGES } from "./burst.ts";
import { type FakeQQ, NotAcknowledged } from "./fake-qq.ts";
import { type Files, pathOf } from "./files.ts";
import { mayPress } from "./keyboard.ts";
import type { ActionName, Done, Line, Said, Switch } from "./page/protocol.ts";
import { causeOf } from "./page-chats.ts";
import { settle, wireOf } from "./page-lines.ts";
import type { PageState } from "./page-state.ts";
import { GUILD_ID, placeOf } from "./questions.ts";
import type { Switches } from "./switches.ts";

export interface Stage {
  qq: FakeQQ;
  state: PageState;
  files: Files;
  switches: Switches;
  burst: Burst;
  /** Of this very server, as the Worker reaches it. */
  origin: () => string;
}

/** QQ itself takes less; what the Worker does with that much is for it to show. */
const LONGEST_TEXT = 150_000;
const MOST_ATTACHMENTS = 10;

/** How long QQ waits for the bot before it shows that nothing happened. */
const ACKNOWLEDGED_WITHIN_MS = 3_000;
const CALLBACK = 1;

const SCENES = ["c2c", "group", "guildChannel", "guildDm"] as const;
const id = v.pipe(v.string(), v.nonEmpty(), v.maxLength(200));
const chat = v.strictObject({ scene: v.picklist(SCENES), id });

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
const TOO_LONG = no(`消息太长,最多 ${LONGEST_TEXT} 字`, `The message is too long: ${LONGEST_TEXT} characters at most`);
const TOO_MANY_FILES = no(`附件太多,最多 ${MOST_ATTACHMENTS} 个`, `Too many attachments: ${MOST_ATTACHMENTS} at most`);

const say = action(
  v.strictObject({
    chat,
    by: id,
    text: v.string(),
    addressed: v.optional(v.boolean(), true),
    quote: v.optional(id),
    attachments: v.optional(v.array(id), []),
  }),
  ({ chat, by, text, addressed, quote, attachments }, { qq, state, files, origin }) => {
    const view = state.chatOf(chat);
    if (!view) return UNKNOWN_CHAT;
    const person = view.people.find((other) => other.id === by);
    if (!person) return UNKNOWN_PERSON;
    if (text.trim() === "" && attachments.length === 0) return no("消息是空的", "The message is empty");
    if (text.length > LONGEST_TEXT) return TOO_LONG;
    if (attachments.length > MOST_ATTACHMENTS) return TOO_MANY_FILES;
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

const recall = action(v.strictObject({ line: id }), ({ line: lineId }, { qq, state }) => {
  const line = state.line(lineId);
  if (line?.kind !== "said") return UNKNOWN_LINE;
  if (line.recalled) return no("已经撤回过了", "It was taken back already");
  state.show({ ...line, recalled: true });
  const { chat, by, addressed } = line;
  // Of private chats and groups the bot is told nothing.
  if (chat.scene === "c2c" || chat.scene === "group") return DONE;
  const isDirect = chat.scene === "guildDm";
  const event = isDirect ? "DIRECT_MESSAGE_DELETE" : addressed ? "PUBLIC_MESSAGE_DELETE" : "MESSAGE_DELETE";
  const author = { id: by.id, username: by.name, bot: false };
  const message = {
    id: lineId,
    ...placeOf(chat),
    author,
    ...(isDirect && { direct_message: true, src_guild_id: GUILD_ID }),
  };
  void qq.emit(event, { message, op_user: { id: by.id } });
  return DONE;
});

const press = action(v.strictObject({ line: id, button: id, by: id }), (input, { qq, state }) => {
  const line = state.line(input.line);
  const rows = qq.ledger.delivered.find((message) => message.id === input.line)?.buttons ?? [];
  const button = rows.flat().find((other) => other.id === input.button);
  if (line?.kind !== "answered" || !button) return no("没有这个按钮", "There is no such button");
  const { chat } = line;
  const person = state.chatOf(chat)?.people.find((other) => other.id === input.by);
  if (!person) return UNKNOWN_PERSON;
  if (button.type !== CALLBACK) return no("这个按钮不会通知机器人", "This button does not tell the bot anything");
  const isOpen = line.buttons.flat().find((other) => other.id === button.id)?.isOpen;
  if (!isOpen || !mayPress(button, { ...person, isAlone: isAlone(chat) }))
    return no("这个人不能按这个按钮", "This person may not press this button");
  if (button.groupId !== undefined) {
    const grey = new Set(
      rows
        .flat()
        .filter(({ groupId }) => groupId === button.groupId)
        .map((other) => other.id),
    );
    state.show({
      ...line,
      buttons: line.buttons.map((row) => row.map((view) => ({ ...view, isOpen: view.isOpen && !grey.has(view.id) }))),
    });
  }
  const { scene, id: chatId } = chat;
  const { data, id: buttonId } = button;
  const pressed = qq.press({
    scene,
    chatId,
    sender: person.id,
    data,
    buttonId,
    messageId: line.id,
    withinMs: ACKNOWLEDGED_WITHIN_MS,
  });
  const say = (eventId: string, acknowledged: boolean) => {
    const happened = state.line(eventId);
    if (happened) settle(state, happened, acknowledged);
  };
  void pressed.then(
    ({ eventId }) => say(eventId, true),
    (error: unknown) => {
      if (error instanceof NotAcknowledged) say(error.posted.eventId, false);
    },
  );
  return DONE;
});

const MOST_CALLS = 1_000;
const LONGEST_MS = 10 * 60_000;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const weather = action(
  v.strictObject({
    name: id,
    left: v.union([v.pipe(count, v.maxValue(MOST_CALLS)), v.literal("on")]),
    value: v.optional(count),
  }),
  ({ name, left, value }, { state, switches }) => {
    if (!switches.has(name)) return no("没有这个开关", "There is no such switch");
    const isFitting = value === undefined || fits(value, switches.unitOf(name));
    if (!isFitting) return no("这个值不行", "That value will not do");
    switches.set(name, { left, value });
    state.showWeather(switches.view());
    return DONE;
  },
);

function fits(value: number, unit: Switch["unit"]): boolean {
  switch (unit) {
    case "code":
      return value >= 600;
    case "status":
      return value >= 400 && value < 600;
    case "ms":
      return value <= LONGEST_MS;
    default:
      return false;
  }
}

const burst = action(
  v.strictObject({
    chats: v.pipe(count, v.minValue(1), v.maxValue(MOST_CHATS)),
    messages: v.pipe(count, v.minValue(1), v.maxValue(MOST_MESSAGES)),
    scenes: v.pipe(v.array(v.picklist(SCENES)), v.minLength(1), v.maxLength(SCENES.length)),
  }),
  (plan, stage) => {
    if (stage.burst.isOn) return no("上一轮还没有结束", "The last burst has not ended");
    stage.burst.start(plan);
    return DONE;
  },
);

const replay = action(
  v.strictObject({ trace: id, asItWas: v.optional(v.boolean(), false) }),
  ({ trace, asItWas }, { qq, state }) => {
    const { body = "", headers = {} } = state.trace(trace)?.callback ?? {};
    if (body === "") return no("没有可以重放的回调", "There is no callback to post again");
    void qq.replay(trace, asItWas ? { body, headers } : { body });
    return DONE;
  },
);

const TABLE: Readonly<Record<ActionName, Act>> = { say, recall, press, happen, weather, burst, replay };

export function isAction(name: string): name is ActionName {
  return Object.hasOwn(TABLE, name);
}

/** Does what was asked for, or says why not. */
export function perform(name: ActionName, body: unknown, stage: Stage): Done {
  return TABLE[name](body, stage);
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
