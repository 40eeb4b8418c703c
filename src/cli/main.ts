/** `npm run setup` and `npm run doctor`: arguments, what is shown of errors, exit codes. */
import { BotError } from "../errors.ts";
import { describe } from "../log.ts";
import { findings, REAL } from "./doctor.ts";
import { type Finding, lineOf } from "./findings.ts";
import { DOCTOR_HELP, type Options, readOptions, SETUP_HELP, Stop } from "./options.ts";
import { INTERRUPTED } from "./prompts.ts";
import { setUp } from "./setup.ts";

const COMMANDS: Record<string, { help: string; run: (options: Options) => Promise<number> }> = {
  setup: {
    help: SETUP_HELP,
    async run(options) {
      await setUp(options);
      return 0;
    },
  },
  doctor: { help: DOCTOR_HELP, run: examine },
};

async function examine(options: Options): Promise<number> {
  const found: Finding[] = [];
  for await (const finding of findings(options, REAL)) {
    found.push(finding);
    if (!options.json) console.log(lineOf(finding));
  }
  const toDo = found.filter(({ mark }) => mark === "bad").length;
  if (options.json) console.log(JSON.stringify({ ok: toDo === 0, checks: found }, null, 2));
  else console.log(toDo === 0 ? "\n没有要做的事 / nothing to do" : `\n${toDo} 件事要做,见 ✘ / to do, see ✘`);
  return toDo === 0 ? 0 : 1;
}

process.once("SIGINT", () => {
  process.stderr.write(`\n${INTERRUPTED}\n`);
  process.exit(130);
});

/** No stack: whoever reads it has not written this program. */
function sentenceOf(error: unknown): string {
  if (error instanceof Stop) return error.message;
  return error instanceof BotError ? `${error.message}\n${error.advice}` : describe(error);
}

const [name = "", ...args] = process.argv.slice(2);
const command = COMMANDS[name];
try {
  if (!command) throw new Stop(`${SETUP_HELP}\n\n${DOCTOR_HELP}`, { code: 2 });
  const options = readOptions(args, process.env);
  if (options.help) console.log(command.help);
  process.exitCode = options.help ? 0 : await command.run(options);
} catch (error) {
  console.error(command ? `✘ ${sentenceOf(error)}` : sentenceOf(error));
  process.exitCode = error instanceof Stop ? error.code : 1;
}
