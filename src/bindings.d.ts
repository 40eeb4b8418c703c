/** The bindings of wrangler.toml that code calls. Settings are not here: they are read by `config.ts` alone. */
declare namespace Cloudflare {
  interface Env {
    CONVERSATION: DurableObjectNamespace<import("./conversation/conversation.ts").Conversation>;
    BOT: DurableObjectNamespace<import("./bot/bot.ts").Bot>;
  }
}
