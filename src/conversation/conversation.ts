/**
 * Durable Object `Conversation`, one per chat: the thin shell that gives storage, clock, model and QQ to the parts of this
 * room. `receive()` stores and sets the alarm; `alarm()` does the work and sets the next one. Nothing else sets alarms.
 */
import { DurableObject } from "cloudflare:workers";
import { type BotConfig, findBot, readConfig } from "../config.ts";
import { direct } from "../egress/transport.ts";
import type { BotEvent, IncomingMessage } from "../event.ts";
import { describe, log } from "../log.ts";
import { sendReply } from "../qq/client.ts";
import { crashPoint } from "./crash-point.ts";
import { accept, type Receipt } from "./inbox.ts";
import { reportAtMs } from "./report.ts";
import { migrate } from "./schema.ts";
import { planTurns, TurnRunner } from "./turn.ts";
import { nextDue } from "./turn-machine.ts";
import { lastMessage, prune, pruneAtMs } from "./turns.ts";

/** The free plan grants 50 subrequests to an invocation; a turn under way still needs a few. */
const MOST_SUBREQUESTS = 40;
/** An alarm may run 15 minutes; a model call that began before this may still end in time. */
const MOST_RUN_MS = 8 * 60_000;
/** Until the next look when the storage or the settings are broken. */
const BROKEN_RETRY_MS = 60_000;

export class Conversation extends DurableObject {
  /** Set while an alarm runs. */
  #runner: TurnRunner | undefined;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    migrate(ctx.storage);
  }

  /**
   * Stores an event and arms the alarm, both or neither. Resolves only after that is durable; a repeated event changes
   * nothing. Never waits for the model or for QQ.
   */
  async receive(event: BotEvent): Promise<Receipt["kind"]> {
    const receipt = this.ctx.storage.transactionSync(() => {
      const result = accept(this.ctx.storage, event, Date.now());
      if (result.kind === "accepted") void this.ctx.storage.setAlarm(Date.now());
      return result;
    });
    if (receipt.kind === "accepted") this.#runner?.interrupt(receipt.interrupted);
    return receipt.kind;
  }

  /** Safe to run twice. Never throws in order to be retried: the platform gives up after six times. */
  override async alarm(): Promise<void> {
    const { storage } = this.ctx;
    try {
      prune(storage, Date.now());
      const message = lastMessage(storage);
      if (message && isDue(storage)) {
        await crashPoint("after-acknowledgement");
        this.#runner = this.#newRunner(message);
        await this.#runner.run();
      }
      this.#runner = undefined;
      const due = this.#nextDue();
      if (due !== undefined) await storage.setAlarm(due);
    } catch (error) {
      this.#runner = undefined;
      log.error("alarm.failed", { error: describe(error) });
      await storage.setAlarm(Date.now() + BROKEN_RETRY_MS);
    }
  }

  #nextDue(): number | undefined {
    const { storage } = this.ctx;
    const nowMs = Date.now();
    const plan = planTurns(storage, { nowMs });
    return nextDue({ plan, reportAtMs: reportAtMs(storage), pruneAtMs: pruneAtMs(storage) }, nowMs);
  }

  #newRunner({ appId, chat }: IncomingMessage): TurnRunner {
    const config = readConfig(this.env);
    const bot = findBot(config, appId);
    if (!bot) throw new Error("this deployment no longer knows the bot of this chat");
    const allowance = new Allowance();
    const api = { ...config.qq, appId, transport: allowance.counted(direct) };
    return new TurnRunner({
      storage: this.ctx.storage,
      now: Date.now,
      newReference,
      wait,
      isExhausted: () => allowance.isExhausted(),
      generate: async ({ history, messages }, options) => {
        const { generateStep, languageModel } = await import("../agent/agent.ts");
        const model = languageModel(bot.model, allowance.counted(fetch));
        const input = { persona: bot.systemPrompt, scene: chat.scene, nowMs: Date.now(), history, messages };
        return generateStep(model, input, { ...options, onText: () => crashPoint("during-model-stream") });
      },
      send: (to, text, slot, token) => sendReply(api, to, { kind: "text", text }, slot, token),
      askForLease: (options) => this.#bot(bot).lease(chat, options),
      crashPoint,
      reportFailures: (failures) => this.#bot(bot).recordFailures(failures),
    });
  }

  #bot({ appId }: BotConfig) {
    return this.env.BOT.getByName(appId);
  }
}

/** Whether there is more to do than to wait for the next pruning. */
function isDue(storage: DurableObjectStorage): boolean {
  const nowMs = Date.now();
  return planTurns(storage, { nowMs }).actions.length > 0 || (reportAtMs(storage) ?? Number.POSITIVE_INFINITY) <= nowMs;
}

/** What the platform grants one invocation. */
class Allowance {
  readonly #sinceMs = Date.now();
  #subrequests = 0;

  counted<A extends unknown[], R>(reach: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      this.#subrequests += 1;
      return reach(...args);
    };
  }

  isExhausted(): boolean {
    return this.#subrequests >= MOST_SUBREQUESTS || Date.now() - this.#sinceMs >= MOST_RUN_MS;
  }
}

/** Six characters without those that are read for one another. */
function newReference(): string {
  const alphabet = "23456789abcdefghjkmnpqrstuvwxyz";
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => alphabet[byte % alphabet.length]).join("");
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
