/** The rules of the registry, and which messages are commands. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { usageOf } from "../../src/commands/help.ts";
import { COMMANDS, readCommand } from "../../src/commands/index.ts";
import { type Command, chatOf, unknownCommand } from "../support/commands.ts";

const wordsOf = ({ names, aliases }: Command) => [...new Set([...names, ...aliases])];
const named = (name: string) => COMMANDS.find(({ names }) => names.some((one) => one === name)) as Command;

describe("the registry", () => {
  it("has every command that is promised, under the names that OpenClaw's users type, too", () => {
    const promised =
      `help new reset stop retry continue status model persona think ping version whoami pair allow deny mute
      config bot-ping bot-version bot-help`.split(/\s+/);
    for (const name of promised) expect(readCommand(`/${name}`)).toMatchObject({ kind: "command" });
  });

  it("knows each word once", () => {
    const words = COMMANDS.flatMap(wordsOf);
    expect(words.toSorted()).toEqual([...new Set(words)].toSorted());
  });

  it("writes words as they are looked for: trimmed and in lower case", () => {
    for (const word of COMMANDS.flatMap(wordsOf)) {
      expect(word).toBe(word.trim().toLowerCase());
      expect(word).toMatch(/^[^/\s]+$/);
    }
  });

  it.each(COMMANDS.map((command) => [command.names[0], command] as const))(
    "describes /%s in both languages",
    (_, command) => {
      expect(command.summary.zh).toMatch(/\p{Script=Han}/u);
      expect(command.summary.en).toMatch(/[a-z]/i);
      expect(command.names[0]).toMatch(/^[a-z][a-z0-9-]*$/);
      const shown = usageOf(command).text;
      for (const word of wordsOf(command)) expect(shown).toContain(word);
    },
  );
});

describe("a message", () => {
  const commandOf = (text: string) => {
    const typed = readCommand(text);
    return typed?.kind === "command" ? typed.command : undefined;
  };

  it("is a command by any of its names behind a slash", () => {
    for (const command of COMMANDS) for (const word of wordsOf(command)) expect(commandOf(`/${word}`)).toBe(command);
  });

  it("is a command by an alias alone", () => {
    for (const command of COMMANDS) for (const alias of command.aliases) expect(commandOf(alias)).toBe(command);
  });

  it.each(["  /CONTINUE\n", " 继续。", "继续!", "继续~", "／continue", "/Continue.", "/继续"])(
    "is a command whatever its case and what people put around it: %j",
    (text) => {
      expect(commandOf(text)).toBe(named("continue"));
    },
  );

  it.each([
    "stop",
    "continue",
    "please /stop",
    "//stop",
    "/ stop",
    "停止吧",
    "继续说",
    "/",
    "",
    "/etc/hosts 是什么",
    "/a.b",
    "/?",
  ])("is none where a command is only a part of it, or a name without its slash, or a path: %j", (text) => {
    expect(readCommand(text)).toBeUndefined();
  });

  it("that begins with a slash and a word is a command, a question about one, or unknown: no model sees it", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/), fc.string(), (word, rest) => {
        expect(readCommand(`/${word} ${rest}`)).toBeDefined();
      }),
    );
  });

  it.each([
    ["/stopp", "stop"],
    ["/hlep", "help"],
    ["/modle deepseek", "model"],
    ["/continu", "continue"],
    ["/persnoa 猫娘", "persona"],
    ["/重试试", "retry"],
  ])("that was mistyped is told what may be meant: %j", (text, meant) => {
    const typed = readCommand(text);
    expect(typed).toMatchObject({ kind: "unknown", nearest: named(meant) });
    if (typed?.kind === "unknown") expect(unknownCommand(typed.word, typed.nearest).text).toContain(`/${meant}`);
  });

  it.each(["/weather", "/bash rm", "/x"])("that nobody knows is told where the list is: %j", (text) => {
    const typed = readCommand(text);
    expect(typed).toMatchObject({ kind: "unknown", nearest: undefined });
    if (typed?.kind === "unknown") expect(unknownCommand(typed.word, typed.nearest).text).toContain("/help");
  });

  it.each(["/model ?", "/model?", "/model？", "/模型 ？", "/MODEL ?"])("asks for a command's use: %j", (text) => {
    expect(readCommand(text)).toEqual({ kind: "usage", command: named("model") });
  });
});

describe("what is typed behind a command", () => {
  it("is its argument, as it was written, and only behind a slash", () => {
    expect(readCommand("/allow ABC 12")).toMatchObject({ argument: "ABC 12" });
    expect(readCommand("/persona You Are\nA Cat")).toMatchObject({ argument: "You Are\nA Cat" });
    expect(readCommand("/allow")).toMatchObject({ argument: "" });
    expect(readCommand("配对")).toMatchObject({ argument: "" });
    expect(readCommand("配对 一下这两列")).toBeUndefined();
  });
});

describe("/help", () => {
  const help = (isOwner: boolean) => chatOf({ isOwner }).run("/help")?.text ?? "";

  it("names every command with what it is for", () => {
    for (const { names, summary } of COMMANDS) {
      expect(help(true)).toContain(`/${names[0]}`);
      expect(help(true)).toContain(summary.zh);
      expect(help(true)).toContain(summary.en);
    }
  });

  it("marks what is the owner's, and shows it to nobody else", () => {
    const owners = COMMANDS.filter(({ isOwners }) => isOwners);
    expect(owners.length).toBeGreaterThan(0);
    for (const { names } of owners) {
      expect(help(true)).toContain(`/${names[0]}  (主人)`);
      expect(help(false)).not.toContain(`/${names[0]} `);
    }
  });

  it("fits one message", () => {
    expect(help(true).length).toBeLessThan(2_000);
  });
});

describe("/stop", () => {
  it("says whether it stopped anything", () => {
    const [some, none] = [chatOf({ stoppable: 2 }).run("/stop"), chatOf({ stoppable: 0 }).run("/stop")];
    expect(some?.text).toMatch(/Stopped/);
    expect(none?.text).toMatch(/no answer/);
  });
});

describe("/new", () => {
  it("forgets, and says so", () => {
    const chat = chatOf({ stoppable: 1 });
    expect(chat.run("/new")?.text).toMatch(/fresh start/);
    expect(chat.did).toEqual(["stop", "forget"]);
  });

  it("asks what is typed behind it, as the first question", () => {
    const chat = chatOf({});
    expect(chat.run("/new 写一首诗")).toBeUndefined();
    expect(chat.did).toEqual(["stop", "forget", "ask 写一首诗"]);
  });
});

describe("/mute", () => {
  it("takes minutes, an hour by itself", () => {
    const chat = chatOf({});
    chat.run("/mute");
    chat.run("/mute 5");
    chat.run("/静音 10 分钟");
    chat.run("/mute off");
    expect(chat.did).toEqual(["mute 60", "mute 5", "mute 10", "mute off"]);
  });

  it.each(["/mute 0", "/mute -1", "/mute 99999999", "/mute soon"])("refuses %j and says what it takes", (text) => {
    const chat = chatOf({});
    expect(chat.run(text)?.text).toMatch(/\/mute 30/);
    expect(chat.did).toEqual([]);
  });

  it("is for the admins of a group", () => {
    const chat = chatOf({ scene: "group", speaksForChat: false });
    expect(chat.run("/mute")?.text).toMatch(/admins/);
    expect(chat.did).toEqual([]);
  });
});

describe("a choice", () => {
  const models = ["deepseek/deepseek-chat", "qwen/qwen-plus", "zhipu/glm-4.7"];

  it("shows what counts, and what there is, with a button and a number for each", () => {
    const reply = chatOf({ models }).run("/model");
    for (const [n, model] of models.entries()) expect(reply?.text).toContain(`${n + 1}. ${model}`);
    expect(reply?.buttons?.map(({ command }) => command)).toEqual(["/model 1", "/model 2", "/model 3"]);
  });

  it.each(["/model 2", "/model qwen/qwen-plus", "/model QWEN", "/模型 plus"])("is made by %j", (text) => {
    const chat = chatOf({ models });
    expect(chat.run(text)?.text).toContain("qwen/qwen-plus");
    expect(chat.did).toEqual(["choose model qwen/qwen-plus person"]);
  });

  it.each(["/model 9", "/model gpt-9", "/model e"])("that does not exist, or is not clear, is not made: %j", (text) => {
    const chat = chatOf({ models });
    expect(chat.run(text)?.text).toContain("3. zhipu/glm-4.7");
    expect(chat.did).toEqual([]);
  });

  it("is taken back by its default", () => {
    const chat = chatOf({ models });
    chat.run("/model default");
    chat.run("/persona 默认");
    expect(chat.did).toEqual(["choose model undefined person", "choose persona undefined person"]);
  });

  it("is made for a whole group by those who speak for it", () => {
    const admin = chatOf({ models, scene: "group", speaksForChat: true });
    admin.run("/model 1 全群");
    admin.run("/think high -g");
    expect(admin.did).toEqual(["choose model deepseek/deepseek-chat chat", "choose thinking high chat"]);
    const member = chatOf({ models, scene: "group", speaksForChat: false });
    expect(member.run("/model 1 全群")?.text).toMatch(/admins/);
    member.run("/model 1");
    expect(member.did).toEqual(["choose model deepseek/deepseek-chat person"]);
  });

  it("that the operator has locked is not made", () => {
    const chat = chatOf({ models, locked: ["model"] });
    expect(chat.run("/model 2")?.text).toMatch(/operator has fixed/);
    expect(chat.did).toEqual([]);
  });

  it("of a persona takes a preset, or somebody's own words up to a length", () => {
    const chat = chatOf({});
    chat.run("/persona 猫娘");
    chat.run("/persona 你是一只很懒的狗");
    expect(chat.did).toEqual(["choose persona cat person", "choose persona own:你是一只很懒的狗 person"]);
    expect(chat.run(`/persona ${"长".repeat(2_001)}`)?.text).toContain("2000");
    expect(chat.did).toHaveLength(2);
  });
});

describe("/config", () => {
  it("shows every choice and who made it", () => {
    const shown = chatOf({ models: ["a/b"], locked: ["persona"] }).run("/config")?.text ?? "";
    for (const word of ["模型", "人设", "思考程度", "回答的语言", "已锁定"]) expect(shown).toContain(word);
  });

  it("takes all of it back, for a group where that is said", () => {
    const chat = chatOf({ scene: "group", speaksForChat: true });
    chat.run("/config reset");
    expect(chat.did.toSorted()).toEqual(
      ["language", "model", "persona", "thinking"].map((name) => `choose ${name} undefined person`),
    );
    chat.did.length = 0;
    chat.run("/config reset 全群");
    expect(chat.did.every((one) => one.endsWith("undefined chat"))).toBe(true);
    const member = chatOf({ scene: "group", speaksForChat: false });
    expect(member.run("/config reset group")?.text).toMatch(/admins/);
    expect(member.did).toEqual([]);
  });
});
