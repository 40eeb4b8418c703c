/**
 * What the bot says. A kind added here does not compile until `qq/encode.ts` can write it.
 */

export type Reply =
  | { kind: "text"; text: string }
  /** In QQ's Markdown, which `qq/markdown.ts` writes. */
  | { kind: "markdown"; text: string };

export type ReplyOf<K extends Reply["kind"]> = Extract<Reply, { kind: K }>;
