/**
 * The registry. A command stands in this array once; everything else follows from it.
 */
import { allow, deny, pair } from "./allow.ts";
import { claim } from "./claim.ts";
import type { Command } from "./command.ts";
import { continueCommand } from "./continue.ts";
import { stop } from "./stop.ts";

export const COMMANDS: readonly Command[] = [stop, continueCommand, claim, pair, allow, deny];

export interface Typed<C extends Command = Command> {
  command: C;
  /** What stands behind the name; empty where there is nothing. */
  argument: string;
}

/**
 * The command that a message is, if it is one: `/stop`, `/allow CODE`, or an alias as the whole message. A full-width slash
 * is one, and what ends a sentence is none of the word: 「继续。」
 */
export function parseCommand(text: string): Typed | undefined {
  const [, word = "", argument = ""] = /^(\S+)\s*([\s\S]*)$/.exec(text.trim()) ?? [];
  const lower = word
    .toLowerCase()
    .replace(/^／/, "/")
    .replace(/(?<=[^/])[。.!!~~]+$/, "");
  const command = COMMANDS.find(
    ({ name, aliases }) => lower === `/${name}` || aliases.some((alias) => lower === alias || lower === `/${alias}`),
  );
  if (!command) return undefined;
  // "停 一下吧" is something to say: only what is typed behind a slash may have an argument.
  if (argument !== "" && (!lower.startsWith("/") || !("ask" in command))) return undefined;
  return { command, argument };
}
