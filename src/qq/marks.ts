/**
 * Bold, italics and strikethrough beside Chinese. CommonMark finds where a mark begins and ends by the spaces and
 * punctuation around it, and Chinese has no spaces: `**注意:**这里` is no bold to it. Models write that all the time.
 * Here such marks are read, and written in a form that every reader knows: `**注意**:这里`.
 */
import type { PhrasingContent } from "mdast";
import type { fromMarkdown } from "mdast-util-from-markdown";

type Extension = Exclude<
  NonNullable<
    NonNullable<Exclude<Parameters<typeof fromMarkdown>[1], string | null | undefined>>["extensions"]
  >[number],
  readonly unknown[]
>;
type Constructs = NonNullable<NonNullable<Extension["text"]>[number]>;
type Construct = Exclude<Constructs, readonly unknown[]>;

const CHINESE = /[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]/;
/** What stands around the underscore of a face: `>_<`, `^_^`, `-_-`. */
const FACE = /[<>^;=-]/;
const PUNCTUATION = /[\p{P}\p{S}]/u;

function characterOf(code: number | null): string {
  return code === null || code < 0 ? "" : String.fromCharCode(code);
}

/** Chinese punctuation counts as a letter here, and a Chinese letter ends a word like a space does. */
function mayOpen(before: string, after: string): boolean {
  if (after.trim() === "") return false;
  return !PUNCTUATION.test(after) || CHINESE.test(after) || before.trim() === "" || CHINESE.test(before);
}

/** The parser's own construct of this name, with marks beside Chinese allowed to open and close more often. */
function besideChinese(name: string, marker: number): Construct {
  const own = (constructs: Constructs | undefined) =>
    [constructs ?? []].flat().find((construct) => construct.name === name && construct !== loosened);
  const loosened: Construct = {
    name,
    tokenize(effects, ok, nok) {
      const { text, insideSpan } = this.parser.constructs;
      const construct = own(text[marker]) ?? own(insideSpan.null as Constructs);
      if (!construct) return nok;
      const before = characterOf(this.previous);
      return construct.tokenize.call(
        this,
        effects,
        (code) => {
          const token = this.events.at(-1)?.[1];
          const after = characterOf(code);
          if (token && marker === 42 && /\d/.test(before) && /\d/.test(after)) {
            token._open = false; // `2*3*4`
            token._close = false;
          } else if (token && marker !== 95 && (CHINESE.test(before) || CHINESE.test(after))) {
            // A single one before a bracket may be a multiplication sign: `长*（宽+高）*2`.
            const isSingle = marker === 42 && token.end.offset - token.start.offset === 1;
            token._open ||= mayOpen(before, after) && !(isSingle && PUNCTUATION.test(after));
            token._close ||= mayOpen(after, before);
          } else if (token && marker === 95 && FACE.test(before) && FACE.test(after)) {
            token._open = false;
            token._close = false;
          } else if (token && before === ":" && token.end.offset - token.start.offset === 2) {
            token._close = true; // `**数据:**100`
          }
          return ok(code);
        },
        nok,
      );
    },
    resolveAll(events, context) {
      const { text, insideSpan } = context.parser.constructs;
      const construct = own(text[marker]) ?? own(insideSpan.null as Constructs);
      return construct?.resolveAll?.(events, context) ?? events;
    },
  };
  return loosened;
}

export const CHINESE_MARKS: Extension = {
  text: {
    42: besideChinese("attention", 42),
    95: besideChinese("attention", 95),
    126: besideChinese("strikethrough", 126),
  },
};

type Mark = Extract<PhrasingContent, { type: "strong" | "emphasis" | "delete" }>;

function isMark(node: PhrasingContent | undefined): node is Mark {
  return node?.type === "strong" || node?.type === "emphasis" || node?.type === "delete";
}

/** Marks that begin and end with a letter wherever a letter stands outside: the only ones that every reader takes. */
export function settled(nodes: readonly PhrasingContent[]): PhrasingContent[] {
  const result: PhrasingContent[] = [];
  nodes.forEach((node, index) => {
    const before = textEnd(result.at(-1));
    if (!isMark(node)) {
      add(result, node);
      return;
    }
    const after = textBegin(nodes[index + 1]);
    const isPair = isQuoted(node) && (isLetter(before) || isLetter(after));
    const lead = isLetter(before) || isPair ? peeled(node, "lead") : { node, text: "" };
    const trail =
      lead?.node && (isLetter(after) || isPair) ? peeled(lead.node, "trail") : lead && { node: lead.node, text: "" };
    if (!lead || !trail) for (const child of settled([...node.children])) add(result, child);
    else {
      add(result, { type: "text", value: lead.text });
      if (trail.node) add(result, trail.node);
      add(result, { type: "text", value: trail.text });
    }
  });
  return result;
}

const PAIRS = ["“”", "‘’", "「」", "『』", "《》", "〈〉", "【】", "()", "()", "[]", '""'];

/** Brackets around all of it: neither of them stays in alone. */
function isQuoted({ children }: Mark): boolean {
  const [first, last] = [children[0], children.at(-1)];
  if (first?.type !== "text" || last?.type !== "text") return false;
  return PAIRS.includes(`${first.value[0]}${last.value.at(-1)}`);
}

function add(nodes: PhrasingContent[], node: PhrasingContent): void {
  const last = nodes.at(-1);
  if (node.type !== "text") nodes.push(node);
  else if (last?.type === "text") nodes[nodes.length - 1] = { type: "text", value: last.value + node.value };
  else if (node.value !== "") nodes.push(node);
}

const ENDS = { lead: /^[\p{P}\p{S}\s]*/u, trail: /[\p{P}\p{S}\s]*$/u };

/** A mark and the punctuation taken out of its beginning or end; undefined where no text stands there. */
function peeled(node: Mark, side: "lead" | "trail"): { node: Mark | undefined; text: string } | undefined {
  const at = side === "lead" ? 0 : node.children.length - 1;
  const child = node.children[at];
  if (!child) return undefined;
  if (isMark(child)) {
    const inner = peeled(child, side);
    return inner && { node: withChild(node, at, inner.node), text: inner.text };
  }
  if (child.type !== "text") return undefined;
  const [text = ""] = ENDS[side].exec(child.value) ?? [];
  const value =
    side === "lead" ? child.value.slice(text.length) : child.value.slice(0, child.value.length - text.length);
  if (value === "" && node.children.length > 1) return undefined;
  return { node: withChild(node, at, value === "" ? undefined : { type: "text", value }), text };
}

function withChild(node: Mark, at: number, child: PhrasingContent | undefined): Mark | undefined {
  const children = node.children.toSpliced(at, 1, ...(child ? [child] : []));
  return children.length > 0 ? { ...node, children } : undefined;
}

function textEnd(node: PhrasingContent | undefined): string {
  return node?.type === "text" ? (Array.from(node.value.slice(-2)).at(-1) ?? "") : "";
}

function textBegin(node: PhrasingContent | undefined): string {
  return node?.type === "text" ? (Array.from(node.value.slice(0, 2))[0] ?? "") : "";
}

function isLetter(character: string): boolean {
  return character.trim() !== "" && !PUNCTUATION.test(character);
}
