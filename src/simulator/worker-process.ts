/**
 * The Worker in `wrangler dev`, in a process group of its own: ending wrangler alone would leave its workerd behind.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const READY_WITHIN_MS = 60_000;

export interface WorkerProcess {
  url: string;
  /** Resolves with the exit code when it ends by itself. */
  ended: Promise<number | null>;
  stop(): Promise<void>;
}

/**
 * Starts the Worker and resolves when it answers.
 *
 * @throws Error with wrangler's last words when it does not.
 */
export async function startWorker(
  port: number,
  settings: Record<string, string>,
  onLine: (line: string) => void,
): Promise<WorkerProcess> {
  // The local QQ forgets everything when it ends; a Worker that remembered would know people who are gone.
  const storage = await mkdtemp(join(tmpdir(), "qq-edge-storage-"));
  const wrangler = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin/wrangler.js");
  const vars = Object.entries(settings).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const child = spawn(
    process.execPath,
    [
      wrangler,
      "dev",
      "--local",
      "--ip",
      "127.0.0.1",
      "--port",
      String(port),
      "--persist-to",
      storage,
      "--inspector-port",
      "0",
      "--show-interactive-dev-session=false",
      ...vars,
    ],
    {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", NO_COLOR: "1" },
    },
  );
  const lastWords: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let partial = "";
    stream.on("data", (data: Buffer) => {
      const lines = (partial + String(data)).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) {
        lastWords.push(line);
        if (lastWords.length > 30) lastWords.shift();
        onLine(line);
      }
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const url = `http://127.0.0.1:${port}`;
  const worker: WorkerProcess = {
    url,
    ended,
    async stop() {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      process.kill(-child.pid, "SIGTERM");
      const hard = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, "SIGKILL"), 5_000);
      await ended;
      clearTimeout(hard);
      await rm(storage, { recursive: true, force: true });
    },
  };

  let alive = true;
  void ended.then(() => {
    alive = false;
  });
  const untilMs = Date.now() + READY_WITHIN_MS;
  while (alive && Date.now() < untilMs) {
    const response = await fetch(`${url}/healthz`).catch(() => undefined);
    if (response) return worker;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await worker.stop();
  throw new Error(lastWords.join("\n"));
}
