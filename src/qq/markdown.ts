/**
 * The model's CommonMark as what QQ can show, and as plain text: two renderings of one tree. A real parser reads it; what
 * QQ has no form for (tables, footnotes, HTML, math, task lists) becomes something readable first, and no text is lost.
 *
 * QQ's Markdown (docs markdown.html): two levels of headings, bold, italics, strikethrough, links, images, lists nested by
 * four spaces, quotes, rules. Fences are not listed but shown by the desktop client; tables are not.
 */
import type {
  BlockContent,
  Definition,
  FootnoteDefinition,
  Heading,
  List,
  ListItem,
  Nodes,
  Paragraph,
  PhrasingContent,
  Root,
  RootContent,
  Table,
} from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown, gfmToMarkdown } from "mdast-util-gfm";
import { defaultHandlers, toMarkdown, type Unsafe } from "mdast-util-to-markdown";
import { gfm } from "micromark-extension-gfm";
import { kindOf, strippedHtml, withoutTags } from "./html.ts";
import { CHINESE_MARKS, settled } from "./marks.ts";
import { raisedText, withReadableMath } from "./math.ts";

/** CommonMark with tables, strikethrough, task lists, footnotes and bare links. What is too much for a parser is one text. */
export function parseMarkdown(source: string): Root {
  if (isTooMuch(source)) return literal(source);
  return fromMarkdown(source, { extensions: SYNTAX, mdastExtensions: TREES });
}

/** The parser's own reading of bare addresses runs on into Chinese text and marks; `linked` finds them afterwards. */
const ADDRESSES = ["protocolAutolink", "wwwAutolink", "emailAutolink"];
const SYNTAX = [gfm({ singleTilde: false }), { disable: { null: ADDRESSES } }, CHINESE_MARKS];
const TREES = gfmFromMarkdown().map((extension) => ({ ...extension, transforms: [] }));

/** No answer that somebody reads is longer or more nested, and the parser takes seconds for it, or the whole stack. */
const MOST_SOURCE = 60_000;
const TOO_NESTED =
  /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t])))*[ \t]{80,}(?:>|[-+*]|\d{1,9}[.)])|^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]))){40,}/m;

/** Marks in one paragraph, which the parser compares with each other. Code is none of its business. */
const MOST_MARKS = 2_000;
const FENCES = /^[ \t>]*(`{3,}|~{3,})[^\n]*\n[\s\S]*?^[ \t>]*\1/gm;
const PARAGRAPHS = /\n[ \t]*(?=\n|(?:[-+*>#|]|\d{1,9}[.)])[ \t|])/;

function isTooMuch(source: string): boolean {
  if (source.length > MOST_SOURCE || TOO_NESTED.test(source)) return true;
  if (source.length <= MOST_MARKS) return false;
  const paragraphs = source.replace(FENCES, "").split(PARAGRAPHS);
  return paragraphs.some((paragraph) => (paragraph.match(/[*_~[\]`<]/g)?.length ?? 0) > MOST_MARKS);
}

function literal(source: string): Root {
  const position = { start: { line: 1, column: 1, offset: 0 }, end: { line: 1, column: 1, offset: source.length } };
  return { type: "root", children: [{ type: "paragraph", children: [text(source)], position }] };
}

/** What QQ shows of it. Rendering the result again changes nothing. */
export function toQQMarkdown(source: string): string {
  return isTooMuch(source) ? withoutTags(source) : write(readable(source));
}

/** For where Markdown is not possible. Links keep their address. */
export function toPlainText(source: string): string {
  return isTooMuch(source) ? withoutTags(source) : plain(readable(source));
}

/** Both at once; `marked` only where QQ shows more by it than words and bare addresses. */
export function render(source: string): { plain: string; marked: string | undefined } {
  if (isTooMuch(source)) return { plain: withoutTags(source), marked: undefined };
  const root = readable(source);
  return { plain: plain(root), marked: root.children.every(isPlain) ? undefined : write(root) };
}

function isPlain(node: RootContent): boolean {
  if (node.type === "paragraph") return node.children.every(isPlain);
  return node.type === "text" || (node.type === "link" && plainInline([node]) === node.url);
}

function plain(root: Root): string {
  const blocks = root.children.map((node) => plainBlock(node, ""));
  return withoutTags(blocks.filter(Boolean).join("\n\n"));
}

