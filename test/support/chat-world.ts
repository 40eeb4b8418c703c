/**
 * One chat in a world without time: the real inbox, outbox and turn runner over SQLite, a QQ as strict as it is
 * documented, a model and a network that do what the test says, and a process that can die between any two steps.
 */

import type { StepLimits, StepText } from "../../src/agent/agent.ts";
import type { Standing } from "../../src/bot/access.ts";
import type { Failure } from "../../src/bot/failures.ts";
import type { Desk } from "../../src/commands/command.ts";
import type { AccessMode, DailyAllowances } from "../../src/config.ts";
import type { Terms } from "../../src/conversation/choices.ts";
import { takeRuling } from "../../src/conversation/gate.ts";
import { accept, type Receipt } from "../../src/conversation/inbox.ts";
import type { AskForLease } from "../../src/conversation/lease.ts";
import { reportAtMs } from "../../src/conversation/report.ts";
import { resume } from "../../src/conversation/resuming.ts";
import { migrate } from "../../src/conversation/schema.ts";
import { rows } from "../../src/conversation/storage.ts";
import { planTurns, TurnRunner } from "../../src/conversation/turn.ts";
import type { Collaborators, Question } from "../../src/conversation/turn-context.ts";
import { nextDue } from "../../src/conversation/turn-machine.ts";
import { openTurns } from "../../src/conversation/turns.ts";
import { type Capability, QQApiError, type Refusal, UpstreamError } from "../../src/errors.ts";
import type {
  AuditResult,
  BotEvent,
  Chat,
  IncomingMessage,
  Interaction,
  Recall,
  Relation,
  Scene,
  Sender,
} from "../../src/event.ts";
import type { Price } from "../../src/prices.ts";
import { findErrorRow } from "../../src/qq/error-codes.ts";
import { PART_LENGTH } from "../../src/qq/reply-budget.ts";
import type { Reply } from "../../src/reply.ts";
import { type Allowance, type Batch, NOTHING_SPENT } from "../../src/spending.ts";
import { SqliteStorage } from "./sqlite-storage.ts";

// Loaded on demand in the Worker; here it must be there before the world, which knows no time, lets anything settle.
const writing = await import("../../src/qq/writing.ts");

export type SendOutcome =
  | { kind: "accept" }
  /** QQ has it, and the answer is lost on the way. */
  | { kind: "acceptUnheard" }
  | { kind: "unreached" }
  | { kind: "refuse"; code: number };

export type ModelOutcome =
  /** The answer so far: the call goes on. Without `text`, the answer of `answer` up to so many paragraphs and a bit. */
  | { kind: "ask"; model: string }
  | { kind: "write"; text?: string; paragraphs?: number }
  | ({ kind: "answer"; paragraphs?: number } & Partial<StepText>)
  | { kind: "fail"; refusal: Refusal };

interface Pending {
  kind: "generate" | "send";
  /** What it is about, for tests that choose. */
  about: string;
  settle(outcome: ModelOutcome | SendOutcome): void;
}

export interface Arrived {
  msgId: string;
  msgSeq: number;
  form: Reply["kind"];
  text: string;
}

const NOTHING = { today: NOTHING_SPENT, month: NOTHING_SPENT };

const RULES: Record<Scene, { windowMs: number; replies: number; numbered: boolean }> = {
  c2c: { windowMs: 60 * 60_000, replies: 4, numbered: true },
  group: { windowMs: 5 * 60_000, replies: 5, numbered: true },
  guildChannel: { windowMs: 5 * 60_000, replies: Number.POSITIVE_INFINITY, numbered: false },
  guildDm: { windowMs: 5 * 60_000, replies: Number.POSITIVE_INFINITY, numbered: false },
};

