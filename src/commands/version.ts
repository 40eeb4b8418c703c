import { COMPATIBILITY_DATE, VERSION } from "../health.ts";
import { type ReceivedCommand, text } from "./command.ts";

export const version: ReceivedCommand = {
  when: "received",
  names: ["version", "bot-version", "版本"],
  aliases: [],
  summary: { zh: "我的版本", en: "which version this is" },
  run: () =>
    text(
      `qq-edge ${VERSION},运行在 Cloudflare Workers 上(${COMPATIBILITY_DATE})。`,
      `qq-edge ${VERSION} on Cloudflare Workers (${COMPATIBILITY_DATE}).`,
    ),
};
