/** Our Worker, telling after each invocation of an object what it is billed for: rows written, and requests. */
import app, { Bot as OurBot, Conversation as OurConversation } from "../../../src/index.ts";

/** Of this isolate, since it was last told. */
const billed = { rows: 0, requests: 0 };

/** The same context, whose storage counts. */
function counting(ctx: DurableObjectState): DurableObjectState {
  const { storage } = ctx;
  const sql = {
    exec(query: string, ...bindings: unknown[]) {
      const cursor = storage.sql.exec(query, ...bindings);
      return {
        toArray() {
          const rows = cursor.toArray();
          billed.rows += cursor.rowsWritten; // complete once it is drained
          return rows;
        },
      };
    },
  };
  const counted = new Proxy(storage, {
    get(target, name) {
      if (name === "sql") return sql;
      if (name === "setAlarm") billed.rows += 1; // looked up to be called
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return Object.defineProperty(ctx, "storage", { value: counted });
}

async function billing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } finally {
    billed.requests += 1;
    console.log(JSON.stringify({ event: "billed", ...billed }));
    Object.assign(billed, { rows: 0, requests: 0 });
  }
}

export class Conversation extends OurConversation {
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(counting(ctx), env);
  }

  override receive(...args: Parameters<OurConversation["receive"]>) {
    return billing(super.receive(...args));
  }

  override alarm() {
    return billing(super.alarm());
  }
}

export class Bot extends OurBot {
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(counting(ctx), env);
  }

  override lease(...args: Parameters<OurBot["lease"]>) {
    return billing(super.lease(...args));
  }

  override noteCallback(...args: Parameters<OurBot["noteCallback"]>) {
    return billing(super.noteCallback(...args));
  }

  override recordFailures(...args: Parameters<OurBot["recordFailures"]>) {
    return billing(super.recordFailures(...args));
  }
}

export default app;
