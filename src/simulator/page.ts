/** The page beside the fake QQ: what it shows, what it does, and its routes. */
import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import { API_ERRORS } from "../qq/error-codes.ts";
import { Burst, isOfBurst } from "./burst.ts";
import { meaningOf } from "./codes.ts";
import type { FakeQQ } from "./fake-qq.ts";
import { Files } from "./files.ts";
import type { Code, Snapshot, Tally } from "./page/protocol.ts";
import type { Stage } from "./page-actions.ts";
import { showLines } from "./page-lines.ts";
import { type PageOptions, pageRoutes } from "./page-server.ts";
import { PageState } from "./page-state.ts";
import { Switches } from "./switches.ts";
import { Tracer } from "./trace.ts";

export interface PageSetting extends Pick<Snapshot, "model" | "claim"> {
  now?: () => number;
  /** How often the tally of a burst is looked at. */
  looksEveryMs?: number;
}

export class Page {
  readonly state: PageState;
  readonly files = new Files();
  /** Of this very server, as the Worker reaches it: known when it listens. */
  origin = "";
  readonly #qq: FakeQQ;
  readonly #switches: Switches;
  readonly #burst: Burst;
  readonly #tracer: Tracer;

  constructor(qq: FakeQQ, { model, claim, now = Date.now, looksEveryMs }: PageSetting) {
    this.#qq = qq;
    const state = new PageState({
      bot: { appId: qq.appId, name: qq.bot.name },
      callbackUrl: qq.callbackUrl,
      model,
      claim,
      codes: refusableCodes(),
    });
    const show = (tally: Tally) => state.showTally(tally);
    this.state = state;
    this.#switches = new Switches(qq, model);
    this.#burst = new Burst(qq, looksEveryMs === undefined ? { show } : { show, looksEveryMs });
    this.#tracer = new Tracer({
      now,
      show: (trace) => state.showTrace(trace),
      isHidden: isOfBurst,
      callbackUrl: () => qq.callbackUrl,
    });
    const look = () => state.showWeather(this.#switches.view());
    look();
    qq.watchers.add(showLines(state, this.files, isOfBurst));
    qq.watchers.add(this.#tracer);
    qq.watchers.add(this.#burst);
    // Each of these may have used up what was set.
    qq.watchers.add({ called: look, modelCalled: look, delivery: look });
  }

  routes(options: PageOptions): Hono<{ Bindings: HttpBindings }> {
    const stage: Stage = {
      qq: this.#qq,
      state: this.state,
      files: this.files,
      switches: this.#switches,
      burst: this.#burst,
      origin: () => this.origin,
    };
    return pageRoutes(stage, options);
  }

  /** A line that the Worker has written. */
  hear(line: string): void {
    this.#tracer.hear(line);
  }
}

/** Every code of the table that a send may be refused with. */
function refusableCodes(): Code[] {
  return API_ERRORS.flatMap(({ codes, meaning }) =>
    codes.filter((code) => code >= 600).map((code) => ({ code, words: { zh: meaningOf(code), en: meaning } })),
  );
}
