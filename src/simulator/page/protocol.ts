/**
 * What the page and the simulator tell each other, as plain data. The page reads `GET /page/events`, a stream of server-sent
 * events without names, whose first is a `Snapshot`, also after every reconnection, and whose others are `Change`s; it acts by
 * `POST /page/<name of the action>` with the action as JSON, which answers `Done` at once: what comes of it comes as `Change`s.
 */
import type { Chat, Scene } from "../../event.ts";

export interface Snapshot {
  bot: { appId: string; name: string };
  /** Of the Worker, for a curl command. */
  callbackUrl: string;
  model: { name: string; isDemo: boolean };
  /** The message that makes its sender the owner. */
  claim: string;
  chats: readonly ChatView[];
  /** In the order in which they were said. */
  lines: readonly Line[];
  traces: readonly Trace[];
  weather: readonly Switch[];
  /** What `qq.refuse` may be set to. */
  codes: readonly Code[];
  tally: Tally;
}

/** A code with which QQ refuses, and its meaning: in Chinese as QQ says it. */
export interface Code {
  code: number;
  words: Words;
}

export interface Words {
  zh: string;
  en: string;
}

export interface ChatView {
  chat: Chat;
  name: string;
  /** Who may be spoken as; one in private chats. */
  people: readonly Person[];
  /** What may `happen` here. */
  events: readonly { event: string; words: Words }[];
}

export interface Person {
  /** The openid that QQ would give. */
  id: string;
  name: string;
  role: "member" | "admin" | "owner";
}

/** Something that stands in a chat. */
export type Line = {
  /** `d.id` of a message, QQ's id of an answer, or one of its own. */
  id: string;
  chat: Chat;
  atMs: number;
} & (Said | Answered | Refused | Happened);

/** A person wrote it. */
export interface Said {
  kind: "said";
  by: Person;
  text: string;
  /** Whether the bot was spoken to. */
  addressed: boolean;
  quote?: Quote | undefined;
  attachments: readonly Attachment[];
  /** Whether QQ's callback was acknowledged; undefined while it is under way. */
  acknowledged?: boolean | undefined;
  recalled?: boolean | undefined;
}

/** The bot wrote it. */
export interface Answered {
  kind: "answered";
  form: "text" | "markdown";
  text: string;
  /** Whom QQ puts an @ of before it, in groups. */
  at?: string | undefined;
  /** The line that it answers. */
  to?: string | undefined;
  buttons: readonly (readonly Button[])[];
  attachments: readonly Attachment[];
}

/** The bot tried to write it, and QQ would not have it. */
export interface Refused {
  kind: "refused";
  text: string;
  status: number;
  code?: number | undefined;
  /** QQ's words. */
  meaning: string;
  to?: string | undefined;
}

/** Something that is no message: a friend added, a button pressed, a switch turned. */
export interface Happened {
  kind: "happened";
  /** QQ's name of the event. */
  event: string;
  /** In words, for a person; Chinese and English. */
  words: Words;
  /** Whether QQ's callback was acknowledged; of a pressed button, whether the bot has acknowledged that, too. */
  acknowledged?: boolean | undefined;
}

export interface Quote {
  id: string;
  name: string;
  text: string;
}

export interface Attachment {
  name: string;
  contentType: string;
  size: number;
  /** On this very server. */
  url: string;
  width?: number | undefined;
  height?: number | undefined;
}

export interface Button {
  id: string;
  label: string;
  /** 0 grey, 1 blue. */
  style: number;
  /** Whether it may be pressed, by anybody. */
  isOpen: boolean;
  /** Only a `callback` is pressed; a `command` is put into the box to write in, and `link` leads to an address. */
  action: "link" | "callback" | "command";
  /** The command or the address. */
  data: string;
}

/** What was done for one callback, from QQ's first byte to the last thing said about it. */
export interface Trace {
  /** The line that it belongs to. */
  id: string;
  chat: Chat;
  startedAtMs: number;
  steps: readonly Step[];
  /** The callback as it was posted last, to post it again. */
  callback: { url: string; headers: Readonly<Record<string, string>>; body: string };
}

export interface Step {
  atMs: number;
  /** How long it took, where that is known. */
  tookMs?: number | undefined;
  by: "qq" | "worker" | "model";
  /**
   * Of the Worker, the name of its log line; else `callback`, `acknowledged`, `unacknowledged`, `send`, `typing`, `token`,
   * `identity`, `acknowledge`, `call`.
   */
  what: string;
  /** HTTP status; 0 where there was no answer. */
  status?: number | undefined;
  level: "info" | "warn" | "error";
  /** What else is known, without secrets. */
  fields: Readonly<Record<string, unknown>>;
}

/** A way to misbehave, and whether it does so now. */
export interface Switch {
  /** Such as `qq.refuse`, `qq.slow`, `model.silent`. */
  name: string;
  group: "qq" | "model" | "callback";
  words: Words;
  /** For how many more calls; `"on"` until it is switched off. */
  left: number | "on";
  /** It is a state and no matter of calls: it can only be on or off. */
  isState?: true | undefined;
  /** What can be chosen: a code of the table, an HTTP status, milliseconds. */
  value?: number | undefined;
  /** What `value` counts; absent where nothing can be chosen. */
  unit?: "code" | "status" | "ms" | undefined;
}

/** Of the ledger, over all of the newest burst that was acknowledged. While it is under way, what is lost may still come. */
export interface Tally {
  asked: number;
  own: number;
  joined: number;
  told: number;
  lost: number;
  torn: number;
  doubled: number;
  outOfOrder: number;
  /** A burst is under way. */
  isBursting: boolean;
}

/** Before any burst. */
export const NO_TALLY: Tally = {
  asked: 0,
  own: 0,
  joined: 0,
  told: 0,
  lost: 0,
  torn: 0,
  doubled: 0,
  outOfOrder: 0,
  isBursting: false,
};

export type Change =
  | { kind: "line"; line: Line }
  | { kind: "trace"; trace: Trace }
  /** The bot is typing in a private chat, for up to a minute. */
  | { kind: "typing"; chat: Chat; untilMs: number }
  | { kind: "weather"; weather: readonly Switch[] }
  | { kind: "tally"; tally: Tally }
  | { kind: "chat"; chat: ChatView };

/** By the name under which they are posted. */
export interface Actions {
  say: {
    chat: Chat;
    /** `Person.id`. */
    by: string;
    text: string;
    addressed?: boolean;
    /** `Line.id`. */
    quote?: string;
    /** Ids of uploads. */
    attachments?: readonly string[];
  };
  recall: { line: string };
  press: { line: string; button: string; by: string };
  /** One of the chat's `events`, such as FRIEND_ADD, GROUP_ADD_ROBOT, C2C_MSG_REJECT. */
  happen: { chat: Chat; event: string };
  /** `left: 0` switches it off. */
  weather: { name: string; left: number | "on"; value?: number };
  /** Many chats at once. */
  burst: { chats: number; messages: number; scenes: readonly Scene[] };
  /** The same callback again: signed anew, or byte for byte as it was. */
  replay: { trace: string; asItWas?: boolean };
}

export type ActionName = keyof Actions;

/** `POST /page/upload?name=…` with the bytes as body answers `{ ok: true, upload: <id> }`. */
export type Done = { ok: true; upload?: string } | { ok: false; words: Words };
