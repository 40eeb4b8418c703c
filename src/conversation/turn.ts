/**
 * Carries out what the turn machine says, until nothing is left to do now: side by side where it allows that, each result
 * stored before the next step begins. All it remembers between two looks at the tables is what is under way.
 */
import { toRefusal } from "../errors.ts";
import { describe, log } from "../log.ts";
import { type Allowance, isLimited } from "../spending.ts";
import { answer, giveUpCrashed } from "./answering.ts";
import { deliver } from "./delivery.ts";
import { apologise, finish, sayAnew } from "./ending.ts";
import { noteSpent } from "./lease.ts";
import { isReportDue, reporting } from "./ledger.ts";
import { named } from "./named.ts";
import { mark, markBegun } from "./outbox.ts";
import { deliverReports, reportAtMs } from "./report.ts";
import type { Storage } from "./storage.ts";
import type { Collaborators, TurnContext } from "./turn-context.ts";
import { type Action, nextActions, type Plan, type Turn } from "./turn-machine.ts";
import { medianTurnMs, openTurn, openTurns, recordAttempt } from "./turns.ts";

/** Work takes time and ends by itself; everything else is a change of the tables. */
type Work = Extract<Action, { kind: "generate" | "send" }>;

/** Work under way ends the wait sooner; this only bounds it. */
const LONGEST_WAIT_MS = 60_000;
/** The platform opens six connections at a time. */
const MOST_AT_ONCE = 6;

export class TurnRunner {
  readonly #context: TurnContext;
  readonly #working = new Map<number, AbortController>();
  /** Ends the wait: something was stored, or some work ended. */
  #changed = new AbortController();
  #reporting = false;
  /** A model was asked since the account was last looked at. */
  #hasSpent = false;
  /** The storage itself failed under some work: begin nothing more, and say so when the rest has ended. */
  #broken: unknown;

  constructor(collaborators: Collaborators) {
    this.#context = { ...collaborators, begun: new Set(), untried: new Set(), drafts: new Map() };
  }

  /** Gives up the work under way for turns that were joined or stopped, and looks at the tables again. */
  interrupt(turns: readonly number[]): void {
    for (const turn of turns) {
      this.#working.get(turn)?.abort(new Error("the turn has changed"));
      this.#context.drafts.get(turn)?.draft.giveUp();
      // What follows is a new start: else joins would hide how often a turn has killed the process.
      this.#context.begun.delete(turn);
    }
    this.#changed.abort();
  }

