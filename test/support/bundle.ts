/**
 * The deployable bundle, built by wrangler itself as `wrangler deploy` builds it: minified, in a folder of its own.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { COMPATIBILITY_DATE } from "../../src/health.ts";

export const ROOT = join(import.meta.dirname, "../..");
const WRANGLER = join(ROOT, "node_modules/wrangler/bin/wrangler.js");

/** A change to one source file, for a Worker that is broken on purpose or that tells more. */
export interface Patch {
  /** Below `src/`. */
  file: string;
  /** Must stand there exactly once, so that a patch that has lost its place fails its test. */
  find: string;
  replace: string;
}

export interface BundleOptions {
  /** Another Worker than ours, below the project. It has no bindings but those that workerd gives it. */
  main?: string;
  patches?: readonly Patch[];
  /** Compiles the crash points in; they call this address. */
  crashPointUrl?: string;
  /** With the names of the source, for a profile. */
  isReadable?: boolean;
}

export interface Bundle {
  /** The built module. */
  file: string;
  remove: () => Promise<void>;
}

/** The caller removes it when done. */
export async function buildBundle({
  main,
  patches = [],
  crashPointUrl,
  isReadable = false,
}: BundleOptions = {}): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), "qq-edge-bundle-"));
  await cp(join(ROOT, "src"), join(folder, "src"), { recursive: true });
  for (const file of ["wrangler.toml", "package.json", "tsconfig.json"]) await cp(join(ROOT, file), join(folder, file));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  if (main !== undefined) {
    await cp(join(ROOT, main), join(folder, main), { recursive: true });
    const settings = [
      `name = "other"`,
      `main = "${main}"`,
      `compatibility_date = "${COMPATIBILITY_DATE}"`,
      "minify = true",
      "keep_names = false",
      `alias = { ai = "@ai-sdk/provider-utils" }`,
      `define = { CRASH_POINT_URL = "undefined" }`,
    ];
    await writeFile(join(folder, "wrangler.toml"), settings.join("\n"));
  }
  for (const { file, find, replace } of patches) {
    const path = join(folder, "src", file);
    const source = await readFile(path, "utf8");
    if (source.split(find).length !== 2) throw new Error(`${file} must contain exactly once: ${find}`);
    await writeFile(
      path,
      source.replace(find, () => replace),
    );
  }
  await mkdir(join(folder, "out"));
  const define = crashPointUrl === undefined ? [] : ["--define", `CRASH_POINT_URL:${JSON.stringify(crashPointUrl)}`];
  const flags = [...define, ...(isReadable ? ["--no-minify"] : [])];
  await promisify(execFile)(process.execPath, [WRANGLER, "deploy", "--dry-run", "--outdir", "out", ...flags], {
    cwd: folder,
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_LOG_PATH: join(folder, "logs"),
    },
  });
  return {
    file: join(folder, "out", basename(main ?? "index.ts").replace(/ts$/, "js")),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
