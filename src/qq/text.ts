/**
 * Text as QQ takes it: cut into parts, and with its links defused when QQ refuses them.
 */

/** Where a text may be cut, best first. Each pattern ends where the next part begins. */
const CUTS: readonly RegExp[] = [/\n\n+/g, /\n/g, /[。!?!?;;…]+\s*|\.\s+/g, /[,,、:]\s*|\s+/g];

/**
 * The longest head of `text` within `maxLength` UTF-16 units that ends at a good place: a paragraph, a line, a
 * sentence, a word, at worst between two characters as a person sees them. Never empty, never inside a surrogate pair.
 */
function head(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const window = text.slice(0, maxLength);
  for (const cut of CUTS) {
    const last = [...window.matchAll(cut)].at(-1);
    const end = last ? last.index + last[0].length : 0;
    // A cut in the first half wastes a slot of the reply budget.
    if (end > maxLength / 2) return text.slice(0, end);
  }
  let end = 0;
  for (const { index, segment } of new Intl.Segmenter().segment(text.slice(0, maxLength + 64))) {
    if (index + segment.length > maxLength) break;
    end = index + segment.length;
  }
  if (end > 0) return text.slice(0, end);
  // One character longer than a part: cut it anywhere but inside a surrogate pair.
  const inPair = /[\ud800-\udbff]/.test(text[maxLength - 1] ?? "");
  return text.slice(0, inPair ? Math.max(2, maxLength - 1) : maxLength);
}

/**
 * Cuts `text` into at most `maxParts` parts. What does not fit comes back as `rest`; with it, the last part leaves
 * `reserve` units free for a hint. The parts and the rest joined are the whole text again.
 */
export function splitText(
  text: string,
  { maxLength, maxParts, reserve = 0 }: { maxLength: number; maxParts: number; reserve?: number },
): { parts: string[]; rest: string } {
  const parts: string[] = [];
  let rest = text;
  while (rest !== "" && parts.length < maxParts) {
    const isLast = parts.length === maxParts - 1;
    const part = isLast && rest.length > maxLength ? head(rest, maxLength - reserve) : head(rest, maxLength);
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
  return text.replace(/\bhttps?:\/\//gi, "").replace(/(?<=[\p{L}\p{N}_-])\.(?=[\p{L}_-][\p{L}\p{N}_-]*)/gu, "[.]");
}
