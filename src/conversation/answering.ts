/**
 * From the messages of a turn to the booked parts of its answer: a command, or one step of the model. Its result is
 * dropped where the turn was joined, stopped or ended meanwhile.
 */
import type { StepLimits } from "../agent/agent.ts";
import type { Utterance } from "../agent/prompt.ts";
import { type Refusal, toRefusal } from "../errors.ts";
import { log } from "../log.ts";
import { choicesOf } from "./choices.ts";
import { runCommand } from "./commanding.ts";
import { endsBy, speakByMs } from "./deadline.ts";
import { Draft } from "./draft.ts";
import { writeOn } from "./drafting.ts";
import { apologise, finish, say, tryLater } from "./ending.ts";
import { readFact, takeNotices } from "./facts.ts";
import { type Admission, admit } from "./gate.ts";
import { estimateUtterance, readHistory, type StepResult } from "./history.ts";
import { composed, isForbidden } from "./lease.ts";
import { named } from "./named.ts";
import { takeUntold } from "./outbox.ts";
import { CUT, UNTOLD } from "./sentences.ts";
import type { TurnContext } from "./turn-context.ts";
import { afterModelFailure, type Fault, type Turn, triedAt } from "./turn-machine.ts";
import { hasEnded, isUnchanged, recordStep } from "./turns.ts";
import { showTyping } from "./typing.ts";

/** The whole is, with the 8 minutes in which an alarm may begin something, short of the 15 that it may run. */
const LIMITS: StepLimits = { totalMs: 6.5 * 60_000, firstTokenMs: 60_000, silenceMs: 30_000 };

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
    if (signal.aborted) noteGivenUp(context, turn, draft);
    else modelFailed(context, turn, toRefusal(error, "turn.answer"));
    return;
  }
  storage.transactionSync(() => {
    if (!isUnchanged(storage, turn)) return;
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

async function askModel(
  context: TurnContext,
  turn: Turn,
  { draft, signal, onSpare }: { draft: Draft; signal: AbortSignal; onSpare: boolean },
): Promise<StepResult> {
  const history = readHistory(context.storage, turn.id);
  const choices = choicesOf(context.storage, turn.sender, context.terms);
  const { text, model, inputTokens, outputTokens, isCut } = await context.generate(
    { history, messages: turn.messages, choices, since: readFact(context.storage, "forgottenBefore") ?? 0, onSpare },
    {
      limits: LIMITS,
      signal,
      onText(text) {
        draft.text = text.trimStart(); // as the whole will be
      },
    },
  );
  return { text, model, isCut, inputTokens, outputTokens, estimatedTokens: estimateOf(history, turn) };
}

function estimateOf(history: readonly Utterance[], { messages }: Turn): number {
  const told = [...history, ...messages.map((message) => ({ role: "user" as const, message }))];
  return told.reduce((sum, said) => sum + estimateUtterance(said), 0);
}

/** What was written until a turn was stopped was paid for, although nobody hears it. */
function noteGivenUp({ storage }: TurnContext, turn: Turn, { text }: Draft): void {
  storage.transactionSync(() => {
    if (!hasEnded(storage, turn.id)) return; // joined: it is asked again
    const estimatedTokens = estimateOf(readHistory(storage, turn.id), turn);
    recordStep(storage, turn, { text: "", estimatedTokens, outputTokens: text.length });
  });
}

function modelFailed(context: TurnContext, turn: Turn, refusal: Refusal): void {
  log.warn("model.failed", { ...named(turn), summary: refusal.summary, tried: triedAt(turn) });
  const nowMs = context.now();
  const delayMs = afterModelFailure(refusal, triedAt(turn));
  if (delayMs !== undefined && nowMs + delayMs < speakByMs(turn, nowMs))
    tryLater(context, turn, { refusal, remedy: refusal.remedy, delayMs });
  else apologise(context, turn.id, faultOf(refusal), refusal);
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
