/**
 * What QQ takes for a link, in plain text too: addresses, `www.`, bare domains, the target of a Markdown link, and file
 * names such as `crawler.py` (QwenPaw#1463, openclaw-qqbot#39).
 */

const ADDRESS = /\b[a-z][a-z\d+.-]*:\/\/(?:[^\s/?#@]*@)?([^\s/?#:)>\]]*)[^\s)>\]]*/gi;
const MARKDOWN_TARGET = /\]\(\s*<?([^\s)>/]*)/g;
const DOMAIN = /(?<![\w.-])((?:[\w-]+\.)+[a-z]{2,})(?![\w-])(?:\/[^\s)>\]]*)?/gi;

/** The first link whose domain is not registered. A registered domain covers its subdomains. */
export function unregisteredLink(text: string, domains: ReadonlySet<string>): string | undefined {
  const isRegistered = (host: string) =>
    [...domains].some((domain) => host.toLowerCase() === domain || host.toLowerCase().endsWith(`.${domain}`));
  const bare = text.replace(ADDRESS, "$1");
  return [...text.matchAll(ADDRESS), ...bare.matchAll(MARKDOWN_TARGET), ...bare.matchAll(DOMAIN)]
    .map(([, host]) => host ?? "")
    .find((host) => !isRegistered(host));
}
