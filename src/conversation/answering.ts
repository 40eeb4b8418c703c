/**
 * From the messages of a turn to the booked parts of its answer: a command, or one step of the model. Its result is
 * dropped where the turn was joined, stopped or ended meanwhile.
 */
import { type Refusal, toRefusal } from "../errors.ts";
import { log } from "../log.ts";
import { askModel, lostSteps, stepSoFar } from "./asking.ts";
import { runCommand } from "./commanding.ts";
import { endsBy, speakByMs } from "./deadline.ts";
import { Draft } from "./draft.ts";
import { writeOn } from "./drafting.ts";
import { apologise, finish, say, tryLater } from "./ending.ts";
import { takeNotices } from "./facts.ts";
import { type Admission, admit } from "./gate.ts";
import type { StepResult } from "./history.ts";
import { composed, isForbidden } from "./lease.ts";
import { named } from "./named.ts";
import { takeUntold } from "./outbox.ts";
import { CUT, UNTOLD } from "./sentences.ts";
import type { TurnContext } from "./turn-context.ts";
import { afterModelFailure, type Fault, type Turn, triedAt } from "./turn-machine.ts";
import { hasEnded, isUnchanged, recordStep } from "./turns.ts";
import { showTyping } from "./typing.ts";

export async function answer(context: TurnContext, turn: Turn, signal: AbortSignal): Promise<void> {
  const { storage, now } = context;
  if (isForbidden(context, "replies")) return finish(context, turn, "failed", MUTE);
  const writing = await import("../qq/writing.ts"); // not before it is needed: start-up is billed too
  let admission: Admission;
  try {
    if (turn.kind !== "question" && (await runCommand(context, turn, { signal, writing }))) return;
    admission = await admit(context, turn);
    if (admission === "away") return;
  } catch (error) {
    if (!signal.aborted) modelFailed(context, turn, toRefusal(error, "turn.access"));
    return;
  }

  const draft = new Draft();
  const shown = showTyping(context, turn);
  const onSpare = admission === "spare";
  const asking = askModel(context, turn, { draft, signal: AbortSignal.any([signal, draft.signal]), onSpare });
  const inTime = await endsBy(context, asking, speakByMs(turn, now()));
  await shown;
  if (!inTime && !signal.aborted) return writeOn(context, turn, { draft, asking, writing });
  let step: StepResult;
  try {
    step = await asking;
  } catch (error) {
    if (signal.aborted) enterIfOver(context, turn, stepSoFar(context, draft));
    else modelFailed(context, turn, toRefusal(error, "turn.answer"), draft);
    return;
  }
  storage.transactionSync(() => {
    if (!isUnchanged(storage, turn)) return enterIfOver(context, turn, step);
    recordStep(storage, turn, step);
    const untold = takeUntold(storage, turn.sender, turn.id);
    const words = composed(context, writing, step.text);
    const end = step.isCut ? CUT : "";
    const begin = takeNotices(storage) + (untold ? UNTOLD[untold] : "");
    say(context, turn, { ...words, text: begin + words.text + end }, { writing });
  });
}

/** QQ takes nothing from this bot here: asking the model would cost money for nobody. */
const MUTE: Refusal = {
  operation: "turn.answer",
  summary: "QQ takes no messages from this bot in this scene; it is tried again after a day",
  advice:
    "频道消息可能不支持回调(Webhook)方式,请在群聊或私聊里使用。" +
    "Guild messages may not be available in callback mode; use the bot in groups or private chats.",
  remedy: "tellOperator",
};

/** What a call took whose answer nobody hears. A turn that was joined is asked again, and its next call counts this one. */
function enterIfOver({ storage }: TurnContext, turn: Turn, step: StepResult): void {
  storage.transactionSync(() => {
    if (hasEnded(storage, turn.id)) recordStep(storage, turn, { ...step, text: "" });
  });
}

/** The process died twice at the model: it is not asked a third time. */
export function giveUpCrashed(context: TurnContext, turn: Turn): void {
  const { storage } = context;
  storage.transactionSync(() => {
    if (turn.kind === "question" && turn.steps === 0) recordStep(storage, turn, lostSteps(context, turn));
    apologise(context, turn.id, "crashed");
  });
}

function modelFailed(context: TurnContext, turn: Turn, refusal: Refusal, draft?: Draft): void {
  log.warn("model.failed", { ...named(turn), summary: refusal.summary, tried: triedAt(turn) });
  const nowMs = context.now();
  const delayMs = afterModelFailure(refusal, triedAt(turn));
  if (delayMs !== undefined && nowMs + delayMs < speakByMs(turn, nowMs))
    tryLater(context, turn, { refusal, remedy: refusal.remedy, delayMs });
  else tellFault(context, turn, refusal, draft);
}

function tellFault(context: TurnContext, turn: Turn, refusal: Refusal, draft: Draft | undefined): void {
  const { storage } = context;
  const kind = faultOf(refusal);
  storage.transactionSync(() => {
    // What a model was at until its time was over is paid for; what it refused is not.
    const isPaid = kind === "timeout" && draft && isUnchanged(storage, turn);
    if (isPaid) recordStep(storage, turn, { ...stepSoFar(context, draft), text: "" });
    apologise(context, turn.id, kind, refusal);
  });
}

function faultOf(refusal: Refusal): Fault["kind"] {
  if (!refusal.operation.startsWith("model.")) return "bug";
  if (refusal.blocksText) return "refused";
  switch (refusal.otherwise ?? refusal.remedy) {
    case "tellUser":
      return "timeout";
    case "backOff":
      return "busy";
    case "tellOperator":
      return "setup";
    default:
      return "model";
  }
}
