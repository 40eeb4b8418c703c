/**
 * What was spent on models, read from the turns themselves: there is no second account. Calls that were given up, because a
 * message joined or the process died, are not in it.
 */
import { readFact, writeFact } from "./facts.ts";
import { rows, type Storage } from "./storage.ts";

/** What of a chat its Bot does not know yet, before it is told on the next occasion: the slack of the bot's daily limit. */
export const UNREPORTED_TOKENS = 20_000;

/** As the provider reported them; where it did not, as they were estimated. */
const TOKENS = `coalesce(sum(
  coalesce(result ->> '$.inputTokens', result ->> '$.estimatedTokens', 0)
  + coalesce(result ->> '$.outputTokens', length(result ->> '$.text'), 0)), 0)`;

/** Tokens of one person in this chat since a time of the last days. */
export function spentSince(storage: Storage, sender: string, sinceMs: number): number {
  // Backwards from the newest turn until a day is over: there is no index on times.
  const [spent] = rows<{ tokens: number }>(
    storage,
    `SELECT ${TOKENS} AS tokens FROM step JOIN turn ON turn.id = step.turn
     WHERE turn.sender = ? AND step.turn > coalesce(
       (SELECT id FROM turn WHERE created_at < ? ORDER BY id DESC LIMIT 1), 0)`,
    sender,
    sinceMs,
  );
  return spent?.tokens ?? 0;
}

export interface Unreported {
  tokens: number;
  /** The newest turn that is counted. */
  upTo: number;
}

/** What was spent by everybody here since the Bot was told last. */
export function unreportedUsage(storage: Storage): Unreported {
  const from = readFact(storage, "usageReported") ?? 0;
  const [row] = rows<{ tokens: number; upTo: number | null }>(
    storage,
    `SELECT ${TOKENS} AS tokens, max(turn) AS "upTo" FROM step WHERE turn > ?`,
    from,
  );
  return { tokens: row?.tokens ?? 0, upTo: row?.upTo ?? from };
}

export function markReported(storage: Storage, { tokens, upTo }: Unreported): void {
  if (tokens > 0) writeFact(storage, "usageReported", upTo);
}
