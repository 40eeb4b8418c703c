/**
 * What this chat needs of its Bot to speak, kept in the chat's own storage: the object is evicted between most messages,
 * and no message should wait for a call to a singleton.
 */
import type { Lease, LeaseAnswer } from "../bot/bot.ts";
import { QQApiError, type Refusal, UpstreamError } from "../errors.ts";
import { describe } from "../log.ts";
import { isFresh } from "../qq/client.ts";
import { rows, run, type Storage } from "./storage.ts";

/** Deploys reset objects: the next call reaches the new one. */
const UNREACHED: Omit<Refusal, "summary"> = {
  operation: "bot.lease",
  advice: "等待片刻,程序会自动重试。Wait; it is retried by itself.",
  remedy: "backOff",
  otherwise: "tellOperator",
};

export type AskForLease = (options: { notThisToken?: string | undefined }) => Promise<LeaseAnswer>;

/** @throws QQApiError with the refusal of the token endpoint. */
export async function currentLease(storage: Storage, ask: AskForLease, now: () => number): Promise<Lease> {
  const kept = rows<{ value: string }>(storage, "SELECT value FROM lease")[0];
  const lease = kept && (JSON.parse(kept.value) as Lease);
  if (lease && isFresh(lease, now())) return lease;
  return renewLease(storage, ask, lease?.refused ? lease.token : undefined);
}

async function renewLease(storage: Storage, ask: AskForLease, notThisToken: string | undefined): Promise<Lease> {
  const answer = await ask({ notThisToken }).catch((cause: unknown) => {
    throw new UpstreamError({ ...UNREACHED, summary: describe(cause) });
  });
  if (!answer.ok) throw new QQApiError(answer.refusal);
  run(storage, "INSERT OR REPLACE INTO lease (id, value) VALUES (1, ?)", JSON.stringify(answer.lease));
  return answer.lease;
}

/** Forgets a token that QQ refused, if it is still the one that is kept. */
export function refuseLease(storage: Storage, token: string): void {
  const refused: Lease = { token, expiresAtMs: 0, refused: true };
  run(storage, "UPDATE lease SET value = ? WHERE value ->> '$.token' = ?", JSON.stringify(refused), token);
}
