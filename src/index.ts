/** Worker entry: the fetch handler and the two Durable Object classes. */
import { createApp } from "./app.ts";

export { Bot } from "./bot/bot.ts";
export { Conversation } from "./conversation/conversation.ts";

export default createApp();
