/**
 * An answer while the model writes it. It may take longer than QQ lets its message be answered: then the person gets what
 * is settled of it, or a sentence, and the rest on request. Lives in memory: after a crash the model goes on from what
 * was said.
 */
import { rows, run, type Storage } from "./storage.ts";

/** A call of a model, as far as it has come. */
export interface Call {
  /** As `<provider>/<model id>`: the one that was asked last, or is to be asked. */
  model: string;
  /** Of its prompt. */
  estimatedTokens: number;
  /** Calls for the same turn that were given up before, or died with their process. */
  lostCalls: number;
  /** Undefined while it waits for a place. */
  askedAtMs: number | undefined;
}

export class Draft {
  /** What the model has given so far. */
  text = "";
  /** Undefined while no model is asked. */
  call: Call | undefined;
  #given = "";
  readonly #controller = new AbortController();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  giveUp(): void {
    this.#controller.abort(new Error("the answer is not wanted any more"));
  }

  /** What the person was given of it. */
  get given(): string {
    return this.#given;
  }

  /** What the person was not given of `text`: all of it, where another model had to begin anew. */
  restOf(text: string): string {
    if (text === this.#given.trimEnd()) return ""; // the end of the whole is trimmed
    return text.startsWith(this.#given) ? text.slice(this.#given.length) : text;
  }

  /** What came to rest since the person was last given something; from here on it counts as given. */
  takeSettled(settledLength: (source: string) => number): string {
    const fresh = this.restOf(this.text);
    const settled = fresh.slice(0, settledLength(fresh));
    if (settled.trim() === "") return "";
    this.#given = this.text.slice(0, this.text.length - fresh.length + settled.length);
    return settled;
  }
}

/** Of a turn whose answer is still being written after its end. */
export function setUnfinished(storage: Storage, turn: number, unfinished: boolean): void {
  run(storage, "UPDATE turn SET unfinished = ? WHERE id = ?", unfinished ? 1 : 0, turn);
}

export function isUnfinished(storage: Storage, turn: number): boolean {
  return rows(storage, "SELECT id FROM turn WHERE id = ? AND unfinished = 1", turn).length > 0;
}

/** Ended turns of late whose answer was still being written when last heard of, oldest first. */
export function unfinishedTurns(storage: Storage): { id: number; sender: string }[] {
  return rows(
    storage,
    "SELECT id, sender FROM turn WHERE id > (SELECT max(id) FROM turn) - 100 AND unfinished = 1 ORDER BY id",
  );
}
