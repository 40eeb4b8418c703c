/** `npm start` without a terminal: the local QQ with its page, and the real Worker, on free ports. */
import { spawn } from "node:child_process";
import { ROOT } from "./bundle.ts";
import { freePort } from "./workerd.ts";

const READY = "serving until told to stop";
const READY_WITHIN_MS = 60_000;

export interface Simulator {
  /** Of the page, and of the local QQ's API. */
  url: string;
  ports: readonly [worker: number, simulator: number];
  stop(): Promise<void>;
}

/** @throws Error with what it printed, when it does not start. */
export async function startSimulator(ports?: Simulator["ports"]): Promise<Simulator> {
  const [worker, simulator] = ports ?? [await freePort(), await freePort()];
  const flags = ["--worker-port", String(worker), "--simulator-port", String(simulator)];
  const child = spawn(process.execPath, ["src/simulator/main.ts", ...flags], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const fail = () => reject(new Error(`the simulator did not start:\n${output}`));
    const timer = setTimeout(fail, READY_WITHIN_MS);
    child.once("exit", fail);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        output += String(data);
        if (!output.includes(READY)) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
  return {
    url: `http://127.0.0.1:${simulator}`,
    ports: [worker, simulator],
    async stop() {
      child.kill("SIGTERM"); // told, not killed: only then does it take its Worker along
      await ended;
    },
  };
}
