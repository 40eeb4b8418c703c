/**
 * `.dev.vars`, where the settings live on the developer's machine. Everything in it that is not asked for stays as it is:
 * other settings, comments, order.
 */
import { randomUUID } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";

export type Vars = Readonly<Record<string, string>>;
/** Undefined removes the setting. */
export type Changes = Readonly<Record<string, string | undefined>>;

/** An assignment with its value, which may be quoted and then hold line ends: the syntax of dotenv, which wrangler reads. */
const ASSIGNMENT =
  /^([ \t]*(?:export[ \t]+)?)([\w.-]+)[ \t]*=[ \t]*('(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`|[^#\r\n]*?)([ \t]*(?:#[^\r\n]*)?)$/gm;

/** Empty where there is no file. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** An empty setting counts as absent, as it does for the Worker. */
export function varsOf(text: string): Vars {
  const parsed = Object.entries(parseEnv(text));
  return Object.fromEntries(
    parsed.filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1].trim() !== ""),
  );
}

export function merged(vars: Vars, changes: Changes): Vars {
  const all = Object.entries({ ...vars, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/**
 * @throws Error where a value cannot be written in this syntax.
 */
export function withChanges(text: string, changes: Changes): string {
  const written = new Set<string>();
  const lineEnd = text.includes("\r\n") ? "\r\n" : "\n";
  const edited = text.replace(ASSIGNMENT, (line, lead: string, name: string, _value: string, comment: string) => {
    if (!(name in changes)) return line;
    const value = changes[name];
    written.add(name);
    return value === undefined ? REMOVED : `${lead}${name}=${quoted(name, value)}${comment}`;
  });
  const kept = edited.replace(new RegExp(`^${REMOVED}(?:\\r?\\n|$)`, "gm"), "");
  const added = Object.entries(changes).flatMap(([name, value]) =>
    value === undefined || written.has(name) ? [] : [`${name}=${quoted(name, value)}${lineEnd}`],
  );
  const gap = added.length > 0 && kept !== "" && !kept.endsWith("\n") ? lineEnd : "";
  return kept + gap + added.join("");
}

/** Stands for a line that goes; no file holds it. */
const REMOVED = "\u0000";

function quoted(name: string, value: string): string {
  if (/^[\w@%+:,./-]+$/.test(value)) return value;
  const quote = ["'", "`"].find((mark) => !value.includes(mark)) ?? (/["\\\n\r]/.test(value) ? undefined : '"');
  if (quote === undefined) throw new Error(`${name} holds every kind of quotation mark`);
  return quote + value + quote;
}

/** Whole or not at all, and for its owner's eyes alone. In one go, so that no Ctrl-C comes between. */
export function writeWhole(file: string, text: string): void {
  const draft = `${file}.${randomUUID()}`; // beside it, and as little part of the repository
  try {
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
