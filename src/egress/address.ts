/** Which address the far end sees. QQ names it nowhere, not even when it refuses it. */
import { UpstreamError } from "../errors.ts";
import type { Echo } from "../way.ts";
import type { Transport } from "./transport.ts";

const WITHIN_MS = 10_000;
const LONGEST = 4_096;

/** @throws UpstreamError where nobody could be asked, or the answer holds no address. */
export async function seenAddress(transport: Transport, echo: Echo): Promise<string> {
  const headers = Object.entries(echo.headers).map(([name, value]): [string, string] => [name, value.reveal()]);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), WITHIN_MS);
  try {
    const response = await transport(new Request(echo.url, { headers, redirect: "manual", signal: late.signal }));
    const address = response.ok ? findAddress((await response.text()).slice(0, LONGEST)) : undefined;
    if (address) return address;
    throw untold(`HTTP ${response.status}`);
  } catch (error) {
    throw error instanceof UpstreamError ? error : untold(late.signal.aborted ? "no answer in time" : "no answer");
  } finally {
    clearTimeout(timer);
  }
}

/** What may stand before an IPv4 address without a space: `IPv4:` or `::ffff:`. */
const PREFIX = /^.*:(?=\d+(\.\d+){3}$)/;

/** `ip=…` of a trace, else the first address in whatever such services answer. */
export function findAddress(text: string): string | undefined {
  const named = /^ip=(\S+)$/m.exec(text)?.[1];
  if (named && (isIPv4(named) || isIPv6(named))) return named;
  const words = text.split(/[^\da-f.:]+/i).map((word) => word.replace(/[.:]+$/, "").replace(PREFIX, ""));
  return words.find((word) => isIPv4(word) || isIPv6(word));
}

/** QQ's list takes no other. */
export function isIPv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
}

function isIPv6(text: string): boolean {
  return text.split(":").length > 3 && URL.canParse(`http://[${text}]`);
}

function untold(why: string): UpstreamError {
  return new UpstreamError({
    operation: "egress.address",
    summary: `the address that QQ sees could not be found out (${why})`,
    advice:
      "不影响发消息:到代理或中转那台机器上查它的公网 IP。" +
      "Messages are not affected: look the public address up on the machine of the proxy or relay.",
    remedy: "tellOperator",
  });
}
