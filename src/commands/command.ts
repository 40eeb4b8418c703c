/**
 * What a command is. It sees the chat only through its context: whatever it may do there is a function in it.
 */

import type { Reply } from "../reply.ts";

export interface CommandContext {
  /** Ends every open turn that this person may end; returns how many messages that concerned. */
  stop(): number;
  /** Takes the words that could not be delivered to this person, so that they are delivered once. */
  takeKept(): Reply | undefined;
}

export interface Command {
  /** Typed behind a slash. */
  name: string;
  /** Typed alone, as the whole message. */
  aliases: readonly string[];
  summary: { zh: string; en: string };
  /** Acts when its message is stored and does not wait behind the queue. Needs no network. */
  immediate: boolean;
  /** Lets an answer that is still being written come to its end first, as long as that is possible. */
  waitsForDraft?: boolean;
  /** The answer, or undefined to let the model answer. */
  run(context: CommandContext): Reply | undefined;
}
