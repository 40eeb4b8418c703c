/**
 * From the messages of a turn to the booked parts of its answer: a command, or one step of the model. Its result is
 * dropped where the turn was joined, stopped or ended meanwhile.
 */
import type { StepLimits } from "../agent/agent.ts";
import { parseCommand } from "../commands/index.ts";
import { type Refusal, toRefusal } from "../errors.ts";
import { log } from "../log.ts";
import { replyWindow } from "../qq/reply-budget.ts";
import type { Writing } from "../qq/writing.ts";
import type { Reply } from "../reply.ts";
import { Draft, isUnfinished, setUnfinished, unfinishedTurns } from "./draft.ts";
import { apologise, finish, say, tryLater } from "./ending.ts";
import { estimateUtterance, readHistory, type StepResult } from "./history.ts";
import { forbidden } from "./lease.ts";
import { joined, keep, keptOf, takeKept, takeUntold } from "./outbox.ts";
import { CUT, STILL_WRITING, UNTOLD } from "./sentences.ts";
import type { TurnContext } from "./turn-context.ts";
import { afterModelFailure, type Fault, type Turn, triedAt } from "./turn-machine.ts";
import { openTurn, recordStep, replaceStep } from "./turns.ts";
import { showTyping } from "./typing.ts";

/** Kept for sending the answer, or the sentence about why not, before the window ends. */
const SEND_RESERVE_MS = 10_000;
/** A model gets at least this long in a private chat, where the window is an hour. */
const LEAST_MODEL_MS = 2 * 60_000;
/** With the 8 minutes in which an alarm may begin something, short of the 15 that it may run. */
const MOST_MODEL_MS = 6.5 * 60_000;
const FIRST_TOKEN_MS = 60_000;
const SILENCE_MS = 30_000;

export async function answer(context: TurnContext, turn: Turn, signal: AbortSignal): Promise<void> {
  const { storage, now } = context;
  if (forbidden(storage, now()).has("replies")) return finish(context, turn, "failed", MUTE);
  const writing = await import("../qq/writing.ts"); // not before it is needed: start-up is billed too
  if (turn.kind === "command" && (await runCommand(context, turn, { signal, writing }))) return;

  const draft = new Draft();
  const shown = showTyping(context, turn);
  const asking = askModel(context, turn, draft, AbortSignal.any([signal, draft.signal]));
  const inTime = await endsBy(context, asking, answerByMs(turn, now()) - SEND_RESERVE_MS);
  await shown;
  if (!inTime && !signal.aborted) return sayWhatIsThere(context, turn, { draft, asking, writing });
  let step: StepResult;
  try {
    step = await asking;
  } catch (error) {
    if (!signal.aborted) modelFailed(context, turn, toRefusal(error, "turn.answer"));
    return;
  }
  storage.transactionSync(() => {
    if (!isUnchanged(context, turn)) return;
    recordStep(storage, turn, step);
    const untold = takeUntold(storage, turn.sender, turn.id);
    const words = composed(context, writing, step.text);
    const end = step.isCut ? CUT : "";
    say(context, turn, { ...words, text: (untold ? UNTOLD[untold] : "") + words.text + end }, { writing });
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

/** The model's words in the form that QQ takes here. */
function composed({ storage, now }: TurnContext, writing: Writing, source: string): Reply {
  const refused = forbidden(storage, now());
  return writing.compose(source, { markdown: !refused.has("markdown"), links: !refused.has("links") });
}

/** False where the command leaves the answer to the model. */
async function runCommand(
  context: TurnContext,
  turn: Turn,
  { signal, writing }: { signal: AbortSignal; writing: Writing },
): Promise<boolean> {
  const { storage, now } = context;
  const command = parseCommand(turn.messages[0]?.text ?? "");
  if (!command) return false;
  const writtenOn = unfinishedTurns(storage).findLast(
    ({ id, sender }) => sender === turn.sender && context.drafts.has(id),
  );
  const unfinished = writtenOn && context.drafts.get(writtenOn.id);
  if (command.waitsForDraft && unfinished)
    await endsBy(context, Promise.race([unfinished.ended, aborted(signal)]), answerByMs(turn, now()) - SEND_RESERVE_MS);

  return storage.transactionSync(() => {
    if (!openTurn(storage, turn.id)) return true;
    let isMoreToCome = false;
    const reply = command.run({
      stop: () => 0, // acts when it is received, so it never gets here
      takeKept: () => {
        const kept = takeKept(storage, turn.sender);
        if (!writtenOn || !unfinished || !isUnfinished(storage, writtenOn.id)) return kept;
        isMoreToCome = true;
        if (kept) return kept;
        const { draft } = unfinished;
        const settled = draft.takeSettled(writing.settledLength);
        if (settled === "") return STILL_WRITING;
        replaceStep(storage, writtenOn.id, { text: draft.given }); // where the model goes on after a crash
        return composed(context, writing, settled);
      },
    });
    if (reply === undefined) return false;
    const isMarkdownRefused = forbidden(storage, now()).has("markdown");
    const isMore = isMoreToCome && reply !== STILL_WRITING;
    say(context, turn, isMarkdownRefused ? writing.degraded(reply) : reply, { writing, isMore });
    return true;
  });
}

async function askModel(context: TurnContext, turn: Turn, draft: Draft, signal: AbortSignal): Promise<StepResult> {
  const history = readHistory(context.storage, turn.id);
  const { text, model, inputTokens, isCut } = await context.generate(
    { history, messages: turn.messages },
    {
      limits: LIMITS,
      signal,
      onText(text) {
        draft.text = text.trimStart(); // as the whole will be
      },
    },
  );
  const told = [...history, ...turn.messages.map((message) => ({ role: "user" as const, message }))];
  return {
    text,
    model,
    isCut,
    inputTokens,
    estimatedTokens: told.reduce((sum, said) => sum + estimateUtterance(said), 0),
  };
}

const LIMITS: StepLimits = { totalMs: MOST_MODEL_MS, firstTokenMs: FIRST_TOKEN_MS, silenceMs: SILENCE_MS };

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });
}

