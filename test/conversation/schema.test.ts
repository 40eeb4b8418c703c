/** How the database of a chat grows from release to release, and forgets. */
import { describe, expect, it } from "vitest";
import { readRetentionMs } from "../../src/config.ts";
import { takeKept } from "../../src/conversation/outbox.ts";
import { prune, pruneAtMs } from "../../src/conversation/pruning.ts";
import { recordFailure, recordOutage } from "../../src/conversation/report.ts";
import { MIGRATIONS, migrate } from "../../src/conversation/schema.ts";
import { rows, run, type Storage } from "../../src/conversation/storage.ts";
import { endTurn, insertTurn, openTurns } from "../../src/conversation/turns.ts";
import { ChatWorld } from "../support/chat-world.ts";
import { SqliteStorage } from "../support/sqlite-storage.ts";
import { message, NOW } from "../support/turns.ts";

const DAY_MS = 24 * 60 * 60_000;
const RETENTION_MS = 30 * DAY_MS;
const OURS = ["seen", "turn", "step", "part", "report", "audit", "fact", "lease"];

const version = (storage: Storage) => rows(storage, "SELECT version FROM schema_version");
const tables = (storage: Storage) =>
  rows<{ name: string }>(storage, "SELECT name FROM sqlite_master WHERE type = 'table'").map(({ name }) => name);
const count = (storage: Storage, table: string) =>
  rows<{ n: number }>(storage, `SELECT count(*) AS n FROM ${table}`)[0]?.n;
const forget = (storage: Storage, nowMs: number) => prune(storage, { nowMs, retentionMs: RETENTION_MS });
/** Rows changed since the database was opened. */
const changes = (storage: Storage) => rows<{ n: number }>(storage, "SELECT total_changes() AS n")[0]?.n;

describe("a migration", () => {
  it("only adds: a column that may be missing in a row, a table or an index", () => {
    const statements = MIGRATIONS.flatMap((migration) => migration.replace(/--.*$/gm, "").split(";"))
      .map((statement) => statement.replace(/\s+/g, " ").trim())
      .filter((statement) => statement !== "");
    const adds = /^(CREATE TABLE|CREATE INDEX|ALTER TABLE \w+ ADD COLUMN \w+ \w+( NOT NULL DEFAULT .+)?$)/;
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.filter((statement) => !adds.test(statement))).toEqual([]);
  });

  it("is applied once: an object that starts again writes nothing", () => {
    const storage = new SqliteStorage();
    migrate(storage);
    expect(version(storage)).toEqual([{ version: MIGRATIONS.length }]);
    expect(tables(storage)).toEqual(expect.arrayContaining(OURS));
    const before = changes(storage);
    migrate(storage);
    expect(changes(storage)).toBe(before);
  });

  it("is applied to what is there, after those that were applied before", () => {
    const storage = new SqliteStorage();
    const first = "CREATE TABLE one (id INTEGER)";
    migrate(storage, [first]);
    run(storage, "INSERT INTO one (id) VALUES (7)");
    migrate(storage, [first, "ALTER TABLE one ADD COLUMN name TEXT", "CREATE TABLE two (id INTEGER)"]);
    expect(version(storage)).toEqual([{ version: 3 }]);
    expect(rows(storage, "SELECT * FROM one")).toEqual([{ id: 7, name: null }]);
    expect(count(storage, "two")).toBe(0);
  });

  it("is applied wholly or not at all", () => {
    const storage = new SqliteStorage();
    expect(() => migrate(storage, ["CREATE TABLE one (id INTEGER)", "CREATE TABLE nonsense"])).toThrow();
    expect(tables(storage)).not.toContain("one");
    migrate(storage, ["CREATE TABLE one (id INTEGER)"]);
    expect(version(storage)).toEqual([{ version: 1 }]);
  });
});

