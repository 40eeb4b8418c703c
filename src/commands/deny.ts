import type { AskingCommand } from "./command.ts";
import { decide } from "./deciding.ts";

export const deny: AskingCommand = {
  when: "asking",
  names: ["deny"],
  aliases: [],
  summary: { zh: "拒绝一个配对码,或不再理会某人", en: "keep somebody out" },
  usage: { zh: "配对码 | 场景:openid(不写:看谁在等)", en: "CODE | scene:openid (nothing: who waits)" },
  isOwners: true,
  ask: (desk, subject) => decide(desk, subject, "denied"),
};
