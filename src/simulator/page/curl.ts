/** A callback as a command for a shell: the same bytes, posted once more. */
import type { Trace } from "./protocol.ts";

/** What curl writes itself, from the body and the address. */
const ITS_OWN = new Set(["content-length", "host", "connection", "transfer-encoding"]);

export function toCurl({ url, headers, body }: Trace["callback"]): string {
  const named = Object.entries(headers)
    .filter(([name]) => !ITS_OWN.has(name.toLowerCase()))
    .map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`);
  // Not --data: that would read a file where the body begins with an @, and drop its line ends.
  return [`curl -sS -X POST ${quoted(url)}`, ...named, `--data-raw ${quoted(body)}`].join(" \\\n  ");
}

/** One word for any POSIX shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
