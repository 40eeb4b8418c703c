/** Setup and doctor as a person runs them: in a pseudo-terminal, or without one. Its files and its wrangler are its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv, stripVTControlCharacters } from "node:util";
import { ROOT } from "./bundle.ts";

const MAIN = join(ROOT, "src/cli/main.ts");
const STAND_IN = join(ROOT, "test/support/stand-in-wrangler.ts");

export const KEYS = { enter: "\r", down: "\u001b[B", space: " ", interrupt: "\u0003" };

export interface Call {
  args: string[];
  /** What came by standard input. */
  input?: string;
}

export class Wizard {
  readonly folder: string;
  readonly file: string;
  /** Where it is run: its wrangler.toml counts. */
  cwd = ROOT;
  /** All that the terminal showed, with its control characters. */
  raw = "";
  #shown = 0;
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(null);
  readonly #waiting = new Set<() => void>();

  private constructor(folder: string) {
    this.folder = folder;
    this.file = join(folder, ".dev.vars");
  }

  static async create(): Promise<Wizard> {
    return new Wizard(await mkdtemp(join(tmpdir(), "qq-edge-wizard-")));
  }

  /** In a terminal of 100 columns. */
  open(command: "setup" | "doctor", args: readonly string[], env: Record<string, string> = {}): void {
    const line = [process.execPath, MAIN, command, ...this.#own(command, args)].map(quoted).join(" ");
    this.#start("script", ["-qfec", `stty cols 100 rows 50; exec ${line}`, "/dev/null"], env);
  }

  /** Without a terminal. Returns the exit code. */
  async run(
    command: "setup" | "doctor",
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<number | null> {
    this.#start(process.execPath, [MAIN, command, ...this.#own(command, args)], env);
    this.#child?.stdin?.end();
    return this.#ended;
  }

  get shown(): string {
    return stripVTControlCharacters(this.raw);
  }

  /** Resolves when the terminal shows `text` after what was waited for before. */
  until(text: string, withinMs = 60_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`no «${text}» in:\n${this.shown.slice(-4000)}`));
      }, withinMs);
      const look = () => {
        const at = this.shown.indexOf(text, this.#shown);
        if (at < 0) return;
        this.#shown = at + text.length;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  press(...keys: string[]): void {
    for (const key of keys) this.#child?.stdin?.write(key);
  }

  get ended(): Promise<number | null> {
    return this.#ended;
  }

  /** What `.dev.vars` holds. */
  get vars(): Record<string, string | undefined> {
    return existsSync(this.file) ? parseEnv(readFileSync(this.file, "utf8")) : {};
  }

  /** Wrangler's calls so far. */
  async calls(): Promise<Call[]> {
    const notes = await readFile(join(this.folder, "calls.ndjson"), "utf8").catch(() => "");
    return notes
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }

  /** `fail`, `wait` or `go`: what wrangler does. */
  tell(word: "fail" | "wait" | "go"): void {
    writeFileSync(join(this.folder, word), "");
  }

  async remove(): Promise<void> {
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, "SIGTERM");
      await this.#ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  #own(command: string, args: readonly string[]): string[] {
    return ["--file", this.file, ...(command === "setup" ? ["--wrangler", STAND_IN] : []), ...args];
  }

  #start(program: string, args: readonly string[], env: Record<string, string>): void {
    this.raw = "";
    this.#shown = 0;
    const child = spawn(program, args, {
      cwd: this.cwd,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...cleanEnv(), TERM: "xterm-256color", STAND_IN_FOLDER: this.folder, ...env },
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("close", resolve));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.raw += text;
        for (const look of [...this.#waiting]) look();
      });
    }
  }
}

/** Nobody's own settings, and a terminal even where CI runs. */
function cleanEnv(): NodeJS.ProcessEnv {
  const mine = /^(QQ_|MODEL|ADMIN_TOKEN|CI$|NO_COLOR|FORCE_COLOR|CLOUDFLARE|.*_API_KEY$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !mine.test(name)));
}

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
