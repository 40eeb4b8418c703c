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
import { mathFromMarkdown } from "mdast-util-math";
import { defaultHandlers, toMarkdown, type Unsafe } from "mdast-util-to-markdown";
import { gfm } from "micromark-extension-gfm";
import { math } from "micromark-extension-math";
import { readableMath } from "./math.ts";

/** CommonMark with tables, strikethrough, task lists, footnotes, bare links and math. */
export function parseMarkdown(source: string): Root {
  return fromMarkdown(source, {
    extensions: [gfm({ singleTilde: false }), math({ singleDollarTextMath: false })],
    mdastExtensions: [gfmFromMarkdown(), mathFromMarkdown()],
  });
}

/** What QQ shows of it. Rendering the result again changes nothing. */
export function toQQMarkdown(source: string): string {
  return write(readable(parseMarkdown(source)));
}

/** For where Markdown is not possible. Links keep their address. */
export function toPlainText(source: string): string {
  return plain(readable(parseMarkdown(source)));
}

/** Both at once; `marked` only where QQ shows more by it than words and bare addresses. */
export function render(source: string): { plain: string; marked: string | undefined } {
  const root = readable(parseMarkdown(source));
  return { plain: plain(root), marked: root.children.every(isPlain) ? undefined : write(root) };
}

function isPlain(node: RootContent): boolean {
  if (node.type === "paragraph") return node.children.every(isPlain);
  return node.type === "text" || (node.type === "link" && plainInline([node]) === node.url);
}

function plain(root: Root): string {
  return root.children
    .map((node) => plainBlock(node, ""))
    .filter(Boolean)
    .join("\n\n");
}

/** Words and marks as one paragraph, which says the same wherever it stands. */
export function writeInline(nodes: PhrasingContent[]): string {
  return write({ type: "root", children: [paragraph(nodes)] });
}

/** The tree with only what QQ has a form for. */
function readable(root: Root): Root {
  const definitions = new Map<string, Definition>();
  const notes: FootnoteDefinition[] = [];
  visit(root, (node) => {
    if (node.type === "definition" && !definitions.has(node.identifier)) definitions.set(node.identifier, node);
    if (node.type === "footnoteDefinition") notes.push(node);
  });
  const reader = new Reader(definitions, notes);
  const children = reader.blocks(root.children);
  return { type: "root", children: [...children, ...reader.notes()] };
}

type Block = Exclude<BlockContent, { type: "html" | "table" }>;

class Reader {
  readonly #definitions: ReadonlyMap<string, Definition>;
  readonly #notes: readonly FootnoteDefinition[];
  readonly #cited: string[] = [];

