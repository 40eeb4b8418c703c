/**
 * The typing notice of a private chat: one call that shows for a minute, while the model thinks. It costs a reply of the
 * message, so it is shown only where enough are left for the answer.
 */
import { toRefusal } from "../errors.ts";
import { describe, log } from "../log.ts";
import { currentLease, refuseLease } from "./lease.ts";
import { named } from "./named.ts";
import { bookTyping, markTyping, slotsBeside } from "./outbox.ts";
import type { TurnContext } from "./turn-context.ts";
import type { Turn } from "./turn-machine.ts";
import { ledgerOf } from "./turns.ts";

const LEAST_SLOTS = 3;
/** An answer waits for its own notice, which would else be shown after it; but not for long. */
const LONGEST_WAIT_MS = 2_000;

/**
 * Shows that the bot is at work, where the scene and the budget allow it and it was not done before; fetches the lease of
 * a chat that has none, while the model thinks. Resolves soon, whatever becomes of it, and never rejects.
 */
export async function showTyping(context: TurnContext, turn: Turn): Promise<void> {
  const done = new AbortController();
  const shown = show(context, turn).catch((error: unknown) => {
    log.warn("typing.failed", { ...named(turn), error: describe(error) });
  });
  await Promise.race([shown, context.wait(LONGEST_WAIT_MS, done.signal)]);
  done.abort();
}

async function show(context: TurnContext, turn: Turn): Promise<void> {
  const { storage, now } = context;
  const ledger = ledgerOf(storage, turn.id);
  const slots = slotsBeside(turn.messages, ledger, now());
  const [slot] = slots;
  const chat = turn.messages[0]?.chat;
  const mayShow = chat?.scene === "c2c" && slots.length >= LEAST_SLOTS && !ledger.some(({ form }) => form === "typing");
  if (mayShow && slot) bookTyping(storage, turn.id, slot);
  let token: string | undefined;
  try {
    token = (await currentLease(storage, context.askForLease, now)).token;
    if (mayShow && slot) await context.sendTyping(chat, slot, token);
  } catch (error) {
    // Nobody misses it; but what it says of the token holds for the answer, too. Not what it says of the message: a private
    // message may be answered for an hour, although one page of QQ's says five minutes.
    const refusal = toRefusal(error, "qq.typing");
    log.info("typing.refused", { ...named(turn), summary: refusal.summary, code: refusal.code });
    if (refusal.remedy === "refreshToken" && token !== undefined) refuseLease(storage, token);
    if (!mayShow) return;
    if (token === undefined || refusal.costsNoReply) markTyping(storage, turn.id, "uncounted");
  }
}
