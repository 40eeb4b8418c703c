/**
 * What the page shows, kept for as long as the simulator runs: the newest lines and traces of all chats. Whoever subscribes
 * gets the whole first and each change after it.
 */
import type { Chat } from "../event.ts";
import { Newest } from "./newest.ts";
import {
  type Change,
  type ChatView,
  type Line,
  NO_TALLY,
  type Person,
  type Snapshot,
  type Trace,
} from "./page/protocol.ts";
import { startingChats, unforeseenChat } from "./page-chats.ts";

/** What of the snapshot does not come from here. */
export type Setting = Pick<Snapshot, "bot" | "callbackUrl" | "model" | "claim" | "codes">;

/** All of it goes to each page that begins: see how much `page-server.ts` lets wait. */
const MOST_LINES = { count: 2_000, characters: 4_000_000 };
const MOST_TRACES = { count: 300, characters: 4_000_000 };

export class PageState {
  setting: Setting;
  readonly #chats: ChatView[] = startingChats();
  readonly #lines = new Newest<Line>(MOST_LINES);
  readonly #traces = new Newest<Trace>(MOST_TRACES);
  #weather: Snapshot["weather"] = [];
  #tally = NO_TALLY;
  readonly #listeners = new Set<(change: Change) => void>();

  constructor(setting: Setting) {
    this.setting = setting;
  }

  get snapshot(): Snapshot {
    return {
      ...this.setting,
      chats: this.#chats,
      lines: this.#lines.all,
      traces: this.#traces.all,
      weather: this.#weather,
      tally: this.#tally,
    };
  }

  get lines(): readonly Line[] {
    return this.#lines.all;
  }

  /** How many pages are told. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Returns how to stop listening. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  chatOf({ scene, id }: Chat): ChatView | undefined {
    return this.#chats.find(({ chat }) => chat.scene === scene && chat.id === id);
  }

  line(id: string): Line | undefined {
    return this.#lines.get(id);
  }

  trace(id: string): Trace | undefined {
    return this.#traces.get(id);
  }

  /** Adds a line, or puts another in the place of the one with its id. */
  show(line: Line): void {
    this.#meet(line.chat, line.kind === "said" ? line.by : undefined);
    this.#lines.set(line.id, line);
    this.#tell({ kind: "line", line });
  }

  showTrace(trace: Trace): void {
    this.#traces.set(trace.id, trace);
    this.#tell({ kind: "trace", trace });
  }

  showTyping(chat: Chat, untilMs: number): void {
    this.#tell({ kind: "typing", chat, untilMs });
  }

  showWeather(weather: Snapshot["weather"]): void {
    if (JSON.stringify(weather) === JSON.stringify(this.#weather)) return;
    this.#weather = weather;
    this.#tell({ kind: "weather", weather });
  }

  showTally(tally: Snapshot["tally"]): void {
    this.#tally = tally;
    this.#tell({ kind: "tally", tally });
  }

  /** A chat or a person that the page does not know yet. */
  #meet(chat: Chat, person: Person | undefined): void {
    const known = this.chatOf(chat);
    if (known && (!person || known.people.some(({ id }) => id === person.id))) return;
    const view = known ?? unforeseenChat(chat);
    const met = { ...view, people: person ? [...view.people, person] : view.people };
    if (known) this.#chats[this.#chats.indexOf(known)] = met;
    else this.#chats.push(met);
    this.#tell({ kind: "chat", chat: met });
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}
