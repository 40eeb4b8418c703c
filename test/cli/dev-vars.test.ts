/** `.dev.vars`: what was asked for changes, everything else stays. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { merged, readText, varsOf, withChanges, writeWhole } from "../../src/cli/dev-vars.ts";

describe("a change", () => {
  it.each([
    ["adds what is new at the end", "A=1\n", { B: "2" }, "A=1\nB=2\n"],
    ["begins a line of its own", "A=1", { B: "2" }, "A=1\nB=2\n"],
    ["begins an empty file", "", { A: "1" }, "A=1\n"],
    ["stands where the old value stood", "# c\nA=1 # why\n\nB=2\n", { A: "9" }, "# c\nA=9 # why\n\nB=2\n"],
    ["replaces a quoted value", `A="x # y"\nB='2'\n`, { A: "z" }, "A=z\nB='2'\n"],
    ["replaces a value of several lines", `A="x\ny"\nB=2\n`, { A: "z" }, "A=z\nB=2\n"],
    ["replaces an empty value", "A=\nB=2\n", { A: "z" }, "A=z\nB=2\n"],
    ["keeps `export`", "export A=1\n", { A: "z" }, "export A=z\n"],
    ["is made wherever the name stands", "A=1\nA=2\n", { A: "z" }, "A=z\nA=z\n"],
    ["takes a line out", "A=1\nB=2 # two\nC=3\n", { B: undefined }, "A=1\nC=3\n"],
    ["takes the last line out", "A=1\nB=2", { B: undefined }, "A=1\n"],
    ["of what is not there takes nothing out", "A=1\n", { B: undefined }, "A=1\n"],
    ["leaves comments alone", "#A=1\n", { A: "2" }, "#A=1\nA=2\n"],
    ["leaves a longer name alone", "AA=1\n", { A: "2" }, "AA=1\nA=2\n"],
    ["keeps the line ends of Windows", "A=1\r\nB=2\r\n", { A: "3", C: "4" }, "A=3\r\nB=2\r\nC=4\r\n"],
  ])("%s", (_, text, changes, expected) => expect(withChanges(text, changes)).toBe(expected));

  it.each([
    "plain",
    "with space",
    "a#b",
    `say "hi"`,
    "it's",
    `"both' of them`,
    "$HOME",
    "a=b",
    "密钥",
    `[{"a":"b"}]`,
    "x`y",
    "a\\nb",
  ])("reads back as it was written: %s", (value) =>
    expect(varsOf(withChanges("A=1\n", { A: value, B: value }))).toEqual({ A: value, B: value }),
  );

  it("refuses a value that this syntax cannot hold", () => {
    expect(() => withChanges("", { A: `'"\`` })).toThrow(/^A /);
  });
});

describe("the settings", () => {
  it("count an empty one as absent", () => expect(varsOf("A=\nB=' '\nC=1\n")).toEqual({ C: "1" }));
  it("lose what is removed", () =>
    expect(merged({ A: "1", B: "2" }, { A: undefined, C: "3" })).toEqual({ B: "2", C: "3" }));
});

describe("the file", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "qq-edge-vars-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is its owner's alone, whatever it was before, and nothing else is left", () => {
    const file = join(folder, ".dev.vars");
    writeFileSync(file, "OLD=1\n", { mode: 0o644 });
    writeWhole(file, "A=1\n");
    expect(readFileSync(file, "utf8")).toBe("A=1\n");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual([".dev.vars"]);
  });

  it("is not begun where it cannot be written", () => {
    const file = join(folder, "nowhere", ".dev.vars");
    expect(() => writeWhole(file, "A=1\n")).toThrow();
    expect(existsSync(join(folder, "nowhere"))).toBe(false);
    writeWhole(join(folder, "x"), "");
    expect(() => writeWhole(folder, "A=1\n")).toThrow(); // a folder in its place
    expect(readdirSync(folder)).toEqual(["x"]);
  });

  it("is empty where there is none", async () => expect(await readText(join(folder, "none"))).toBe(""));
});
