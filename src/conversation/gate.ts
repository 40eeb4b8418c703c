/**
 * Who may spend the owner's tokens. Asked before the model is: a stranger, somebody who was denied and a chat that is not on
 * the list cost none.
 */
import type { Standing } from "../bot/access.ts";
import { DAY_MS, dayStartMs } from "../day.ts";
import { isPrivate } from "../event.ts";
import { log } from "../log.ts";
import type { Reply } from "../reply.ts";
import { type Allowance, isLimited, isSpent } from "../spending.ts";
import { setUnfinished, unfinishedTurns } from "./draft.ts";
import { finish, say } from "./ending.ts";
import { clearFact, readFact, writeFact } from "./facts.ts";
import { currentLease, noteStanding, reached, spentUntilMs, standingOf } from "./lease.ts";
import { spentSince } from "./ledger.ts";
import { named } from "./named.ts";
import { DENIED, notOnTheList, pairing, SPENT } from "./sentences.ts";
import type { Storage } from "./storage.ts";
import { tellOnce } from "./told.ts";
import type { TurnContext } from "./turn-context.ts";
import type { Turn } from "./turn-machine.ts";
import { endTurn, isUnchanged, openTurns } from "./turns.ts";

/**
 * - `away`   the turn has ended: with a sentence, or, where they were told before, without one
 * - `spare`  an allowance is spent, and there is a model for that
 * - `in`     the model may be asked
 */
export type Admission = "away" | "spare" | "in";

/** @throws whatever keeps this chat from learning what the Bot has ruled about it. */
export async function admit(context: TurnContext, turn: Turn): Promise<Admission> {
  const { storage, access } = context;
  const standing = standingOf(storage) ?? (await askForStanding(context));
  if (standing === "denied") {
    endWith(context, turn, () => deniedSentence(storage));
    return "away";
  }
  const isIn = standing === "owner" || standing === "allowed" || access === "open";
  const sentence = isIn ? undefined : await sentenceFor(context, turn);
  const limit = sentence ? undefined : overLimit(context, turn, standing);
  if (!sentence && !limit) return "in";
  if (limit && context.spareModel) return "spare";
  endWith(context, turn, () => (limit ? spentSentence(context, turn, limit) : sentence));
  return "away";
}

/** Which of the day's allowances is spent: the bot's, this chat's or this person's. The owner spends their own. */
function overLimit(
  { storage, now, daily }: TurnContext,
  { sender, messages }: Turn,
  standing: Standing | "stranger" | undefined,
): keyof typeof SPENT | undefined {
  if (spentUntilMs(storage) > now()) return "bot";
  if (standing === "owner") return undefined;
  const today = dayStartMs(now());
  const hasSpent = (allowance: Allowance, person?: string) =>
    isLimited(allowance) && isSpent(allowance, spentSince(storage, today, person));
  if (isInGroup(messages) && hasSpent(daily.group)) return "group";
  return hasSpent(daily.person, sender) ? "person" : undefined;
}

/** Once a day: whoever goes on asking hears no more of it. */
function spentSentence({ storage, now }: TurnContext, { sender }: Turn, limit: keyof typeof SPENT): Reply | undefined {
  const untilMs = dayStartMs(now()) + DAY_MS;
  return tellOnce(storage, { sender, limit, nowMs: now(), untilMs }) ? SPENT[limit] : undefined;
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
  const isGroup = isInGroup(messages);
  if (access === "allowlist") return notOnTheList(isGroup);
  const own = await reached(desk.ownCode());
  return own && pairing({ ...own, isGroup });
}

function isInGroup(messages: Turn["messages"]): boolean {
  return messages.some(({ chat }) => !isPrivate(chat));
}

/** Said once; then nothing. */
function deniedSentence(storage: Storage): Reply | undefined {
  if (readFact(storage, "dismissed")) return undefined;
  writeFact(storage, "dismissed", true);
  return DENIED;
}

/** @param tell what is told, and from then on known to be told: not where the turn has changed meanwhile. */
function endWith(context: TurnContext, turn: Turn, tell: () => Reply | undefined): void {
  const { storage } = context;
  storage.transactionSync(() => {
    if (!isUnchanged(storage, turn)) return;
    const sentence = tell();
    log.info("turn.turned-away", { ...named(turn), told: sentence !== undefined });
    if (sentence) say(context, turn, sentence);
    else finish(context, turn, "dismissed");
  });
}
