import { type Command, type ReceivedCommand, text, type Words } from "./command.ts";

/** Shows what there is. @param commands all of them, which this one is among. */
export function helpOf(commands: () => readonly Command[]): ReceivedCommand {
  return {
    when: "received",
    names: ["help", "commands", "bot-help", "帮助"],
    aliases: ["帮助", "help"],
    summary: { zh: "这份列表", en: "this list" },
    run({ isOwner }) {
      const shown = commands().filter(({ isOwners }) => isOwner || !isOwners);
      return {
        kind: "text",
        text: [
          "直接发消息就能聊天。命令(后面加 ? 看用法):",
          "Just talk. Commands (add ? for how to use one):",
          ...shown.map((command) => `/${command.names[0]}  ${marked(command, "zh")} / ${marked(command, "en")}`),
        ].join("\n"),
      };
    },
  };
}

const OWNERS: Words = { zh: "(主人)", en: "(owner) " };

function marked({ summary, isOwners }: Command, language: keyof Words): string {
  return (isOwners ? OWNERS[language] : "") + summary[language];
}

/** How one command is used. */
export function usageOf(command: Command) {
  const { names, aliases, usage } = command;
  const [name] = names;
  const line = (words: string | undefined) => (words ? `/${name} ${words}` : `/${name}`);
  const others = [...names.slice(1).map((other) => `/${other}`), ...aliases.map((alias) => `「${alias}」`)];
  const also = (words: string) => (others.length > 0 ? `${words}${others.join(" ")}` : "");
  return text(
    [`${line(usage?.zh)}:${marked(command, "zh")}`, also("也可以写:")].filter(Boolean).join("\n"),
    [`${line(usage?.en)}: ${marked(command, "en")}`, also("Also: ")].filter(Boolean).join("\n"),
  );
}

/** To whoever typed something that nobody knows. */
export function unknownCommand(word: string, nearest: Command | undefined) {
  const name = nearest?.names[0];
  return name
    ? text(`没有 /${word} 这个命令。你是说 /${name} 吗?`, `There is no /${word}. Did you mean /${name}?`)
    : text(`没有 /${word} 这个命令。/help 列出全部。`, `There is no /${word}. /help lists what there is.`);
}
