import type { AskingCommand } from "./command.ts";
import { decide } from "./deciding.ts";

export const allow: AskingCommand = {
  when: "asking",
  names: ["allow"],
  aliases: [],
  summary: { zh: "同意一个配对码", en: "let somebody in" },
  usage: { zh: "配对码 | 场景:openid(不写:看谁在等)", en: "CODE | scene:openid (nothing: who waits)" },
  isOwners: true,
  ask: (desk, subject) => decide(desk, subject, "allowed"),
};
