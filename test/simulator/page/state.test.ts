/** All that the page knows, and how it changes. */
import { describe, expect, it } from "vitest";
import type { Chat } from "../../../src/event.ts";
import type { Line, Snapshot, Trace } from "../../../src/simulator/page/protocol.ts";
import {
  type Act,
  causeOf,
  chatIn,
  initially,
  reduce,
  type State,
  traceShown,
} from "../../../src/simulator/page/state.ts";

const ANN: Chat = { scene: "c2c", id: "ANN" };
const TEAM: Chat = { scene: "group", id: "TEAM" };
const person = { id: "ANN", name: "Ann", role: "member" } as const;

const said = (id: string, chat = ANN): Line => ({
  ...{ kind: "said", id, chat, atMs: 1, by: person, text: id, addressed: true, attachments: [] },
});
const answered = (id: string, to: string, chat = ANN): Line => ({
  ...{ kind: "answered", id, chat, atMs: 2, form: "text", text: id, to, buttons: [], attachments: [] },
});
const trace = (id: string, chat = ANN): Trace => ({
  ...{ id, chat, startedAtMs: 1, steps: [], callback: { url: "", headers: {}, body: "" } },
});
const tally = { asked: 0, own: 0, joined: 0, told: 0, lost: 0, torn: 0, doubled: 0, outOfOrder: 0, isBursting: false };

const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  bot: { appId: "1", name: "Bot" },
  callbackUrl: "",
  model: { name: "demo", isDemo: true },
  claim: "",
  chats: [
    { chat: ANN, name: "Ann", people: [person], events: [] },
    { chat: TEAM, name: "Team", people: [person], events: [] },
  ],
  lines: [],
  traces: [],
  weather: [],
  codes: [],
  tally,
  ...more,
});

const having = (state: State, ...acts: Act[]) => acts.reduce(reduce, state);
const start = (more?: Partial<Snapshot>, open = "") =>
  having(initially(open), { kind: "snapshot", snapshot: snapshot(more) });
const line = (line: Line): Act => ({ kind: "changes", changes: [{ kind: "line", line }] });
const ids = (state: State, key: string) => state.lines.get(key)?.map(({ id }) => id);

