/**
 * A turn whose window ends before the model does: what is settled of the answer goes out, or a sentence, and the model
 * writes on. The rest is kept for 「继续」.
 */
import { toRefusal } from "../errors.ts";
import { log } from "../log.ts";
import type { Writing } from "../qq/writing.ts";
import { stepSoFar } from "./asking.ts";
import { type Draft, isUnfinished, setUnfinished } from "./draft.ts";
import { apologise, say } from "./ending.ts";
import type { StepResult } from "./history.ts";
import { composed } from "./lease.ts";
import { named } from "./named.ts";
import { joined, keep, keptOf } from "./outbox.ts";
import type { TurnContext } from "./turn-context.ts";
import type { Turn } from "./turn-machine.ts";
import { isUnchanged, recordStep, replaceStep } from "./turns.ts";

interface Written {
  draft: Draft;
  asking: Promise<StepResult>;
  writing: Writing;
}

/** Says what is there, and lets the model write on beside whatever the chat does next. */
export function writeOn(context: TurnContext, turn: Turn, { draft, asking, writing }: Written): void {
  const { storage, drafts } = context;
  const ended = asking
    .then((step) => keepRest(context, turn, { draft, step, writing }))
    .catch((error: unknown) => {
      log.warn("draft.lost", { ...named(turn), summary: toRefusal(error, "turn.draft").summary });
      setUnfinished(storage, turn.id, false);
    });
  drafts.set(turn.id, { draft, ended });
  storage.transactionSync(() => {
    if (!isUnchanged(storage, turn)) return draft.giveUp();
    setUnfinished(storage, turn.id, true);
    const settled = draft.takeSettled(writing.settledLength);
    if (settled === "") return apologise(context, turn.id, "slow");
    recordStep(storage, turn, { ...stepSoFar(context, draft), text: settled });
    say(context, turn, composed(context, writing, settled), { writing, isMore: true });
  });
}

function keepRest(
  context: TurnContext,
  turn: Turn,
  { draft, step, writing }: { draft: Draft; step: StepResult; writing: Writing },
): void {
  const { storage } = context;
  storage.transactionSync(() => {
    if (!isUnfinished(storage, turn.id)) return; // stopped meanwhile
    replaceStep(storage, turn.id, step);
    const rest = composed(context, writing, draft.restOf(step.text));
    const kept = keptOf(storage, turn.id);
    const gap = kept.text !== "" && rest.text !== "" ? "\n\n" : "";
    keep(storage, turn.id, joined(kept, { ...rest, text: gap + rest.text }), {});
    setUnfinished(storage, turn.id, false);
  });
}
