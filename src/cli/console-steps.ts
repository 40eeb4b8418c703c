/** What is left to do by hand in QQ's console, with its own labels. */
import { claimCode } from "../claim-code.ts";
import type { BotConfig } from "../config.ts";

const EVENTS = [
  "C2C_MESSAGE_CREATE  FRIEND_ADD  FRIEND_DEL  C2C_MSG_REJECT  C2C_MSG_RECEIVE",
  "GROUP_AT_MESSAGE_CREATE  GROUP_ADD_ROBOT  GROUP_DEL_ROBOT  GROUP_MSG_REJECT  GROUP_MSG_RECEIVE",
  "INTERACTION_CREATE",
  "频道另加 / for guilds also:AT_MESSAGE_CREATE  DIRECT_MESSAGE_CREATE  PUBLIC_MESSAGE_DELETE",
  "  DIRECT_MESSAGE_DELETE  MESSAGE_AUDIT_PASS  MESSAGE_AUDIT_REJECT",
];

export function callbackUrl(url: string, { appId }: Pick<BotConfig, "appId">, { isOnly }: { isOnly: boolean }): string {
  return isOnly ? `${url}/qq/callback` : `${url}/qq/callback/${appId}`;
}

/** @param address what QQ sees of calls that leave by a chosen way. */
export function consoleSteps(address?: string): string {
  return `到 QQ 控制台 https://q.qq.com/qqbot/ 完成 / now in QQ's console:

1  开发 → 回调配置(事件订阅与回调地址):选 Webhook,「回调地址」填上面的地址,保存
   Development → callback settings: choose Webhook, enter the address above, save
   立即生效,同一机器人的 WebSocket 连接(如 OpenClaw)会断开
   It takes effect at once and ends a WebSocket client of the same bot
2  同一页「勾选事件」 / tick these events there:
   ${EVENTS.join("\n   ")}
   忘了这一步,就是「地址校验通过却收不到消息」 / forgotten, nothing arrives
3  开发 → 开发设置 → IP白名单:${allowList(address)}
4  沙箱配置 → 消息列表 / QQ群:添加自己和自己的群;上线前只有他们能用
   Sandbox settings: add yourself and your group; before publishing it works for them only`;
}

function allowList(address: string | undefined): string {
  const empty = "留空 / leave the IP allow-list empty";
  return address === undefined
    ? empty
    : `${empty}\n   或者填出口 IP ${address} / or list the address where calls leave`;
}

export async function claimLine(bot: BotConfig): Promise<string> {
  return `私聊机器人发送 /claim ${await claimCode(bot.appSecret)} 成为主人 / send it in private to own the bot`;
}
