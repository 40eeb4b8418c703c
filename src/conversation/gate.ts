/**
 * Who may spend the owner's tokens. Asked before the model is: a stranger, somebody who was denied and a chat that is not on
 * the list cost none.
 */
import type { Standing } from "../bot/access.ts";
import { dayStartMs } from "../day.ts";
import { log } from "../log.ts";
import type { Reply } from "../reply.ts";
import { setUnfinished, unfinishedTurns } from "./draft.ts";
import { finish, say } from "./ending.ts";
import { clearFact, readFact, writeFact } from "./facts.ts";
import { currentLease, noteStanding, reached, spentUntilMs, standingOf } from "./lease.ts";
import { named } from "./named.ts";
import { DENIED, notOnTheList, pairing, SPENT } from "./sentences.ts";
import type { Storage } from "./storage.ts";
import type { TurnContext } from "./turn-context.ts";
import type { Turn } from "./turn-machine.ts";
import { endTurn, isUnchanged, openTurns } from "./turns.ts";
import { spentSince } from "./usage.ts";

/**
 * Ends the turn of somebody who may not talk here with a sentence, or, where they were told for good, without one. False
 * where the model may be asked.
 *
 * @throws whatever keeps this chat from learning what the Bot has ruled about it.
 */
export async function turnAway(context: TurnContext, turn: Turn): Promise<boolean> {
  const { storage, access } = context;
  const standing = standingOf(storage) ?? (await askForStanding(context));
  if (standing === "denied") {
    const isTold = readFact(storage, "dismissed") === true;
    if (!isTold) writeFact(storage, "dismissed", true);
    endWith(context, turn, isTold ? undefined : DENIED);
    return true;
  }
  const isIn = standing === "owner" || standing === "allowed" || access === "open";
  const sentence = (isIn ? undefined : await sentenceFor(context, turn)) ?? overLimit(context, turn, standing);
  if (sentence) endWith(context, turn, sentence);
  return sentence !== undefined;
}

/** The day's tokens are spent: this person's, or the bot's. The owner spends their own. */
function overLimit(
  { storage, now, dailyTokensPerPerson: limit }: TurnContext,
  { sender }: Turn,
  standing: Standing | "stranger" | undefined,
): Reply | undefined {
  if (spentUntilMs(storage) > now()) return SPENT.bot;
  if (limit === 0 || standing === "owner") return undefined;
  return spentSince(storage, dayStartMs(now()), sender) >= limit ? SPENT.person : undefined;
}

/** What the Bot rules from here on. What was under way for somebody who is denied ends. Returns the turns concerned. */
export function takeRuling(storage: Storage, standing: Standing, nowMs: number): readonly number[] {
  noteStanding(storage, standing);
  clearFact(storage, "dismissed");
  if (standing !== "denied") return [];
  const open = openTurns(storage).map(({ id }) => id);
  for (const id of open) endTurn(storage, id, "dismissed", nowMs);
  const drafts = unfinishedTurns(storage).map(({ id }) => id);
  for (const id of drafts) setUnfinished(storage, id, false);
  return [...open, ...drafts];
}

async function askForStanding({ storage, askForLease, now }: TurnContext) {
  // Where there is no token there is no answer either, but the Bot has told what it has ruled.
  await currentLease(storage, askForLease, now).catch((error: unknown) => {
    if (standingOf(storage) === undefined) throw error;
  });
  return standingOf(storage);
}

/** Undefined where the owner has let them in meanwhile. */
async function sentenceFor({ access, desk }: TurnContext, { messages }: Turn): Promise<Reply | undefined> {
  const isGroup = messages.some(({ chat: { scene } }) => scene === "group" || scene === "guildChannel");
  if (access === "allowlist") return notOnTheList(isGroup);
  const own = await reached(desk.ownCode());
  return own && pairing({ ...own, isGroup });
}

function endWith(context: TurnContext, turn: Turn, sentence: Reply | undefined): void {
  const { storage } = context;
  log.info("turn.turned-away", { ...named(turn), told: sentence !== undefined });
  storage.transactionSync(() => {
    if (!isUnchanged(storage, turn)) return;
    if (sentence) say(context, turn, sentence);
    else finish(context, turn, "dismissed");
  });
}
