/**
 * Carries out what the turn machine says, until nothing is left to do now: side by side where it allows that, each result
 * stored before the next step begins. All it remembers between two looks at the tables is what is under way.
 */
import { toRefusal } from "../errors.ts";
import { answer } from "./answering.ts";
import { deliver } from "./delivery.ts";
import { apologise, finish, say } from "./ending.ts";
import { mark, takeBack } from "./outbox.ts";
import { deliverReports } from "./report.ts";
import type { Storage } from "./storage.ts";
import type { Collaborators, TurnContext } from "./turn-context.ts";
import { type Action, nextActions, type Plan } from "./turn-machine.ts";
import { medianTurnMs, openTurn, openTurns, recordAttempt } from "./turns.ts";

/** Work takes time and ends by itself; everything else is a change of the tables. */
type Work = Extract<Action, { kind: "generate" | "send" }>;

/** Work under way ends the wait sooner; this only bounds it. */
const LONGEST_WAIT_MS = 60_000;

export class TurnRunner {
  readonly #context: TurnContext;
  readonly #working = new Map<number, AbortController>();
  /** Ends the wait: something was stored, or some work ended. */
  #changed = new AbortController();
  /** The storage itself failed under some work. */
  #broken: unknown;

  constructor(collaborators: Collaborators) {
    this.#context = { ...collaborators, begun: new Set(), untried: new Set() };
  }

  /** Gives up the work under way for turns that were joined or stopped, and looks at the tables again. */
  interrupt(turns: readonly number[]): void {
    for (const turn of turns) this.#working.get(turn)?.abort(new Error("the turn has changed"));
    this.#changed.abort();
  }

  /**
   * Runs open turns until nothing can be done now. Resolves with nothing under way.
   *
   * @throws whatever the storage throws; the tables stay as they were.
   */
  async run(): Promise<void> {
    const { storage, reportFailures, now, isExhausted } = this.#context;
    do {
      await this.#runTurns();
      await deliverReports(storage, reportFailures, now());
    } while (this.#plan().actions.length > 0 && !isExhausted());
  }

  async #runTurns(): Promise<void> {
    const { wait, now, isExhausted } = this.#context;
    for (;;) {
      if (this.#broken !== undefined) throw this.#broken;
      this.#changed = new AbortController();
      const { actions, wakeAtMs = Number.POSITIVE_INFINITY } = this.#plan();
      const changes = actions.filter((action) => !isWork(action));
      for (const action of changes) this.#change(action);
      if (changes.length > 0) continue;
      if (!isExhausted()) for (const action of actions.filter(isWork)) this.#start(action);
      if (this.#working.size === 0) return;
      await wait(Math.min(Math.max(0, wakeAtMs - now()), LONGEST_WAIT_MS), this.#changed.signal);
    }
  }

  #plan(): Plan {
    const { storage, now, begun } = this.#context;
    return planTurns(storage, { nowMs: now(), working: new Set(this.#working.keys()), begun });
  }

  #start(action: Work): void {
    const { storage, now, begun } = this.#context;
    const turn = openTurn(storage, action.turn);
    if (!turn) return;
    if (!begun.has(turn.id)) {
      storage.transactionSync(() => {
        recordAttempt(storage, turn, now());
        // An attempt without an orderly end may have ended while this part was on its way.
        if (turn.attempts > 0 && action.kind === "send") mark(storage, turn.id, action.part, "uncertain");
      });
      begun.add(turn.id);
      return this.#start(action);
    }
    const controller = new AbortController();
    this.#working.set(turn.id, controller);
    const work =
      action.kind === "generate"
        ? answer(this.#context, turn, controller.signal)
        : deliver(this.#context, turn, action.part);
    work
      .catch((error: unknown) => apologise(this.#context, turn.id, "bug", toRefusal(error, `turn.${action.kind}`)))
      .catch((error: unknown) => {
        this.#broken ??= error;
      })
      .finally(() => {
        this.#working.delete(turn.id);
        this.#changed.abort();
      });
  }

  #change(action: Exclude<Action, Work>): void {
    const { storage } = this.#context;
    const turn = openTurn(storage, action.turn);
    if (!turn) return;
    switch (action.kind) {
      case "finish":
        return finish(this.#context, turn, action.outcome);
      case "apologise":
        return apologise(this.#context, turn.id, action.why);
      case "replan":
        return storage.transactionSync(() => say(this.#context, turn, takeBack(storage, turn.id)));
      default:
        action satisfies never;
    }
  }
}

/** What the tables say is to be done. Without arguments about work under way: as a new invocation would see it. */
export function planTurns(
  storage: Storage,
  { nowMs, working = new Set(), begun = new Set() }: { nowMs: number; working?: Set<number>; begun?: Set<number> },
): Plan {
  const turns = openTurns(storage);
  // Only whoever waits behind another has to know how long turns take.
  return nextActions(turns, { nowMs, working, begun, medianTurnMs: turns.length > 1 ? medianTurnMs(storage) : 0 });
}

function isWork(action: Action): action is Work {
  return action.kind === "generate" || action.kind === "send";
}