/** Words and marks as one paragraph, which says the same wherever it stands. */
export function writeInline(nodes: PhrasingContent[]): string {
  return write({ type: "root", children: [paragraph(nodes)] });
}

/** The tree with only what QQ has a form for. */
function readable(source: string): Root {
  const root = parseMarkdown(withReadableMath(source));
  const definitions = new Map<string, Definition>();
  const notes: FootnoteDefinition[] = [];
  const used = new Set<string>();
  visit(root, (node) => {
    if (node.type === "linkReference" || node.type === "imageReference") used.add(node.identifier);
    if (node.type === "definition" && !definitions.has(node.identifier)) definitions.set(node.identifier, node);
    if (node.type === "footnoteDefinition") notes.push(node);
  });
  const reader = new Reader({ definitions, notes, used });
  const children = reader.blocks(root.children);
  return { type: "root", children: [...children, ...reader.notes()] };
}

type Block = Exclude<BlockContent, { type: "html" | "table" }>;

interface References {
  definitions: ReadonlyMap<string, Definition>;
  notes: readonly FootnoteDefinition[];
  /** The definitions that something refers to. */
  used: ReadonlySet<string>;
}

class Reader {
  readonly #definitions: ReadonlyMap<string, Definition>;
  readonly #notes: readonly FootnoteDefinition[];
  readonly #used: ReadonlySet<string>;
  readonly #cited: string[] = [];

  constructor({ definitions, notes, used }: References) {
    this.#definitions = definitions;
    this.#notes = notes;
    this.#used = used;
  }

  /** The footnotes, in the order in which they were cited, as paragraphs at the end. */
  notes(): Block[] {
    const cited = this.#cited.flatMap((id) => this.#notes.filter(({ identifier }) => identifier === id));
    const rest = this.#notes.filter(({ identifier }) => !this.#cited.includes(identifier));
    return [...cited, ...rest].flatMap((note) => {
      const [first, ...more] = this.blocks(note.children);
      const label = text(`[${this.#number(note.identifier)}] `);
      if (first?.type === "paragraph") return [{ ...first, children: [label, ...first.children] }, ...more];
      return [paragraph([label]), ...(first ? [first] : []), ...more];
    });
  }

