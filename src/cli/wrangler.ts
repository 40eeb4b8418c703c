/** Runs the project's own wrangler. Secrets reach it through its standard input, never through its arguments. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Stop } from "./options.ts";

export interface Wrangler {
  /** Returns the Worker's address, if wrangler tells one. */
  deploy(): Promise<string | undefined>;
  /** Null removes one. */
  uploadSecrets(secrets: Readonly<Record<string, string | null>>): Promise<void>;
}

/** @param script another program in its place, run by Node: for tests. */
export function createWrangler(script: string = ownWrangler()): Wrangler {
  return {
    async deploy() {
      const folder = await mkdtemp(join(tmpdir(), "qq-edge-deploy-"));
      try {
        const outcome = join(folder, "outcome.ndjson");
        // With the terminal in its hands: it may have to ask who you are and open the browser.
        const code = await run(script, ["deploy"], { outcome, input: undefined });
        if (code !== 0) throw new Stop(NOT_DEPLOYED);
        return addressOf(await readFile(outcome, "utf8").catch(() => ""));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    async uploadSecrets(secrets) {
      const said: string[] = [];
      const code = await run(script, ["secret", "bulk"], { input: JSON.stringify(secrets), said });
      if (code === 0) return;
      const words = Object.values(secrets).reduce<string>(
        (text, secret) => (secret ? text.replaceAll(secret, "[redacted]") : text),
        said.join("").trim().split("\n").slice(-12).join("\n"),
      );
      throw new Stop(`${words}\n${NOT_UPLOADED}`);
    },
  };
}

const AGAIN = "答案已存好,解决后运行 npm run setup -- --yes。The answers are kept: then run npm run setup -- --yes.";
const NOT_DEPLOYED = `部署没有成功,原因见上。没有登录时先运行 npx wrangler login(或设置 CLOUDFLARE_API_TOKEN)。
Not deployed, see above. If you are not logged in: npx wrangler login, or set CLOUDFLARE_API_TOKEN.
${AGAIN}`;
const NOT_UPLOADED = `密钥没有上传成功。The secrets were not uploaded.\n${AGAIN}`;

function ownWrangler(): string {
  return join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin/wrangler.js");
}

function run(
  script: string,
  args: readonly string[],
  { input, said, outcome }: { input: string | undefined; said?: string[]; outcome?: string },
): Promise<number> {
  const env = { ...process.env, ...(outcome !== undefined && { WRANGLER_OUTPUT_FILE_PATH: outcome }) };
  const stdio = input === undefined ? ("inherit" as const) : ("pipe" as const);
  const child = spawn(process.execPath, [script, ...args], { stdio, env });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => said?.push(String(data)));
  child.stdin?.on("error", () => {}); // it may end before it has read; its exit code tells
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

/** Of the lines that wrangler writes for programs. A domain of one's own is reached from mainland China; workers.dev often is not. */
export function addressOf(outcome: string): string | undefined {
  const targets = outcome.split("\n").flatMap((line): string[] => {
    if (line.trim() === "") return [];
    const entry: { type?: string; targets?: string[] } = JSON.parse(line);
    return entry.type === "deploy" ? (entry.targets ?? []) : [];
  });
  const own = targets.map((target) => /^(?:https:\/\/)?([\w.-]+) \(custom domain/.exec(target)?.[1]);
  const [host] = own.filter((name) => name !== undefined);
  return host === undefined ? targets.find((target) => /^https:\/\/[\w.-]+$/.test(target)) : `https://${host}`;
}