describe("what the page knows", () => {
  it("opens the chat of its address, or the first where there is none of that name", () => {
    expect(start({}, "group:TEAM").open).toBe("group:TEAM");
    expect(start({}, "group:GONE").open).toBe("c2c:ANN");
  });

  it("reads the chat from an address, and takes one that is broken", () => {
    expect(chatIn("#group:%E7%BE%A4")).toBe("group:群");
    expect(chatIn("#%")).toBe("");
    expect(chatIn("")).toBe("");
  });

  it("keeps lines by chat, in the order in which they came", () => {
    const state = having(start({ lines: [said("1"), said("2", TEAM)] }), line(said("3")), line(answered("4", "3")));
    expect(ids(state, "c2c:ANN")).toEqual(["1", "3", "4"]);
    expect(ids(state, "group:TEAM")).toEqual(["2"]);
  });

  it("puts a line that is told again in its place", () => {
    const first = start({ lines: [said("1"), said("2")] });
    const state = having(first, line({ ...said("1"), acknowledged: true } as Line));
    expect(ids(state, "c2c:ANN")).toEqual(["1", "2"]);
    expect(state.lines.get("c2c:ANN")?.[0]).toMatchObject({ acknowledged: true });
  });

  it("leaves the lines of other chats as they are, so that they are not drawn again", () => {
    const first = start({ lines: [said("1"), said("2", TEAM)] });
    const state = having(first, line(said("3")));
    expect(state.lines.get("group:TEAM")).toBe(first.lines.get("group:TEAM"));
    expect(state.lines.get("c2c:ANN")?.[0]).toBe(first.lines.get("c2c:ANN")?.[0]);
  });

  it("takes the whole anew after a reconnection, and stays where it was", () => {
    const state = having(
      start({ lines: [said("1")] }),
      { kind: "open", chat: "group:TEAM" },
      { kind: "gone" },
      { kind: "snapshot", snapshot: snapshot({ lines: [said("2")] }) },
    );
    expect(state).toMatchObject({ link: "open", open: "group:TEAM" });
    expect(ids(state, "c2c:ANN")).toEqual(["2"]);
  });

  it("says that the simulator is gone only after it was there", () => {
    expect(having(initially(""), { kind: "gone" }).link).toBe("connecting");
    expect(having(start(), { kind: "gone" }).link).toBe("gone");
  });

  it("counts answers in chats that are not open as unread until they are opened", () => {
    const state = having(
      start(),
      line(answered("1", "0", TEAM)),
      line(answered("2", "0", TEAM)),
      line(answered("2", "0", TEAM)),
      line(said("3", TEAM)),
      line(answered("4", "0", ANN)),
    );
    expect([...state.unread]).toEqual([["group:TEAM", 2]]);
    expect([...having(state, { kind: "open", chat: "group:TEAM" }).unread]).toEqual([]);
  });

  it("ends the typing notice with the answer, or when it is over", () => {
    const typing: Act = { kind: "changes", changes: [{ kind: "typing", chat: ANN, untilMs: 60_000 }] };
    const state = having(start(), typing);
    expect(state.typing.get("c2c:ANN")).toBe(60_000);
    expect(having(state, line(said("1"))).typing.has("c2c:ANN")).toBe(true);
    expect(having(state, line(answered("1", "0"))).typing.has("c2c:ANN")).toBe(false);
    expect(having(state, { kind: "quiet", chat: "c2c:ANN" }).typing.has("c2c:ANN")).toBe(false);
  });

  it("knows a chat or a person that appears later", () => {
    const dan = { chat: { scene: "c2c", id: "DAN" }, name: "Dan", people: [], events: [] } as const;
    const state = having(start(), { kind: "changes", changes: [{ kind: "chat", chat: dan }] });
    expect(state.chats.map(({ name }) => name)).toEqual(["Ann", "Team", "Dan"]);
    const met = { ...dan, name: "Daniel" };
    const again = having(state, { kind: "changes", changes: [{ kind: "chat", chat: met }] });
    expect(again.chats.map(({ name }) => name)).toEqual(["Ann", "Team", "Daniel"]);
  });

  it("keeps speakers, mentions and quotes by chat", () => {
    const state = having(
      start(),
      { kind: "speaker", chat: "group:TEAM", id: "BOB" },
      { kind: "addressed", chat: "group:TEAM", addressed: false },
      { kind: "quote", chat: "c2c:ANN", line: "1" },
    );
    expect(state.speakers.get("group:TEAM")).toBe("BOB");
    expect([...state.unaddressed]).toEqual(["group:TEAM"]);
    expect([...state.quotes]).toEqual([["c2c:ANN", "1"]]);
    const undone = having(
      state,
      { kind: "addressed", chat: "group:TEAM", addressed: true },
      { kind: "quote", chat: "c2c:ANN", line: undefined },
    );
    expect([...undone.unaddressed, ...undone.quotes]).toEqual([]);
  });
});

describe("the trace that is shown", () => {
  const lines = [said("1"), answered("2", "1"), said("3"), said("4"), said("5", TEAM)];
  const state = start({ lines, traces: [trace("1"), trace("3"), trace("5", TEAM)] });

  it("is the newest of the open chat while nothing is selected", () => {
    expect(traceShown(state)?.id).toBe("3");
    expect(traceShown(having(state, { kind: "open", chat: "group:TEAM" }))?.id).toBe("5");
  });

  it("is the one of the line that was selected, of an answer the one of its question", () => {
    expect(traceShown(having(state, { kind: "select", line: "1" }))?.id).toBe("1");
    expect(traceShown(having(state, { kind: "select", line: "2" }))?.id).toBe("1");
    expect(traceShown(having(state, { kind: "select", line: "4" }))).toBeUndefined();
    expect(causeOf(answered("2", "1"))).toBe("1");
  });

  it("is the newest again in another chat, or when the selection ends", () => {
    const selected = having(state, { kind: "select", line: "1" });
    expect(selected.panel).toBe("trace");
    expect(traceShown(having(selected, { kind: "open", chat: "group:TEAM" }))?.id).toBe("5");
    expect(traceShown(having(selected, { kind: "select", line: undefined }))?.id).toBe("3");
  });

  it("grows as its steps come", () => {
    const step = { atMs: 2, by: "qq", what: "callback", level: "info", fields: {} } as const;
    const grown = { ...trace("3"), steps: [step] };
    const next = having(state, { kind: "changes", changes: [{ kind: "trace", trace: grown }] });
    expect(traceShown(next)?.steps).toEqual([step]);
  });
});
