/** Looks for a code of QQ's error table by its number or by what it means. */
import type { Code } from "./protocol.ts";

/** Every word and number of the search has to be found in the code or its meaning. */
export function findCodes(codes: readonly Code[], search: string): readonly Code[] {
  const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [];
  return codes.filter(({ code, words: { zh, en } }) => {
    const text = `${code} ${zh} ${en}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}
