/**
 * A command that waits its turn, asked of the bot or run over this chat. 「继续」 is the one that reaches far: into what was
 * kept, and into an answer that is still being written.
 */
import { readCommand } from "../commands/index.ts";
import type { Writing } from "../qq/writing.ts";
import type { Reply } from "../reply.ts";
import { stepSoFar } from "./asking.ts";
import { endsBy, speakByMs } from "./deadline.ts";
import { isUnfinished, unfinishedTurns } from "./draft.ts";
import { say } from "./ending.ts";
import { composed, isForbidden, reached, standingOf } from "./lease.ts";
import { takeKept } from "./outbox.ts";
import { STILL_WRITING } from "./sentences.ts";
import type { TurnContext } from "./turn-context.ts";
import type { Turn } from "./turn-machine.ts";
import { createdAtMs, hasEnded, openTurn, replaceStep } from "./turns.ts";

/**
 * False where the command leaves the answer to the model.
 *
 * @throws UpstreamError where it needs the Bot and did not reach it.
 */
export async function runCommand(
  context: TurnContext,
  turn: Turn,
  { signal, writing }: { signal: AbortSignal; writing: Writing },
): Promise<boolean> {
  const { storage, now, drafts } = context;
  const [message] = turn.messages;
  const typed = readCommand(message?.text ?? "");
  if (!message || typed?.kind !== "command" || typed.command.when === "received") return false;
  const { command, argument } = typed;
  if (command.when === "asking") {
    const asked = { message, storedAtMs: createdAtMs(storage, turn.id), nowMs: now() };
    const reply = await reached(command.ask(context.desk, argument, asked));
    storage.transactionSync(() => {
      const current = openTurn(storage, turn.id);
      if (current) say(context, current, reply, { writing });
    });
    return true;
  }
  if (standingOf(storage) === "denied") return false; // what was kept is not for them any more
  const written = unfinishedTurns(storage).findLast(({ id, sender }) => sender === turn.sender && drafts.has(id));
  const unfinished = written && drafts.get(written.id);
  if (unfinished) await endsBy(context, Promise.race([unfinished.ended, aborted(signal)]), speakByMs(turn, now()));

  return storage.transactionSync(() => {
    if (hasEnded(storage, turn.id)) return true;
    let isMore = false;
    const takeWritten = (): Reply | undefined => {
      if (!written || !unfinished || !isUnfinished(storage, written.id)) return undefined;
      const { draft } = unfinished;
      const settled = draft.takeSettled(writing.settledLength);
      if (settled === "") return STILL_WRITING;
      isMore = true;
      replaceStep(storage, written.id, { ...stepSoFar(context, draft), text: draft.given }); // where the model goes on after a crash
      return composed(context, writing, settled);
    };
    const reply = command.run({
      takeKept() {
        const kept = takeKept(storage, turn.sender);
        if (!kept) return takeWritten();
        isMore = written !== undefined && isUnfinished(storage, written.id);
        return isForbidden(context, "markdown") ? writing.degraded(kept) : kept;
      },
    });
    if (reply === undefined) return false;
    say(context, turn, reply, { writing, isMore });
    return true;
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });
}
