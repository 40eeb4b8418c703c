/** The rules of the registry, and which messages are commands. */
import { describe, expect, it } from "vitest";
import type { ChatCommand, CommandContext } from "../../src/commands/command.ts";
import { COMMANDS, parseCommand } from "../../src/commands/index.ts";
import type { Reply } from "../../src/reply.ts";

/** A chat with this many answers to stop and these words kept. */
const chat = ({ stoppable = 0, kept }: { stoppable?: number; kept?: Reply }): CommandContext => ({
  stop: () => stoppable,
  takeKept: () => kept,
});

describe("the registry", () => {
  it("knows each command and each alias once", () => {
    const words = COMMANDS.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(words.length).toBeGreaterThan(0);
    expect(words.toSorted()).toEqual([...new Set(words)].toSorted());
  });

  it("writes names and aliases as they are looked for: trimmed and in lower case", () => {
    for (const word of COMMANDS.flatMap(({ name, aliases }) => [name, ...aliases])) {
      expect(word).toBe(word.trim().toLowerCase());
      expect(word).toMatch(/^[^/\s]+$/);
    }
  });

  it.each(COMMANDS.map((command) => [command.name, command] as const))(
    "describes /%s in both languages",
    (_, command) => {
      expect(command.summary.zh).toMatch(/\p{Script=Han}/u);
      expect(command.summary.en).toMatch(/[a-z]/i);
      expect(command.name).toMatch(/^[a-z][a-z0-9-]*$/);
    },
  );
});

describe("a message", () => {
  const nameOf = (text: string) => parseCommand(text)?.command.name;

  it("is a command by its name behind a slash", () => {
    for (const command of COMMANDS) expect(parseCommand(`/${command.name}`)?.command).toBe(command);
  });

  it("is a command by an alias alone, with or without a slash", () => {
    for (const command of COMMANDS)
      for (const alias of command.aliases) {
        expect(parseCommand(alias)?.command).toBe(command);
        expect(parseCommand(`/${alias}`)?.command).toBe(command);
      }
  });

  it("is a command whatever its case and the space around it", () => {
    expect(nameOf("  /STOP\n")).toBe("stop");
    expect(nameOf(" 继续 ")).toBe("continue");
  });

  it.each([" 继续。", "继续!", "继续~", "／continue", "/Continue."])(
    "is a command with what people put around it: %j",
    (text) => {
      expect(nameOf(text)).toBe("continue");
    },
  );

  it.each(["stop", "continue", "/stops", "/stop now", "please /stop", "//stop", "/ stop", "停止吧", "继续说", "/", ""])(
    "is none when a command is only a part of it, or a name without its slash: %j",
    (text) => {
      expect(nameOf(text)).toBeUndefined();
    },
  );
});

describe("what is typed behind a command", () => {
  it("is its argument where it takes one, and only behind a slash", () => {
    expect(parseCommand("/allow ABC 12")).toMatchObject({ command: { name: "allow" }, argument: "ABC 12" });
    expect(parseCommand("/allow")).toMatchObject({ command: { name: "allow" }, argument: "" });
    expect(parseCommand("配对")).toMatchObject({ command: { name: "pair" }, argument: "" });
    expect(parseCommand("配对 一下这两列")).toBeUndefined();
  });
});

describe("/stop", () => {
  const stop = COMMANDS.find((command): command is ChatCommand => command.name === "stop");

  it("does not wait behind what it is to stop", () => {
    expect(stop?.immediate).toBe(true);
  });

  it("says whether it stopped anything", () => {
    const [some, none] = [stop?.run(chat({ stoppable: 2 })), stop?.run(chat({ stoppable: 0 }))];
    expect(some).toEqual({ kind: "text", text: expect.stringMatching(/\S/) });
    expect(none).toEqual({ kind: "text", text: expect.stringMatching(/\S/) });
    expect(some).not.toEqual(none);
  });
});

describe("/continue", () => {
  const more = COMMANDS.find((command): command is ChatCommand => command.name === "continue");

  it("waits its turn, so that it continues the answer before it", () => {
    expect(more?.immediate).toBe(false);
  });

  it("lets an answer that is being written come to its end first", () => {
    expect(more?.waitsForDraft).toBe(true);
  });

  it("gives what was kept in the form in which it was kept, and leaves it to the model where nothing was", () => {
    for (const kind of ["text", "markdown"] as const)
      expect(more?.run(chat({ kept: { kind, text: "the rest" } }))).toEqual({ kind, text: "the rest" });
    expect(more?.run(chat({}))).toBeUndefined();
  });
});
