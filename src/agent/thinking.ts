/**
 * Thinking that a server left in the text. Most keep it in a field of its own, which the SDK knows; some begin the text with
 * `<think>…</think>`, and some leave only the closing tag, because the prompt itself had opened the other. The SDK's own
 * middleware takes these tags anywhere, also out of an answer about them, and has to know beforehand which form comes.
 */

const OPENINGS = ["<think>", "<thinking>", "<thought>"] as const;
const CLOSING_ALONE = /<\/(?:think|thinking|thought)>[ \t]*(?:\r?\n|$)/;

/** Takes the thinking off the head of a text that arrives in pieces. */
export class ThinkingFilter {
  /** What may still turn out to be a tag, or the end of one. */
  #held = "";
  /** The tag that ends the thinking; undefined outside of it. */
  #closing: string | undefined;
  #isPastHead = false;

  /** The next piece of the text; returns what of it is the answer. */
  push(piece: string): string {
    if (this.#isPastHead) return piece;
    this.#held += piece;
    for (;;) {
      if (this.#closing !== undefined) {
        const end = this.#held.indexOf(this.#closing);
        if (end < 0) {
          this.#held = this.#held.slice(-this.#closing.length);
          return "";
        }
        this.#held = this.#held.slice(end + this.#closing.length);
        this.#closing = undefined;
      }
      const head = this.#held.trimStart();
      const opening = OPENINGS.find((tag) => head.startsWith(tag));
      if (opening === undefined) {
        if (OPENINGS.some((tag) => tag.startsWith(head))) return ""; // not decided yet
        return this.#release();
      }
      this.#closing = opening.replace("<", "</");
      this.#held = head.slice(opening.length);
    }
  }

  /** The text is over; returns what was held back of the answer. */
  end(): string {
    return this.#closing === undefined ? this.#release() : "";
  }

  #release(): string {
    const answer = this.#held;
    this.#held = "";
    this.#isPastHead = true;
    return answer;
  }
}

/**
 * Takes thinking off a whole text that has only the closing tag. One that stands in code, or belongs to an opening tag that
 * the answer itself has, is the answer's own.
 */
export function withoutUnopenedThinking(text: string): string {
  const closing = CLOSING_ALONE.exec(text);
  if (!closing) return text;
  const before = text.slice(0, closing.index);
  const isInCode = (before.match(/`/g)?.length ?? 0) % 2 === 1;
  if (isInCode || OPENINGS.some((tag) => before.includes(tag))) return text;
  return text.slice(closing.index + closing[0].length);
}
