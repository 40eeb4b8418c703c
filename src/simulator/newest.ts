/** The newest of what was kept by id: so many, and so much of it. */
export class Newest<Value> {
  readonly #most: { count: number; characters: number };
  readonly #values = new Map<string, { value: Value; characters: number }>();
  #characters = 0;

  /** @param characters of all of it as JSON. */
  constructor(most: { count: number; characters: number }) {
    this.#most = most;
  }

  get all(): Value[] {
    return Array.from(this.#values.values(), ({ value }) => value);
  }

  get(id: string): Value | undefined {
    return this.#values.get(id)?.value;
  }

  /** Replaces what has the id, in its place. The newest stays, however much it is. */
  set(id: string, value: Value): void {
    const { length: characters } = JSON.stringify(value);
    this.#characters += characters - (this.#values.get(id)?.characters ?? 0);
    this.#values.set(id, { value, characters });
    for (const [oldest, kept] of this.#values) {
      const isTooMuch = this.#values.size > this.#most.count || this.#characters > this.#most.characters;
      if (!isTooMuch || this.#values.size === 1) return;
      this.#values.delete(oldest);
      this.#characters -= kept.characters;
    }
  }
}
