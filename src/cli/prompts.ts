/** Questions and lines on the terminal. The one file that knows the prompt library. */
import * as clack from "@clack/prompts";
import { Stop } from "./options.ts";

export const say = {
  begin: (title: string) => clack.intro(title),
  end: (line: string) => clack.outro(line),
  ok: (line: string) => clack.log.success(line),
  warn: (line: string) => clack.log.warn(line),
  bad: (line: string) => clack.log.error(line),
  info: (line: string) => clack.log.info(line),
  lines: (lines: string) => clack.log.message(lines),
  /** What has to be copied stands alone, at the left edge. */
  plain: (line: string) => console.log(line),
};

/** Shows that something is under way, for as long as it is. */
export async function during<T>(what: string, work: () => Promise<T>): Promise<T> {
  if (!process.stdout.isTTY) return work();
  process.stdout.write(`◌  ${what}…`);
  try {
    return await work();
  } finally {
    process.stdout.write("\r\x1b[K");
  }
}

export interface Question {
  message: string;
  placeholder?: string;
  initial?: string;
  /** A sentence where the answer will not do. */
  refuse?: (value: string) => string | undefined;
}

export async function askText({ message, placeholder, initial, refuse }: Question): Promise<string> {
  const answer = await clack.text({
    message,
    ...(placeholder !== undefined && { placeholder }),
    ...(initial !== undefined && { initialValue: initial }),
    validate: (value) => refuse?.((value ?? "").trim()),
  });
  return given(answer).trim();
}

/** Shows a mark for each character, never the character. */
export async function askSecret({ message, refuse }: Question): Promise<string> {
  const answer = await clack.password({ message, validate: (value) => refuse?.((value ?? "").trim()) });
  return (given(answer) ?? "").trim(); // it has none where nothing was typed
}

export interface Choice<T extends string> {
  value: T;
  label: string;
  hint?: string;
}

export async function askOne<T extends string>(
  message: string,
  choices: readonly Choice<T>[],
  initial?: T,
): Promise<T> {
  const chosen = await clack.select<string>({
    message,
    options: [...choices],
    maxItems: 16,
    ...(initial !== undefined && { initialValue: initial }),
  });
  return given(chosen) as T; // one of the values above
}

export async function askSome<T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T[]> {
  const chosen = await clack.multiselect<string>({ message, options: [...choices], required: false });
  return given(chosen) as T[]; // some of the values above
}

function given<T>(answer: T): Exclude<T, symbol> {
  if (clack.isCancel(answer)) throw new Stop(INTERRUPTED, { code: 130 });
  return answer as Exclude<T, symbol>; // a cancel is the only symbol
}

export const INTERRUPTED = "已中断,没有写到一半的东西。Stopped; nothing is half-written.";
