import { type Decision, type Desk, type DeskCommand, text } from "./command.ts";

/** Without an argument: who waits. */
async function decide(desk: Desk, subject: string, standing: "allowed" | "denied") {
  if (subject === "") return list(desk);
  return answer(await desk.decide(subject, standing), standing);
}

function answer(decision: Decision, standing: "allowed" | "denied") {
  switch (decision.kind) {
    case "decided":
      return standing === "allowed"
        ? text(`好的,${decision.who} 可以和我聊天了。`, `Done: ${decision.who} may talk to me.`)
        : text(`好的,不再理会 ${decision.who}。`, `Done: I do not answer ${decision.who} any more.`);
    case "unknown":
      return text(
        "没有这个配对码,可能已经过期(一小时)。请对方再发一条消息,就会得到新的。",
        "No such code; codes last an hour. A new message of theirs brings a new one.",
      );
    case "owner":
      return text("这是主人自己。", "That is the owner.");
    case "notOwner":
      return text("只有主人能决定。", "Only the owner decides that.");
    default:
      return decision satisfies never;
  }
}

async function list(desk: Desk) {
  const waiting = await desk.whoWaits();
  if (!waiting) return answer({ kind: "notOwner" }, "allowed");
  if (waiting.length === 0) return text("现在没有人在等待同意。", "Nobody waits for approval.");
  const lines = waiting.slice(0, 20).map(({ code, who }) => `${code}  ${who}`);
  return text(
    `等待同意:\n${lines.join("\n")}\n同意发送「/allow 配对码」,拒绝发送「/deny 配对码」。`,
    "Send “/allow CODE” or “/deny CODE”.",
  );
}

export const allow: DeskCommand = {
  name: "allow",
  aliases: [],
  summary: { zh: "(主人)同意一个配对码", en: "(owner) let somebody in" },
  ask: (desk, subject) => decide(desk, subject, "allowed"),
};

export const deny: DeskCommand = {
  name: "deny",
  aliases: [],
  summary: { zh: "(主人)拒绝一个配对码,或不再理会某人", en: "(owner) keep somebody out" },
  ask: (desk, subject) => decide(desk, subject, "denied"),
};

/** For the owner the same as `/allow`; anybody else is shown their own code. */
export const pair: DeskCommand = {
  name: "pair",
  aliases: ["配对"],
  summary: { zh: "显示我的配对码;(主人)同意一个配对码", en: "show my code; (owner) let somebody in" },
  async ask(desk, subject) {
    if (subject !== "") return decide(desk, subject, "allowed");
    const own = await desk.ownCode();
    if (!own) return list(desk);
    return text(
      `这里的配对码是 ${own.code},一小时内有效。请机器人的主人同意。`,
      `The code here is ${own.code}, good for an hour. Ask the bot's owner.`,
    );
  },
};
