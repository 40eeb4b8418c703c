/**
 * Text as QQ takes it: cut into parts, and with its links defused when QQ refuses them.
 */

/** Where a text may be cut, best first. Each pattern ends where the next part begins. */
const CUTS: readonly RegExp[] = [/\n\n+/g, /\n/g, /[。!?!?;;…]+\s*|\.\s+/g, /[,,、:]\s*|\s+/g];

/**
 * The longest head of `text` within `maxLength` UTF-16 units that ends at a good place: a paragraph, a line, a
 * sentence, a word, at worst between two characters as a person sees them. A place counts only where it fills at least
 * `leastFill` of the length. Never empty, never inside a surrogate pair.
 */
function head(text: string, maxLength: number, leastFill: number): string {
  if (text.length <= maxLength) return text;
  const window = text.slice(0, maxLength);
  for (const cut of CUTS) {
    const last = [...window.matchAll(cut)].at(-1);
    const end = last ? last.index + last[0].length : 0;
    if (end > maxLength * leastFill) return text.slice(0, end);
  }
  let end = 0;
  for (const { index, segment } of new Intl.Segmenter().segment(text.slice(0, maxLength + 64))) {
    if (index + segment.length > maxLength) break;
    end = index + segment.length;
  }
  if (end > 0) return text.slice(0, end);
  // One character longer than a part: cut it anywhere but inside a surrogate pair.
  const inPair = /[\ud800-\udbff]/.test(text[maxLength - 1] ?? "");
  const last = inPair ? maxLength - 1 : maxLength;
  return text.slice(0, last > 0 ? last : 2);
}

export interface Cut {
  parts: string[];
  rest: string;
}

/**
 * Cuts `text` into at most `maxParts` parts: at the best places where that fits, else fuller parts at the next best. What
 * does not fit even so comes back as `rest`; with it, the last part leaves `reserve` units free for a hint. The parts and
 * the rest joined are the whole text again.
 */
export function splitText(text: string, options: { maxLength: number; maxParts: number; reserve?: number }): Cut {
  const roomy = cut(text, { ...options, leastFill: 0.5 });
  return roomy.rest === "" ? roomy : cut(text, { ...options, leastFill: 0.9 });
}

function cut(
  text: string,
  {
    maxLength,
    maxParts,
    reserve = 0,
    leastFill,
  }: { maxLength: number; maxParts: number; reserve?: number; leastFill: number },
): Cut {
  const parts: string[] = [];
  let rest = text;
  while (rest !== "" && parts.length < maxParts) {
    const isLast = parts.length === maxParts - 1;
    const part = head(rest, isLast && rest.length > maxLength ? maxLength - reserve : maxLength, leastFill);
    parts.push(part);
    rest = rest.slice(part.length);
  }
  return { parts, rest };
}

/**
 * Makes links and what QQ takes for links (`www.`, bare domains, file names such as `main.py`) unclickable but legible.
 * QQ refuses them by code 40054010 even in plain text (QwenPaw#1463, openclaw-qqbot#39).
 */
export function defuseLinks(text: string): string {
  // The whole run of them: taken out one by one, "http:http:////" would leave another.
  return text
    .replace(/\b(?:https?:\/*)+(?<=\/\/)/gi, "")
    .replace(/(?<=[\p{L}\p{N}_-])\.(?=[\p{L}_-][\p{L}\p{N}_-]*)/gu, "[.]");
}
