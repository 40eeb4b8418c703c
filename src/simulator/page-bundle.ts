/**
 * The page as files that a browser takes, made of `page/` in memory when `npm start` begins: no build step, and nothing
 * from elsewhere.
 */
import { join } from "node:path";
import { build } from "esbuild";

const PAGE = join(import.meta.dirname, "page");

/** Name of a file -> what is in it: `app.js`, and `app.css` where the page imports any. */
export type Bundle = ReadonlyMap<string, string>;

/** @throws Error with esbuild's words where the page does not compile. */
export async function bundlePage(): Promise<Bundle> {
  const { outputFiles } = await build({
    entryPoints: { app: join(PAGE, "main.tsx") },
    outdir: PAGE, // names the files; nothing is written
    write: false,
    bundle: true,
    format: "esm",
    target: "es2023",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent",
  });
  return new Map(outputFiles.map(({ path, text }) => [path.slice(PAGE.length + 1), text]));
}
