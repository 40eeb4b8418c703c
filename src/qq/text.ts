/**
 * Text as QQ takes it: cut into parts, and with its links defused when QQ refuses them.
 */

/** Where a text may be cut, best first. Each pattern ends where the next part begins. */
const CUTS: readonly RegExp[] = [/\n\n+/g, /\n/g, /[。!?!?;;…]+\s*|\.\s+/g, /[,,、:]\s*|\s+/g];

/** Its dots, colons and question marks end nothing. */
const ADDRESS = /https?:\/\/[^\s<>"\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+/gi;

/**
 * The longest head of `text` within `maxLength` UTF-16 units that ends at a good place: a paragraph, a line, a
 * sentence, a word, at worst between two characters as a person sees them. A place counts only where it fills at least
 * `leastFill` of the length. Never empty, never inside a surrogate pair.
 */
function head(text: string, maxLength: number, leastFill: number): string {
  if (text.length <= maxLength) return text;
  const window = text.slice(0, maxLength);
  const addresses = [...text.slice(0, maxLength + 16).matchAll(ADDRESS)].map(({ 0: address, index }) => ({
    from: index,
    to: index + address.length,
  }));
  for (const cut of CUTS) {
    const ends = [...window.matchAll(cut)].map(({ 0: gap, index }) => index + gap.length);
    const end = ends.findLast((at) => !addresses.some(({ from, to }) => from < at && at < to)) ?? 0;
    if (end > maxLength * leastFill) return text.slice(0, end);
  }
  const torn = addresses.find(({ from, to }) => from < maxLength && maxLength < to);
  if (torn && torn.from > 0) return text.slice(0, torn.from);
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
 * A dot inside a name, with a letter behind it. Chinese behind it is the end of a domain only where such an end exists:
 * people write `1.第一` without a space.
 */
const DOT =
  /(?<=[\p{L}\p{N}_-])\.(?=(?!\p{Script=Han})[\p{L}_-]|(?:中国|中國|公司|网络|網絡|网址|网站|网店|商城|商店|商标|在线|集团|中文网|移动|手机|游戏|信息|机构|政务|公益|香港|台湾|台灣|新加坡|我爱你)(?!\p{L}))/gu;

/**
 * Makes links and what QQ takes for links (`www.`, bare domains, file names such as `main.py`) unclickable but legible.
 * QQ refuses them by code 40054010 even in plain text (QwenPaw#1463, openclaw-qqbot#39).
 */
export function defuseLinks(text: string): string {
  // The whole run of them: taken out one by one, "http:http:////" would leave another.
  return text
    .replace(/\b(?:https?:\/*)+(?<=\/\/)/gi, "")
    .replace(DOT, "[.]")
    .replace(/(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/g, (address) => address.replaceAll(".", "[.]"));
}
