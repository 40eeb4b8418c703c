/**
 * Callbacks as QQ makes them: signed, each over a connection of its own. Composed and signed before the clock starts, so that
 * what is measured is the Worker.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import { signedCallback } from "../../src/simulator/callbacks.ts";
import type { FakeQQ } from "../../src/simulator/fake-qq.ts";
import type { Asked } from "../../src/simulator/ledger.ts";

const ONE_CALL_EACH = new Agent({ pipelining: 0 });

export interface Callback {
  asked: Asked;
  body: string;
  headers: Record<string, string>;
}

let serial = 0;

/** Chats that take turns: every other one is a group, where the bot is mentioned. */
export interface Chats {
  /** Of the chats; another name, other chats. */
  name: string;
  chats: number;
  /** The number of the first, where these are some of many. */
  from?: number;
}

export async function compose(
  qq: FakeQQ,
  { count, chats, name, from = 0 }: Chats & { count: number },
): Promise<Callback[]> {
  const callbacks: Callback[] = [];
  for (let n = 0; n < count; n += 1) {
    const chat = from + (n % chats);
    serial += 1;
    const question = { text: `#b${serial} 你好,明天去爬山要带些什么?`, chatId: `${name}-${chat}` };
    const { asked, body } = qq.compose({ ...question, scene: chat % 2 ? "group" : "c2c" });
    callbacks.push({ asked, ...(await signedCallback(qq, body, Date.now())) });
  }
  return callbacks;
}

/**
 * Posts one. Resolves with the milliseconds until it was acknowledged.
 *
 * @throws Error if it was not.
 */
export async function post(qq: FakeQQ, url: string, { asked, body, headers }: Callback): Promise<number> {
  asked.askedAtMs = now();
  qq.ledger.asked.push(asked);
  const startedAtMs = now();
  const response = await request(url, { method: "POST", body, headers, dispatcher: ONE_CALL_EACH });
  const text = await response.body.text();
  const tookMs = now() - startedAtMs;
  if (response.statusCode !== 200 || text !== `{"op":12,"d":0}`) {
    throw new Error(`a callback was not acknowledged: ${response.statusCode} ${text}`);
  }
  asked.acknowledgedAtMs = now();
  return tookMs;
}

/** Evenly spaced, whatever becomes of those before. Resolves with the time of each until its acknowledgement. */
export async function postAtRate(
  qq: FakeQQ,
  url: string,
  { callbacks, perSecond }: { callbacks: readonly Callback[]; perSecond: number },
): Promise<number[]> {
  const startedAtMs = now();
  const posted: Promise<number>[] = [];
  for (const [n, callback] of callbacks.entries()) {
    const waitMs = startedAtMs + (n * 1000) / perSecond - now();
    if (waitMs > 0) await sleep(waitMs);
    posted.push(post(qq, url, callback));
  }
  return Promise.all(posted);
}

/** So many at a time, as fast as they are dealt with. */
export async function inTurns<T>(
  items: readonly T[],
  atOnce: number,
  deal: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = [...items].reverse();
  const lane = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await deal(item);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** Milliseconds since 1970, to the microsecond. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
