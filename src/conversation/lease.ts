/**
 * What this chat needs of its Bot to speak, kept in the chat's own storage: the object is evicted between most messages,
 * and no message should wait for a call to a singleton.
 */
import type { Standing } from "../bot/access.ts";
import type { Lease, LeaseAnswer } from "../bot/bot.ts";
import type { Defaults } from "../choice.ts";
import { type Capability, QQApiError, type Refusal, UpstreamError } from "../errors.ts";
import { describe } from "../log.ts";
import { isFresh } from "../qq/client.ts";
import type { Writing } from "../qq/writing.ts";
import type { Reply } from "../reply.ts";
import type { Batch } from "../spending.ts";
import { reporting } from "./ledger.ts";
import { rows, run, type Storage } from "./storage.ts";
import type { TurnContext } from "./turn-context.ts";

/** Deploys reset objects: the next call reaches the new one. */
const UNREACHED: Omit<Refusal, "summary"> = {
  operation: "bot.ask",
  advice: "等待片刻,程序会自动重试。Wait; it is retried by itself.",
  remedy: "backOff",
  otherwise: "tellOperator",
};

/**
 * What the Bot answers.
 *
 * @throws UpstreamError where it was not reached, which is worth another try.
 */
export async function reached<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((cause: unknown) => {
    throw new UpstreamError({ ...UNREACHED, summary: describe(cause) });
  });
}

/** What QQ does not let a bot do is tried again after this long: rights are granted meanwhile. */
export const FORBIDDEN_MS = 24 * 60 * 60_000;

export type AskForLease = (options: {
  notThisToken?: string | undefined;
  batches: readonly Batch[];
}) => Promise<LeaseAnswer>;

/** @throws QQApiError with the refusal of the token endpoint. */
export async function currentLease(storage: Storage, ask: AskForLease, now: () => number): Promise<Lease> {
  const lease = keptLease(storage);
  if (lease && isFresh(lease, now())) return lease;
  const notThisToken = lease?.refused ? lease.token : undefined;
  return renewLease(storage, (batches) => ask({ notThisToken, batches }), now());
}

async function renewLease(
  storage: Storage,
  ask: (batches: readonly Batch[]) => Promise<LeaseAnswer>,
  nowMs: number,
): Promise<Lease> {
  const before = standingOf(storage);
  const answer = await reporting(storage, nowMs, (batches) => reached(ask(batches)));
  const kept = keptLease(storage);
  // What was ruled while the answer was on its way is newer.
  const standing = kept?.standing !== before && kept?.standing ? kept.standing : (answer.standing ?? "stranger");
  if (!answer.ok) {
    // What it has ruled counts all the same.
    noteStanding(storage, standing);
    throw new QQApiError(answer.refusal);
  }
  // The Bot may not have heard yet what this chat was refused.
  const forbidden = { ...kept?.forbidden, ...answer.lease.forbidden };
  const defaults = newer(kept?.defaults, answer.lease.defaults);
  const lease: KeptLease = { ...answer.lease, forbidden, standing, defaults };
  keepLease(storage, lease);
  return lease;
}

/** What the Bot has ruled about this chat, as far as the chat has heard. */
export function standingOf(storage: Storage): Standing | "stranger" | undefined {
  return keptLease(storage)?.standing;
}

/** Until when the bot has spent what it may spend in a day; 0 where it has not. */
export function spentUntilMs(storage: Storage): number {
  return keptLease(storage)?.spentUntilMs ?? 0;
}

export function noteSpent(storage: Storage, spentUntilMs: number): void {
  keepLease(storage, { ...(keptLease(storage) ?? NO_TOKEN), spentUntilMs });
}

/** What the owner has chosen for all chats, as far as this one has heard. */
export function defaultsOf(storage: Storage): Defaults["values"] {
  return keptLease(storage)?.defaults?.values ?? {};
}

export function noteDefaults(storage: Storage, defaults: Defaults): void {
  const kept = keptLease(storage) ?? NO_TOKEN;
  keepLease(storage, { ...kept, defaults: newer(kept.defaults, defaults) });
}

function newer(one: Defaults | undefined, other: Defaults | undefined): Defaults | undefined {
  return (one?.n ?? 0) > (other?.n ?? 0) ? one : other;
}

export function noteStanding(storage: Storage, standing: Standing | "stranger"): void {
  keepLease(storage, { ...(keptLease(storage) ?? NO_TOKEN), standing });
}

/** Forgets a token that QQ refused, if it is still the one that is kept. */
export function refuseLease(storage: Storage, token: string): void {
  const kept = keptLease(storage);
  if (kept?.token === token) keepLease(storage, { ...kept, expiresAtMs: 0, refused: true });
}

/** Remembers for a day that QQ does not let this bot do something here. */
export function forbid(storage: Storage, capability: Capability, nowMs: number): void {
  const kept = keptLease(storage);
  if (kept) keepLease(storage, { ...kept, forbidden: { ...kept.forbidden, [capability]: nowMs + FORBIDDEN_MS } });
}

/** Whether QQ does not let this bot do something here, as far as this chat knows. */
export function isForbidden({ storage, now }: Pick<TurnContext, "storage" | "now">, capability: Capability): boolean {
  return (keptLease(storage)?.forbidden?.[capability] ?? 0) > now();
}

/** The model's words in the form that QQ takes here. */
export function composed(context: Pick<TurnContext, "storage" | "now">, writing: Writing, source: string): Reply {
  return writing.compose(source, {
    markdown: !isForbidden(context, "markdown"),
    links: !isForbidden(context, "links"),
  });
}

/** A lease as a chat keeps it: with what was ruled about the chat. */
type KeptLease = Lease & { standing?: Standing | "stranger" };

const NO_TOKEN: Lease = { token: "", expiresAtMs: 0 };

function keptLease(storage: Storage): KeptLease | undefined {
  const [kept] = rows<{ value: string }>(storage, "SELECT value FROM lease");
  return kept && JSON.parse(kept.value);
}

function keepLease(storage: Storage, lease: KeptLease): void {
  run(storage, "INSERT OR REPLACE INTO lease (id, value) VALUES (1, ?)", JSON.stringify(lease));
}
