/** LaTeX in the answers of models, in all the ways in which they write it. */
import { describe, expect, it } from "vitest";
import { toPlainText, toQQMarkdown } from "../../src/qq/markdown.ts";
import { readableMath } from "../../src/qq/math.ts";

describe("a formula", () => {
  it.each([
    ["E=mc^2", "E=mc²"],
    ["\\frac{-b \\pm \\sqrt{b^2-4ac}}{2a}", "(-b ± √(b²-4ac))/2a"],
    ["\\frac12", "1/2"],
    ["\\sum_{i=1}^{n} i", "∑ᵢ₌₁ⁿ i"],
    ["e^{i\\pi}+1", "e^(iπ)+1"],
    ["x^a_m", "x^a_m"],
    ["a_{max}", "a_max"],
    ["\\log_2 n", "log₂ n"],
    ["\\sqrt[3]{x}", "³√x"],
    ["x \\in \\mathbb{R}^n", "x ∈ ℝⁿ"],
    ["90^\\circ", "90°"],
    ["\\{1\\} 50\\%", "{1} 50%"],
    ["\\text{速度} = \\mathrm{v}", "速度 = v"],
    ["\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}", "a = b\nc = d"],
    ["\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "(1, 2; 3, 4)"],
    ["\\begin{cases} x, & x>0 \\\\ -x, & x \\le 0 \\end{cases}", "{ x, x>0; -x, x ≤ 0"],
    ["\\unknown{x}", "\\unknown{x}"],
  ])("is read as a person would write it: %s", (latex, read) => {
    expect(readableMath(latex)).toBe(read);
  });
});

describe("a formula in an answer", () => {
  it.each([
    ["由 $a^2$ 得", "由 a² 得"],
    ["由 \\( a^2 \\) 得", "由 a² 得"],
    ["由 \\[ a^2 = b \\] 得", "由 a² = b 得"],
    ["由 $$a^2$$ 得", "由 a² 得"],
    ["$$\na^2\n$$\n\n后", "a²\n\n后"],
    ["\\[\na^2\n\\]\n\n后", "a²\n\n后"],
    ["$$\\begin{aligned}\na &= b \\\\\n- c\n\\end{aligned}$$\n\n后", "a = b\n- c\n\n后"],
    ["$$ a = b\n+ c\n$$\n\n后", "a = b\n+ c\n\n后"],
    ["$n$ 个,$O(n)$,$x, y$,$a*b*c$", "n 个,O(n),x, y,a*b*c"],
    ["- 式:\n  $$\n  a\n  - b\n  $$\n- 后", "• 式:\n  a\n  - b\n• 后"],
    ["> $$\n> a_1\n> $$", "> a₁"],
    ["| $a|b$ |\n|---|\n| $x_1$ |", "• a|b: x₁"],
  ])("is found with every delimiter: %j", (source, plain) => {
    const wanted = source.startsWith("|") ? /x₁/ : plain;
    expect(toPlainText(source)).toEqual(wanted instanceof RegExp ? expect.stringMatching(wanted) : wanted);
    expect(toPlainText(toQQMarkdown(source))).toBe(toPlainText(source));
  });

  it.each([
    "从 $5 到 $6",
    "$5,$6",
    "US$5 and $PATH:$HOME",
    "$5/month or US$ x",
    "$".concat("{a}/$", "{b}"),
    "a $ b $ c",
    "`$a$` 和 `\\(a\\)`",
    "```\n$a$ \\[x=1\\]\n```",
    "~~~\n$a$\n~~~",
  ])("is not money, a variable or code: %j", (source) => {
    const words = source.replace(/^[`~]{3}\n|\n[`~]{3}$|`/g, "");
    expect(toPlainText(source)).toBe(words);
  });

  it.each([
    "$$".padEnd(20_000, "\\frac{"),
    "\\[".repeat(9_000),
    "\\(a".repeat(9_000),
    "$a ".repeat(9_000),
    "$$a ".repeat(9_000),
  ])("that never ends is found out soon", (source) => {
    expect(toPlainText(source).length).toBeGreaterThan(9_000);
  });
});
