/**
 * In the place of wrangler: notes how it was called and what it was given, and plays its part. `STAND_IN_FOLDER` holds the
 * notes; a file `fail` there makes it fail, `secret bulk` waits for a file `go` where a file `wait` is.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.env.STAND_IN_FOLDER ?? "";
const note = (call: object) => appendFileSync(join(folder, "calls.ndjson"), `${JSON.stringify(call)}\n`);
const args = process.argv.slice(2);

if (existsSync(join(folder, "fail"))) {
  note({ args });
  console.log("✘ [ERROR] You are not logged in.");
  process.exit(1);
}
if (args[0] === "deploy") {
  note({ args });
  const targets = ["https://qq-edge.somebody.workers.dev"];
  const outcome = process.env.WRANGLER_OUTPUT_FILE_PATH;
  if (outcome) {
    writeFileSync(outcome, `{"type":"wrangler-session","version":1}\n${JSON.stringify({ type: "deploy", targets })}\n`);
  }
  console.log(`Deployed qq-edge triggers\n  ${targets[0]}`);
} else {
  note({ args, input: readFileSync(0, "utf8") });
  while (existsSync(join(folder, "wait")) && !existsSync(join(folder, "go"))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
