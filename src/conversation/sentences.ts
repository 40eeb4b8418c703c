/**
 * The plain sentences that a person gets from this room. Chinese first, English beside it; a failure names its reference.
 */
import type { Reply } from "../reply.ts";
import type { Fault } from "./turn-machine.ts";

const APOLOGIES: Record<Fault["kind"], { zh: string; en: string }> = {
  late: {
    zh: "前面还有消息没答完,这一条来不及在 QQ 允许的时间内回答了。发送「继续」,我接着答。",
    en: "Other messages came first, and QQ's time for this one is up. Send 「继续」 and I will answer it.",
  },
  slow: {
    zh: "这个问题要想得久一些,来不及在 QQ 允许的时间内写完。过一会儿发送「继续」,就能看到回答。",
    en: "This answer takes longer than QQ allows. Send 「继续」 in a while to see it.",
  },
  crashed: {
    zh: "抱歉,回答这条消息时程序中断了,请换个方式再问一次。",
    en: "Sorry, something broke while answering this message. Please put it differently.",
  },
  timeout: {
    zh: "抱歉,模型没有在 QQ 允许的时间内答完,请稍后再问一次。",
    en: "Sorry, the model did not answer in time. Please ask again.",
  },
  busy: { zh: "抱歉,模型现在太忙,请稍后再问一次。", en: "Sorry, the model is too busy now. Please ask again later." },
  setup: {
    zh: "抱歉,机器人的模型设置有问题,请告诉管理员。",
    en: "Sorry, the bot's model is not set up correctly. Please tell its operator.",
  },
  model: {
    zh: "抱歉,模型没能给出回答,请稍后再问一次。",
    en: "Sorry, the model gave no answer. Please ask again later.",
  },
  refused: {
    zh: "抱歉,模型服务拒绝回答这个问题,请换个说法再问。",
    en: "Sorry, the model's provider declined to answer this. Please put it differently.",
  },
  blocked: {
    zh: "抱歉,这条回答没有通过 QQ 的审核,请换个说法再问。",
    en: "Sorry, QQ's review did not pass this answer. Please put it differently.",
  },
  bug: { zh: "抱歉,程序出错了,请告诉管理员。", en: "Sorry, something went wrong here. Please tell the operator." },
};

export function apology({ kind, reference }: Fault): string {
  const { zh, en } = APOLOGIES[kind];
  return kind === "late" || kind === "slow" ? `${zh}\n${en}` : `${zh}(编号 ${reference})\n${en} (ref ${reference})`;
}

/** Ends the last part of an answer that did not fit. Its length is reserved when the parts are cut. */
export const MORE = "\n\n…(还有内容,发送「继续」接着看 / send 「继续」 for the rest)";

/** Begins the next answer after a turn that failed without a word. */
export const UNTOLD = {
  kept: "(上一条回答没能送达,发送「继续」可以看到它。/ The last answer could not be delivered; send 「继续」 to see it.)\n\n",
  unsure:
    "(上一条回答可能没有送达,没看到的话请再问一次。/ The last answer may not have arrived; ask again if you miss it.)\n\n",
  blocked:
    "(上一条回答没有通过 QQ 的审核,请换个说法再问。/ QQ's review did not pass the last answer; please put it differently.)\n\n",
  missed: "(上一条消息没来得及回答,请再问一次。/ There was no time to answer your last message; please ask again.)\n\n",
};

/** Ends an answer that the model did not bring to its end. */
export const CUT =
  "\n\n(模型一次只能写这么长,发送「继续」让它接着写。/ The model stopped at its length limit; send 「继续」 to let it go on.)";

/** To whoever asks for the rest while it is not there yet. */
export const STILL_WRITING: Reply = {
  kind: "text",
  text: "还在写,请过一会儿再发送「继续」。/ Still writing; please send 「继续」 again in a while.",
};

/** Somebody whom the owner has not let in yet. */
export function pairing({ code, hasOwner, isGroup }: { code: string; hasOwner: boolean; isGroup: boolean }): Reply {
  const here = isGroup ? { zh: "这个群", en: "this group" } : { zh: "你", en: "you" };
  const owner = hasOwner
    ? { zh: `请主人把「/allow ${code}」发给我。`, en: `Ask the owner to send me “/allow ${code}”.` }
    : {
        zh: `机器人还没有主人;你是主人的话,先把「/claim 认领码」私聊发给我,再发「/allow ${code}」。`,
        en: `The bot has no owner yet: if that is you, send me “/claim” with the claim code in private, then “/allow ${code}”.`,
      };
  return {
    kind: "text",
    text:
      `还没有主人的同意,我不能和${here.zh}聊天。配对码 ${code},一小时内有效。${owner.zh}\n` +
      `The owner has not let ${here.en} in yet. Code: ${code}, good for an hour. ${owner.en}`,
  };
}

export function notOnTheList(isGroup: boolean): Reply {
  return {
    kind: "text",
    text: isGroup
      ? "这个机器人只在主人指定的群里聊天。\nThis bot talks only in groups that its owner has named."
      : "这个机器人只和主人指定的人聊天。\nThis bot talks only to people whom its owner has named.",
  };
}

/** A day's tokens are spent. */
export const SPENT: Record<"person" | "group" | "bot", Reply> = {
  person: {
    kind: "text",
    text: "你今天的额度用完了,明天再聊吧。\nYou have used up today's allowance; see you tomorrow.",
  },
  group: {
    kind: "text",
    text: "这里今天的额度用完了,明天再聊吧。\nThis chat has used up today's allowance; see you tomorrow.",
  },
  bot: {
    kind: "text",
    text: "机器人今天的额度用完了,明天再聊吧。\nThe bot has used up today's allowance; see you tomorrow.",
  },
};

/** Somebody writes more than the operator lets them. */
export function tooFast(limit: number): string {
  return `一分钟最多 ${limit} 条,请慢一点。\nAt most ${limit} messages a minute, please.`;
}

/** A command that would have the model asked, where the bot is to be quiet. */
export const MUTED: Reply = {
  kind: "text",
  text: "我现在安静着。先发 /mute off,再问一次。\nI am muted here: send /mute off, then ask again.",
};

/** Said once; then nothing. */
export const DENIED: Reply = {
  kind: "text",
  text: "主人没有同意,我不能在这里聊天。\nThe owner has declined; I cannot talk here.",
};

/** The first words to a new friend or group. */
export const GREETINGS = {
  c2c: "你好,我是 AI 助手,直接发消息就可以和我聊天。\nHi, I am an AI assistant. Just send me a message.",
  group: "大家好,我是 AI 助手,@我 就可以和我聊天。\nHi all, I am an AI assistant. Mention me to talk to me.",
};

export function queueFull(limit: number): string {
  return (
    `现在有 ${limit} 条消息在排队,这一条没有收下。请等前面的答完后再发。\n` +
    `${limit} messages are waiting, so this one was not taken. Please send it again once they are answered.`
  );
}