  blocks(nodes: readonly RootContent[]): Block[] {
    return nodes.flatMap((node): Block[] => {
      switch (node.type) {
        case "heading": {
          const children = trimmed(this.phrasing(node.children));
          if (children.length === 0) return [];
          // A line under text is a rule to whoever writes `#` before headings.
          if (node.depth === 2 && isUnderlined(node)) return [paragraph(children), { type: "thematicBreak" }];
          if (node.depth <= 2) return [{ type: "heading", depth: node.depth, children: children.map(inOneLine) }];
          return [paragraph([{ type: "strong", children: children.flatMap(unbold) }])];
        }
        case "paragraph": {
          const read = paragraph(this.phrasing(node.children));
          return read.children.length > 0 ? [read] : [];
        }
        case "blockquote": {
          const children = this.blocks(node.children);
          return children.length > 0 ? [{ type: "blockquote", children }] : [];
        }
        case "list":
          return [this.list(node)];
        case "table":
          return [this.table(node)];
        case "html": {
          const content = strippedHtml(node.value);
          return content === "" ? [] : [paragraph(linked(withoutTags(content)))];
        }
        case "code":
          return [{ ...node, value: withoutTags(node.value) }];
        case "thematicBreak":
          return [node];
        case "definition": {
          // A list of sources, perhaps, that the text names in another way.
          if (this.#used.has(node.identifier)) return [];
          const title = node.title ? ` ${node.title}` : "";
          return [paragraph([text(`[${node.label ?? node.identifier}]: `), ...linked(node.url), text(title)])];
        }
        case "footnoteDefinition":
          return [];
        default:
          return [];
      }
    });
  }

  list(list: List): List {
    const children = list.children.map((item): ListItem => {
      const blocks = this.blocks(item.children);
      const box = item.checked === null || item.checked === undefined ? [] : [text(item.checked ? "☑ " : "☐ ")];
      const [first, ...more] = blocks;
      const begun =
        first?.type === "paragraph"
          ? [paragraph([...box, ...first.children])]
          : [...(box.length ? [paragraph(box)] : []), ...(first ? [first] : [])];
      return { type: "listItem", spread: false, children: [...begun, ...more] };
    });
    return { type: "list", ordered: list.ordered ?? false, start: list.start ?? null, spread: false, children };
  }

  /** A row becomes an item: each cell under its heading, the first one bold. */
  table({ children: [head, ...rows] }: Table): Block {
    const headings = head?.children.map((cell) => this.phrasing(cell.children).flatMap(unbold)) ?? [];
    if (rows.length === 0) return paragraph(joined(headings, " | "));
    const items = rows.map((row): ListItem => {
      const cells = row.children.map((cell, column) => {
        const read = this.phrasing(cell.children);
        const value: PhrasingContent[] =
          column === 0 && read.length > 0 ? [{ type: "strong", children: read.flatMap(unbold) }] : read;
        const heading = headings[column] ?? [];
        return heading.length > 0 && value.length > 0 ? [...heading, text(": "), ...value] : value;
      });
      return { type: "listItem", spread: false, children: [paragraph(joined(cells, " | "))] };
    });
    return { type: "list", ordered: false, start: null, spread: false, children: items };
  }

  phrasing(nodes: readonly PhrasingContent[]): PhrasingContent[] {
    const read = withRaised(nodes).flatMap((node): PhrasingContent[] => {
      switch (node.type) {
        case "text":
          return linked(node.value);
        case "inlineCode":
          return [{ ...node, value: withoutTags(node.value.replaceAll("\n", " ")) }];
        case "break":
          return [text("\n")];
        case "emphasis":
        case "strong":
        case "delete": {
          const children = this.phrasing(node.children);
          return children.length > 0 ? [{ ...node, children }] : [];
        }
        case "link": {
          const children = this.phrasing(node.children).flatMap(unlinked);
          if (/^https?:/i.test(node.url) && plainInline(node.children) === node.url) return linked(node.url);
          if (/^(?:mailto:|http:\/\/www\.)/.test(node.url) && plainInline(node.children) === shortOf(node.url))
            return linked(shortOf(node.url));
          return [
            {
              type: "link",
              url: withoutBrackets(node.url),
              title: null,
              children: children.length > 0 ? children : [text(node.url)],
            },
          ];
        }
        case "image":
          return [{ type: "image", url: withoutBrackets(node.url), alt: node.alt ?? "", title: null }];
        case "linkReference": {
          const children = this.phrasing(node.children).flatMap(unlinked);
          const url = this.#definitions.get(node.identifier)?.url;
          return url === undefined ? children : [{ type: "link", url: withoutBrackets(url), title: null, children }];
        }
        case "imageReference": {
          const url = this.#definitions.get(node.identifier)?.url;
          return url === undefined
            ? [text(node.alt ?? "")]
            : [{ type: "image", url: withoutBrackets(url), alt: node.alt ?? "", title: null }];
        }
        case "footnoteReference":
          return [text(`[${this.#number(node.identifier)}]`)];
        case "html": {
          const content = /^<br\b/i.test(node.value) ? "\n" : strippedHtml(node.value);
          return content === "" ? [] : [text(content)];
        }
        default:
          return [];
      }
    });
    return settled(merged(read).map(silent)).map(withoutLooseEnds);
  }

  #number(id: string): number {
    if (!this.#cited.includes(id)) this.#cited.push(id);
    return this.#cited.indexOf(id) + 1;
  }
}

/**
 * Escapes that the writer makes to be safe, and that people would see where QQ does not take them back: `[` begins nothing
 * here, since no definition is ever written; `_` inside a word and a single `~` begin nothing at all.
 */
const UNESCAPED = ["[", "_", "~"];
/** At the beginning of a line these begin something only together with what follows; addresses are links already. */
const NEVER_ESCAPED: readonly ((unsafe: Unsafe) => boolean)[] = [
  ({ character, atBreak }) => (character === ")" || character === "=") && atBreak === true,
  ({ character, before }) =>
    character === "@" || (character === "." && before === "[Ww]") || (character === ":" && before === "[ps]"),
];
const STILL_ESCAPED: Unsafe[] = [
  { character: "_", before: "[^A-Za-z0-9_]", inConstruct: "phrasing" },
  { character: "_", after: "[^A-Za-z0-9_]", inConstruct: "phrasing" },
  { character: "~", after: "~", inConstruct: "phrasing" },
  { character: "[", inConstruct: ["label", "reference"] },
  { atBreak: true, before: "\\d+", character: ")", after: "(?:[ \t\r\n]|$)" },
  { atBreak: true, character: "=", after: "(?:[ \t]*(?:[\r\n]|$)|=)" },
];

export function write(root: Root): string {
  const written = toMarkdown(root, {
    bullet: "-",
    emphasis: "*",
    strong: "*",
    rule: "*",
    fence: "`",
    fences: true,
    listItemIndent: "tab", // QQ nests by four spaces
    incrementListMarker: true,
    extensions: [gfmToMarkdown()],
    handlers: {
      root(node, _parent, state, info) {
        state.unsafe = state.unsafe.filter(({ character, atBreak }) => atBreak || !UNESCAPED.includes(character));
        state.unsafe = state.unsafe.filter((unsafe) => !NEVER_ESCAPED.some((isOne) => isOne(unsafe)));
        state.unsafe.push(...STILL_ESCAPED);
        return defaultHandlers.root(node, undefined, state, info);
      },
    },
    // Between two lists QQ would see one; a comment, the usual way out, would be shown.
    join: [(left, right) => (left.type === "list" && right.type === "list" ? 2 : undefined)],
  });
  return withoutTags(written.replace(/\n+$/, ""));
}

/** A block without any marks. `indent` is what its later lines begin with. */
function plainBlock(node: Nodes, indent: string): string {
  switch (node.type) {
    case "heading":
    case "paragraph":
      return plainInline(node.children).replaceAll("\n", `\n${indent}`);
    case "code":
      return node.value.replaceAll("\n", `\n${indent}`);
    case "thematicBreak":
      return "———";
    case "blockquote":
      return node.children.map((child) => `> ${plainBlock(child, `${indent}> `)}`).join(`\n${indent}`);
    case "list":
      return node.children
        .map((item, index) => {
          const mark = node.ordered ? `${(node.start ?? 1) + index}. ` : "• ";
          const inner = `${indent}${" ".repeat(mark.length)}`;
          return mark + item.children.map((child) => plainBlock(child, inner)).join(`\n${inner}`);
        })
        .join(`\n${indent}`);
    default:
      return "";
  }
}

export function plainInline(nodes: readonly PhrasingContent[]): string {
  return nodes
    .map((node) => {
      switch (node.type) {
        case "text":
        case "inlineCode":
          return node.value;
        case "emphasis":
        case "strong":
        case "delete":
          return plainInline(node.children);
        case "link": {
          const words = plainInline(node.children);
          return words === node.url || words === shortOf(node.url) || node.url === ""
            ? words
            : `${words} (${node.url})`;
        }
        case "image":
          return node.alt ? `[${node.alt}] ${node.url}` : node.url;
        default:
          return "";
      }
    })
    .join("");
}

const ADDRESS =
  /(?<web>https?:\/\/[A-Za-z0-9](?:(?![,;]https?:)[^\s<>[\]"'`\u2018-\u201d\u2026\u3000-\u303f\u3400-\u9fff\uff00-\uffef])*)|(?<![\w./@-])(?<short>www\.[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:[/?#][^\s<>[\]"'`\u2018-\u201d\u2026\u3000-\u303f\u3400-\u9fff\uff00-\uffef]*)?|[\w.+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]+)(?![\w@-])/gi;

/** A text with its addresses as links. */
export function linked(value: string): PhrasingContent[] {
  const nodes: PhrasingContent[] = [];
  let from = 0;
  for (const { 0: whole, index, groups } of value.matchAll(ADDRESS)) {
    const address = withoutEnd(whole);
    const url =
      groups?.web !== undefined
        ? address
        : address.includes("@") && !/^www\./i.test(address)
          ? `mailto:${address}`
          : `http://${address}`;
    nodes.push(text(value.slice(from, index)), { type: "link", url, title: null, children: [text(address)] });
    from = index + address.length;
  }
  nodes.push(text(value.slice(from)));
  return merged(nodes);
}

/** Punctuation that ends a sentence, and a bracket that was opened before the address, are none of it. */
function withoutEnd(address: string): string {
  const trimmed = address.replace(/[.,:;!?*_~]+$/, "");
  const closed = /[)\]]$/.exec(trimmed)?.[0];
  const opening = closed === ")" ? "(" : "[";
  if (closed && trimmed.split(closed).length > trimmed.split(opening).length) return withoutEnd(trimmed.slice(0, -1));
  return trimmed;
}

/** Brackets in the address of a link would be escaped, which not every reader takes back. */
function withoutBrackets(url: string): string {
  return url.replaceAll("(", "%28").replaceAll(")", "%29");
}

/** How people write what the parser completes. */
function shortOf(url: string): string {
  return url.replace(/^(?:mailto:|http:\/\/)/, "");
}

/** `<sup>` around one text: without it, 10<sup>3</sup> would be another number. */
function withRaised(nodes: readonly PhrasingContent[]): PhrasingContent[] {
  const read: PhrasingContent[] = [];
  for (let index = 0; index < nodes.length; index += 1) {
    const node = nodes[index] as PhrasingContent;
    const [, tag] = node.type === "html" ? (/^<(sup|sub)\b/i.exec(node.value) ?? []) : [];
    const [inner, end] = [nodes[index + 1], nodes[index + 2]];
    if (tag && inner?.type === "text" && end?.type === "html" && /^<\/su[pb]/i.test(end.value)) {
      read.push(text(raisedText(inner.value, kindOf(tag))));
      index += 2;
    } else read.push(node);
  }
  return read;
}

/** A heading of two lines can only be written in a form that QQ does not know. */
function inOneLine(node: PhrasingContent): PhrasingContent {
  if (node.type === "text") return text(node.value.replaceAll("\n", " "));
  return "children" in node ? ({ ...node, children: node.children.map(inOneLine) } as PhrasingContent) : node;
}

function isUnderlined({ position }: Heading): boolean {
  return position !== undefined && position.start.line !== position.end.line;
}

function visit(node: Nodes, see: (node: Nodes) => void): void {
  see(node);
  if ("children" in node) for (const child of node.children) visit(child, see);
}

const text = (value: string): PhrasingContent => ({ type: "text", value });
const paragraph = (children: PhrasingContent[]): Paragraph => ({ type: "paragraph", children: trimmed(children) });

/** Space at the ends, as markup leaves it behind, would be written as `&#x20;`. */
function trimmed(nodes: readonly PhrasingContent[]): PhrasingContent[] {
  const last = nodes.length - 1;
  return merged(
    nodes.map((node, index) => {
      if (node.type !== "text") return node;
      const begun = index === 0 ? node.value.replace(/^[ \t\n]+/, "") : node.value;
      return text(index === last ? begun.replace(/[ \t\n]+$/, "") : begun);
    }),
  );
}

function withoutLooseEnds(node: PhrasingContent): PhrasingContent {
  return node.type === "text" ? text(node.value.replace(/[ \t]*\n[ \t]*/g, "\n")) : node;
}

/** Bold inside bold would end the outer one. */
function unbold(node: PhrasingContent): PhrasingContent[] {
  return node.type === "strong" ? node.children.flatMap(unbold) : [node];
}

/** A link inside a link would end the outer one. */
function unlinked(node: PhrasingContent): PhrasingContent[] {
  if (node.type === "link") return node.children.flatMap(unlinked);
  return "children" in node ? [{ ...node, children: node.children.flatMap(unlinked) } as PhrasingContent] : [node];
}

function silent(node: PhrasingContent): PhrasingContent {
  return node.type === "text" ? text(withoutTags(node.value)) : node;
}

function joined(parts: readonly (readonly PhrasingContent[])[], separator: string): PhrasingContent[] {
  return parts
    .filter((part) => part.length > 0)
    .flatMap((part, index) => (index === 0 ? [...part] : [text(separator), ...part]));
}

/** Neighbouring texts as one, so that they are escaped as one. */
function merged(nodes: readonly PhrasingContent[]): PhrasingContent[] {
  const result: PhrasingContent[] = [];
  for (const node of nodes) {
    const last = result.at(-1);
    if (node.type === "text" && last?.type === "text") result[result.length - 1] = text(last.value + node.value);
    else if (node.type !== "text" || node.value !== "") result.push(node);
  }
  return result;
}
