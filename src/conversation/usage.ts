/**
 * What was spent on models, read from the turns themselves: there is no second account. Calls that failed, or were given up
 * because a message joined or the process died, are not in it; one that was stopped is, as it is estimated.
 */
import type { Spent } from "../commands/command.ts";
import { dayStartMs, monthStartMs } from "../day.ts";
import { readFact, writeFact } from "./facts.ts";
import { rows, type Storage } from "./storage.ts";
import { openTurns } from "./turns.ts";

/** What of a chat its Bot does not know yet, before it is told on the next occasion: the slack of the bot's daily limit. */
export const UNREPORTED_TOKENS = 20_000;

/** As the provider reported them; where it did not, as they were estimated. */
const TOKENS = `coalesce(sum(
  coalesce(result ->> '$.inputTokens', result ->> '$.estimatedTokens', 0)
  + coalesce(result ->> '$.outputTokens', length(result ->> '$.text'), 0)), 0)`;

/** Tokens in this chat since a time, of one person or of all. */
export function spentSince(storage: Storage, sinceMs: number, sender?: string): number {
  // Backwards from the newest turn until a day is over: there is no index on times.
  const [spent] = rows<{ tokens: number }>(
    storage,
    `SELECT ${TOKENS} AS tokens FROM step JOIN turn ON turn.id = step.turn
     WHERE turn.sender = coalesce(?, turn.sender) AND step.turn > coalesce(
       (SELECT id FROM turn WHERE created_at < ? ORDER BY id DESC LIMIT 1), 0)`,
    sender ?? null,
    sinceMs,
  );
  return spent?.tokens ?? 0;
}

/** Today and this month, by Beijing's calendar. */
export function spentOf(storage: Storage, nowMs: number, sender?: string): Spent {
  return {
    today: spentSince(storage, dayStartMs(nowMs), sender),
    month: spentSince(storage, monthStartMs(nowMs), sender),
  };
}

export interface Unreported {
  tokens: number;
  /** The newest turn that is counted. */
  upTo: number;
}

/** Chats whose account is on its way to the Bot. */
const onTheWay = new WeakSet<Storage>();

/** What was spent by everybody here since the Bot was told last; nothing while it is being told. */
export function unreportedUsage(storage: Storage): Unreported {
  const from = readFact(storage, "usageReported") ?? 0;
  if (onTheWay.has(storage)) return { tokens: 0, upTo: from };
  const [row] = rows<{ tokens: number; upTo: number | null }>(
    storage,
    `SELECT ${TOKENS} AS tokens, max(turn) AS "upTo" FROM step WHERE turn > ? AND turn < ?`,
    from,
    firstUnsettled(storage),
  );
  return { tokens: row?.tokens ?? 0, upTo: row?.upTo ?? from };
}

/** Longer than a model writes. A draft older than this was lost with its process. */
const DRAFT_MS = 15 * 60_000;

/** The first turn whose tokens are not known yet, because a model is still at it. Turns after it wait for it. */
function firstUnsettled(storage: Storage): number {
  const drafts = rows<{ id: number }>(
    storage,
    `SELECT id FROM turn WHERE id > (SELECT max(id) FROM turn) - 20 AND unfinished = 1
       AND created_at > (SELECT created_at FROM turn ORDER BY id DESC LIMIT 1) - ?`,
    DRAFT_MS,
  );
  const open = openTurns(storage).filter(({ steps }) => steps === 0);
  return Math.min(Number.MAX_SAFE_INTEGER, ...[...drafts, ...open].map(({ id }) => id));
}

/** Tells the Bot what was spent, once, and again with the next occasion where it was not reached. */
export async function reportingUsage<T>(storage: Storage, tell: (tokens: number) => Promise<T>): Promise<T> {
  const { tokens, upTo } = unreportedUsage(storage);
  if (tokens === 0) return tell(0);
  onTheWay.add(storage);
  try {
    const answer = await tell(tokens);
    writeFact(storage, "usageReported", upTo);
    return answer;
  } finally {
    onTheWay.delete(storage);
  }
}