describe("a release that was rolled back", () => {
  /** What the next release might add: something to every table, and a table of its own. */
  const NEXT = [
    ...MIGRATIONS,
    `${OURS.map((table) => `ALTER TABLE ${table} ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm';`).join("\n")}
     ALTER TABLE turn ADD COLUMN tool_calls TEXT;
     CREATE TABLE tool_call (turn INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (turn, n)) WITHOUT ROWID;`,
  ];

  function rolledBack(): ChatWorld {
    const world = new ChatWorld();
    migrate(world.storage, NEXT);
    migrate(world.storage); // the older code starts on it
    return world;
  }

  it("leaves the newer database as it is", () => {
    const { storage } = rolledBack();
    expect(version(storage)).toEqual([{ version: NEXT.length }]);
    expect(tables(storage)).toContain("tool_call");
  });

  it("answers, joins, keeps, continues and reports on it as before", async () => {
    const world = rolledBack();
    await world.say("one");
    await world.say("two");
    await world.settleModel({ kind: "answer", paragraphs: 9 });
    await world.crash();
    await world.drain();
    await world.say("继续");
    await world.drain();
    expect(
      world
        .texts()
        .join("")
        .match(/\d(?=字)/g)
        ?.join(""),
    ).toBe("012345678");

    await world.say("three");
    await world.settleModel();
    await world.settleSend({ kind: "refuse", code: 304027 });
    expect(world.failures).toHaveLength(1);
    await world.say("/stop");
    await world.drain();
    expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(["answered", "answered", "failed", "answered"]);
    expect(world.broken).toEqual([]);
  });

  it("forgets on it as before", async () => {
    const world = rolledBack();
    await world.say("one");
    await world.drain();
    forget(world.storage, world.nowMs + RETENTION_MS + 2 * DAY_MS);
    expect(world.outcomes()).toEqual([]);
  });
});

describe("the release before the second version", () => {
  /** Its statements, as they were: it runs on what this release has stored, and this one on what it has stored. */
  const PARTS = `SELECT n, text, msg_id AS "msgId", msg_seq AS "msgSeq", state FROM part WHERE turn = ? ORDER BY n`;
  const BOOK = "INSERT INTO part (turn, n, text, msg_id, msg_seq, state) VALUES (?, ?, ?, ?, ?, 'pending')";
  const KEEP = "UPDATE turn SET kept = ?, told = ? WHERE id = ?";
  const FIRST = MIGRATIONS.slice(0, 1);

  it("takes a turn whose model is being asked for one without parts: it would end it as answered otherwise", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    expect(world.typings).toHaveLength(1);
    expect(rows(world.storage, PARTS, 1)).toEqual([]);
  });

  it("finds the parts of an answer as it knows them", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.settleModel({ kind: "answer", text: "this is **important**" });
    const part = { n: 0, text: "this is **important**", msgId: "m1", msgSeq: 2, state: "pending" };
    expect(rows(world.storage, PARTS, 1)).toEqual([part]);
  });

  it("books and keeps what this release then sends and gives, as plain text", async () => {
    const world = new ChatWorld();
    await world.say("hello");
    await world.settleModel();
    await world.settleSend();
    await world.say("and?");
    run(world.storage, KEEP, "kept by it", 0, 1);
    run(world.storage, BOOK, 2, 0, "booked by it", "m2", 2);
    await world.crash();
    await world.drain();
    await world.say("继续");
    await world.drain();
    expect(world.arrived.slice(1)).toMatchObject([
      { form: "text", text: "booked by it" },
      { form: "text", text: "kept by it" },
    ]);
    expect(world.broken).toEqual([]);
  });

  it("leaves a database that this release brings up to date with all that is in it", () => {
    const storage = new SqliteStorage();
    migrate(storage, FIRST);
    const asked = JSON.stringify([message({ id: "m1" })]);
    run(
      storage,
      "INSERT INTO turn (id, open_from, kind, sender, messages, created_at, kept) VALUES (1, 1, 'question', 'ann', ?, 0, 'kept')",
      asked,
    );
    run(storage, BOOK, 1, 0, "booked", "m1", 1);
    migrate(storage);
    expect(openTurns(storage)).toMatchObject([{ id: 1, parts: [{ n: 0, form: "text", text: "booked", msgSeq: 1 }] }]);
    expect(takeKept(storage, "ann")).toEqual({ kind: "text", text: "kept" });
  });
});

describe("forgetting", () => {
  /** A chat in which one message was answered every day. */
  async function month(days: number): Promise<ChatWorld> {
    const world = new ChatWorld();
    for (let day = 0; day < days; day += 1) {
      if (day > 0) await world.advance(DAY_MS);
      await world.say(`day ${day}`);
      await world.drain();
    }
    return world;
  }

  it("takes turns past the retention with everything of them, and keeps the newer ones whole", async () => {
    const world = await month(40);
    const { storage, nowMs } = world;
    const newest = rows(storage, "SELECT * FROM turn WHERE id > 9");
    forget(storage, nowMs);
    // Day 39 is today; what is older than 30 days is gone.
    expect(rows(storage, "SELECT * FROM turn")).toEqual(newest);
    for (const table of ["seen", "step"]) expect(count(storage, table), table).toBe(newest.length);
    expect(count(storage, "part")).toBe(2 * newest.length); // with the typing notice of each
    expect(await world.receive(world.accepted.at(-1) ?? world.message(""))).toEqual({ kind: "duplicate" });
  });

  it("comes a day after it would have to, so that a busy chat does it once a day", async () => {
    const { storage, nowMs } = await month(1);
    const dueMs = nowMs + RETENTION_MS + DAY_MS;
    expect(pruneAtMs(storage, RETENTION_MS)).toBe(dueMs);
    forget(storage, dueMs - 1);
    expect(count(storage, "turn")).toBe(1);
    forget(storage, dueMs);
    expect(OURS.map((table) => count(storage, table))).toEqual([0, 0, 0, 0, 0, 0, 1, 1]); // the lease stays, and the ledger
    expect(pruneAtMs(storage, RETENTION_MS)).toBeUndefined();
  });

  it("keeps what is known of a message for a day, however short the retention: a late repetition is still one", async () => {
    const retentionMs = readRetentionMs({ RETENTION_DAYS: "2" });
    const world = await month(1);
    const asked = world.accepted[0] ?? world.message("");
    await world.advance(DAY_MS);
    prune(world.storage, { nowMs: world.nowMs, retentionMs });
    expect(await world.receive(asked)).toEqual({ kind: "duplicate" });
  });

  it("goes by the retention of today: what was stored under another is kept as long as the new one says", async () => {
    const { storage, nowMs } = await month(5);
    const oldestMs = nowMs - 4 * DAY_MS;
    expect(pruneAtMs(storage, 365 * DAY_MS)).toBe(oldestMs + 366 * DAY_MS);
    expect(pruneAtMs(storage, 2 * DAY_MS)).toBe(oldestMs + 3 * DAY_MS);
    forget(storage, nowMs);
    expect(count(storage, "turn")).toBe(5);
    prune(storage, { nowMs, retentionMs: 2 * DAY_MS });
    expect(count(storage, "turn")).toBe(3);
    expect(count(storage, "seen")).toBe(3);
  });

  it("forgets all messages of a turn that several had joined", async () => {
    const world = new ChatWorld();
    await world.say("one");
    await world.say("two");
    await world.drain();
    forget(world.storage, world.nowMs + RETENTION_MS + DAY_MS);
    expect(count(world.storage, "seen")).toBe(0);
  });

  it("takes the report of a failure along that the Bot could not be told of for all that time", async () => {
    const { storage, nowMs } = await month(1);
    const chat = { chat: "c2c:chat", turn: 1, operation: "qq.send", summary: "no", advice: "-", told: false };
    recordFailure(storage, { reference: "abc234", atMs: nowMs, ...chat });
    recordOutage(storage, { reference: "abc235", atMs: nowMs, ...chat });
    expect(count(storage, "report")).toBe(2);
    forget(storage, nowMs + RETENTION_MS + DAY_MS);
    expect(count(storage, "report")).toBe(0);
  });

  it("never takes a turn that is still open", () => {
    const { storage } = new ChatWorld();
    const insert = (id: string) => insertTurn(storage, { kind: "question", message: message({ id }), nowMs: NOW });
    const open = insert("m1");
    endTurn(storage, insert("m2"), "answered", NOW);
    forget(storage, NOW + RETENTION_MS + 2 * DAY_MS);
    expect(openTurns(storage).map(({ id }) => id)).toEqual([open]);
    expect(count(storage, "turn")).toBe(1);
  });

  it("takes a bounded number at a time, and goes on at once", () => {
    const { storage } = new ChatWorld();
    for (let index = 0; index < 700; index += 1)
      endTurn(
        storage,
        insertTurn(storage, { kind: "question", message: message({ id: `m${index}` }), nowMs: NOW }),
        "answered",
        NOW,
      );
    const laterMs = NOW + RETENTION_MS + 2 * DAY_MS;
    forget(storage, laterMs);
    expect(count(storage, "turn")).toBe(200);
    expect(pruneAtMs(storage, RETENTION_MS)).toBeLessThan(laterMs);
    forget(storage, laterMs);
    expect(count(storage, "turn")).toBe(0);
  });
});
