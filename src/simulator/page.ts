/** The page beside the fake QQ: what it shows, what it does, and its routes. */
import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import { API_ERRORS } from "../qq/error-codes.ts";
import { meaningOf } from "./codes.ts";
import type { FakeQQ } from "./fake-qq.ts";
import { Files } from "./files.ts";
import type { Code, Snapshot } from "./page/protocol.ts";
import { showLines } from "./page-lines.ts";
import { type PageOptions, pageRoutes } from "./page-server.ts";
import { PageState } from "./page-state.ts";

export class Page {
  readonly state: PageState;
  readonly files = new Files();
  /** Of this very server, as the Worker reaches it: known when it listens. */
  origin = "";
  readonly #qq: FakeQQ;

  constructor(qq: FakeQQ, { model, claim }: Pick<Snapshot, "model" | "claim">) {
    this.#qq = qq;
    this.state = new PageState({
      bot: { appId: qq.appId, name: qq.bot.name },
      callbackUrl: qq.callbackUrl,
      model,
      claim,
      codes: refusableCodes(),
    });
    qq.watchers.add(showLines(this.state, this.files, () => false));
  }

  routes(options: PageOptions): Hono<{ Bindings: HttpBindings }> {
    const { state, files } = this;
    return pageRoutes({ qq: this.#qq, state, files, origin: () => this.origin }, options);
  }

  /** A line that the Worker has written. */
  hear(_line: string): void {}
}

/** Every code of the table that a send may be refused with. */
function refusableCodes(): Code[] {
  return API_ERRORS.flatMap(({ codes, meaning }) =>
    codes.filter((code) => code >= 600).map((code) => ({ code, words: { zh: meaningOf(code), en: meaning } })),
  );
}
