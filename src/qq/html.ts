/**
 * HTML, and QQ's own tags, in what a model writes: the text between tags stays, what would mention people or send commands
 * does not.
 */
import { raisedText } from "./math.ts";

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

/** QQ looks for its tags in all that a message holds, code too: what a model writes mentions nobody and sends nothing. */
export function withoutTags(value: string): string {
  return value.replace(/<(?=\/?qqbot-|@!?[\w-]{1,128}>)/gi, "＜");
}

/** The text between tags. Comments and declarations are not text. */
export function strippedHtml(html: string): string {
  return html
    .replace(/<!--[\s\S]*?(-->|$)|<\?[\s\S]*?(\?>|$)|<![A-Z][\s\S]*?(>|$)/g, "")
    .replace(/<!\[CDATA\[([\s\S]*?)(\]\]>|$)/g, "$1")
    .replace(/<(sup|sub)\b[^>]*>([^<>]*)<\/\1>/gi, (_, kind: string, inner: string) => raisedText(inner, kindOf(kind)))
    .replace(/<br\b[^>]*>|<\/(?:p|div|li|tr|h[1-6])>/gi, "\n")
    .replace(/<\/?([A-Za-z][\w-]*)[^<>]*>?/g, (tag, name: string) => (isMarkup(name.toLowerCase()) ? "" : tag))
    .replace(/[ \t]*\n\s*/g, "\n")
    .trim();
}

export function kindOf(tag: string): "sup" | "sub" {
  return tag.toLowerCase() === "sup" ? "sup" : "sub";
}
