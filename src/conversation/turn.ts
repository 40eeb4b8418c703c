/**
 * Carries out what the turn machine says, until nothing is left to do now. Every result is stored before the next step
 * begins; a result that comes too late (the turn was joined, stopped or ended meanwhile) is dropped.
 */
import type { StepLimits, StepText } from "../agent/agent.ts";
import type { Utterance } from "../agent/prompt.ts";
import type { Failure } from "../bot/failures.ts";
import { parseCommand } from "../commands/index.ts";
import { type Refusal, toRefusal } from "../errors.ts";
import type { Chat, IncomingMessage } from "../event.ts";
import { log } from "../log.ts";
import type { ReplySlot } from "../qq/encode.ts";
import { replyWindow } from "../qq/reply-budget.ts";
import { defuseLinks } from "../qq/text.ts";
import { crashPoint } from "./crash-point.ts";
import { estimateTokens, readHistory, type StepResult } from "./history.ts";
import { type AskForLease, currentLease, refuseLease } from "./lease.ts";
import { book, keep, mark, takeBack, takeKept, takeUntold } from "./outbox.ts";
import { deliverReports, recordFailure } from "./report.ts";
import { apology, UNDELIVERED } from "./sentences.ts";
import type { Storage } from "./storage.ts";
import {
  type Action,
  afterModelFailure,
  afterRefusedSend,
  type Fault,
  nextActions,
  type Outcome,
  outcomeOf,
  type Part,
  retriesAt,
  type Turn,
} from "./turn-machine.ts";
import {
  endTurn,
  medianTurnMs,
  openTurn,
  openTurns,
  recordAttempt,
  recordFault,
  recordRetry,
  recordStep,
} from "./turns.ts";

export interface Question {
  history: readonly Utterance[];
  messages: readonly IncomingMessage[];
}

/** Everything that a turn reaches outside its own storage. */
export interface Collaborators {
  storage: Storage;
  now(): number;
  /** A short random reference that a person can quote. */
  newReference(): string;
  /** Resolves after `ms`, or when `signal` says so. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  generate(question: Question, options: { limits: StepLimits; signal: AbortSignal }): Promise<StepText>;
  send(chat: Chat, text: string, slot: ReplySlot, token: string): Promise<string | undefined>;
  askForLease: AskForLease;
  reportFailures(failures: readonly Failure[]): Promise<void>;
  /** The platform's allowance for this invocation is nearly used up: begin nothing new. */
  isExhausted(): boolean;
}

/** Kept for sending the answer, or the sentence about why not, before the window ends. */
const SEND_RESERVE_MS = 10_000;
/** A model gets at least this long in a private chat, where the window is an hour. */
const LEAST_MODEL_MS = 2 * 60_000;
/** A part this short is not halved any more. */
const LEAST_PART_LENGTH = 200;

export class TurnRunner {
  readonly #with: Collaborators;
  readonly #working = new Map<number, AbortController>();
  readonly #begun = new Set<number>();
  /** Parts that were booked here and not tried yet: only for them a duplicate is known to be a collision. */
  readonly #untried = new Set<string>();
  #changed = new AbortController();
  /** The storage itself failed under some work. */
  #broken: unknown;

