/** What a bot's own tables tell the operator. */
import type { BotHealth, ValidationNote } from "../health.ts";
import type { KnownChat } from "./directory.ts";
import type { Failure } from "./failures.ts";

interface Known {
  validation: ValidationNote | undefined;
  callbackAtMs: number | undefined;
  /** Newest first, both. */
  chats: readonly KnownChat[];
  failures: readonly Failure[];
}

export function healthOf({ validation, callbackAtMs, chats, failures }: Known): BotHealth {
  const [latest] = chats;
  const [newest] = failures;
  return {
    ...(validation && { lastValidation: validation }),
    ...(callbackAtMs !== undefined && { lastCallbackAtMs: callbackAtMs }),
    ...(latest && { lastSpeakingAtMs: latest.lastSeenMs }),
    chats: chats.length,
    failures: { count: failures.length, ...(newest && { newest: withoutChat(newest) }) },
  };
}

function withoutChat({ reference, atMs, operation, summary, advice }: Failure) {
  return { reference, atMs, operation, summary, advice };
}