/** Whether `work` ends, in whatever way, before `atMs`. */
async function endsBy({ now, wait }: TurnContext, work: Promise<unknown>, atMs: number): Promise<boolean> {
  const ended = new AbortController();
  const settled = work.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([settled, wait(Math.max(0, atMs - now()), ended.signal).then(() => false)]);
  ended.abort();
  return inTime;
}

/** The window ends before the model does: what is settled goes out now, or a sentence, and the rest on request. */
function sayWhatIsThere(
  context: TurnContext,
  turn: Turn,
  { draft, asking, writing }: { draft: Draft; asking: Promise<StepResult>; writing: Writing },
): void {
  const { storage } = context;
  const ended = asking
    .then((step) => keepRest(context, turn, { draft, step, writing }))
    .catch((error: unknown) => {
      log.warn("draft.lost", { turn: turn.id, summary: toRefusal(error, "turn.draft").summary });
      setUnfinished(storage, turn.id, false);
    });
  context.drafts.set(turn.id, { draft, ended });
  storage.transactionSync(() => {
    if (!isUnchanged(context, turn)) return draft.giveUp();
    setUnfinished(storage, turn.id, true);
    const settled = draft.takeSettled(writing.settledLength);
    if (settled === "") return apologise(context, turn.id, "slow");
    recordStep(storage, turn, { text: settled });
    say(context, turn, composed(context, writing, settled), { writing, isMore: true });
  });
}

/** What the model wrote after its turn had ended, for 「继续」. */
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

function modelFailed(context: TurnContext, turn: Turn, refusal: Refusal): void {
  log.warn("model.failed", { turn: turn.id, summary: refusal.summary, tried: triedAt(turn) });
  const nowMs = context.now();
  const delayMs = afterModelFailure(refusal, triedAt(turn));
  if (delayMs !== undefined && nowMs + delayMs + SEND_RESERVE_MS < answerByMs(turn, nowMs))
    tryLater(context, turn, refusal.remedy, delayMs);
  else apologise(context, turn.id, faultOf(refusal), refusal);
}

function isUnchanged({ storage }: TurnContext, turn: Turn): boolean {
  const current = openTurn(storage, turn.id);
  return current?.messages.length === turn.messages.length && current.parts.length === turn.parts.length;
}

/** When the person has to see something. */
function answerByMs(turn: Turn, nowMs: number): number {
  const windows = turn.messages.map(replyWindow);
  const closesAtMs = Math.max(...windows.map((window) => window.closesAtMs));
  const firstPartByMs = Math.max(...windows.map((window) => window.firstPartByMs));
  return Math.min(closesAtMs, Math.max(firstPartByMs, nowMs + LEAST_MODEL_MS));
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
