/**
 * Durable Object `Conversation`, one per chat: the thin shell that gives storage, clock, model and QQ to the parts of this
 * room. `receive()` stores and sets the alarm; `alarm()` does the work and sets the next one. Nothing else sets alarms.
 */
import { DurableObject } from "cloudflare:workers";
import type { Concurrency } from "../agent/places.ts";
import type { Standing } from "../bot/access.ts";
import type { Defaults } from "../choice.ts";
import type { Desk } from "../commands/command.ts";
import { type BotConfig, type Config, type DailyAllowances, findBot, readConfig, readRetentionMs } from "../config.ts";
import type { Transport } from "../egress/transport.ts";
import { openWay, type WayOut } from "../egress/way-out.ts";
import { toRefusal } from "../errors.ts";
import { type BotEvent, type Chat, conversationKey, type Interaction } from "../event.ts";
import { describe, log } from "../log.ts";
import { modelName } from "../providers.ts";
import { acknowledgeInteraction, sendReply, sendTyping } from "../qq/client.ts";
import { PART_LENGTH } from "../qq/reply-budget.ts";
import { languageOf, modelsFor, NO_TERMS, personaOf, type Terms, termsOf, thinkingOf } from "./choices.ts";
import { crashPoint } from "./crash-point.ts";
import { noteForOwner } from "./facts.ts";
import { takeRuling } from "./gate.ts";
import { accept, type Receipt } from "./inbox.ts";
import { type AskForLease, currentLease, FORBIDDEN_MS, noteDefaults, refuseLease } from "./lease.ts";
import { spentOf } from "./ledger.ts";
import { prune, pruneAtMs } from "./pruning.ts";
import { reportAtMs } from "./report.ts";
import { resume } from "./resuming.ts";
import { migrate } from "./schema.ts";
import { planTurns, TurnRunner } from "./turn.ts";
import { nextDue } from "./turn-machine.ts";
import { lastMessage, openTurns } from "./turns.ts";

/** The free plan grants 50 subrequests to an invocation; a turn under way still needs a few. */
const MOST_SUBREQUESTS = 40;
/** An alarm may run 15 minutes; a model call that began before this may still end in time. */
const MOST_RUN_MS = 8 * 60_000;

/** Where the settings are broken no model is asked. */
const NO_ALLOWANCES: DailyAllowances = {
  person: { tokens: 0, yuan: 0 },
  group: { tokens: 0, yuan: 0 },
  bot: { tokens: 0, yuan: 0 },
};

interface Settings {
  config: Config;
  bot: BotConfig;
}

