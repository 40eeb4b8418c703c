/**
 * LaTeX as people write it by hand: what has a character becomes it, the rest stays legible. No typesetting, no loss.
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
};

const SUPERSCRIPTS = "0⁰1¹2²3³4⁴5⁵6⁶7⁷8⁸9⁹+⁺-⁻=⁼(⁽)⁾nⁿiⁱ";
const SUBSCRIPTS = "0₀1₁2₂3₃4₄5₅6₆7₇8₈9₉+₊-₋=₌(₍)₎aₐeₑoₒxₓiᵢjⱼnₙ";

export function readableMath(latex: string): string {
  return latex
    .replace(
      /\\(?:d|t)?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g,
      (_, top: string, bottom: string) => `${group(top)}/${group(bottom)}`,
    )
    .replace(/\\sqrt\s*\{([^{}]*)\}/g, (_, inner: string) => `√${group(inner)}`)
    .replace(/\\(?:text|mathrm|mathbf|mathit|operatorname)\s*\{([^{}]*)\}/g, "$1")
    .replace(/\\(?:left|right|displaystyle|limits)(?![A-Za-z])/g, "")
    .replace(/\\([A-Za-z]+)/g, (whole, name: string) =>
      Object.hasOwn(SYMBOLS, name) ? (SYMBOLS[name] ?? whole) : whole,
    )
    .replace(/\^(?:\{([^{}]*)\}|(\w))/g, (_, many: string | undefined, one: string | undefined) =>
      raised("^", many ?? one ?? "", SUPERSCRIPTS),
    )
    .replace(/_(?:\{([^{}]*)\}|(\w))/g, (_, many: string | undefined, one: string | undefined) =>
      raised("_", many ?? one ?? "", SUBSCRIPTS),
    )
    .replace(/\\[,;:! ]/g, " ")
    .trim();
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
  return characters.length > 0 && characters.every((character) => character !== undefined)
    ? characters.join("")
    : `${sign}${group(text)}`;
}
