/** The access token as one chat keeps it. */
import { describe, expect, it } from "vitest";
import type { LeaseAnswer } from "../../src/bot/bot.ts";
import {
  currentLease,
  FORBIDDEN_MS,
  forbid,
  isForbidden,
  noteStanding,
  refuseLease,
  standingOf,
} from "../../src/conversation/lease.ts";
import type { Storage } from "../../src/conversation/storage.ts";
import { type Capability, QQApiError } from "../../src/errors.ts";
import { ChatWorld, refusalOf } from "../support/chat-world.ts";
import { NOW } from "../support/turns.ts";

const LIFE_MS = 7_200_000;

const CAPABILITIES: readonly Capability[] = ["markdown", "keyboard", "links", "replies"];

function forbidden(storage: Storage, nowMs: number): ReadonlySet<Capability> {
  return new Set(CAPABILITIES.filter((name) => isForbidden({ storage, now: () => nowMs }, name)));
}

/** A chat and its Bot, which gives `token-1`, `token-2`, … */
function chat() {
  const { storage } = new ChatWorld();
  const asked: (string | undefined)[] = [];
  const bot = {
    nowMs: NOW,
    answer: undefined as LeaseAnswer | undefined,
  };
  const lease = () =>
    currentLease(
      storage,
      async ({ notThisToken }) => {
        asked.push(notThisToken);
        const lease = { token: `token-${asked.length}`, expiresAtMs: bot.nowMs + LIFE_MS };
        return bot.answer ?? { ok: true, lease };
      },
      () => bot.nowMs,
    );
  return { storage, asked, bot, lease };
}

describe("a lease", () => {
  it("is asked for once and then kept with the chat, whatever becomes of the process", async () => {
    const { asked, lease } = chat();
    const first = await lease();
    expect(first).toMatchObject({ token: "token-1", expiresAtMs: NOW + LIFE_MS });
    expect(await lease()).toEqual(first);
    expect(asked).toEqual([undefined]);
  });

  it("does not undo what is ruled while it is on its way", async () => {
    const { storage } = new ChatWorld();
    noteStanding(storage, "allowed");
    await currentLease(
      storage,
      async () => {
        noteStanding(storage, "denied");
        return { ok: true, lease: { token: "t", expiresAtMs: NOW + LIFE_MS }, standing: "allowed" };
      },
      () => NOW,
    );
    expect(standingOf(storage)).toBe("denied");
  });

  it("is renewed in the last minute of its token, and not before", async () => {
    const { bot, asked, lease } = chat();
    await lease();
    bot.nowMs = NOW + LIFE_MS - 60_001;
    expect((await lease()).token).toBe("token-1");
    bot.nowMs = NOW + LIFE_MS - 60_000;
    expect((await lease()).token).toBe("token-2");
    expect(asked).toEqual([undefined, undefined]);
  });

  it("is renewed with the name of the token that QQ refused, so that the Bot does not give that one again", async () => {
    const { storage, asked, lease } = chat();
    await lease();
    refuseLease(storage, "token-1");
    expect((await lease()).token).toBe("token-2");
    expect((await lease()).token).toBe("token-2");
    expect(asked).toEqual([undefined, "token-1"]);
  });

  it("outlives the late refusal of a token that is not kept any more", async () => {
    const { storage, asked, lease } = chat();
    await lease();
    refuseLease(storage, "token-1");
    await lease();
    refuseLease(storage, "token-1");
    expect((await lease()).token).toBe("token-2");
    expect(asked).toHaveLength(2);
  });

  it("that the Bot refuses is an error with the fields of the refusal", async () => {
    const { bot, lease } = chat();
    const refusal = { ...refusalOf(11244), operation: "qq.token" };
    bot.answer = { ok: false, refusal };
    const error = await lease().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(QQApiError);
    expect((error as QQApiError).refusal).toEqual(refusal);
  });

  it("goes on naming the refused token until there is another", async () => {
    const { storage, bot, asked, lease } = chat();
    await lease();
    refuseLease(storage, "token-1");
    bot.answer = { ok: false, refusal: refusalOf(11244) };
    await expect(lease()).rejects.toThrow(QQApiError);
    bot.answer = undefined;
    expect((await lease()).token).toBe("token-3");
    expect(asked).toEqual([undefined, "token-1", "token-1"]);
  });
});

describe("what QQ forbids", () => {
  it("is nothing in a chat that has no lease yet, and nothing can be noted there", () => {
    const { storage } = chat();
    forbid(storage, "markdown", NOW);
    expect(forbidden(storage, NOW)).toEqual(new Set());
  });

  it("is known at once and for a day, each for itself", async () => {
    const { storage, lease } = chat();
    await lease();
    forbid(storage, "markdown", NOW);
    forbid(storage, "links", NOW + 1_000);
    expect(forbidden(storage, NOW + 1_000)).toEqual(new Set(["markdown", "links"]));
    expect(forbidden(storage, NOW + FORBIDDEN_MS - 1)).toEqual(new Set(["markdown", "links"]));
    expect(forbidden(storage, NOW + FORBIDDEN_MS)).toEqual(new Set(["links"]));
    expect(forbidden(storage, NOW + FORBIDDEN_MS + 1_000)).toEqual(new Set());
  });

  it("outlives a refused and a renewed token, and takes in what the Bot knows", async () => {
    const { storage, bot, lease } = chat();
    await lease();
    forbid(storage, "markdown", NOW);
    refuseLease(storage, "token-1");
    expect(forbidden(storage, NOW)).toEqual(new Set(["markdown"]));
    const known = { token: "token-2", expiresAtMs: NOW + LIFE_MS, forbidden: { replies: NOW + FORBIDDEN_MS } };
    bot.answer = { ok: true, lease: known };
    await lease();
    expect(forbidden(storage, NOW)).toEqual(new Set(["markdown", "replies"]));
  });
});
