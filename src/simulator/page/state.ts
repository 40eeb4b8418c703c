/**
 * All that the page knows, and the one way in which it changes. Lines are kept by chat, so that news of one chat leaves the
 * others' arrays as they are and nothing of them is drawn again.
 */
import type { Chat } from "../../event.ts";
import {
  type Change,
  type ChatView,
  type Code,
  type Line,
  NO_TALLY,
  type Snapshot,
  type Switch,
  type Tally,
  type Trace,
} from "./protocol.ts";

export type View = "chats" | "chat" | Panel;
export type Panel = "trace" | "weather" | "burst";

/** `<scene>:<id>`, as in the address of the page. */
export type ChatKey = string;

export interface State {
  link: "connecting" | "open" | "gone";
  bot: Snapshot["bot"];
  model: Snapshot["model"];
  claim: string;
  chats: readonly ChatView[];
  lines: ReadonlyMap<ChatKey, readonly Line[]>;
  traces: ReadonlyMap<string, Trace>;
  weather: readonly Switch[];
  codes: readonly Code[];
  tally: Tally;
  /** Until when the bot is typing. */
  typing: ReadonlyMap<ChatKey, number>;
  unread: ReadonlyMap<ChatKey, number>;
  open: ChatKey;
  /** Whose trace is shown; undefined follows the newest of the open chat. */
  selected: string | undefined;
  panel: Panel;
  /** What a narrow screen shows. */
  view: View;
  /** Who speaks, where it is not the first of the chat. */
  speakers: ReadonlyMap<ChatKey, string>;
  /** Where the bot is not spoken to. */
  unaddressed: ReadonlySet<ChatKey>;
  /** `Line.id` of what the next message quotes. */
  quotes: ReadonlyMap<ChatKey, string>;
  /** What a pressed button puts where the next message is written. */
  inserted: { text: string } | undefined;
  notice: string | undefined;
}

export type Act =
  | { kind: "snapshot"; snapshot: Snapshot }
  | { kind: "changes"; changes: readonly Change[] }
  | { kind: "gone" }
  | { kind: "open"; chat: ChatKey }
  | { kind: "select"; line: string | undefined }
  | { kind: "view"; view: View }
  | { kind: "panel"; panel: Panel }
  | { kind: "speaker"; chat: ChatKey; id: string }
  | { kind: "addressed"; chat: ChatKey; addressed: boolean }
  | { kind: "quote"; chat: ChatKey; line: string | undefined }
  | { kind: "insert"; text: string }
  | { kind: "quiet"; chat: ChatKey }
  | { kind: "notice"; words: string | undefined };

export function initially(open: ChatKey): State {
  return {
    link: "connecting",
    bot: { appId: "", name: "" },
    model: { name: "", isDemo: true },
    claim: "",
    chats: [],
    lines: new Map(),
    traces: new Map(),
    weather: [],
    codes: [],
    tally: NO_TALLY,
    typing: new Map(),
    unread: new Map(),
    open,
    selected: undefined,
    panel: "trace",
    view: "chat",
    speakers: new Map(),
    unaddressed: new Set(),
    quotes: new Map(),
    inserted: undefined,
    notice: undefined,
  };
}

/** The chat that an address names after its `#`; whatever somebody has made of it. */
export function chatIn(hash: string): ChatKey {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return "";
  }
}

export const keyOf = ({ scene, id }: Chat): ChatKey => `${scene}:${id}`;

