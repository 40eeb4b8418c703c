/**
 * The least that a Worker can do and still keep QQ's promise: verify, store one row, set an alarm that does nothing. What the
 * platform costs; everything above it is ours.
 */
import { DurableObject } from "cloudflare:workers";
import { signedMessage, webhookKey } from "../../../src/qq/signature.ts";

interface Env {
  QQ_APP_SECRET: string;
  FLOOR: DurableObjectNamespace<Floor>;
}

export class Floor extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  }

  async store(body: string): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      this.ctx.storage.sql.exec("INSERT INTO message (body) VALUES (?)", body);
      void this.ctx.storage.setAlarm(Date.now() + 1);
    });
  }

  override async alarm(): Promise<void> {}
}

export default {
  async fetch(request, env) {
    const body = new Uint8Array(await request.arrayBuffer());
    const timestamp = request.headers.get("x-signature-timestamp") ?? "";
    const key = await webhookKey(env.QQ_APP_SECRET);
    const isGenuine = await key.verify(
      request.headers.get("x-signature-ed25519") ?? "",
      signedMessage(timestamp, body),
    );
    if (!isGenuine) return new Response(null, { status: 401 });
    const text = new TextDecoder().decode(body);
    const { d } = JSON.parse(text) as { d: { group_openid?: string; author: { user_openid?: string } } };
    await env.FLOOR.getByName(d.group_openid ?? d.author.user_openid ?? "").store(text);
    return Response.json({ op: 12, d: 0 });
  },
} satisfies ExportedHandler<Env>;
