/** What was measured, round by round: everything that is said of a run is made of these. */
import { type Figure, figureOf } from "./statistics.ts";

export class Rounds {
  readonly values: Record<string, number[]>;

  constructor(values: Record<string, number[]> = {}) {
    this.values = values;
  }

  /** Notes each field as the next round of `${name} ${field}`. */
  note(name: string, fields: object): void {
    for (const [field, value] of Object.entries(fields)) {
      if (typeof value !== "number") continue;
      const key = `${name} ${field}`;
      this.values[key] = [...(this.values[key] ?? []), value];
    }
  }

  has(key: string): boolean {
    return this.values[key] !== undefined;
  }

  of(key: string): Figure {
    return figureOf(this.#rounds(key));
  }

  /** How many times as much, in each round: both were measured within seconds of each other. */
  ratio(key: string, beside: string): Figure {
    const base = this.#rounds(beside);
    return figureOf(this.#rounds(key).map((value, round) => value / (base[round] ?? Number.NaN)));
  }

  difference(key: string, without: string): Figure {
    const base = this.#rounds(without);
    return figureOf(this.#rounds(key).map((value, round) => value - (base[round] ?? Number.NaN)));
  }

  #rounds(key: string): number[] {
    const values = this.values[key];
    if (!values) throw new RangeError(`never measured: ${key}`);
    return values;
  }
}