export class ChatWorld {
  readonly chat: Chat;
  readonly storage = new SqliteStorage();
  readonly arrived: Arrived[] = [];
  /** The `msg_id` of each typing notice. */
  readonly typings: string[] = [];
  /** What the chat told its Bot that QQ does not allow. */
  readonly forbidden: Capability[] = [];
  /** QQ's answer to a typing notice; undefined: it is shown. */
  typing: () => Promise<Refusal | undefined> = async () => undefined;
  /** What QQ refuses as long as it is here. */
  refuses: (reply: Reply) => number | undefined = () => undefined;
  readonly failures: Failure[] = [];
  /** What the Bot was told of answers that were still being tried. */
  readonly outages: Failure[] = [];
  readonly accepted: IncomingMessage[] = [];
  /** Events that may be answered once, by their outer id. */
  readonly occasions: (Interaction | Relation)[] = [];
  /** Rules of QQ that the bot broke. */
  readonly broken: string[] = [];
  /** The ids of the reviews that QQ has begun. What it holds back counts as arrived. */
  readonly audits: string[] = [];
  nowMs = 1_790_000_000_000;
  alarmAtMs: number | undefined;
  modelCalls = 0;
  model = "test/model";
  /** Else a call waits, and its model never hears of it. */
  hasPlaces = true;
  /** Answers that the process heard, and the tokens of their prompts. */
  answers = 0;
  paidTokens = 0;
  /** Whether a call is answered in CommonMark that is more than words. */
  isMarked: (call: number) => boolean = () => false;
  /** The platform's allowance for the invocation that runs is used up. */
  isExhausted = false;
  /** What the Bot answers. */
  lease: AskForLease = async () => ({ ok: true, lease: { token: "t", expiresAtMs: this.nowMs + 7_200_000 } });
  /** What the model was asked, call by call, and when. */
  readonly questions: (Question & { limits: StepLimits; atMs: number })[] = [];
  access: AccessMode = "open";
  /** What people may choose. */
  terms: Terms = { models: ["test/one", "test/two"], locked: [], messagesPerMinute: 0 };
  daily: Record<keyof DailyAllowances, Allowance> = {
    person: { tokens: 0, yuan: 0 },
    group: { tokens: 0, yuan: 0 },
    bot: { tokens: 0, yuan: 0 },
  };
  prices: Record<string, Price> = {};
  spareModel: string | undefined;
  /** What the Bot was told of spending, outside of leases, and what it says to it. */
  readonly batches: Batch[] = [];
  spentUntilMs: number | undefined;
  /** How the Bot takes what was spent. */
  hear = async (batches: readonly Batch[]): Promise<void> => {
    this.batches.push(...batches);
  };
  /** The bot as a whole: nobody is known there. */
  desk: Desk = {
    claim: async () => "wrong",
    choose: async () => undefined,
    ownCode: async () => ({ code: "AAAAAA", hasOwner: true }),
    whoWaits: async () => undefined,
    usage: async () => ({ person: NOTHING, all: NOTHING }),
    decide: async () => ({ kind: "notOwner" }),
  };
  /** How the Bot takes failures. */
  report = async (failures: readonly Failure[]): Promise<void> => {
    for (const failure of failures) (failure.isOngoing ? this.outages : this.failures).push(failure);
  };
  pending: Pending[] = [];
  #life = 0;
  #runner: TurnRunner | undefined;
  #alarmRuns = false;
  #timers: { atMs: number; fire: () => void }[] = [];
  #tried = new Map<string, Map<number, string>>();
  #count = 0;

  constructor(scene: Chat["scene"] = "c2c") {
    this.chat = { scene, id: "chat" };
    migrate(this.storage);
  }

  message(text: string, sender: Partial<Sender> = {}, sentAtMs = this.nowMs): IncomingMessage {
    this.#count += 1;
    const id = `m${this.#count}`;
    return {
      kind: "message",
      appId: "1",
      chat: this.chat,
      id,
      eventId: `e-${id}`,
      sender: { id: this.chat.scene === "c2c" ? this.chat.id : "ann", ...sender },
      text,
      sentAtMs,
      receivedAtMs: this.nowMs,
    };
  }

