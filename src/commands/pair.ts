import { type AskingCommand, text } from "./command.ts";
import { decide, listWaiting } from "./deciding.ts";

/** For the owner the same as `/allow`; anybody else is shown their own code. */
export const pair: AskingCommand = {
  when: "asking",
  names: ["pair"],
  aliases: ["配对"],
  summary: { zh: "显示这里的配对码;主人:同意一个配对码", en: "show the code of this chat; owner: let somebody in" },
  usage: { zh: "[配对码]", en: "[CODE]" },
  async ask(desk, subject) {
    if (subject !== "") return decide(desk, subject, "allowed");
    const own = await desk.ownCode();
    if (!own) return listWaiting(desk);
    return text(
      `这里的配对码是 ${own.code},一小时内有效。请机器人的主人同意。`,
      `The code here is ${own.code}, good for an hour. Ask the bot's owner.`,
    );
  },
};
