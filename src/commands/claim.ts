import { type AskingCommand, text } from "./command.ts";

const ANSWERS = {
  claimed: text(
    "认领成功,你现在是这个机器人的主人。别人找我聊天时,会得到一个配对码;把「/allow 配对码」发给我,就是同意。",
    "You are the owner of this bot now. Strangers get a code; send me “/allow CODE” to let one in.",
  ),
  yours: text("你已经是主人了。", "You are the owner already."),
  taken: text("这个机器人已经有主人了,认领码不再有效。", "This bot has an owner; the claim code is void."),
  wrong: text(
    "认领码不对。它由 npm run setup 或 npm run doctor 显示,只能在私聊里使用。",
    "That is not the claim code. `npm run setup` and `npm run doctor` show it; it works in private chats only.",
  ),
  locked: text("输错太多次了,请一小时后再试。", "Too many wrong codes; try again in an hour."),
};

/** The first to know the claim code owns the bot. */
export const claim: AskingCommand = {
  when: "asking",
  names: ["claim"],
  aliases: [],
  summary: { zh: "用认领码成为主人", en: "become the owner by the claim code" },
  usage: { zh: "认领码", en: "CODE" },
  async ask(desk, code) {
    return ANSWERS[await desk.claim(code)];
  },
};