export class Conversation extends DurableObject {
  /** Set while an alarm runs. */
  #runner: TurnRunner | undefined;
  #wayOut: WayOut | undefined;

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
      const terms = this.#terms(event.appId);
      const result = accept(this.ctx.storage, event, { nowMs: Date.now(), newReference, terms });
      if (result.kind === "accepted") void this.ctx.storage.setAlarm(soon());
      return result;
    });
    if (receipt.kind === "accepted") {
      this.#runner?.interrupt(receipt.interrupted);
      if (event.kind === "interaction" && event.needsAcknowledgement) this.ctx.waitUntil(this.#acknowledge(event));
    }
    return receipt.kind;
  }

  /** QQ takes calls from this address again: what it turned away for that is sent while it may be. */
  async resume(): Promise<void> {
    const writing = await import("../qq/writing.ts");
    const resumed = this.ctx.storage.transactionSync(() => {
      const count = resume(this.ctx.storage, writing, { maxLength: PART_LENGTH, nowMs: Date.now() });
      if (count > 0) void this.ctx.storage.setAlarm(soon());
      return count;
    });
    log.info("chat.resumed", { resumed });
  }

  /** What the owner is to know of the bot: said with the next answer here. */
  async notify(text: string): Promise<void> {
    noteForOwner(this.ctx.storage, text);
  }

  /** What the Bot has ruled about this chat. What runs for somebody who is denied ends. */
  async setStanding(standing: Standing): Promise<void> {
    const ended = this.ctx.storage.transactionSync(() => takeRuling(this.ctx.storage, standing, Date.now()));
    this.#runner?.interrupt(ended);
  }

  /** What the owner has chosen for all chats: it counts from the next call of a model on. */
  async setDefaults(defaults: Defaults): Promise<void> {
    noteDefaults(this.ctx.storage, defaults);
  }

  /** Tells QQ that a pressed button was heard, for which it waits 3 s: time for a second try at most. */
  async #acknowledge(interaction: Interaction): Promise<void> {
    const { storage } = this.ctx;
    try {
      const settings = this.#readSettings(interaction.appId);
      if (!settings) return;
      const { config, bot } = settings;
      const api = { ...config.qq, appId: bot.appId, transport: this.#transport(config) };
      const ask: AskForLease = (options) => this.#bot(bot).lease(interaction.chat, options);
      const acknowledge = async () => {
        const { token } = await currentLease(storage, ask, Date.now);
        await acknowledgeInteraction(api, interaction, token).catch((error: unknown) => {
          if (toRefusal(error, "qq.acknowledge").remedy === "refreshToken") refuseLease(storage, token);
          throw error;
        });
      };
      await acknowledge().catch((error: unknown) => {
        const { remedy } = toRefusal(error, "qq.acknowledge");
        if (remedy !== "refreshToken" && remedy !== "retryOnce") throw error;
        return acknowledge();
      });
    } catch (error) {
      const { chat, eventId } = interaction;
      log.warn("interaction.not-acknowledged", {
        chat: `${chat.scene}:${chat.id}`,
        message: eventId,
        error: describe(error),
      });
    } finally {
      if (!this.#runner) this.#wayOut?.rest();
    }
  }

  /** Safe to run twice. Never throws in order to be retried: the platform gives up after six times. */
  override async alarm(): Promise<void> {
    let due: number | undefined;
    try {
      const canWork = await this.#work();
      due = this.#nextDue();
      if (due !== undefined && !canWork) due = Math.max(due, Date.now() + this.#brokenPauseMs());
    } catch (error) {
      log.error("alarm.failed", { error: describe(error) });
      due = Date.now() + this.#brokenPauseMs();
    }
    if (due !== undefined) await this.ctx.storage.setAlarm(Math.max(due, soon()));
  }

  /** Does what is due. False where the settings do not allow any work. */
  async #work(): Promise<boolean> {
    const { storage } = this.ctx;
    prune(storage, { nowMs: Date.now(), retentionMs: readRetentionMs(this.env) });
    const message = lastMessage(storage);
    if (!message || !isDue(storage)) return true;
    await crashPoint("after-acknowledgement");
    const settings = this.#readSettings(message.appId);
    this.#runner = this.#newRunner(message.chat, settings);
    try {
      await this.#runner.run();
    } finally {
      this.#runner = undefined;
      this.#wayOut?.rest();
    }
    return settings !== undefined;
  }

  /** Until the next look when storage or settings are broken: half as long as it has been, from a minute to an hour. */
  #brokenPauseMs(): number {
    try {
      const sinceMs = openTurns(this.ctx.storage)[0]?.messages[0]?.receivedAtMs ?? 0;
      return Math.min(Math.max((Date.now() - sinceMs) / 2, 60_000), 60 * 60_000);
    } catch {
      return 60_000; // the storage does not even tell how long it has been
    }
  }

  #nextDue(): number | undefined {
    const { storage } = this.ctx;
    const nowMs = Date.now();
    const plan = planTurns(storage, { nowMs });
    const dues = { reportAtMs: reportAtMs(storage), pruneAtMs: pruneAtMs(storage, readRetentionMs(this.env)) };
    return nextDue({ plan, ...dues }, nowMs);
  }

  /** Undefined where the settings are broken or no longer know the bot: its turns wait for better ones. */
  #readSettings(appId: string): Settings | undefined {
    try {
      const config = readConfig(this.env);
      const bot = findBot(config, appId);
      if (bot) return { config, bot };
      log.error("bot.unknown", { appId });
    } catch (error) {
      log.error("config.invalid", { error: describe(error) });
    }
    return undefined;
  }

  /** What people may choose. Nothing where the settings are broken. */
  #terms(appId: string): Terms {
    const settings = this.#readSettings(appId);
    return settings ? termsOf(settings.config, settings.bot) : NO_TERMS;
  }

  /** Without settings the runner reaches nobody; it only ends what has waited for too long. */
  #newRunner(chat: Chat, settings: Settings | undefined): TurnRunner {
    const allowance = new Allowance();
    const base = { storage: this.ctx.storage, now: Date.now, newReference, wait, crashPoint };
    if (!settings) {
      const unreachable = () => Promise.reject(new Error("the settings are broken"));
      const nobody = {
        generate: unreachable,
        send: unreachable,
        sendTyping: unreachable,
        askForLease: unreachable,
        reportFailures: unreachable,
        reportForbidden: () => {},
        access: "allowlist" as const,
        spareModel: undefined,
        prices: {},
        terms: NO_TERMS,
        daily: NO_ALLOWANCES,
        reportSpending: unreachable,
        desk: {
          claim: unreachable,
          choose: unreachable,
          ownCode: unreachable,
          whoWaits: unreachable,
          usage: unreachable,
          decide: unreachable,
        },
      };
      return new TurnRunner({ ...base, ...nobody, isExhausted: () => true });
    }
    const { config, bot } = settings;
    const api = { ...config.qq, appId: bot.appId, transport: allowance.counted(this.#transport(config)) };
    return new TurnRunner({
      ...base,
      isExhausted: () => allowance.isExhausted(),
      generate: async ({ history, messages, choices, since, onSpare }, options) => {
        const { answerWith } = await import("../agent/agent.ts");
        const persona = personaOf(choices) ?? bot.systemPrompt;
        const language = languageOf(choices);
        const session = `qq:${conversationKey(bot.appId, chat)}:${since}`;
        const input = { persona, scene: chat.scene, nowMs: Date.now(), history, messages, language, session };
        const models = onSpare && bot.spare ? ([bot.spare] as const) : modelsFor(bot, choices);
        allowance.spend(models.length); // each is asked once at most
        return answerWith(models, fetch, input, {
          ...options,
          thinking: thinkingOf(choices),
          concurrency: this.#concurrency(config),
          onText(text) {
            options.onText(text);
            return crashPoint("during-model-stream");
          },
        });
      },
      send: (to, reply, slot, token) => sendReply(api, to, reply, slot, token),
      sendTyping: (to, slot, token) => sendTyping(api, to, slot, token),
      askForLease: (options) => this.#bot(bot).lease(chat, options),
      access: config.access,
      spareModel: bot.spare && modelName(bot.spare),
      prices: config.prices,
      terms: termsOf(config, bot),
      daily: config.daily,
      reportSpending: (batches) => this.#bot(bot).report(chat, batches),
      desk: this.#desk(settings, chat),
      reportFailures: (failures) => this.#bot(bot).recordFailures(failures),
      reportForbidden: (capability) => {
        const note = this.#bot(bot).noteForbidden(chat.scene, capability, Date.now() + FORBIDDEN_MS);
        this.ctx.waitUntil(note.catch((error: unknown) => log.warn("note.lost", { error: describe(error) })));
      },
    });
  }

  /** The bots of a deployment share its keys: the first one's object keeps the shares. Undefined where there is no limit. */
  #concurrency({ modelConcurrency: limit, bots: [first] }: Config): Concurrency | undefined {
    if (limit === 0 || !first) return undefined;
    return { limit, wait, askForShare: (key, report) => this.#bot(first).share(key, report) };
  }

  #desk({ config, bot }: Settings, chat: Chat): Desk {
    const who = ({ scene, id }: Chat) => `${scene}:${id}`;
    const stub = () => this.#bot(bot);
    return {
      claim: (code) => stub().claim(chat, code),
      async choose(changes) {
        const defaults = await stub().choose(chat, changes);
        return defaults && { chosen: defaults.values, ...termsOf(config, bot) };
      },
      ownCode: () => stub().pair(chat, lastMessage(this.ctx.storage)?.sender.name ?? ""),
      usage: async (sender) => {
        const [{ storage }, nowMs] = [this.ctx, Date.now()];
        const local = { person: spentOf(storage, nowMs, sender), all: spentOf(storage, nowMs) };
        return { ...local, bot: await stub().usage(chat) };
      },
      async whoWaits() {
        const waiting = await stub().whoWaits(chat);
        return waiting?.map((one) => ({ code: one.code, who: `${one.name} ${who(one)}`.trim() }));
      },
      async decide(subject, standing) {
        const decision = await stub().decide(chat, subject, standing);
        return decision.kind === "decided" ? { kind: "decided", who: who(decision.chat) } : decision;
      },
    };
  }

  #transport({ qq }: Config): Transport {
    this.#wayOut ??= openWay(qq.way);
    return this.#wayOut.transport;
  }

  #bot({ appId }: BotConfig) {
    return this.env.BOT.getByName(appId);
  }
}

/** An alarm set for this very millisecond can be lost (measured; cloudflare/workerd#6866). */
function soon(): number {
  return Date.now() + 1;
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

  spend(subrequests: number): void {
    this.#subrequests += subrequests;
  }

  counted<A extends unknown[], R>(reach: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      this.spend(1);
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
