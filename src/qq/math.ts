/**
 * LaTeX as people write it by hand: what has a character becomes it, the rest stays legible. No typesetting, no loss.
 * Models write it in `$…$`, `$$…$$`, `\(…\)` and `\[…\]`, often with text on the line of the delimiter.
 */

const SYMBOLS: Readonly<Record<string, string>> = {
  alpha: "α",
  beta: "β",
  gamma: "γ",
  delta: "δ",
  epsilon: "ε",
  varepsilon: "ε",
  zeta: "ζ",
  eta: "η",
  theta: "θ",
  lambda: "λ",
  mu: "μ",
  nu: "ν",
  xi: "ξ",
  pi: "π",
  rho: "ρ",
  sigma: "σ",
  tau: "τ",
  phi: "φ",
  varphi: "φ",
  chi: "χ",
  psi: "ψ",
  omega: "ω",
  Gamma: "Γ",
  Delta: "Δ",
  Theta: "Θ",
  Lambda: "Λ",
  Xi: "Ξ",
  Pi: "Π",
  Sigma: "Σ",
  Phi: "Φ",
  Psi: "Ψ",
  Omega: "Ω",
  times: "×",
  cdot: "·",
  div: "÷",
  pm: "±",
  mp: "∓",
  le: "≤",
  leq: "≤",
  ge: "≥",
  geq: "≥",
  ne: "≠",
  neq: "≠",
  approx: "≈",
  equiv: "≡",
  sim: "∼",
  propto: "∝",
  infty: "∞",
  partial: "∂",
  nabla: "∇",
  sum: "∑",
  prod: "∏",
  int: "∫",
  oint: "∮",
  in: "∈",
  notin: "∉",
  subset: "⊂",
  subseteq: "⊆",
  cup: "∪",
  cap: "∩",
  emptyset: "∅",
  forall: "∀",
  exists: "∃",
  to: "→",
  rightarrow: "→",
  leftarrow: "←",
  Rightarrow: "⇒",
  Leftarrow: "⇐",
  iff: "⇔",
  implies: "⇒",
  mapsto: "↦",
  land: "∧",
  lor: "∨",
  neg: "¬",
  angle: "∠",
  degree: "°",
  ldots: "…",
  cdots: "⋯",
  dots: "…",
  prime: "′",
  perp: "⊥",
  quad: "  ",
  qquad: "    ",
  iota: "ι",
  kappa: "κ",
  upsilon: "υ",
  leqslant: "≤",
  geqslant: "≥",
  ll: "≪",
  gg: "≫",
  cong: "≅",
  triangle: "△",
  parallel: "∥",
  because: "∵",
  therefore: "∴",
  circ: "∘",
  bullet: "•",
  ast: "*",
  oplus: "⊕",
  otimes: "⊗",
  setminus: "∖",
  supset: "⊃",
  supseteq: "⊇",
  iint: "∬",
  ell: "ℓ",
  hbar: "ℏ",
  mid: "|",
  lvert: "|",
  rvert: "|",
  vert: "|",
  Vert: "‖",
  langle: "⟨",
  rangle: "⟩",
  lfloor: "⌊",
  rfloor: "⌋",
  lceil: "⌈",
  rceil: "⌉",
  uparrow: "↑",
  downarrow: "↓",
  leftrightarrow: "↔",
  Leftrightarrow: "⇔",
  longrightarrow: "→",
  Longrightarrow: "⇒",
  vdots: "⋮",
};

/** Commands that are read as they are called. */
const NAMES =
  /\\(sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh|tanh|log|ln|lg|exp|lim|max|min|sup|inf|arg|det|dim|gcd|ker|deg|Pr|mod|bmod)(?![A-Za-z])/g;
/** Commands that change only how their words look. */
const LOOKS =
  /\\(?:text|textbf|textit|mathrm|mathbf|mathit|mathsf|mathcal|boldsymbol|bm|operatorname|ce|boxed)\s*\{([^{}]*)\}/g;
const BLACKBOARD: Readonly<Record<string, string>> = { R: "ℝ", N: "ℕ", Z: "ℤ", Q: "ℚ", C: "ℂ", P: "ℙ" };
/** What stands over a letter. */
const ACCENTS: Readonly<Record<string, string>> = {
  vec: "\u20d7",
  bar: "\u0304",
  hat: "\u0302",
  dot: "\u0307",
  tilde: "\u0303",
};
const MATRICES: Readonly<Record<string, readonly [string, string]>> = {
  matrix: ["", ""],
  pmatrix: ["(", ")"],
  bmatrix: ["[", "]"],
  vmatrix: ["|", "|"],
  cases: ["\\{ ", ""],
};

