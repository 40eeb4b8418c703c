/**
 * One JSON line per fact on the console, which Workers observability indexes by field.
 * No text that people wrote, no stack, no secret: a secret is wrapped in `Secret`, which prints as "[redacted]".
 */

type Field = string | number | boolean | null | undefined | readonly Field[] | { readonly [name: string]: Field };

/** A value that must never be shown. Only `reveal()` gives it away, so every use can be found by that name. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }
}

function write(level: "info" | "warn" | "error", event: string, fields: { readonly [name: string]: Field }): void {
  console[level](JSON.stringify({ level, event, ...fields }));
}

export const log = {
  info: (event: string, fields: { readonly [name: string]: Field } = {}) => write("info", event, fields),
  /** Something refused or degraded, and handled. */
  warn: (event: string, fields: { readonly [name: string]: Field } = {}) => write("warn", event, fields),
  /** Somebody has to act, or a person got no answer. */
  error: (event: string, fields: { readonly [name: string]: Field } = {}) => write("error", event, fields),
};

/** Name and message of a thrown thing, for a log line. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
