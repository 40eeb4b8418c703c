/** The real programs that other tests start. */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { callHttp } from "../support/http.ts";
import { type Program, runProgram, startCaddy, startNginx, startTinyproxy } from "../support/programs.ts";

const PROGRAMS = [
  { name: "tinyproxy", start: () => startTinyproxy() },
  { name: "nginx", start: () => startNginx("server { listen 127.0.0.1:__PORT__; return 200 hello; }") },
  { name: "caddy", start: () => startCaddy("http://127.0.0.1:__PORT__ {\n\trespond hello\n}\n") },
];

describe.each(PROGRAMS)("$name", ({ start }) => {
  let program: Program;
  afterEach(() => program.stop());

  it.each(["SIGKILL", "SIGTERM"] as const)("ends by %s, and starts again on its port", async (signal) => {
    program = await start();
    const { url } = program;
    expect((await callHttp(url)).status).toBeGreaterThan(0);
    await program.kill(signal);
    await expect(callHttp(url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await program.restart();
    expect(program.url).toBe(url);
    expect((await callHttp(url)).status).toBeGreaterThan(0);
  });

  it("leaves nothing behind", async () => {
    program = await start();
    expect(existsSync(program.folder)).toBe(true);
    await program.stop("SIGTERM");
    expect(existsSync(program.folder)).toBe(false);
    await expect(callHttp(program.url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("a program", () => {
  it("that is missing fails with the name of its package", async () => {
    await expect(runProgram("nginx", ["-v"], { PATH: "/nowhere" })).rejects.toThrow(
      "nginx is missing: apt-get install -y --no-install-recommends nginx",
    );
  });

  it("that does not start fails with its own words", async () => {
    await expect(startNginx("nonsense;")).rejects.toThrow(/unknown directive "nonsense"/);
    await expect(startCaddy("nonsense {\n\tnonsense\n}\n")).rejects.toThrow(/unrecognized directive: nonsense/);
  });
});

describe("tinyproxy", () => {
  it("calls from where it is told to, for whoever knows the password, and writes down whom it was asked for", async () => {
    const trace = createServer(({ socket }, response) => response.end(socket.remoteAddress));
    await new Promise<void>((resolve) => trace.listen(0, "127.0.0.1", resolve));
    const target = `127.0.0.1:${(trace.address() as AddressInfo).port}`; // it listens on a port
    const proxy = await startTinyproxy({ auth: { user: "u", password: "p" }, bind: "127.0.0.2" });
    try {
      const ask = (headers: Record<string, string>) => callHttp(proxy.url, { path: `http://${target}/`, headers });
      expect((await ask({})).status).toBe(407);
      expect(await ask({ "proxy-authorization": `Basic ${btoa("u:p")}` })).toMatchObject({ body: "127.0.0.2" });
      expect(proxy.output).toContain(target);
    } finally {
      await proxy.stop();
      trace.close();
    }
  });
});