const SUPERSCRIPTS = "0⁰1¹2²3³4⁴5⁵6⁶7⁷8⁸9⁹+⁺-⁻=⁼(⁽)⁾nⁿiⁱ";
const SUBSCRIPTS = "0₀1₁2₂3₃4₄5₅6₆7₇8₈9₉+₊-₋=₌(₍)₎aₐeₑoₒxₓiᵢjⱼnₙ";

/** Braces inside of braces are read from the inside, so many of them. */
const MOST_NESTED = 8;
/** Stands for `_` where it has been read: the next round must not read it again. */
const LOW = "\u{f005f}";

export function readableMath(latex: string): string {
  let read = latex
    .replace(
      /\\begin\s*\{(matrix|pmatrix|bmatrix|vmatrix|cases)\}([^\\]*(?:\\(?!(?:begin|end)\b)[^\\]*)*)\\end\s*\{\1\}/g,
      matrix,
    )
    .replace(/\\(?:begin|end)\s*\{[A-Za-z]+\*?\}(?:\{[lcr|]*\})?/g, "")
    .replace(/\\\\(?:\[[^\]]*\])?/g, "\n")
    .replace(/(?<!\\)[ \t]*&[ \t]*/g, " ")
    .replace(/\\(?:left|right|big|Big|bigg|Bigg|displaystyle|limits)(?![A-Za-z])\.?/g, "")
    .replace(/\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![A-Za-z]))/g, "°")
    .replace(NAMES, "$1")
    .replace(/\\mathbb\s*\{?([A-Z])\}?/g, (_, letter: string) => BLACKBOARD[letter] ?? letter)
    .replace(/\\(?:over)?(vec|bar|hat|dot|tilde)(?:\s*\{(\p{L})\}|\s+(\p{L}))/gu, (_, accent: string, a = "", b = "") =>
      `${a}${b}${ACCENTS[accent]}`.normalize("NFC"),
    )
    .replace(/\\([A-Za-z]+)/g, (whole, name: string) =>
      Object.hasOwn(SYMBOLS, name) ? (SYMBOLS[name] ?? whole) : whole,
    );
  for (let depth = 0, before = ""; depth < MOST_NESTED && read !== before; depth += 1) {
    before = read;
    read = read
      .replace(LOOKS, "$1")
      .replace(/\^(?:\{([^{}]*)\}|(\w))/g, (_, many: string | undefined, one: string | undefined) =>
        raised("^", many ?? one ?? "", SUPERSCRIPTS),
      )
      .replace(/_(?:\{([^{}]*)\}|(\w))/g, (_, many: string | undefined, one: string | undefined) =>
        raised(LOW, many ?? one ?? "", SUBSCRIPTS),
      )
      .replace(
        /\\(?:d|t|c)?frac\s*(?:\{([^{}]*)\}\s*\{([^{}]*)\}|(\d)(\d))/g,
        (_, top?: string, bottom?: string, above?: string, below?: string) =>
          `${group(top ?? above ?? "")}/${group(bottom ?? below ?? "")}`,
      )
      .replace(
        /\\sqrt\s*(?:\[([^\]{}]*)\])?\s*\{([^{}]*)\}/g,
        (_, root: string | undefined, inner: string) => `${root ? raised("", root, SUPERSCRIPTS) : ""}√${group(inner)}`,
      );
  }
  return read
    .replaceAll(LOW, "_")
    .replace(/\\[,;:! ]/g, " ")
    .replace(/\\([{}%#&$_|])/g, "$1")
    .replace(/[ \t]*\n\s*/g, "\n")
    .trim();
}

/** In one line: cells by commas, rows by semicolons. */
function matrix(_: string, kind: string, body: string): string {
  const [open, close] = MATRICES[kind] ?? ["", ""];
  const rows = body.split("\\\\").map((row) => row.split(/(?<!\\)&/).map((cell) => cell.trim().replace(/,$/, "")));
  return `${open}${rows
    .map((cells) => cells.filter(Boolean).join(", "))
    .filter(Boolean)
    .join("; ")}${close}`;
}

/** `<sup>` and `<sub>` of HTML. What has no raised form and is no number stays as it is: `1<sup>st</sup>`. */
export function raisedText(text: string, kind: "sup" | "sub"): string {
  const form = raised("", text, kind === "sup" ? SUPERSCRIPTS : SUBSCRIPTS);
  if (form !== group(text)) return form;
  return kind === "sup" && /^(?:[\w+-]*\d[\w+-]*|[A-Za-z])$/.test(text) ? raised("^", text, SUPERSCRIPTS) : text;
}

/** Where LaTeX cannot be: each alternative is tried before any delimiter. A backslash takes what follows along. */
const CODE =
  "^[ \\t>]*(?:(?:[-+*]|\\d{1,9}[.)])[ \\t]+)*(?<fence>`{3,}|~{3,})[^\\n]*\\n[\\s\\S]*?(?:^[ \\t>]*\\k<fence>|$(?![\\s\\S]))" +
  "|(?<!`)(?<ticks>`+)(?!`)(?:(?!\\n[ \\t>]*\\n)[\\s\\S]){1,1000}?(?<!`)\\k<ticks>(?!`)" +
  "|`+";
const PARAGRAPH_END = "\\n[ \\t>]*\\n";
// In each of them a character is read in one way only: two ways for each would be too many for all.
const DISPLAY = `\\$\\$(?<display>(?:\\\\[\\s\\S]|(?!\\$\\$|${PARAGRAPH_END})[^\\\\]){1,4000}?)\\$\\$`;
const BRACKETS = `\\\\\\[(?<brackets>(?:\\\\\\\\|\\\\(?![[\\]\\\\])|(?!${PARAGRAPH_END})[^\\\\]){1,4000}?)\\\\\\]`;
const ROUND = `\\\\\\((?<round>(?:\\\\\\\\|\\\\(?![()\\\\])|(?!${PARAGRAPH_END})[^\\\\]){1,1000}?)\\\\\\)`;
// biome-ignore lint/suspicious/noTemplateCurlyInString: a dollar and a brace are what it is about
const DOLLARS = "(?<![\\w$])\\$(?<dollars>(?![\\s${])(?:\\\\.|[^$\\n\\\\]){1,300}?)(?<!\\s)\\$(?![\\w$({[])";
const MATH = new RegExp([CODE, DISPLAY, BRACKETS, ROUND, "\\\\[\\s\\S]", DOLLARS].join("|"), "gm");

/** A dollar may be money, or begin a variable of the shell; a bracket may be escaped in the text of a link. */
function isFormula(text: string): boolean {
  if (/^\d[^\\^_={}]*\s\p{L}{2}/u.test(text) || /<(?:https?:|[^<>\s]+@)/.test(text)) return false;
  // A backslash before punctuation may be an escape of Markdown.
  return /\\[A-Za-z]|[\^_=<>+]/.test(text) || (/^[\w\s,.\-*/|()'!:%]+$/.test(text) && !/[A-Za-z]{4}/.test(text));
}

/**
 * Markdown with its LaTeX made readable, as text that has no other meaning in Markdown. `replaced` may put something else
 * in its place.
 */
export function withReadableMath(source: string, replaced: (whole: string, latex: string) => string = asText): string {
  if (!/\$|\\[([]/.test(source)) return source;
  return source.replace(MATH, (whole: string, ...rest: unknown[]) => {
    const { display, brackets, round, dollars } = rest.at(-1) as Record<string, string | undefined>;
    const latex = display ?? brackets ?? round ?? dollars;
    if (latex === undefined || latex.trim() === "") return whole;
    if (brackets !== undefined && !/[\\^_=<>+*/-]/.test(brackets)) return whole;
    return display === undefined && !isFormula(latex.trim()) ? whole : replaced(whole, latex);
  });
}

function asText(whole: string, latex: string): string {
  const read = readableMath(latex.replace(/\n[ \t]*(?:>[ \t]?)+/g, "\n"));
  if (read === "") return whole;
  // Later lines keep what their first one stands behind in the source: a quote's mark, or the indentation of an item.
  const [, before = ""] = /\n([ \t>]*)/.exec(whole) ?? [];
  return read.replace(/[!-/:-@[-`{-~]/g, "\\$&").replaceAll("\n", `\n${before}`);
}

/** Brackets where leaving them out would change the meaning. */
function group(text: string): string {
  return /^[\w.\u0370-\u03ff]+$/.test(text.trim()) ? text.trim() : `(${text.trim()})`;
}

function raised(sign: string, text: string, table: string): string {
  const characters = [...text].map((character) => {
    const index = table.indexOf(character);
    return index >= 0 && index % 2 === 0 ? table[index + 1] : undefined;
  });
  if (characters.length > 0 && characters.every((character) => character !== undefined)) return characters.join("");
  return sign === "^" && characters.length > 1 ? `^(${text})` : `${sign}${group(text)}`;
}