  constructor(definitions: ReadonlyMap<string, Definition>, notes: readonly FootnoteDefinition[]) {
    this.#definitions = definitions;
    this.#notes = notes;
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
          const children = this.phrasing(node.children);
          if (children.length === 0) return [];
          if (node.depth <= 2) return [{ ...node, children }];
          return [paragraph([{ type: "strong", children: children.flatMap(unbold) }])];
        }
        case "paragraph": {
          const children = this.phrasing(node.children);
          return children.length > 0 ? [paragraph(children)] : [];
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
          return content === "" ? [] : [paragraph([text(content)])];
        }
        case "math":
          return [paragraph([text(readableMath(node.value).replace(/\s*\n\s*/g, "\n") || node.value)])];
        case "code":
        case "thematicBreak":
          return [node];
        case "definition":
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
    const headings = head?.children.map((cell) => this.phrasing(cell.children)) ?? [];
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
    const read = nodes.flatMap((node): PhrasingContent[] => {
      switch (node.type) {
        case "text":
        case "inlineCode":
          return [node];
        case "break":
          return [text("\n")];
        case "emphasis":
        case "strong":
        case "delete": {
          const children = this.phrasing(node.children);
          return children.length > 0 ? [{ ...node, children }] : [];
        }
        case "link": {
          const children = this.phrasing(node.children);
          const [only] = children;
          if (only?.type === "text" && only.value === node.url) return bareLink(node.url);
          return [
            { type: "link", url: node.url, title: null, children: children.length > 0 ? children : [text(node.url)] },
          ];
        }
        case "image":
          return [{ type: "image", url: node.url, alt: node.alt ?? "", title: null }];
        case "linkReference": {
          const children = this.phrasing(node.children);
          const url = this.#definitions.get(node.identifier)?.url;
          return url === undefined ? children : [{ type: "link", url, title: null, children }];
        }
        case "imageReference": {
          const url = this.#definitions.get(node.identifier)?.url;
          return url === undefined
            ? [text(node.alt ?? "")]
            : [{ type: "image", url, alt: node.alt ?? "", title: null }];
        }
        case "footnoteReference":
          return [text(`[${this.#number(node.identifier)}]`)];
        case "inlineMath":
          return [text(readableMath(node.value) || node.value)];
        case "html": {
          const content = /^<br\b/i.test(node.value) ? "\n" : strippedHtml(node.value);
          return content === "" ? [] : [text(content)];
        }
        default:
          return [];
      }
    });
    return merged(read);
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
const STILL_ESCAPED: Unsafe[] = [
  { character: "_", before: "[^A-Za-z0-9_]", inConstruct: "phrasing" },
  { character: "_", after: "[^A-Za-z0-9_]", inConstruct: "phrasing" },
  { character: "~", after: "~", inConstruct: "phrasing" },
  { character: "[", inConstruct: ["label", "reference"] },
];

function write(root: Root): string {
  return toMarkdown(root, {
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
        state.unsafe.push(...STILL_ESCAPED);
        return defaultHandlers.root(node, undefined, state, info);
      },
    },
    // Between two lists QQ would see one; a comment, the usual way out, would be shown.
    join: [(left, right) => (left.type === "list" && right.type === "list" ? 2 : undefined)],
  }).replace(/\n+$/, "");
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
          const address = node.url.replace(/^mailto:/, "");
          return words === node.url || words === address || node.url === "" ? words : `${words} (${node.url})`;
        }
        case "image":
          return node.alt ? `[${node.alt}] ${node.url}` : node.url;
        default:
          return "";
      }
    })
    .join("");
}

/**
 * A link that is written as its address. The parser lets it run on into Chinese text that follows without a space, which
 * no address contains unencoded.
 */
function bareLink(url: string): PhrasingContent[] {
  const end = url.search(/[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]/);
  const address = end < 0 ? url : url.slice(0, end);
  const link: PhrasingContent = { type: "link", url: address, title: null, children: [text(address)] };
  return end < 0 ? [link] : [link, text(url.slice(end))];
}

/** What is markup. Anything else in angle brackets, such as `vector<int>`, is what somebody wanted to say. */
const HTML_TAGS = new Set(
  (
    "a abbr b big blockquote br center cite code dd del details div dl dt em font h1 h2 h3 h4 h5 h6 hr i img ins kbd li " +
    "mark ol p pre q s samp script small span strike strong style sub summary sup table tbody td textarea tfoot th thead " +
    "tr tt u ul var"
  ).split(" "),
);

/** QQ's own tags mention people and send commands: what a model writes must not do that. */
function isMarkup(name: string): boolean {
  return HTML_TAGS.has(name) || name.startsWith("qqbot-");
}

/** The text between tags. Comments and declarations are not text. */
function strippedHtml(html: string): string {
  return html
    .replace(/<!--[\s\S]*?(-->|$)|<\?[\s\S]*?(\?>|$)|<![A-Z][\s\S]*?(>|$)/g, "")
    .replace(/<!\[CDATA\[([\s\S]*?)(\]\]>|$)/g, "$1")
    .replace(/<br\b[^>]*>|<\/(?:p|div|li|tr|h[1-6])>/gi, "\n")
    .replace(/<\/?([A-Za-z][\w-]*)[^<>]*>?/g, (tag, name: string) => (isMarkup(name.toLowerCase()) ? "" : tag))
    .replace(/[ \t]*\n\s*/g, "\n")
    .trim();
}

function visit(node: Nodes, see: (node: Nodes) => void): void {
  see(node);
  if ("children" in node) for (const child of node.children) visit(child, see);
}

const text = (value: string): PhrasingContent => ({ type: "text", value });
const paragraph = (children: PhrasingContent[]): Paragraph => ({ type: "paragraph", children: merged(children) });

/** Bold inside bold would end the outer one. */
function unbold(node: PhrasingContent): PhrasingContent[] {
  return node.type === "strong" ? node.children.flatMap(unbold) : [node];
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
