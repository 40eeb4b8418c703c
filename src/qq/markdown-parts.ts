/**
 * QQ's Markdown cut into parts that are valid by themselves: at the borders of blocks, and where one block is too long, at
 * its lines, items or sentences, with its fence or quote marks around each piece. Never inside a link, a mark or a
 * surrogate pair.
 */
import type { Code, ListItem, Nodes, Paragraph, PhrasingContent, RootContent } from "mdast";
import { linked, parseMarkdown, plainInline, toPlainText, write, writeInline } from "./markdown.ts";
import { withReadableMath } from "./math.ts";
import { type Cut, splitText } from "./text.ts";

/** What stays whole. */
interface Piece {
  text: string;
  /** What stands between it and the piece before. */
  gap: string;
  /** Belongs to what follows: a part does not end with it, where it can end before. */
  isLeadIn: boolean;
}

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
  let from = 0;
  while (from < pieces.length && parts.length < maxParts) {
    const isLast = parts.length === maxParts - 1;
    const room = isLast && joined(pieces.slice(from)).length > maxLength ? maxLength - reserve : maxLength;
    const to = endOfPart(pieces, from, room);
    parts.push(joined(pieces.slice(from, to)));
    from = to;
  }
  return { parts, rest: joined(pieces.slice(from)) };
}

/** After the last piece that fits into a part; there is at least one. */
function endOfPart(pieces: readonly Piece[], from: number, room: number): number {
  let to = from;
  for (let length = 0; to < pieces.length; to += 1) {
    const { text, gap } = pieces[to] as Piece;
    length += (to > from ? gap.length : 0) + text.length;
    if (to > from && length > room) break;
  }
  let end = to;
  while (to < pieces.length && end > from && pieces[end - 1]?.isLeadIn) end -= 1;
  return end > from ? end : to;
}

function joined(pieces: readonly Piece[]): string {
  return pieces.map(({ text, gap }, index) => (index === 0 ? text : gap + text)).join("");
}

/**
 * How much of a text that still grows cannot change any more, in UTF-16 units from its beginning: all blocks but the last,
 * or the whole sentences of a lone paragraph without marks.
 */