  /**
   * Runs open turns until nothing can be done now. Resolves with nothing under way.
   *
   * @throws whatever the storage throws; the tables stay as they were.
   */
  async run(): Promise<void> {
    const { wait, now, isExhausted } = this.#context;
    this.#recover();
    for (;;) {
      this.#changed = new AbortController();
      const { actions, turns, wakeAtMs = Number.POSITIVE_INFINITY } = this.#plan();
      const changes = this.#broken === undefined ? actions.filter((action) => !isWork(action)) : [];
      for (const action of changes) await this.#change(action);
      if (changes.length > 0) continue;
      if (this.#broken === undefined) {
        for (const action of actions.filter(isWork)) {
          if (isExhausted()) this.#giveUpDrafts();
          else if (this.#underWay < MOST_AT_ONCE) this.#start(action, turns);
          else this.#giveUpDrafts(1);
        }
        this.#report();
        // What is to be sent leaves first.
        if (!actions.some(({ kind }) => kind === "send")) this.#reportSpending();
      }
      if (this.#underWay === 0 && !this.#reporting) {
        if (this.#broken !== undefined) throw this.#broken;
        return;
      }
      await wait(Math.min(Math.max(0, wakeAtMs - now()), LONGEST_WAIT_MS), this.#changed.signal);
    }
  }

  get #underWay(): number {
    return this.#working.size + this.#context.drafts.size;
  }

  /**
   * Somebody waits for a free place, or for the next invocation: nobody waits for what is written on. The oldest go first;
   * 「继续」 lets the model write them anew.
   */
  #giveUpDrafts(count = Number.POSITIVE_INFINITY): void {
    const drafts = [...this.#context.drafts.values()].filter(({ draft }) => !draft.signal.aborted);
    for (const { draft } of drafts.slice(0, count)) draft.giveUp();
  }

  /** An attempt without an orderly end may have ended while a part was on its way. In guilds that is stored with the part. */
  #recover(): void {
    const { storage } = this.#context;
    for (const turn of openTurns(storage)) markBegun(storage, turn);
  }

  /** Tells the Bot what is due, beside the turns: nobody's answer waits for it. */
  #report(): void {
    const { storage, reportFailures, now, isExhausted } = this.#context;
    if (this.#reporting || isExhausted() || (reportAtMs(storage) ?? Number.POSITIVE_INFINITY) > now()) return;
    this.#reporting = true;
    deliverReports(storage, reportFailures, now())
      .catch((error: unknown) => {
        this.#broken ??= error;
      })
      .finally(() => {
        this.#reporting = false;
        this.#changed.abort();
      });
  }

  /** Tells the Bot what was spent here, now and then: it counts for all chats. */
  #reportSpending(): void {
    const { storage, now, daily, reportSpending, isExhausted } = this.#context;
    if (!this.#hasSpent || this.#reporting || isExhausted()) return;
    this.#hasSpent = false;
    if (!isReportDue(storage, reportStep(daily.bot))) return;
    this.#reporting = true;
    reporting(storage, now(), async (batches) => (batches.length > 0 ? reportSpending(batches) : undefined))
      .then((spentUntilMs) => {
        if (spentUntilMs !== undefined) noteSpent(storage, spentUntilMs);
      })
      .catch((error: unknown) => log.warn("spending.not-reported", { error: describe(error) })) // with the next occasion
      .finally(() => {
        this.#reporting = false;
        this.#changed.abort();
      });
  }

  #plan() {
    const { storage, now, begun } = this.#context;
    return planTurns(storage, { nowMs: now(), working: new Set(this.#working.keys()), begun });
  }

  #start(action: Work, turns: readonly Turn[]): void {
    const { storage, now, begun } = this.#context;
    const turn = turns.find(({ id }) => id === action.turn);
    if (!turn) return;
    if (!begun.has(turn.id)) {
      recordAttempt(storage, turn, now());
      begun.add(turn.id);
    }
    const controller = new AbortController();
    this.#working.set(turn.id, controller);
    const work =
      action.kind === "generate"
        ? answer(this.#context, turn, controller.signal)
        : deliver(this.#context, turn, action.part);
    work
      .catch((error: unknown) => {
        // What became of a part is for the next look at the tables to say: it may have arrived.
        if (action.kind === "send") throw error;
        apologise(this.#context, turn.id, "bug", toRefusal(error, "turn.answer"));
      })
      .catch((error: unknown) => {
        this.#broken ??= error;
      })
      .finally(() => {
        this.#working.delete(turn.id);
        this.#hasSpent ||= action.kind === "generate";
        this.#changed.abort();
        this.#watchDraft(turn.id);
      });
  }

  /** The run goes on until an answer that outlives its turn is written. */
  #watchDraft(turn: number): void {
    const { drafts } = this.#context;
    drafts
      .get(turn)
      ?.ended.catch((error: unknown) => {
        this.#broken ??= error;
      })
      .finally(() => {
        drafts.delete(turn);
        this.#changed.abort();
      });
  }

  async #change(action: Exclude<Action, Work>): Promise<void> {
    const { storage } = this.#context;
    const turn = openTurn(storage, action.turn);
    if (!turn) return;
    switch (action.kind) {
      case "finish":
        return finish(this.#context, turn, action.outcome);
      case "apologise":
        if (action.why === "crashed") return giveUpCrashed(this.#context, turn);
        return apologise(this.#context, turn.id, action.why);
      case "replan": {
        const writing = await import("../qq/writing.ts");
        return sayAnew(this.#context, turn.id, { writing });
      }
      case "abandon":
        log.warn("part.abandoned", { ...named(turn), part: action.part });
        return mark(storage, turn.id, action.part, "unheard");
      default:
        action satisfies never;
    }
  }
}

/** Where the bot has no limit: for its owner to know. */
const UNLIMITED_STEP: Allowance = { tokens: 20_000, yuan: 0 };
const STEPS_OF_A_LIMIT = 1_000;

/**
 * What a chat spends before it tells the Bot: a thousandth of what all chats may. So the Bot hears of a whole day's allowance
 * some thousand times, and each chat that talks is off by a thousandth of it at most, and by the two turns that it may answer
 * while it tells.
 */
export function reportStep({ tokens, yuan }: Allowance): Allowance {
  if (!isLimited({ tokens, yuan })) return UNLIMITED_STEP;
  return { tokens: tokens / STEPS_OF_A_LIMIT, yuan: yuan / STEPS_OF_A_LIMIT };
}

/** What the tables say is to be done. Without arguments about work under way: as a new invocation would see it. */
export function planTurns(
  storage: Storage,
  { nowMs, working = new Set(), begun = new Set() }: { nowMs: number; working?: Set<number>; begun?: Set<number> },
): Plan & { turns: readonly Turn[] } {
  const turns = openTurns(storage);
  // Only whoever waits behind another has to know how long turns take.
  const expectedMs = turns.length > 1 ? medianTurnMs(storage) : 0;
  return { ...nextActions(turns, { nowMs, working, begun, medianTurnMs: expectedMs }), turns };
}

function isWork(action: Action): action is Work {
  return action.kind === "generate" || action.kind === "send";
}
