/**
 * The registry. A command stands in this array once; everything else follows from it.
 */
import type { Command } from "./command.ts";
import { continueCommand } from "./continue.ts";
import { stop } from "./stop.ts";

export const COMMANDS: readonly Command[] = [stop, continueCommand];

/** The command that a message is, if it is one: `/stop`, or an alias as the whole message. */
export function parseCommand(text: string): Command | undefined {
  const word = text.trim().toLowerCase();
  return COMMANDS.find(
    ({ name, aliases }) => word === `/${name}` || aliases.some((alias) => word === alias || word === `/${alias}`),
  );
}
