/** `npm start` as a newcomer runs it: in a terminal, and without one. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { ROOT } from "../support/bundle.ts";
import { freePort } from "../support/workerd.ts";

describe("npm start", () => {
  let child: ChildProcess;
  let output = "";
  afterEach(async () => {
    // Told, not killed: only then does it take its Worker along.
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const left = ended();
    process.kill(-child.pid, "SIGTERM");
    await left;
  });

  async function run(command: (ports: string) => [string, string[]]): Promise<number[]> {
    const ports = [await freePort(), await freePort()];
    const [file, args] = command(`--worker-port ${ports[0]} --simulator-port ${ports[1]}`);
    output = "";
    child = spawn(file, args, { cwd: ROOT, detached: true, stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => look(String(data)));
    return ports;
  }

  const waiting = new Set<() => void>();
  function look(text: string): void {
    output += text;
    for (const check of waiting) check();
  }

  /** Resolves when the output holds `text`. */
  function until(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no «${text}» in:\n${output}`)), 60_000);
      const check = () => {
        if (!output.includes(text)) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  }

  const ended = () => new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));

  async function expectNothingLeft(ports: readonly number[]): Promise<void> {
    for (const port of ports) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it("offers a prompt in a terminal, answers what is typed in private and in a group, and leaves nothing behind", async () => {
    const ports = await run((flags) => ["script", ["-qfec", `npm start -- ${flags}`, "/dev/null"]]);
    await until("你 ›");
    child.stdin?.write("你好,世界\r");
    await until("你说的是:你好,世界 (回答 ");
    child.stdin?.write("#小明 大家好\r");
    await until("机器人(群) › ");
    const left = ended();
    child.stdin?.write("/quit\r");
    expect(await left).toBe(0);
    await expectNothingLeft(ports);
  });

  it("serves without a terminal until it is told to stop, and leaves nothing behind", async () => {
    const ports = await run((flags) => [process.execPath, ["src/simulator/main.ts", ...flags.split(" ")]]);
    await until("serving until told to stop");
    const health = await fetch(`http://127.0.0.1:${ports[0]}/healthz`);
    expect(await health.json()).toEqual({ ok: true, bots: 1 });
    const left = ended();
    child.kill("SIGTERM");
    expect(await left).toBe(0);
    await expectNothingLeft(ports);
  });

  it("says which port is taken and how to choose another", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const taken = typeof address === "object" ? address?.port : undefined;
    await run(() => [process.execPath, ["src/simulator/main.ts", "--worker-port", String(taken)]]);
    expect(await ended()).toBe(1);
    expect(output).toContain(`npm start -- --worker-port <port>`);
    server.close();
  });
});