  constructor(collaborators: Collaborators) {
    this.#with = collaborators;
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
    const { storage, now } = this.#with;
    for (;;) {
      await this.#runTurns();
      await deliverReports(storage, this.#with.reportFailures, now());
      const { actions } = this.#plan();
      if (actions.length === 0 || this.#with.isExhausted()) return;
    }
  }

  #plan() {
    const { storage, now } = this.#with;
    return nextActions(openTurns(storage), {
      nowMs: now(),
      working: new Set(this.#working.keys()),
      begun: this.#begun,
      medianTurnMs: medianTurnMs(storage),
    });
  }

  async #runTurns(): Promise<void> {
    for (;;) {
      this.#changed = new AbortController();
      const { actions, wakeAtMs } = this.#plan();
      let settled = true;
      for (const action of actions) {
        if (action.kind !== "generate" && action.kind !== "send") this.#settle(action);
        else if (!this.#with.isExhausted()) {
          this.#start(action);
          settled = false;
        }
      }
      if (actions.length > 0 && settled && !this.#with.isExhausted()) continue;
      if (this.#broken !== undefined) throw this.#broken;
      if (this.#working.size === 0) return;
      await this.#with.wait(
        wakeAtMs === undefined ? 60_000 : Math.max(0, wakeAtMs - this.#with.now()),
        this.#changed.signal,
      );
    }
  }

  /** Work that takes time. It ends by itself and then lets the tables be looked at again. */
  #start(action: Extract<Action, { kind: "generate" | "send" }>): void {
    const turn = openTurn(this.#with.storage, action.turn);
    if (!turn) return;
    const controller = new AbortController();
    this.#working.set(turn.id, controller);
    if (!this.#begun.has(turn.id)) {
      recordAttempt(this.#with.storage, turn, this.#with.now());
      this.#begun.add(turn.id);
    }
    const work = action.kind === "generate" ? this.#generate(turn, controller.signal) : this.#send(turn, action.part);
    work
      .catch((error: unknown) => this.#fail(turn.id, "bug", toRefusal(error, `turn.${action.kind}`)))
      .catch((error: unknown) => {
        this.#broken ??= error;
      })
      .finally(() => {
        this.#working.delete(turn.id);
        this.#changed.abort();
      });
  }

  /** Changes of the tables alone. */
  #settle(action: Exclude<Action, { kind: "generate" | "send" }>): void {
    const turn = openTurn(this.#with.storage, action.turn);
    if (!turn) return;
    switch (action.kind) {
      case "finish":
        return this.#finish(turn, action.outcome);
      case "apologise":
        return this.#apologise(turn, action.why);
      case "replan":
        return this.#transaction(() => this.#rebook(turn, takeBack(this.#with.storage, turn.id)));
      default:
        action satisfies never;
    }
  }

  async #generate(turn: Turn, signal: AbortSignal): Promise<void> {
    const { storage, now } = this.#with;
    if (turn.kind === "command") {
      const done = this.#transaction(() => this.#runCommand(turn));
      if (done) return;
    }
    const history = readHistory(storage, turn.id);
    let step: StepResult;
    try {
      const { text, inputTokens } = await this.#with.generate(
        { history, messages: turn.messages },
        { limits: modelLimits(turn, now()), signal },
      );
      const said = [
        ...history.map((heard) => (heard.role === "user" ? heard.message.text : heard.text)),
        ...turn.messages.map((m) => m.text),
      ];
      step = { text, inputTokens, estimatedTokens: said.reduce((sum, words) => sum + estimateTokens(words), 0) };
    } catch (error) {
      if (!signal.aborted) this.#modelFailed(turn, toRefusal(error, "turn.generate"));
      return;
    }
    this.#transaction(() => {
      if (!this.#unchanged(turn)) return;
      recordStep(storage, turn, step);
      const untold = takeUntold(storage, turn.sender, turn.id);
      this.#bookOrFail(turn, untold ? UNDELIVERED + step.text : step.text);
    });
  }

  /** True where the command has answered. */
  #runCommand(turn: Turn): boolean {
    if (!this.#unchanged(turn)) return true;
    const text = parseCommand(turn.messages[0]?.text ?? "")?.run({
      stop: () => 0,
      takeKept: () => takeKept(this.#with.storage, turn.sender),
    });
    if (text === undefined) return false;
    this.#bookOrFail(turn, text);
    return true;
  }

  #modelFailed(turn: Turn, refusal: Refusal): void {
    const { now } = this.#with;
    log.warn("model.failed", { turn: turn.id, summary: refusal.summary, retries: retriesAt(turn) });
    const delayMs = afterModelFailure(refusal, retriesAt(turn));
    const inTime = delayMs !== undefined && now() + delayMs + SEND_RESERVE_MS < answerByMs(turn, now());
    if (inTime) this.#retry(turn, delayMs);
    else this.#fail(turn.id, modelFault(refusal), refusal);
  }

  async #send(turn: Turn, n: number): Promise<void> {
    const { storage, now } = this.#with;
    const part = turn.parts.find((candidate) => candidate.n === n);
    const message = turn.messages.find(({ id }) => id === part?.msgId);
    if (!part || !message) return;
    let token: string | undefined;
    let firstTry = false;
    try {
      token = (await currentLease(storage, this.#with.askForLease, now)).token;
      await crashPoint("before-send");
      firstTry = this.#untried.delete(`${turn.id}/${n}`);
      await this.#with.send(message.chat, part.text, { msgId: part.msgId, msgSeq: part.msgSeq }, token);
    } catch (error) {
      const refusal = toRefusal(error, "turn.send");
      // Without a token nothing was sent.
      this.#refused(turn, part, token === undefined ? { ...refusal, costsNoReply: true } : refusal, {
        token,
        firstTry,
      });
      return;
    }
    await crashPoint("after-send");
    this.#delivered(turn, part);
    if (turn.parts.some(({ n: other, state }) => other > n && state === "pending")) await crashPoint("between-parts");
  }

  #delivered(turn: Turn, part: Part): void {
    this.#transaction(() => {
      mark(this.#with.storage, turn.id, part.n, "sent");
      const current = openTurn(this.#with.storage, turn.id);
      // One look at the tables less on the way of every answer: the last part ends its turn.
      if (current && !current.parts.some(({ state }) => state === "pending")) this.#finish(current, outcomeOf(current));
    });
  }

  #refused(
    turn: Turn,
    part: Part,
    refusal: Refusal,
    { token, firstTry }: { token: string | undefined; firstTry: boolean },
  ): void {
    const { storage } = this.#with;
    const verdict = afterRefusedSend(refusal, {
      retries: retriesAt(turn),
      firstTry,
      hasLinks: defuseLinks(part.text) !== part.text,
      divisible: part.text.length > LEAST_PART_LENGTH,
    });
    log.warn("send.refused", {
      turn: turn.id,
      part: part.n,
      summary: refusal.summary,
      code: refusal.code,
      traceId: refusal.traceId,
      next: verdict.kind,
    });
    this.#transaction(() => {
      switch (verdict.kind) {
        case "delivered":
          return this.#delivered(turn, part);
        case "again":
          if (verdict.newToken && token !== undefined) refuseLease(storage, token);
          return this.#retry(turn, verdict.delayMs);
        case "resequence":
        case "defuse":
        case "split": {
          mark(storage, turn.id, part.n, "refused");
          const later = takeBack(storage, turn.id);
          if (verdict.kind === "resequence") return this.#rebook(turn, part.text + later);
          if (verdict.kind === "defuse") return this.#rebook(turn, defuseLinks(part.text + later));
          return this.#rebook(turn, part.text + later, Math.ceil(part.text.length / 2));
        }
        case "giveUp":
          return this.#giveUp(turn, part, refusal);
        default:
          verdict satisfies never;
      }
    });
  }

  /** QQ does not take this part. Its text is kept; where only the words were wrong, the person is told so. */
  #giveUp(turn: Turn, part: Part, refusal: Refusal): void {
    const { storage } = this.#with;
    mark(storage, turn.id, part.n, refusal.closesMessage ? "closed" : refusal.costsNoReply ? "uncounted" : "refused");
    const text = part.text + takeBack(storage, turn.id);
    const current = openTurn(storage, turn.id);
    if (!current) return; // stopped meanwhile
    if (refusal.closesMessage && turn.messages.length > 1) return this.#rebook(current, text);
    if (refusal.blocksText && !current.fault) return this.#fail(turn.id, "blocked", refusal);
    keep(storage, turn.id, text, { told: false });
    this.#finish(current, "failed", refusal);
  }

  /** The sentence instead of an answer becomes the next part; where nothing can be sent, the failure is recorded alone. */
  #fail(id: number, kind: Fault["kind"], refusal: Refusal): void {
    const { storage, newReference } = this.#with;
    this.#transaction(() => {
      const turn = openTurn(storage, id);
      if (!turn) return;
      takeBack(storage, id);
      if (turn.fault) return this.#finish(turn, "failed", refusal); // not even the sentence goes through
      const fault: Fault = { kind, reference: newReference(), refusal };
      recordFault(storage, id, fault);
      this.#bookOrFail({ ...turn, fault }, apology(fault));
    });
  }

  #apologise(turn: Turn, why: "late" | "crashed"): void {
    const { storage, newReference } = this.#with;
    const fault: Fault = { kind: why, reference: newReference() };
    this.#transaction(() => {
      recordFault(storage, turn.id, fault);
      this.#bookOrFail({ ...turn, fault }, apology(fault));
    });
  }

  #rebook(turn: Turn, text: string, maxLength?: number): void {
    const current = openTurn(this.#with.storage, turn.id);
    if (current) this.#bookOrFail(current, text, maxLength);
  }

  #bookOrFail(turn: Turn, text: string, maxLength?: number): void {
    const { storage, now } = this.#with;
    const first = turn.parts.length;
    const booked = book(storage, turn, text, { nowMs: now(), ...(maxLength !== undefined && { maxLength }) });
    for (let index = 0; index < booked; index += 1) this.#untried.add(`${turn.id}/${first + index}`);
    if (booked === 0) this.#finish(turn, "failed");
  }

  #retry(turn: Turn, delayMs: number): void {
    const current = openTurn(this.#with.storage, turn.id);
    if (!current) return;
    recordRetry(this.#with.storage, current, this.#with.now() + delayMs);
    this.#begun.delete(turn.id);
  }

  #finish(turn: Turn, outcome: Outcome, refusal?: Refusal): void {
    const { storage, now, newReference } = this.#with;
    const cause = refusal ?? turn.fault?.refusal;
    this.#transaction(() => {
      endTurn(storage, turn.id, outcome, now());
      if (outcome !== "failed" && outcome !== "apologised") return;
      const message = turn.messages.at(-1);
      recordFailure(storage, turn.id, {
        reference: turn.fault?.reference ?? newReference(),
        atMs: now(),
        chat: message ? `${message.chat.scene}:${message.chat.id}` : "",
        turn: turn.id,
        operation: cause?.operation ?? "turn",
        summary:
          cause?.summary ??
          (turn.fault?.kind === "crashed" ? "the process ended twice at the same step" : "the reply window had ended"),
        advice: cause?.advice ?? "无需处理。Nothing to do.",
        traceId: cause?.traceId,
        told: outcome === "apologised",
      });
    });
    const write = outcome === "failed" ? log.error : log.info;
    write("turn.ended", {
      turn: turn.id,
      outcome,
      messages: turn.messages.map(({ id }) => id),
      ms: now() - Math.min(...turn.messages.map(({ receivedAtMs }) => receivedAtMs)),
      reference: turn.fault?.reference,
    });
  }

  /** A turn that was joined, stopped or ended while work was under way has no use for its result. */
  #unchanged(turn: Turn): boolean {
    const current = openTurn(this.#with.storage, turn.id);
    return (
      current !== undefined &&
      current.messages.length === turn.messages.length &&
      current.parts.length === turn.parts.length
    );
  }

  #transaction<T>(body: () => T): T {
    return this.#with.storage.transactionSync(body);
  }
}

/** When the model has to be done, so that the person sees something in time. */
function answerByMs(turn: Turn, nowMs: number): number {
  const windows = turn.messages.map(replyWindow);
  const closesAtMs = Math.max(...windows.map((window) => window.closesAtMs));
  const firstPartByMs = Math.max(...windows.map((window) => window.firstPartByMs));
  return Math.min(closesAtMs, Math.max(firstPartByMs, nowMs + LEAST_MODEL_MS));
}

function modelLimits(turn: Turn, nowMs: number): StepLimits {
  const totalMs = Math.max(1_000, answerByMs(turn, nowMs) - SEND_RESERVE_MS - nowMs);
  return { totalMs, firstTokenMs: Math.min(60_000, totalMs), silenceMs: Math.min(30_000, totalMs) };
}

function modelFault(refusal: Refusal): Fault["kind"] {
  if (!refusal.operation.startsWith("model.")) return "bug";
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
