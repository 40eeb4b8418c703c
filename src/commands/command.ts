/**
 * What a command is. It sees the chat and the bot only through what it is given: whatever it may do there is a function.
 */
import type { Reply } from "../reply.ts";

/** The chat in which a command is typed. */
export interface CommandContext {
  /** Ends every open turn that this person may end; returns how many messages that concerned. */
  stop(): number;
  /** Takes the words that could not be delivered to this person, so that they are delivered once. */
  takeKept(): Reply | undefined;
}

/** The bot as a whole: who may talk to it. Everything here may be asked twice for one command. */
export interface Desk {
  claim(code: string): Promise<"claimed" | "yours" | "taken" | "wrong" | "locked">;
  /** This chat's own code, for the owner to approve, if there is one yet. Undefined where the chat needs none. */
  ownCode(): Promise<{ code: string; hasOwner: boolean } | undefined>;
  /** Undefined unless this chat is the owner's. */
  whoWaits(): Promise<readonly { code: string; who: string }[] | undefined>;
  /** Gives somebody, named by code or `scene:openid`, a standing. */
  decide(subject: string, standing: "allowed" | "denied"): Promise<Decision>;
}

export type Decision =
  | { kind: "decided"; who: string }
  /** No such code, or it is older than an hour. */
  | { kind: "unknown" }
  /** The owner cannot be denied. */
  | { kind: "owner" }
  | { kind: "notOwner" };

interface Named {
  /** Typed behind a slash. */
  name: string;
  /** Typed alone, as the whole message. */
  aliases: readonly string[];
  summary: { zh: string; en: string };
}

/** A command about its own chat. */
export interface ChatCommand extends Named {
  /** Acts when its message is stored and does not wait behind the queue. Needs no network. */
  immediate: boolean;
  /** Lets an answer that is still being written come to its end first, as long as that is possible. */
  waitsForDraft?: boolean;
  /** The answer, or undefined to let the model answer. */
  run(context: CommandContext): Reply | undefined;
}

/** A command about the bot as a whole. What is typed behind its name is its argument. */
export interface DeskCommand extends Named {
  ask(desk: Desk, argument: string): Promise<Reply>;
}

export type Command = ChatCommand | DeskCommand;

export const text = (zh: string, en: string): Reply => ({ kind: "text", text: `${zh}\n${en}` });
