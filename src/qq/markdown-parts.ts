/**
 * QQ's Markdown cut into parts that are valid by themselves: at the borders of blocks, and where one block is too long, at
 * its lines, items or sentences, with its fence or quote marks around each piece. Never inside a link, a mark or a
 * surrogate pair.
 */
import type { Code, Nodes, Paragraph, PhrasingContent, RootContent } from "mdast";
import { parseMarkdown, plainInline, toPlainText, writeInline } from "./markdown.ts";
import { type Cut, splitText } from "./text.ts";

/**
 * At most `maxParts` parts of at most `maxLength` UTF-16 units. What does not fit comes back as `rest`, which is QQ's
 * Markdown too; with it, the last part leaves `reserve` units free for a hint.
 */
export function splitMarkdown(
  markdown: string,
  { maxLength, maxParts, reserve = 0 }: { maxLength: number; maxParts: number; reserve?: number },
): Cut {
  const pieces = piecesOf(markdown, maxLength - reserve);
  const parts: string[] = [];
  while (pieces.length > 0 && parts.length < maxParts) {
    const isLast = parts.length === maxParts - 1;
    const fitsWhole = joinedLength(pieces) <= maxLength;
    let part = pieces.shift() ?? "";
    const room = isLast && !fitsWhole ? maxLength - reserve : maxLength;
    while (pieces[0] !== undefined && part.length + BETWEEN.length + pieces[0].length <= room)
      part += BETWEEN + pieces.shift();
    parts.push(part);
  }
  return { parts, rest: pieces.join(BETWEEN) };
}

/**
 * How much of a text that still grows cannot change any more, in UTF-16 units from its beginning: all blocks but the last,
 * or the whole sentences of a lone paragraph without marks.
 */
export function settledLength(source: string): number {
  const last = parseMarkdown(source).children.at(-1);
  const start = last?.position?.start.offset ?? 0;
  if (start > 0 || last?.type !== "paragraph" || last.children.some(({ type }) => type !== "text")) return start;
  // What opens a mark, a link or a table may still be closed.
  const [stable = ""] = /^[^*_~`[<$|]*/.exec(source) ?? [];
  const end = [...stable.matchAll(/[。!?!?;;…]+\s*|\.\s+|\n/g)].at(-1);
  return end ? end.index + end[0].length : 0;
}

const BETWEEN = "\n\n";

function joinedLength(pieces: readonly string[]): number {
  return pieces.join(BETWEEN).length;
}

/** The blocks, those that are too long in pieces. */
function piecesOf(markdown: string, maxLength: number): string[] {
  return parseMarkdown(markdown).children.flatMap((node) => {
    const source = sourceOf(node, markdown);
    return source.length <= maxLength ? [source] : broken(node, source, maxLength);
  });
}

function broken(node: RootContent, source: string, maxLength: number): string[] {
  switch (node.type) {
    case "code":
      return brokenCode(node, maxLength);
    case "paragraph":
      return brokenParagraph(node, maxLength);
    case "list":
      // Items become lists of their own; a number that began the list goes on.
      return node.children.flatMap((item) => {
        const text = sourceOf(item, source, node.position?.start.offset);
        return text.length <= maxLength ? [text] : plainPieces(text, maxLength);
      });
    case "blockquote":
      return piecesOf(source.replace(/^> ?/gm, ""), Math.floor(maxLength / 2)).map((piece) =>
        piece.replace(/^/gm, "> "),
      );
    default:
      return plainPieces(source, maxLength);
  }
}

function brokenCode({ value, lang }: Code, maxLength: number): string[] {
  const longest = Math.max(2, ...[...value.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  const open = `${fence}${lang ?? ""}\n`;
  const close = `\n${fence}`;
  return cutAll(value, maxLength - open.length - close.length).map((lines) => open + lines.replace(/\n$/, "") + close);
}

/** Cuts between the marks of a paragraph; where a mark itself is too long, it gives up the marks and keeps the words. */
function brokenParagraph({ children }: Paragraph, maxLength: number): string[] {
  const units = children.flatMap((child): PhrasingContent[] => {
    if (child.type !== "text" && writeInline([child]).length <= maxLength) return [child];
    const words = child.type === "text" ? child.value : plainInline([child]);
    return cutAll(words, Math.min(maxLength / 2, SENTENCE)).map((value) => ({ type: "text", value }));
  });
  const packed: string[] = [];
  let open: PhrasingContent[] = [];
  for (const unit of units) {
    if (open.length > 0 && writeInline([...open, unit]).length > maxLength) {
      packed.push(writeInline(open));
      open = [];
    }
    open.push(unit);
  }
  return [...packed, writeInline(open)].map((piece) => piece.trim()).filter(Boolean);
}

/** Short enough that packing them fills a part well. */
const SENTENCE = 200;

function plainPieces(source: string, maxLength: number): string[] {
  return brokenParagraph({ type: "paragraph", children: [{ type: "text", value: toPlainText(source) }] }, maxLength);
}

function cutAll(text: string, maxLength: number): string[] {
  return splitText(text, { maxLength: Math.max(1, Math.floor(maxLength)), maxParts: Number.POSITIVE_INFINITY }).parts;
}

function sourceOf(node: Nodes, source: string, from = 0): string {
  const { start, end } = node.position ?? {};
  return source.slice((start?.offset ?? from) - from, (end?.offset ?? from) - from);
}
