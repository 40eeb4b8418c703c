/** A Worker with nothing but a way out, for tests and measurements of it: makes the calls that it is told to make. */
import { DurableObject } from "cloudflare:workers";
import { readConfig } from "../../src/config.ts";
import { direct } from "../../src/egress/transport.ts";
import { openWay, type WayOut } from "../../src/egress/way-out.ts";
import { toRefusal } from "../../src/errors.ts";

export interface Order {
  calls: readonly OrderedCall[];
  /** All at once instead of one after the other. */
  together?: boolean;
  /** By plain `fetch`, whatever the settings say. */
  straight?: boolean;
  /** Closes what is open afterwards. */
  rest?: boolean;
}

export interface OrderedCall {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** A body of so many bytes that is made as it is sent, without a length. */
  streamed?: number;
  /** Gives up after this long. */
  withinMs?: number;
  /** Gives up after so many bytes of the answer. */
  readOnly?: number;
}

export type Made =
  | { status: number; headers: Record<string, string>; length: number; text: string; tookMs: number }
  | { failed: { summary: string; advice: string; outcomeUnknown: boolean } };

export class Caller extends DurableObject {
  #way: WayOut | undefined;

  async order({ calls, together = false, straight = false, rest = false }: Order): Promise<Made[]> {
    this.#way ??= openWay(readConfig(this.env).qq.way);
    const { transport } = this.#way;
    const make = (call: OrderedCall) => made(call, straight ? direct : transport);
    try {
      if (together) return await Promise.all(calls.map(make));
      const results: Made[] = [];
      for (const call of calls) results.push(await make(call));
      return results;
    } finally {
      if (rest) this.#way.rest();
    }
  }
}

async function made(call: OrderedCall, transport: (request: Request) => Promise<Response>): Promise<Made> {
  const { url, method = "GET", headers = {}, body, streamed, withinMs = 20_000, readOnly } = call;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), withinMs);
  const startedAtMs = performance.now();
  try {
    const request = new Request(url, {
      method,
      headers,
      signal: late.signal,
      redirect: "manual",
      ...(body !== undefined && { body }),
      ...(streamed !== undefined && { body: bytes(streamed) }),
    });
    const response = await transport(request);
    const { length, text } = await read(response, readOnly);
    const tookMs = performance.now() - startedAtMs;
    return { status: response.status, headers: Object.fromEntries(response.headers), length, text, tookMs };
  } catch (error) {
    const { summary, advice, outcomeUnknown = false } = toRefusal(error, "test");
    return { failed: { summary, advice, outcomeUnknown } };
  } finally {
    clearTimeout(timer);
  }
}

const SHOWN = 1_000;

async function read(response: Response, most = Number.POSITIVE_INFINITY): Promise<{ length: number; text: string }> {
  const decoder = new TextDecoder();
  let length = 0;
  let text = "";
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (text.length < SHOWN) text += decoder.decode(chunk, { stream: true });
    if (length >= most) break;
  }
  return { length, text: text.slice(0, SHOWN) };
}

function bytes(length: number): ReadableStream<Uint8Array> {
  let left = length;
  return new ReadableStream({
    pull(controller) {
      const size = Math.min(left, 16_384);
      left -= size;
      if (size > 0) controller.enqueue(new Uint8Array(size).fill(97));
      if (left === 0) controller.close();
    },
  });
}

export default {
  async fetch(request: Request, env: { CALLER: DurableObjectNamespace<Caller> }): Promise<Response> {
    const caller = env.CALLER.getByName(new URL(request.url).pathname);
    return Response.json(await caller.order(await request.json<Order>()));
  },
};
