/**
 * Words as QQ takes them: in its Markdown where it takes that, else as plain text; cut into parts, degraded, defused.
 * Holds the Markdown parser: loaded when there is something to say, not with the callback path.
 */
import type { Reply } from "../reply.ts";
import { withoutTags } from "./html.ts";
import { render, toPlainText } from "./markdown.ts";
import { settledLength, splitMarkdown } from "./markdown-parts.ts";
import { defuseLinks, splitText } from "./text.ts";

export type Writing = typeof import("./writing.ts");

export { settledLength };

/** The model's CommonMark as a reply: Markdown only where that shows more than the words alone. */
export function compose(source: string, { markdown, links }: { markdown: boolean; links: boolean }): Reply {
  const { plain, marked } = render(source);
  const isBlank = plain.trim() === ""; // QQ refuses an empty message
  const reply: Reply =
    markdown && marked !== undefined && !isBlank
      ? { kind: "markdown", text: marked }
      : { kind: "text", text: isBlank ? withoutTags(source) : plain };
  return links ? reply : defused(reply);
}

/** The same words as plain text, without buttons. */
export function degraded(reply: Reply): Reply {
  if (reply.kind === "text") return reply.buttons ? { kind: "text", text: reply.text } : reply;
  return { kind: "text", text: toPlainText(reply.text) || reply.text };
}

/** The same words as plain text with nothing in it that QQ takes for a link. */
export function defused(reply: Reply): Reply {
  const plain = degraded(reply).text;
  const text = defuseLinks(plain);
  return text === plain ? reply : { kind: "text", text };
}

export interface CutReply {
  parts: Reply[];
  rest: Reply;
}

/** See `splitText` and `splitMarkdown`. */
export function split(
  { kind, text, buttons }: Reply,
  options: { maxLength: number; maxParts: number; reserve?: number },
): CutReply {
  const { parts, rest } = kind === "text" ? splitText(text, options) : splitMarkdown(text, options);
  const replies = parts.map((part): Reply => ({ kind, text: part }));
  const last = replies.at(-1);
  if (last && buttons) replies[replies.length - 1] = { ...last, buttons };
  return { parts: replies, rest: { kind, text: rest } };
}