export function reduce(state: State, act: Act): State {
  switch (act.kind) {
    case "snapshot":
      return known(state, act.snapshot);
    case "changes":
      return act.changes.reduce(changed, state);
    case "gone":
      return { ...state, link: state.link === "connecting" ? "connecting" : "gone" };
    case "open":
      return {
        ...state,
        open: act.chat,
        selected: act.chat === state.open ? state.selected : undefined,
        unread: without(state.unread, act.chat),
        view: "chat",
      };
    case "select":
      return { ...state, selected: act.line, ...(act.line !== undefined && { panel: "trace" as const }) };
    case "view":
      return {
        ...state,
        view: act.view,
        ...(act.view !== "chats" && act.view !== "chat" && { panel: act.view }),
        ...(act.view === "chat" && { unread: without(state.unread, state.open) }),
      };
    case "panel":
      return { ...state, panel: act.panel };
    case "speaker":
      return { ...state, speakers: having(state.speakers, act.chat, act.id) };
    case "addressed": {
      const unaddressed = new Set(state.unaddressed);
      if (act.addressed) unaddressed.delete(act.chat);
      else unaddressed.add(act.chat);
      return { ...state, unaddressed };
    }
    case "quote":
      return {
        ...state,
        quotes: act.line === undefined ? without(state.quotes, act.chat) : having(state.quotes, act.chat, act.line),
      };
    case "insert":
      return { ...state, inserted: { text: act.text } };
    case "quiet":
      return { ...state, typing: without(state.typing, act.chat) };
    case "notice":
      return { ...state, notice: act.words };
    default:
      return act satisfies never;
  }
}

function known(state: State, { chats, lines, traces, bot, model, claim, weather, codes, tally }: Snapshot): State {
  const byChat = new Map<ChatKey, Line[]>();
  for (const line of lines) {
    const key = keyOf(line.chat);
    const its = byChat.get(key);
    if (its) its.push(line);
    else byChat.set(key, [line]);
  }
  const isKnown = chats.some(({ chat }) => keyOf(chat) === state.open);
  const first = chats[0];
  return {
    ...state,
    link: "open",
    bot,
    model,
    claim,
    chats,
    weather,
    codes,
    tally,
    lines: byChat,
    traces: new Map(traces.map((trace) => [trace.id, trace])),
    typing: new Map(),
    open: isKnown || !first ? state.open : keyOf(first.chat),
  };
}

function changed(state: State, change: Change): State {
  switch (change.kind) {
    case "line":
      return withLine(state, change.line);
    case "trace":
      return { ...state, traces: having(state.traces, change.trace.id, change.trace) };
    case "typing":
      return { ...state, typing: having(state.typing, keyOf(change.chat), change.untilMs) };
    case "weather":
      return { ...state, weather: change.weather };
    case "tally":
      return { ...state, tally: change.tally };
    case "chat": {
      const at = state.chats.findIndex(({ chat }) => keyOf(chat) === keyOf(change.chat.chat));
      return { ...state, chats: at < 0 ? [...state.chats, change.chat] : state.chats.with(at, change.chat) };
    }
    default:
      return change satisfies never;
  }
}

function withLine(state: State, line: Line): State {
  const key = keyOf(line.chat);
  const its = state.lines.get(key) ?? [];
  // What changes is nearly always among the newest.
  const at = its.findLastIndex(({ id }) => id === line.id);
  const lines = having(state.lines, key, at < 0 ? [...its, line] : its.with(at, line));
  const isAnswer = line.kind === "answered" || line.kind === "refused";
  const isUnseen = at < 0 && isAnswer && (key !== state.open || state.view === "chats");
  return {
    ...state,
    lines,
    ...(isAnswer && state.typing.has(key) && { typing: without(state.typing, key) }),
    ...(isUnseen && { unread: having(state.unread, key, (state.unread.get(key) ?? 0) + 1) }),
  };
}

/** The trace that is shown: of what is selected, or the newest of the open chat. */
export function traceShown({ selected, traces, lines, open }: State): Trace | undefined {
  const its = lines.get(open) ?? [];
  if (selected !== undefined) {
    const line = its.find(({ id }) => id === selected);
    return traces.get(line ? causeOf(line) : selected);
  }
  const newest = its.findLast((line) => traces.has(causeOf(line)));
  return newest && traces.get(causeOf(newest));
}

/** `Trace.id` of the callback that a line came from. */
export function causeOf(line: Line): string {
  return (line.kind === "answered" || line.kind === "refused" ? line.to : undefined) ?? line.id;
}

function having<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key, value: Value): ReadonlyMap<Key, Value> {
  return new Map(map).set(key, value);
}

function without<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): ReadonlyMap<Key, Value> {
  if (!map.has(key)) return map;
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
