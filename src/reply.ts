/**
 * What the bot says. A kind added here does not compile until `qq/encode.ts` can write it.
 */

export type Reply = (
  | { kind: "text"; text: string }
  /** In QQ's Markdown, which `qq/markdown.ts` writes. */
  | { kind: "markdown"; text: string }
) & {
  /** Under the words, where the scene has them: the words alone say how to do the same by typing. */
  buttons?: readonly Button[] | undefined;
};

/** Says a command for whoever presses it. */
export interface Button {
  /** Shown are the first ten characters. */
  label: string;
  command: string;
}

export type ReplyOf<K extends Reply["kind"]> = Extract<Reply, { kind: K }>;
