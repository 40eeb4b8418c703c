/** What /allow, /deny and /pair have in common: the owner's word about somebody, and the list of who waits. */
import { type Decision, type Desk, text } from "./command.ts";

/** Without an argument: who waits. */
export async function decide(desk: Desk, subject: string, standing: "allowed" | "denied") {
  if (subject === "") return listWaiting(desk);
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

export async function listWaiting(desk: Desk) {
  const waiting = await desk.whoWaits();
  if (!waiting) return answer({ kind: "notOwner" }, "allowed");
  if (waiting.length === 0) return text("现在没有人在等待同意。", "Nobody waits for approval.");
  const lines = waiting.slice(0, 20).map(({ code, who }) => `${code}  ${who}`);
  return text(
    `等待同意:\n${lines.join("\n")}\n同意发送「/allow 配对码」,拒绝发送「/deny 配对码」。`,
    "Send “/allow CODE” or “/deny CODE”.",
  );
}
