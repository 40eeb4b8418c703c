/**
 * The registry. A command stands in this array once; everything else follows from it, /help too.
 */
import { allow } from "./allow.ts";
import { claim } from "./claim.ts";
import type { Command } from "./command.ts";
import { config } from "./config.ts";
import { continueCommand } from "./continue.ts";
import { defaults } from "./default.ts";
import { deny } from "./deny.ts";
import { helpOf } from "./help.ts";
import { language } from "./language.ts";
import { model } from "./model.ts";
import { mute } from "./mute.ts";
import { newCommand } from "./new.ts";
import { pair } from "./pair.ts";
import { persona } from "./persona.ts";
import { ping } from "./ping.ts";
import { retry } from "./retry.ts";
import { status } from "./status.ts";
import { stop } from "./stop.ts";
import { think } from "./think.ts";
import { usage } from "./usage.ts";
import { version } from "./version.ts";
import { whoami } from "./whoami.ts";

/** In the order in which /help shows them. */
export const COMMANDS: readonly Command[] = [
  helpOf(() => COMMANDS),
  newCommand,
  stop,
  retry,
  continueCommand,
  model,
  persona,
  think,
  language,
  config,
  status,
  usage,
  mute,
  ping,
  version,
  whoami,
  claim,
  defaults,
  pair,
  allow,
  deny,
];

export type Typed =
  /** `argument` is what stands behind the name; empty where there is nothing. */
  | { kind: "command"; command: Command; argument: string }
  /** `/model ?` */
  | { kind: "usage"; command: Command }
  /** Behind a slash, and nobody knows it. */
  | { kind: "unknown"; word: string; nearest: Command | undefined };

/** One word behind a slash, half or full width. A path such as `/etc/hosts` is none. */
const SLASHED = /^[/\uff0f]([\p{L}\d][\p{L}\d_-]*)[。.!\uff01~\uff5e]*$/u;
/** What ends a sentence is none of the word: 「继续。」 */
const ALONE = /^(.+?)[。.!\uff01~\uff5e]*$/u;
const ASKS_FOR_USE = /^[?\uff1f]$/;

/**
 * The command that a message is, if it is one: a word behind a slash, whatever follows it, or an alias as the whole message.
 */
export function readCommand(text: string): Typed | undefined {
  const whole = text.trim().toLowerCase();
  const alone = ALONE.exec(whole)?.[1];
  const byAlias = COMMANDS.find(({ aliases }) => aliases.some((alias) => alias === alone));
  if (byAlias) return { kind: "command", command: byAlias, argument: "" };

  // `/model?` asks for its use as `/model ?` does.
  const [, first = "", rest = ""] =
    /^(\S+)\s*([\s\S]*)$/.exec(text.trim().replace(/^(\S+?)([?\uff1f])$/, "$1 $2")) ?? [];
  const word = SLASHED.exec(first.toLowerCase())?.[1];
  if (word === undefined) return undefined;
  const command = COMMANDS.find(({ names, aliases }) => names.includes(word) || aliases.includes(word));
  if (!command) return { kind: "unknown", word, nearest: nearestTo(word) };
  if (ASKS_FOR_USE.test(rest)) return { kind: "usage", command };
  return { kind: "command", command, argument: rest };
}

/** What somebody may have meant: no more than a third of the word is wrong, and no other is as near. */
function nearestTo(word: string): Command | undefined {
  const near = COMMANDS.map((command) => ({
    command,
    distance: Math.min(...[...command.names, ...command.aliases].map((name) => distance(word, name))),
  })).sort((a, b) => a.distance - b.distance);
  const [best, next] = near;
  const most = word.length < 3 ? 0 : Math.max(1, Math.floor(word.length / 3));
  return best && best.distance <= most && best.distance !== next?.distance ? best.command : undefined;
}

/** Letters to add, take away, change or swap with their neighbour. */
function distance(a: string, b: string): number {
  const [from, to] = [[...a], [...b]];
  const rows = [Array.from({ length: to.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= from.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const change = (rows[i - 1]?.[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swap = swapped ? (rows[i - 2]?.[j - 2] ?? 0) + 1 : change;
      row.push(Math.min(change, swap, (rows[i - 1]?.[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    rows.push(row);
  }
  return rows[from.length]?.[to.length] ?? 0;
}
