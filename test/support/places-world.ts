/** Isolates with their chats, over one keeper of the shares: whoever calls the model is counted. */
import { Places } from "../../src/agent/places.ts";
import { Shares } from "../../src/bot/shares.ts";
import { Clock } from "./clock.ts";
import { NOW } from "./turns.ts";

const KEY = "deepseek";

export interface Caller {
  readonly isolate: Isolate;
  state: "waiting" | "calling" | "answered" | "none" | "stopped" | "dead";
  /** In which order the calls began, from 1. */
  began?: number;
  waitedMs?: number;
  /** Ends a call that lasts until it is told to end. */
  end(): void;
  stop(): void;
  /** Its object is reset: no timer of it rings any more, and nothing that it asked for comes back. */
  die(): void;
}

export interface Isolate {
  readonly name: string;
  readonly places: Places;
}

export class PlacesWorld {
  readonly clock = new Clock(NOW);
  readonly callers: Caller[] = [];
  readonly limit: number;
  shares = new Shares();
  /** How long an ask takes, there and back. */
  rpcMs = 20;
  /** How the shares are asked for. */
  bot: "answers" | "fails" | "is silent" = "answers";
  asks = 0;
  /** The most calls under way at a time. */
  most = 0;
  #begun = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  isolate(name: string): Isolate {
    return { name, places: new Places(() => name) };
  }

  /** Somebody asks a model from this isolate. Without `callMs` the call lasts until it is told to end. */
  call(
    isolate: Isolate,
    { callMs, isPatient = true, withinMs = 600_000, sinceMs = this.clock.nowMs, key = KEY }: Call = {},
  ): Caller {
    const { clock } = this;
    const [stopped, ended] = [new AbortController(), new AbortController()];
    const startMs = clock.nowMs;
    const isDead = () => caller.state === "dead";
    const never = new Promise<never>(() => {});
    /** What comes back to an object that is no more comes back to nobody. */
    const unlessDead = <T>(work: Promise<T>): Promise<T> =>
      work.then(
        (result) => (isDead() ? never : result),
        (error: unknown) => (isDead() ? never : Promise.reject(error)),
      );
    const caller: Caller = {
      isolate,
      state: "waiting",
      end: () => ended.abort(),
      stop: () => stopped.abort(new Error("stopped")),
      die: () => {
        caller.state = "dead";
      },
    };
    this.callers.push(caller);
    const work = async () => {
      const place = await isolate.places.take({
        key,
        limit: this.limit,
        sinceMs,
        withinMs,
        isPatient,
        signal: stopped.signal,
        now: clock.now,
        wait: (ms, signal) => unlessDead(clock.wait(ms, signal)),
        askForShare: (asked, report) =>
          unlessDead(
            this.#overTheWire(() => this.shares.grant(asked, report, { limit: this.limit, nowMs: clock.nowMs })),
          ),
      });
      if (!place) {
        caller.state = "none";
        return;
      }
      caller.state = "calling";
      this.#begun += 1;
      caller.began = this.#begun;
      caller.waitedMs = clock.nowMs - startMs;
      this.most = Math.max(this.most, this.calling);
      await unlessDead(clock.wait(callMs ?? Number.MAX_SAFE_INTEGER, AbortSignal.any([ended.signal, stopped.signal])));
      caller.state = stopped.signal.aborted ? "stopped" : "answered";
      place.release();
    };
    work().catch((error: unknown) => {
      if (!stopped.signal.aborted) throw error;
      caller.state = "stopped";
    });
    return caller;
  }

  /** The whole process ends. */
  kill(isolate: Isolate): void {
    for (const caller of this.callers)
      if (caller.isolate === isolate && (caller.state === "waiting" || caller.state === "calling")) caller.die();
  }

  get calling(): number {
    return this.callers.filter(({ state }) => state === "calling").length;
  }

  get waiting(): number {
    return this.callers.filter(({ state }) => state === "waiting").length;
  }

  async #overTheWire<T>(grant: () => T): Promise<T> {
    this.asks += 1;
    await this.clock.wait(this.rpcMs / 2);
    if (this.bot === "is silent") return new Promise<never>(() => {});
    if (this.bot === "fails") throw new Error("the object was reset");
    const granted = grant();
    await this.clock.wait(this.rpcMs / 2);
    return granted;
  }
}

interface Call {
  callMs?: number;
  isPatient?: boolean;
  withinMs?: number;
  sinceMs?: number;
  key?: string;
}