  /** A pressed button, unless `more` says otherwise. */
  interaction(data: string, more: Partial<Interaction> = {}): Interaction {
    const event = { kind: "interaction", action: "button", data, needsAcknowledgement: true } as const;
    return { ...event, id: `i${this.#count + 1}`, sender: this.#somebody(), ...this.#heard(), ...more };
  }

  relation(change: Relation["change"]): Relation {
    return { kind: "relation", change, sender: this.#somebody(), ...this.#heard() };
  }

  recall({ id: messageId }: Pick<IncomingMessage, "id">): Recall {
    return { kind: "recall", messageId, ...this.#heard() };
  }

  audit(auditId: string, passed: boolean): AuditResult {
    return { kind: "audit", auditId, passed, ...this.#heard() };
  }

  #somebody(): Sender {
    return { id: this.chat.scene === "c2c" ? this.chat.id : "ann" };
  }

  #heard() {
    this.#count += 1;
    return { appId: "1", chat: this.chat, eventId: `event${this.#count}`, receivedAtMs: this.nowMs };
  }

  /** What `Conversation.receive` does. */
  async receive(event: BotEvent): Promise<Receipt> {
    const receipt = this.storage.transactionSync(() => {
      const result = accept(this.storage, event, { nowMs: this.nowMs, newReference, terms: this.terms });
      if (result.kind === "accepted") this.alarmAtMs = this.nowMs;
      return result;
    });
    if (receipt.kind === "accepted") {
      if (event.kind === "message") this.accepted.push(event);
      if (event.kind === "interaction" || event.kind === "relation") this.occasions.push(event);
      this.#runner?.interrupt(receipt.interrupted);
    }
    await this.settleDown();
    return receipt;
  }

  /** What `Conversation.setStanding` does. */
  async rule(standing: Standing): Promise<void> {
    const ended = this.storage.transactionSync(() => takeRuling(this.storage, standing, this.nowMs));
    this.#runner?.interrupt(ended);
    await this.settleDown();
  }

  /** What `Conversation.resume` does. Returns how many answers are sent after all. */
  async mend(): Promise<number> {
    const resumed = this.storage.transactionSync(() =>
      resume(this.storage, writing, { maxLength: PART_LENGTH, nowMs: this.nowMs }),
    );
    if (resumed > 0) this.alarmAtMs = this.nowMs;
    await this.settleDown();
    return resumed;
  }

  async say(text: string, sender: Partial<Sender> = {}): Promise<IncomingMessage> {
    const message = this.message(text, sender);
    await this.receive(message);
    return message;
  }

  /** The process dies and starts again; everything that it held in memory is gone. */
  async crash(): Promise<void> {
    this.#life += 1;
    this.pending = [];
    this.#timers = [];
    // The platform runs the alarm again that was running.
    if (this.#alarmRuns) this.alarmAtMs = Math.min(this.alarmAtMs ?? this.nowMs, this.nowMs);
    this.#alarmRuns = false;
    this.#runner = undefined;
    await this.settleDown();
  }

  /** QQ gets a message; the process dies before it hears of that, and is down for a while. */
  async arriveAndCrash(index: number, downMs = 0): Promise<void> {
    this.#life += 1;
    this.pending[index]?.settle({ kind: "accept" });
    this.nowMs += downMs;
    await this.crash();
  }

  /** Lets one piece of the outside world answer. */
  async settle(index: number, outcome: ModelOutcome | SendOutcome): Promise<void> {
    const one = this.pending[index];
    if (outcome.kind !== "write" && outcome.kind !== "ask") this.pending.splice(index, 1);
    one?.settle(outcome);
    await this.settleDown();
  }

  /** Lets the first model call under way answer. */
  async settleModel(outcome: ModelOutcome = { kind: "answer" }): Promise<void> {
    await this.#settleFirst("generate", outcome);
  }

  /** Lets QQ answer the first message that is on its way. */
  async settleSend(outcome: SendOutcome = { kind: "accept" }): Promise<void> {
    await this.#settleFirst("send", outcome);
  }

  async #settleFirst(kind: Pending["kind"], outcome: ModelOutcome | SendOutcome): Promise<void> {
    const index = this.pending.findIndex((one) => one.kind === kind);
    if (index < 0) throw new Error(`nothing waits for an answer to "${kind}"`);
    await this.settle(index, outcome);
  }

  /** The messages that each model call under way is about, such as `m1 m2`. */
  thinkingAbout(): string[] {
    return this.pending.filter(({ kind }) => kind === "generate").map(({ about }) => about);
  }

  /** The `msg_id` of each message on its way to QQ. */
  sending(): string[] {
    return this.pending.filter(({ kind }) => kind === "send").map(({ about }) => about);
  }

  async advance(ms: number): Promise<void> {
    this.nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.nowMs);
    for (const { fire } of due) fire();
    await this.settleDown();
  }

  /** Good weather from here on, until nothing is left to do. */
  async drain({ steps = 2_000 } = {}): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      const next = this.pending[0];
      if (next) {
        await this.settle(0, next.kind === "send" ? { kind: "accept" } : { kind: "answer" });
        continue;
      }
      if (this.openTurns() === 0 && !this.#alarmRuns && reportAtMs(this.storage) === undefined) return;
      const times = [this.alarmAtMs, ...this.#timers.map(({ atMs }) => atMs)].filter((time) => time !== undefined);
      if (times.length === 0) throw new Error("turns are open and nothing will ever wake up");
      await this.advance(Math.max(0, Math.min(...times) - this.nowMs));
    }
    throw new Error("does not come to rest");
  }

  openTurns(): number {
    return openTurns(this.storage).length;
  }

  outcomes(): { id: number; outcome: string | null; messages: string[] }[] {
    return rows<{ id: number; outcome: string | null; messages: string }>(
      this.storage,
      "SELECT id, outcome, messages FROM turn ORDER BY id",
    ).map(({ messages, ...turn }) => ({
      ...turn,
      messages: (JSON.parse(messages) as IncomingMessage[]).map(({ id }) => id),
    }));
  }

  texts(): string[] {
    return this.arrived.map(({ text }) => text);
  }

  /** Lets everything run that does not wait for the outside world, and fires a due alarm. */
  async settleDown(): Promise<void> {
    for (let round = 0; round < 50; round += 1) {
      await new Promise(setImmediate);
      if (this.#alarmRuns || this.alarmAtMs === undefined || this.alarmAtMs > this.nowMs) return;
      this.alarmAtMs = undefined;
      this.#alarmRuns = true;
      void this.#alarm(this.#life);
    }
    throw new Error("the alarm fires again and again");
  }

  /** What `Conversation.alarm` does. */
  async #alarm(life: number): Promise<void> {
    this.isExhausted = false;
    const runner = new TurnRunner(this.collaborators(life));
    this.#runner = runner;
    await runner.run();
    if (life !== this.#life) return;
    this.#runner = undefined;
    this.#alarmRuns = false;
    const plan = planTurns(this.storage, { nowMs: this.nowMs });
    const due = nextDue({ plan, reportAtMs: reportAtMs(this.storage) }, this.nowMs);
    this.alarmAtMs = due;
    await this.settleDown();
  }

  /** What a turn reaches outside, as long as the process lives. */
  collaborators(life = this.#life): Collaborators {
    return {
      storage: this.storage,
      now: () => this.nowMs,
      newReference,
      wait: (ms, signal) =>
        this.#mortal(life, (resolve) => {
          signal.addEventListener("abort", () => resolve());
          this.#timers.push({ atMs: this.nowMs + ms, fire: () => resolve() });
        }),
      generate: (question, { limits, signal, onAsk, onText }) =>
        this.#mortal<StepText>(life, (resolve, reject) => {
          const { messages } = question;
          this.questions.push({ ...question, limits, atMs: this.nowMs });
          this.modelCalls += 1;
          const call = this.modelCalls;
          if (this.hasPlaces) onAsk(this.model);
          const ids = messages.map(({ id }) => id);
          let written = 0;
          const answer = (paragraphs: number) => {
            written = Math.max(written, paragraphs);
            const body = Array.from({ length: written }, (_, index) => `\n\n${call}-${index}${"字".repeat(1_500)}`);
            const name = this.isMarked(call) ? `**answer ${call}**` : `answer ${call}`;
            return `${ids.map((id) => `<${id}>`).join("")} ${name}${body.join("")}`;
          };
          const one: Pending = {
            kind: "generate",
            about: ids.join(" "),
            settle: (outcome) => {
              if (outcome.kind === "ask") return onAsk(outcome.model);
              if (outcome.kind === "write") return onText(outcome.text ?? `${answer(outcome.paragraphs ?? 0)}\n\nand`);
              if (outcome.kind === "fail") return reject(new UpstreamError(outcome.refusal));
              const { kind: _, paragraphs = 0, ...step } = outcome as Extract<ModelOutcome, { kind: "answer" }>; // of a model
              this.answers += 1;
              this.paidTokens += step.inputTokens ?? 0;
              resolve({ text: answer(paragraphs), ...step });
            },
          };
          this.pending.push(one);
          signal.addEventListener("abort", () => {
            this.pending = this.pending.filter((other) => other !== one);
            reject(signal.reason);
          });
        }),
      send: (_chat, { kind: form, text }, { msgId, msgSeq, isEvent = false }) =>
        this.#mortal(life, (resolve, reject) => {
          const sentMs = this.nowMs;
          this.pending.push({
            kind: "send",
            about: msgId,
            settle: (outcome) => {
              const slot = { msgId, msgSeq, isEvent };
              const refusal = this.#qq({ slot, form, text }, outcome as SendOutcome, sentMs);
              if (refusal) reject(new QQApiError(refusal));
              else resolve("sent");
            },
          });
        }),
      sendTyping: async (_chat, { msgId, msgSeq }) => {
        this.typings.push(msgId);
        if (this.chat.scene !== "c2c") this.broken.push("typed where nobody can see it");
        // A notice costs a reply even where the answer to it is lost.
        this.#triesOf(msgId).set(msgSeq, "typing");
        const refusal = await this.typing();
        if (refusal?.costsNoReply) this.#triesOf(msgId).delete(msgSeq);
        if (refusal) throw new QQApiError(refusal);
      },
      reportForbidden: (capability) => this.forbidden.push(capability),
      askForLease: (options) => this.lease(options),
      access: this.access,
      terms: this.terms,
      spareModel: this.spareModel,
      prices: this.prices,
      daily: this.daily,
      reportSpending: async (batches) => {
        await this.hear(batches);
        return this.spentUntilMs;
      },
      desk: this.desk,
      reportFailures: (failures) => this.report(failures),
      isExhausted: () => this.isExhausted,
      crashPoint: async () => {},
    };
  }

  /** A promise that is never heard of again once the process has died. */
  #mortal<T>(life: number, begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      begin(
        (value) => life === this.#life && resolve(value),
        (error) => life === this.#life && reject(error),
      );
    });
  }

  #qq(
    {
      slot,
      form,
      text,
    }: { slot: { msgId: string; msgSeq: number; isEvent: boolean }; form: Arrived["form"]; text: string },
    outcome: SendOutcome,
    sentMs: number,
  ): Refusal | undefined {
    const { msgId, msgSeq, isEvent } = slot;
    if (outcome.kind === "unreached") return unreached;
    const tried = this.#triesOf(msgId);
    const { numbered, ...rules } = RULES[this.chat.scene];
    const { windowMs, replies } = isEvent ? EVENT_RULES : rules;
    // The gateway turns away before QQ looks at the message; what QQ has already is a duplicate before all else.
    const heard = numbered && tried.has(msgSeq);
    const held = outcome.kind === "refuse" && AUDIT_CODES.includes(outcome.code);
    if (outcome.kind === "refuse" && !held && (!heard || GATEWAY_CODES.includes(outcome.code)))
      return refusalOf(outcome.code);
    const heardAtMs = this.#heardAtMs(msgId, isEvent);
    if (heardAtMs === undefined) {
      this.broken.push(`answered ${msgId}, which was never asked`);
      return refusalOf(40034024);
    }
    if (heard) {
      if (tried.get(msgSeq) !== text) this.broken.push(`${msgId} ${msgSeq} was used for two texts`);
      return outcome.kind === "acceptUnheard" ? unreached : refusalOf(40054005);
    }
    if (sentMs > heardAtMs + windowMs) this.broken.push(`${msgId} was answered too late`);
    if (tried.size >= replies) {
      this.broken.push(`${msgId} was answered too often`);
      return refusalOf(40034128);
    }
    const code = this.refuses({ kind: form, text });
    if (code !== undefined) return refusalOf(code);
    tried.set(msgSeq, text);
    this.arrived.push({ msgId, msgSeq, form, text });
    if (held) {
      this.audits.push(`audit of ${msgId} ${msgSeq}`);
      return { ...refusalOf(outcome.code, 202), auditId: this.audits.at(-1) };
    }
    return outcome.kind === "acceptUnheard" ? unreached : undefined;
  }

  /** When that was said or done which is answered; undefined where it never was. */
  #heardAtMs(id: string, isEvent: boolean): number | undefined {
    if (isEvent) return this.occasions.find(({ eventId }) => eventId === id)?.receivedAtMs;
    const question = this.accepted.find((message) => message.id === id);
    return question && Math.min(question.sentAtMs, question.receivedAtMs);
  }

  /** The numbers that a message was answered under, and with what. */
  #triesOf(msgId: string): Map<number, string> {
    const tried = this.#tried.get(msgId) ?? new Map<number, string>();
    this.#tried.set(msgId, tried);
    return tried;
  }
}

function newReference(): string {
  return `ref${Math.random()}`;
}

const GATEWAY_CODES = [11298, 11244];
const AUDIT_CODES = [304023, 304024];
const EVENT_RULES = { windowMs: 5 * 60_000, replies: 1 };

const unreached: Refusal = {
  outcomeUnknown: true,
  operation: "qq.send",
  summary: "not reached",
  advice: "-",
  remedy: "backOff",
  otherwise: "tellUser",
};

export function refusalOf(code: number, status = 400): Refusal {
  const { meaning, codes: _codes, ranges: _ranges, ...row } = findErrorRow({ endpoint: "api", status, errCode: code });
  return { operation: "qq.send", summary: meaning, ...row, code };
}

export const modelFailures = {
  busy: { operation: "model.generate", summary: "429", advice: "-", remedy: "backOff" },
  down: { operation: "model.generate", summary: "500", advice: "-", remedy: "retryOnce" },
  late: { operation: "model.generate", summary: "late", advice: "-", remedy: "tellUser", otherwise: "tellUser" },
  key: { operation: "model.generate", summary: "401", advice: "-", remedy: "tellOperator" },
} satisfies Record<string, Refusal>;