export function settledLength(source: string): number {
  const { masked, open } = withoutMath(source);
  const last = parseMarkdown(masked).children.at(-1);
  const start = Math.min(open, last?.position?.start.offset ?? 0);
  if (start > 0 || last?.type !== "paragraph" || last.children.some(({ type }) => type !== "text")) return start;
  // What opens a mark, a link, a formula or a table may still be closed.
  const [stable = ""] = /^[^*_~`[<$|\\]*/.exec(source) ?? [];
  const end = [...stable.matchAll(/[。!?!?;;…]+\s*|\.\s+|\n/g)].at(-1);
  return end ? end.index + end[0].length : 0;
}

/** Formulas as letters, so that nothing in them looks like a block, and where one begins that may still be closed. */
function withoutMath(source: string): { masked: string; open: number } {
  const masked = withReadableMath(source, (whole) => "x".repeat(whole.length));
  const open = /(?:\$\$|\\\[)(?:(?!\n[ \t>]*\n|\$\$)[\s\S])*$/.exec(masked)?.index;
  return { masked, open: open ?? Number.POSITIVE_INFINITY };
}

const BETWEEN = "\n\n";

/** The blocks, those that are too long in pieces. */
function piecesOf(markdown: string, maxLength: number): Piece[] {
  return parseMarkdown(markdown).children.flatMap((node) => {
    const text = sourceOf(node, markdown);
    return text.length <= maxLength
      ? [{ text, gap: BETWEEN, isLeadIn: isLeadIn(node, text) }]
      : broken(node, text, maxLength);
  });
}

/** A heading, also one that had to become bold, or a line that announces what follows. */
function isLeadIn(node: RootContent, source: string): boolean {
  if (node.type === "heading") return true;
  if (node.type !== "paragraph" || source.length > 100) return false;
  return /[::]\**$/.test(source) || (node.children.length === 1 && node.children[0]?.type === "strong");
}

function broken(node: RootContent, source: string, maxLength: number): Piece[] {
  switch (node.type) {
    case "code":
      return apart(brokenCode(node, maxLength));
    case "paragraph":
      return apart(brokenParagraph(node, maxLength));
    case "list":
      // Items become lists of their own; a number that began the list goes on.
      return node.children.flatMap((item, index) => {
        const text = sourceOf(item, source, node.position?.start.offset);
        const pieces = text.length <= maxLength ? apart([text]) : brokenItem(item, { text, maxLength });
        return pieces.map((piece, n) => (n === 0 && index > 0 ? { ...piece, gap: "\n" } : piece));
      });
    case "blockquote":
      return piecesOf(source.replace(/^> ?/gm, ""), Math.floor(maxLength / 2)).map((piece) => ({
        ...piece,
        text: piece.text.replace(/^/gm, "> "),
      }));
    default:
      return apart(plainPieces(source, maxLength));
  }
}

/** What an item begins with keeps its mark; what else is in it follows as blocks of their own. */
function brokenItem({ children }: ListItem, { text, maxLength }: { text: string; maxLength: number }): Piece[] {
  const [mark = ""] = /^(?:[-+*]|\d{1,9}[.)])[ \t]+/.exec(text) ?? [];
  const [first = "", ...more] = children.map((child) => write({ type: "root", children: [child] }));
  // A paragraph may go on at the beginning of the line; each line of anything else is moved in.
  const isLazy = children[0]?.type === "paragraph";
  const room = isLazy ? maxLength - mark.length : maxLength / (1 + mark.length / 2);
  const [begun, ...rest] = piecesOf(first, Math.floor(room));
  if (!begun) return more.flatMap((block) => piecesOf(block, maxLength));
  const moved = isLazy ? begun.text : begun.text.replace(/\n(?=[^\n])/g, `\n${" ".repeat(mark.length)}`);
  return [{ ...begun, text: mark + moved }, ...rest, ...more.flatMap((block) => piecesOf(block, maxLength))];
}

function apart(texts: readonly string[]): Piece[] {
  return texts.map((text) => ({ text, gap: BETWEEN, isLeadIn: false }));
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
  for (let from = 0; from < units.length; ) {
    let to = from;
    for (let length = 0; to < units.length; to += 1) {
      length += widthOf(units[to] as PhrasingContent);
      if (to > from && length > maxLength) break;
    }
    // Side by side they may need an escape more.
    while (to - from > 1 && writeTrimmed(units.slice(from, to)).length > maxLength) to -= 1;
    packed.push(writeTrimmed(units.slice(from, to)));
    from = to;
  }
  return packed.filter(Boolean);
}

/** Written among others, where its spaces stay what they are. */
function widthOf(node: PhrasingContent): number {
  if (node.type !== "text") return writeInline([node]).length;
  const words = node.value.trim();
  return node.value.length - words.length + writeInline([{ type: "text", value: words }]).length;
}

/** A space at the end of a paragraph would be written as a character reference. */
function writeTrimmed(nodes: readonly PhrasingContent[]): string {
  const trimmed = nodes.map((node, index): PhrasingContent => {
    if (node.type !== "text") return node;
    const begun = index === 0 ? node.value.trimStart() : node.value;
    return { type: "text", value: index === nodes.length - 1 ? begun.trimEnd() : begun };
  });
  return writeInline(trimmed).trim();
}

/** Short enough that packing them fills a part well. */
const SENTENCE = 200;

function plainPieces(source: string, maxLength: number): string[] {
  return brokenParagraph({ type: "paragraph", children: linked(toPlainText(source)) }, maxLength);
}

function cutAll(text: string, maxLength: number): string[] {
  return splitText(text, { maxLength: Math.max(1, Math.floor(maxLength)), maxParts: Number.POSITIVE_INFINITY }).parts;
}

function sourceOf(node: Nodes, source: string, from = 0): string {
  const { start, end } = node.position ?? {};
  return source.slice((start?.offset ?? from) - from, (end?.offset ?? from) - from);
}
