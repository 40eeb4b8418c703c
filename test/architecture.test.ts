/** The arrows of ARCHITECTURE.md: which room may import which, and through which file a package comes in. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = join(import.meta.dirname, "../src");
const DOORWAYS = ["event", "reply", "errors", "log", "health", "claim-code", "day", "choice", "spending", "prices"];
/** The settings, and the tables that they are read by. */
const SETTINGS = ["config", "providers", "way"];

/** Room or top-level file -> what it may import. */
const ALLOWED: Record<string, readonly string[]> = {
  index: ["app", "conversation", "bot"],
  app: ["qq", "console", ...SETTINGS, ...DOORWAYS],
  conversation: ["commands", "agent", "qq", "egress", ...SETTINGS, ...DOORWAYS],
  bot: ["qq", "egress", ...SETTINGS, ...DOORWAYS],
  qq: ["egress", ...DOORWAYS],
  agent: ["egress", ...SETTINGS, ...DOORWAYS],
  commands: DOORWAYS,
  choice: [],
  console: ["agent", ...SETTINGS, ...DOORWAYS],
  egress: [...SETTINGS, "errors", "log"],
  config: ["settings", ...SETTINGS, "errors", "log", "choice", "spending", "prices"],
  settings: ["way", "log", "choice"],
  providers: [],
  way: ["log"],
  simulator: ["qq", "agent", "egress", ...SETTINGS, ...DOORWAYS],
  cli: ["qq", "agent", "egress", ...SETTINGS, ...DOORWAYS],
  event: [],
  reply: [],
  errors: [],
  log: [],
  health: ["errors"],
  "claim-code": ["log"],
  day: [],
  spending: ["prices"],
  prices: [],
};

/** Types only: the two objects meet by RPC. */
const ALLOWED_TYPES: Record<string, readonly string[]> = {
  app: ["bot"],
  conversation: ["bot"],
  bindings: ["conversation", "bot"],
};

/** Package -> the files that may import it. */
const DOORS: Record<string, RegExp> = {
  hono: /^(app|simulator\/.*)\.ts$/,
  valibot: /^(settings|qq\/.*|simulator\/.*|cli\/.*)\.ts$/,
  "mdast-util-from-markdown": /^qq\/(markdown|marks)\.ts$/,
  "mdast-util-gfm": /^qq\/markdown\.ts$/,
  "mdast-util-to-markdown": /^qq\/markdown\.ts$/,
  "micromark-extension-gfm": /^qq\/markdown\.ts$/,
  mdast: /^qq\/(markdown|marks)/,
  "@ai-sdk/provider": /^agent\//,
  "@ai-sdk/anthropic": /^agent\/models\.ts$/,
  "@ai-sdk/google": /^agent\/models\.ts$/,
  "@ai-sdk/openai-compatible": /^agent\/models\.ts$/,
  "workers-ai-provider": /^agent\/models\.ts$/,
  "lemon-tls": /^egress\/handshake\.ts$/,
  "http-parser-js": /^egress\/parser\.ts$/,
  "p-limit": /^egress\/tunnel\.ts$/,
  "cloudflare:sockets": /^egress\/connection\.ts$/,
  "cloudflare:workers": /^(conversation\/conversation|bot\/bot)\.ts$/,
  undici: /^(simulator\/callbacks|cli\/way-out)\.ts$/,
  "@noble/ed25519": /^simulator\//,
  "@hono/node-server": /^simulator\//,
  "@clack/prompts": /^cli\/prompts\.ts$/,
  uqr: /^cli\/qr-binding\.ts$/,
  esbuild: /^simulator\/page-bundle\.ts$/,
  preact: /^simulator\/page\//,
  "markdown-it": /^simulator\/page\//,
  dompurify: /^simulator\/page\//,
};

interface Import {
  file: string;
  target: string;
  typeOnly: boolean;
  dynamic: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));

const imports: Import[] = files.flatMap((file) => {
  const source = readFileSync(join(SRC, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const fixed = [...source.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?\sfrom\s+"([^"]+)"/gm)].map((match) => ({
    file,
    target: match[2] ?? "",
    typeOnly: match[1] !== undefined,
    dynamic: false,
  }));
  const dynamic = [...source.matchAll(/\bimport\("([^"]+)"\)/g)].map((match) => ({
    file,
    target: match[1] ?? "",
    typeOnly: file.endsWith(".d.ts"),
    dynamic: true,
  }));
  return [...fixed, ...dynamic];
});

const roomOf = (file: string) => (file.split("/")[0] ?? "").replace(/(\.d)?\.ts$/, "");

describe("architecture", () => {
  it("finds the imports", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(imports.length).toBeGreaterThan(100);
  });

  it("lets each room import only what stands to its right", () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith("."))
      .map((found) => ({
        ...found,
        from: roomOf(found.file),
        to: roomOf(relative(SRC, join(SRC, dirname(found.file), found.target))),
      }))
      .filter(({ from, to, typeOnly }) => {
        if (from === to) return false;
        return !(ALLOWED[from]?.includes(to) || (typeOnly && ALLOWED_TYPES[from]?.includes(to)));
      })
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });

  it("loads the agent only when a turn needs it", () => {
    const early = imports.filter(
      ({ file, target, typeOnly, dynamic }) =>
        roomOf(file) !== "agent" && roomOf(file) !== "simulator" && target.includes("/agent/") && !typeOnly && !dynamic,
    );
    expect(early).toEqual([]);
  });

  it("loads the Markdown parser only when there is something to say", () => {
    const early = imports.filter(
      ({ file, target, typeOnly, dynamic }) =>
        !/^qq\/(writing|markdown)/.test(file) &&
        /\/(writing|markdown[\w-]*)\.ts$/.test(target) &&
        !typeOnly &&
        !dynamic,
    );
    expect(early).toEqual([]);
  });

  it("lets each package in through its own door", () => {
    const wrong = imports
      .filter(({ target }) => !target.startsWith(".") && !target.startsWith("node:"))
      .filter(({ file, target }) => {
        const name = target.startsWith("@") ? target.split("/").slice(0, 2).join("/") : (target.split("/")[0] ?? "");
        return !DOORS[name]?.test(file);
      })
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });

  it("keeps Node out of the Worker", () => {
    const onNode = ["simulator", "cli"];
    /** What the runtime has of Node, and nothing else does as well. */
    const lent = [
      "egress/certificates.ts node:crypto",
      "egress/tls.ts node:stream",
      "egress/handshake.ts node:stream",
      "egress/connection.ts node:dns/promises",
    ];
    const wrong = imports
      .filter(({ file, target }) => target.startsWith("node:") && !onNode.includes(roomOf(file)))
      .map(({ file, target }) => `${file} ${target}`)
      .filter((found) => !lent.includes(found));
    expect(wrong).toEqual([]);
  });

  it("loads the tunnel only where a proxy is set", () => {
    const early = imports.filter(
      ({ file, target, typeOnly, dynamic }) =>
        !/^egress\/(tunnel|connection|tls|handshake|certificates|roots|exchange|parser|line|outgoing)\.ts$/.test(
          file,
        ) &&
        /\/(tunnel|connection|tls|handshake|certificates|roots|exchange|parser|line|outgoing)\.ts$/.test(target) &&
        !typeOnly &&
        !dynamic,
    );
    expect(early).toEqual([]);
  });

  it("reads the environment in one place", () => {
    const wrong = files.filter((file) =>
      /\benv\.(QQ_|MODEL|ADMIN|ACCESS|SYSTEM)/.test(readFileSync(join(SRC, file), "utf8")),
    );
    expect(wrong).toEqual([]);
  });
});
