/**
 * Real proxies and a certificate authority of their own for tests, from Debian's packages: each a child process in the
 * foreground with a temporary folder, on a free port of 127.0.0.1. A missing program fails the test. None of the machine's
 * services is touched, and no rights are needed.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./workerd.ts";

/** Debian keeps daemons where an ordinary user's shell does not look. */
const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` };
const START_WITHIN_MS = 15_000;

/** Program and Debian package have the same name, all four. */
type ProgramName = "tinyproxy" | "nginx" | "caddy" | "openssl";

function missing(name: ProgramName): Error {
  return new Error(`${name} is missing: apt-get install -y --no-install-recommends ${name}`);
}

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";

/**
 * Runs a program to its end and returns what it wrote.
 *
 * @throws Error with its words if it fails, or naming the package if it is missing.
 */
export async function runProgram(name: ProgramName, args: readonly string[], cwd?: string): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(name, args, { env: ENV, cwd });
    return stdout + stderr;
  } catch (error) {
    throw isMissing(error) ? missing(name) : error;
  }
}

interface Launch {
  name: ProgramName;
  /** Files that stand in its folder when it starts, by name; `__PORT__` and `__FOLDER__` in them are its own. */
  files: Record<string, string>;
  args: (folder: string) => readonly string[];
}

export class Program {
  readonly port: number;
  /** Holds its files. Everybody may read it, since some programs leave root behind. */
  readonly folder: string;
  /** All it wrote to its standard output and error, over all starts. */
  output = "";
  readonly #launch: Launch;
  #child: ChildProcess | undefined;

  private constructor(launch: Launch, folder: string, port: number) {
    this.#launch = launch;
    this.folder = folder;
    this.port = port;
  }

  /** Resolves when it accepts connections. */
  static async start(launch: Launch): Promise<Program> {
    const folder = await newFolder(launch.name);
    const program = new Program(launch, folder, await freePort());
    try {
      for (const [file, text] of Object.entries(launch.files)) await program.#write(file, text);
      await program.#start();
      return program;
    } catch (error) {
      await program.stop();
      throw error;
    }
  }

  /** `http://127.0.0.1:<port>`, whatever it speaks there. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends it, and removes its folder. */
  async stop(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    await this.kill(signal);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Ends it; `restart` may follow. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  /** Starts it again on the same port with the same files, ending it first where it still runs. */
  async restart(signal?: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.kill(signal);
    await this.#start();
  }

  /** A file that it wrote into its folder; empty where there is none yet. */
  async read(file: string): Promise<string> {
    return readFile(join(this.folder, file), "utf8").catch(() => "");
  }

  async #write(file: string, text: string): Promise<void> {
    const own = text.replaceAll("__PORT__", String(this.port)).replaceAll("__FOLDER__", this.folder);
    await writeFile(join(this.folder, file), own);
  }

  async #start(): Promise<void> {
    const { folder, port } = this;
    const { name, args } = this.#launch;
    const child = spawn(name, args(folder), {
      cwd: folder,
      env: { ...ENV, HOME: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data: Buffer) => {
        this.output += String(data);
      });
    let failure: Error | undefined;
    child.once("error", (error) => {
      failure = isMissing(error) ? missing(name) : error;
    });
    child.once("exit", (code, signal) => {
      failure ??= new Error(`${name} ended with ${code ?? signal}: ${this.output.slice(-2000)}`);
    });
    const lateAtMs = Date.now() + START_WITHIN_MS;
    while (!(await accepts(port))) {
      if (failure) throw failure;
      if (Date.now() > lateAtMs) throw new Error(`${name} does not listen: ${this.output.slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (failure) throw failure; // somebody else accepted
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function newFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `qq-edge-${name}-`));
  await chmod(folder, 0o755);
  return folder;
}

export interface TinyproxyOptions {
  /** Without it nobody has to say who they are. */
  auth?: { user: string; password: string };
  /** The loopback address it calls from. */
  bind?: string;
  /** The ports it may connect to. All, if it is not there. */
  connectPorts?: readonly number[];
  /** Further lines of its configuration. */
  lines?: readonly string[];
}

/** A CONNECT proxy. `output` has a line `CONNECT <host>:<port> HTTP/1.1` for every host that it was asked for. */
export async function startTinyproxy({
  auth,
  bind,
  connectPorts = [],
  lines = [],
}: TinyproxyOptions = {}): Promise<Program> {
  const config = [
    "Port __PORT__",
    "Listen 127.0.0.1",
    "Timeout 600",
    "LogLevel Info",
    ...(auth ? [`BasicAuth ${auth.user} ${auth.password}`] : []),
    ...(bind ? [`Bind ${bind}`] : []),
    ...connectPorts.map((port) => `ConnectPort ${port}`),
    ...lines,
  ];
  return startTinyproxyFrom(`${config.join("\n")}\n`);
}

/** The same from a whole configuration: `__PORT__` and `__FOLDER__` in it are its own, `files` stand in that folder. */
export function startTinyproxyFrom(config: string, files: Record<string, string> = {}): Promise<Program> {
  return Program.start({
    name: "tinyproxy",
    files: { ...files, "tinyproxy.conf": config },
    args: (folder) => ["-d", "-c", join(folder, "tinyproxy.conf")],
  });
}

/** nginx, with `http` inside its `http { }`, listening on `__PORT__`. Its errors are in `output`. */
export function startNginx(http: string): Promise<Program> {
  return Program.start({ name: "nginx", files: { "nginx.conf": nginxConfig(http) }, args: nginxArgs });
}

/** What `nginx -t` says of `http`. It throws where nginx would not start. */
export async function checkNginx(http: string): Promise<string> {
  const folder = await newFolder("nginx");
  try {
    await writeFile(join(folder, "nginx.conf"), nginxConfig(http).replaceAll("__FOLDER__", folder));
    return await runProgram("nginx", ["-t", ...nginxArgs(folder)]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const nginxArgs = (folder: string) => ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"];

function nginxConfig(http: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path __FOLDER__/${name};`,
  );
  // One process: of a master that is killed, the workers would live on and keep the port.
  return `daemon off;
master_process off;
pid __FOLDER__/nginx.pid;
error_log stderr info;
events { }
http {
access_log __FOLDER__/access.log;
${temporary.join("\n")}
${http}
}
`;
}

const GLOBAL_OPTIONS = /^\{$/m;

/** Caddy with a Caddyfile that listens on `__PORT__`. What it logs is in `output`. */
export function startCaddy(caddyfile: string): Promise<Program> {
  // Its door for an operator is one fixed port for all.
  const own = GLOBAL_OPTIONS.test(caddyfile)
    ? caddyfile.replace(GLOBAL_OPTIONS, "{\n\tadmin off")
    : `{\n\tadmin off\n}\n${caddyfile}`;
  return Program.start({
    name: "caddy",
    files: { Caddyfile: own },
    args: (folder) => ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"],
  });
}

export interface Certificate {
  /** PEM. */
  key: string;
  cert: string;
  keyFile: string;
  certFile: string;
}

export interface TestCA {
  /** PEM; for `NODE_EXTRA_CA_CERTS` and the like take the file. */
  cert: string;
  certFile: string;
  /** A certificate for these names and addresses, signed by this authority. */
  issue: (...names: readonly string[]) => Promise<Certificate>;
  remove: () => Promise<void>;
}

/** An authority that nobody trusts who is not told to. */
export async function createTestCA(): Promise<TestCA> {
  const folder = await newFolder("ca");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const certFile = join(folder, "ca.pem");
  const keyFile = join(folder, "ca.key");
  const subject = ["-subj", "/CN=qq-edge test CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign"];
  await runProgram("openssl", [
    "req",
    "-x509",
    ...newKey,
    "-days",
    "7",
    ...subject,
    "-keyout",
    keyFile,
    "-out",
    certFile,
  ]);
  let serial = 0;
  return {
    cert: readFileSync(certFile, "utf8"),
    certFile,
    issue: async (...names) => {
      serial += 1;
      const own = join(folder, String(serial));
      await mkdir(own);
      const paths = { keyFile: join(own, "key.pem"), certFile: join(own, "cert.pem") };
      const request = join(own, "request.pem");
      const extensions = join(own, "extensions");
      const alternatives = names.map((name) => `${/^[\d.]+$|:/.test(name) ? "IP" : "DNS"}:${name}`);
      await writeFile(extensions, `subjectAltName=${alternatives.join(",")}\nextendedKeyUsage=serverAuth\n`);
      await runProgram("openssl", [
        "req",
        ...newKey,
        "-subj",
        `/CN=${names[0]}`,
        "-keyout",
        paths.keyFile,
        "-out",
        request,
      ]);
      const signing = ["-CA", certFile, "-CAkey", keyFile, "-set_serial", String(serial + 1), "-days", "7"];
      await runProgram("openssl", [
        "x509",
        "-req",
        "-in",
        request,
        ...signing,
        "-extfile",
        extensions,
        "-out",
        paths.certFile,
      ]);
      await chmod(paths.keyFile, 0o644);
      return { ...paths, key: readFileSync(paths.keyFile, "utf8"), cert: readFileSync(paths.certFile, "utf8") };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
