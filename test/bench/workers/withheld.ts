/** Our Worker with its turns withheld: all is stored and acknowledged as ever, and the alarm does nothing, as the floor's. */
import app, { Bot, Conversation as Ours } from "../../../src/index.ts";

export class Conversation extends Ours {
  override async alarm(): Promise<void> {}
}

export { Bot };
export default app;
