/**
 * A real workerd with a real bundle and its storage on disk, which can be killed and started again on the same storage.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const WORKERD = join(import.meta.dirname, "../../node_modules/workerd/bin/workerd");

export interface WorkerdOptions {
  port?: number;
  /** Further authorities that it trusts, in PEM, as NODE_EXTRA_CA_CERTS adds them to `wrangler dev`. */
  trusts?: readonly string[];
  /** A forward proxy, `host:port`, that the binding QQ_EGRESS fetches through: any host, from that proxy's address. */
  egressBinding?: string;
  /** The Durable Object classes, by the binding they go by. */
  objects?: Readonly<Record<string, string>>;
  /** Where its storage is kept; else where the system keeps temporary files. */
  within?: string;
  /** Lets a profiler in. */
  inspectorPort?: number;
  /** Writes its lines to a file that nobody reads, instead of telling them: reading takes time. */
  isQuiet?: boolean;
}

export class Workerd {
  readonly port: number;
  /** Every structured line that the Worker has written, over all starts. */
  readonly lines: Record<string, unknown>[] = [];
  /** Everything it wrote. */
  output = "";
  readonly #config: string;
  readonly #folder: string;
  readonly #listeners = new Set<(line: Record<string, unknown>) => void>();
  readonly #options: Pick<WorkerdOptions, "isQuiet" | "inspectorPort">;
  #child: ChildProcess | undefined;

  private constructor(
    port: number,
    folder: string,
    config: string,
    options: Pick<WorkerdOptions, "isQuiet" | "inspectorPort">,
  ) {
    this.port = port;
    this.#folder = folder;
    this.#config = config;
    this.#options = options;
  }

  static async create(
    bundleFile: string,
    settings: Record<string, string>,
    {
      port: wanted,
      trusts = [],
      egressBinding,
      objects = { CONVERSATION: "Conversation", BOT: "Bot" },
      within = tmpdir(),
      ...options
    }: WorkerdOptions = {},
  ): Promise<Workerd> {
    const folder = await mkdtemp(join(within, "qq-edge-workerd-"));
    await mkdir(join(folder, "storage"));
    const port = wanted ?? (await freePort());
    const text = (value: string) => JSON.stringify(value);
    const bindings = [
      ...Object.entries(settings).map(([name, value]) => `( name = ${text(name)}, text = ${text(value)} )`),
      ...Object.entries(objects).map(
        ([name, type]) => `( name = ${text(name)}, durableObjectNamespace = ${text(type)} )`,
      ),
      ...(egressBinding ? [`( name = "QQ_EGRESS", service = "egress" )`] : []),
    ];
    const egress = egressBinding
      ? `( name = "egress", external = ( address = ${text(egressBinding)}, http = ( style = proxy ) ) ),`
      : "";
    const classes = Object.values(objects).map(
      (type) => `( className = ${text(type)}, uniqueKey = ${text(type)}, enableSql = true )`,
    );
    const tls = `tlsOptions = ( trustBrowserCas = true, trustedCertificates = [ ${trusts.map(text).join(", ")} ] )`;
    const config = join(dirname(bundleFile), `config-${port}.capnp`);
    await writeFile(
      config,
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ( name = "main", worker = .worker ),
    ( name = "storage", disk = ( path = ${text(join(folder, "storage"))}, writable = true ) ),
    ( name = "internet", network = ( allow = ["public", "private"], ${tls} ) ),
    ${egress}
  ],
  sockets = [ ( name = "http", address = "127.0.0.1:${port}", http = (), service = "main" ) ],
);
const worker :Workerd.Worker = (
  modules = [ ( name = "index.js", esModule = embed ${text(basename(bundleFile))} ) ],
  compatibilityDate = "2026-11-01",
  bindings = [ ${bindings.join(", ")} ],
  durableObjectNamespaces = [ ${classes.join(", ")} ],
  durableObjectStorage = ( localDisk = "storage" ),
);
`,
    );
    return new Workerd(port, folder, config, options);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get callbackUrl(): string {
    return `${this.url}/qq/callback`;
  }

  /** Of the running process. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("workerd is not running");
    return pid;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const { isQuiet, inspectorPort } = this.#options;
    const log = isQuiet ? openSync(join(this.#folder, "log"), "a") : ("pipe" as const);
    const inspector = inspectorPort === undefined ? [] : [`--inspector-addr=127.0.0.1:${inspectorPort}`];
    const child = spawn(WORKERD, ["serve", this.#config, "--control-fd=3", ...inspector], {
      stdio: ["ignore", log, log, "pipe"],
    });
    if (typeof log === "number") closeSync(log);
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => this.#read(String(data)));
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`workerd ended with ${code}: ${this.output.slice(-2000)}`)));
      child.stdio[3]?.once("data", () => resolve());
    });
  }

  /** SIGKILL: nothing in the process gets to tidy up. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Resolves when the Worker has written a line of this kind; rejects after `withinMs`. */
  async until(condition: (line: Record<string, unknown>, index: number) => boolean, withinMs = 10_000): Promise<void> {
    if (this.lines.some(condition)) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no such line within ${withinMs} ms`)), withinMs);
      const look = (line: Record<string, unknown>) => {
        if (!condition(line, this.lines.length - 1)) return;
        clearTimeout(timer);
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
    });
  }

  /** How many Durable Objects have anything on disk. */
  async storedObjects(): Promise<number> {
    const files = await readdir(join(this.#folder, "storage"), { recursive: true });
    return files.filter((file) => /[0-9a-f]{64}\.sqlite$/.test(file)).length;
  }

  /** What a query finds in the databases of all objects of a class. */
  async read<T>(className: "Bot" | "Conversation", query: string): Promise<T[]> {
    const folder = join(this.#folder, "storage", className);
    const files = (await readdir(folder)).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file));
    return files.flatMap((file) => {
      const database = new DatabaseSync(join(folder, file), { readOnly: true });
      try {
        return database.prepare(query).all() as T[];
      } finally {
        database.close();
      }
    });
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Begins with what another one has stored. Neither may be running. */
  async inherit(other: Workerd): Promise<void> {
    await cp(join(other.#folder, "storage"), join(this.#folder, "storage"), { recursive: true });
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #partial = "";
  #read(text: string): void {
    this.output += text;
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) {
      const parsed = parseLine(line);
      if (!parsed) continue;
      this.lines.push(parsed);
      for (const listener of this.#listeners) listener(parsed);
    }
  }
}

/** Undefined for workerd's own words. */
function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line.slice(line.indexOf("{")));
  } catch {
    return undefined;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
