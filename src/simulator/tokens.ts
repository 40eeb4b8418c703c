/** Access tokens as QQ gives them: one for all callers, a new one only in the last minute of the old one. */

const LIFE_MS = 7_200_000;
/** In its last minute a token is replaced, and stays good until it ends. */
const LAST_MINUTE_MS = 60_000;

interface Token {
  value: string;
  expiresAtMs: number;
}

export class AccessTokens {
  #tokens: Token[] = [];

  /** The token that is given out now, with what is left of its life. */
  give(nowMs: number): { value: string; expiresInS: number } {
    let newest = this.#tokens.at(-1);
    if (!newest || newest.expiresAtMs - nowMs < LAST_MINUTE_MS) {
      newest = { value: `token-${crypto.randomUUID()}`, expiresAtMs: nowMs + LIFE_MS };
      this.#tokens = [...this.#tokens.filter(({ expiresAtMs }) => expiresAtMs > nowMs), newest];
    }
    return { value: newest.value, expiresInS: Math.floor((newest.expiresAtMs - nowMs) / 1000) };
  }

  isGood(authorization: string | undefined, nowMs: number): boolean {
    return this.#tokens.some(({ value, expiresAtMs }) => expiresAtMs > nowMs && authorization === `QQBot ${value}`);
  }

  /** QQ forgets them before their time. */
  forget(): void {
    this.#tokens = [];
  }
}
