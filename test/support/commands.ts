/** A chat in which commands are typed: it notes what they do to it. */
import { CHOICES, type ChoiceName, type ChoiceView } from "../../src/choice.ts";
import type { ChatContext, Command } from "../../src/commands/command.ts";
import { readCommand } from "../../src/commands/index.ts";
import type { Scene } from "../../src/event.ts";
import type { Reply } from "../../src/reply.ts";
import { message, NOW } from "./turns.ts";

export { unknownCommand } from "../../src/commands/help.ts";
export type { Command };

export function chatOf({
  scene = "c2c",
  isOwner = false,
  speaksForChat = true,
  stoppable = 0,
  models = ["a/b"],
  locked = [],
}: {
  scene?: Scene;
  isOwner?: boolean;
  speaksForChat?: boolean;
  stoppable?: number;
  models?: readonly string[];
  locked?: readonly ChoiceName[];
}): { did: string[]; run(text: string): Reply | undefined } {
  const did: string[] = [];
  const view = (name: ChoiceName): ChoiceView => ({
    value: undefined,
    from: "settings",
    isLocked: locked.includes(name),
  });
  const contextOf = (text: string): ChatContext => ({
    message: message({ scene, text }),
    nowMs: NOW,
    isOwner,
    speaksForChat,
    models,
    stop() {
      did.push("stop");
      return stoppable;
    },
    forget: () => void did.push("forget"),
    ask: (words) => void did.push(`ask ${words}`),
    askAgain: () => "nothing",
    mute: (untilMs) => void did.push(untilMs === undefined ? "mute off" : `mute ${(untilMs - NOW) / 60_000}`),
    choices: () => Object.fromEntries(CHOICES.map((name) => [name, view(name)])) as Record<ChoiceName, ChoiceView>,
    choose: (name, value, scope) => void did.push(`choose ${name} ${value} ${scope}`),
    status: () => ({ open: 0, remembered: { messages: 0, tokens: 0 }, mutedUntilMs: undefined }),
  });
  return {
    did,
    run(text) {
      const typed = readCommand(text);
      if (typed?.kind !== "command" || typed.command.when !== "received")
        throw new Error(`${text} does not act at once`);
      return typed.command.run(contextOf(text), typed.argument);
    },
  };
}
