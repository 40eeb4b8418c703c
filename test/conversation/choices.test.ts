/** Whose choice counts: a person's before the chat's, that before the owner's for all chats, that before the settings. */
import { describe, expect, it } from "vitest";
import { choicesOf, choose, type Terms } from "../../src/conversation/choices.ts";
import { currentLease, noteDefaults } from "../../src/conversation/lease.ts";
import { migrate } from "../../src/conversation/schema.ts";
import { SqliteStorage } from "../support/sqlite-storage.ts";

const TERMS: Terms = { models: ["a/1", "a/2", "a/3"], locked: [], messagesPerMinute: 0 };

function chat() {
  const storage = new SqliteStorage();
  migrate(storage);
  return {
    storage,
    choose: (scope: "person" | "chat", value: string | undefined, sender = "ann") =>
      choose(storage, { name: "model", value, scope, sender }),
    ownerChooses: (value: string | undefined, n = 1) => noteDefaults(storage, { n, values: { model: value } }),
    model: (sender = "ann", terms: Partial<Terms> = {}) => {
      const { value, from } = choicesOf(storage, sender, { ...TERMS, ...terms }).model;
      return `${value} ${from}`;
    },
  };
}

describe("a choice", () => {
  it("counts for the person before the chat, for the chat before all chats, and for those before the settings", () => {
    const { model, choose, ownerChooses } = chat();
    expect(model()).toBe("undefined settings");
    ownerChooses("a/1");
    expect(model()).toBe("a/1 owner");
    choose("chat", "a/2");
    expect(model()).toBe("a/2 chat");
    choose("person", "a/3");
    expect([model(), model("bob")]).toEqual(["a/3 person", "a/2 chat"]);
    choose("person", undefined);
    choose("chat", undefined);
    expect(model()).toBe("a/1 owner");
  });

  it("that is not offered any more counts as none, whoever made it, and counts again when it is", () => {
    const { model, choose, ownerChooses } = chat();
    ownerChooses("a/1");
    choose("chat", "a/2");
    expect(model("ann", { models: ["a/1"] })).toBe("a/1 owner");
    expect(model("ann", { models: ["a/3"] })).toBe("undefined settings");
    expect(model()).toBe("a/2 chat");
  });

  it("that the operator has locked is the settings'", () => {
    const { model, choose, ownerChooses } = chat();
    ownerChooses("a/1");
    choose("person", "a/2");
    expect(model("ann", { locked: ["model"] })).toBe("undefined settings");
  });

  it("of the owner comes with the lease, and an older word does not undo a newer one", async () => {
    const { storage, model, ownerChooses } = chat();
    const answering = (n: number, value: string) => async () =>
      ({
        ok: true,
        lease: { token: "t", expiresAtMs: 1, defaults: { n, values: { model: value } } },
      }) as const;
    await currentLease(storage, answering(3, "a/1"), () => 0);
    expect(model()).toBe("a/1 owner");
    ownerChooses("a/2", 2);
    expect(model()).toBe("a/1 owner");
    ownerChooses("a/2", 4);
    await currentLease(storage, answering(3, "a/1"), () => 0);
    expect(model()).toBe("a/2 owner");
    ownerChooses(undefined, 5);
    expect(model()).toBe("undefined settings");
  });
});
