/**
 * How QQ and the model misbehave, on demand. A rule applies to the calls that it matches, for as long as it lasts.
 */

/** What happens to a call of QQ's API. `codes.ts` writes what QQ answers when it says no. */
export type QQTrouble =
  /** An answer of QQ's choosing; nothing is delivered. */
  | { kind: "refuse"; status: number; body?: unknown; retryAfterS?: number }
  /** The connection breaks before anything happens. */
  | { kind: "drop" }
  /** The message is delivered, then the connection breaks. */
  | { kind: "deliverThenDrop" }
  /** The message is delivered, then the gateway answers like this. */
  | { kind: "deliverThenFail"; status: number }
  | { kind: "delay"; ms: number }
  /** QQ forgets all access tokens, the one of this call included. */
  | { kind: "forgetTokens" };

/** What happens to a callback on its way. */
export type CallbackTrouble =
  /** Posted so often at the same time, whatever the answer. */
  | { kind: "repeat"; times: number }
  /** Signed so long ago. */
  | { kind: "stale"; ms: number }
  /** Signed with the secret of another bot. */
  | { kind: "forged" }
  /** The answer comes when QQ has stopped waiting, so that it is posted again. */
  | { kind: "late" };

/** What happens to a call of the model. */
export type ModelTrouble =
  | { kind: "status"; status: number; retryAfterS?: number }
  /** Takes the request and never answers. */
  | { kind: "silent" }
  /** Says a few words, then nothing more. */
  | { kind: "stall" }
  /** Says a few words, then the connection breaks. */
  | { kind: "cut" }
  /** Ends properly without a word. */
  | { kind: "empty" }
  /** Answers properly, after this long. */
  | { kind: "slow"; ms: number }
  /** Spreads the answer evenly over this long, in this many pieces. */
  | { kind: "drip"; ms: number; words?: number }
  /** Thinks aloud (`reasoning_content`) for this long, then answers. */
  | { kind: "think"; ms: number };

interface Rule<Trouble> {
  trouble: Trouble;
  /** How many calls it still applies to. */
  left: number;
  matches: (text: string) => boolean;
}

/** A trouble that was set. */
export interface Forecast {
  /** How many calls it still applies to. */
  readonly left: number;
  end(): void;
}

export class Weather<Trouble> {
  #rules: Rule<Trouble>[] = [];

  /** Troubles the next `times` calls whose text contains `about`; with `first`, before what was set earlier. */
  set(
    trouble: Trouble,
    { times = 1, about = "", first = false }: { times?: number; about?: string; first?: boolean } = {},
  ): Forecast {
    const rule: Rule<Trouble> = { trouble, left: times, matches: (text) => text.includes(about) };
    if (first) this.#rules.unshift(rule);
    else this.#rules.push(rule);
    return {
      get left() {
        return rule.left;
      },
      end: () => {
        rule.left = 0;
        this.#rules = this.#rules.filter((other) => other !== rule);
      },
    };
  }

  clear(): void {
    this.#rules = [];
  }

  /** The trouble of this call, if any. Counts it. */
  next(text: string): Trouble | undefined {
    const rule = this.#rules.find(({ left, matches }) => left > 0 && matches(text));
    if (rule) rule.left -= 1;
    return rule?.trouble;
  }
}
