/** QQ and the model for tests inside workerd, where no server can listen: answers every `fetch` of the Worker. */
import { vi } from "vitest";
import type { Reply } from "../../src/reply.ts";

export interface Sent {
  /** `/v2/users/<openid>/messages` or `/v2/groups/<openid>/messages`. */
  path: string;
  token: string;
  form: Reply["kind"];
  text: string;
  /** Of the message or the event that was answered. */
  msgId: string;
  msgSeq: number;
}

/** An acknowledgement of a pressed button. */
export interface Acknowledged {
  path: string;
  token: string;
  appIds: (string | null)[];
  body: unknown;
}

export type Answer = () => Response | Promise<Response>;

export class Outside {
  /** What QQ took, in order. */
  readonly sent: Sent[] = [];
  /** The bodies of the model calls. */
  readonly modelCalls: { messages: { role: string; content: string }[] }[] = [];
  /** The `msg_id` of each typing notice. */
  readonly typings: string[] = [];
  readonly acknowledged: Acknowledged[] = [];
  tokenRequests = 0;
  /** Requests that wait for their answer. */
  underWay = 0;
  /** Replace any of these for trouble. */
  token: Answer = () => tokenAnswer(`token-${this.tokenRequests}`);
  message: Answer = () => Response.json({ id: `ROBOT1.0_${this.sent.length}` });
  typing: Answer = () => Response.json({ id: `ROBOT1.0_typing${this.typings.length}` });
  acknowledgement: Answer = () => new Response(null, { status: 204 });
  identity: Answer = () => Response.json({ id: "1", username: "小助手" });
  /** The relay's word about where it calls from. */
  egressAddress: Answer = () => new Response("ip=203.0.113.7\n");
  addressRequests = 0;
  /** The tokens with which somebody asked who the bot is. */
  readonly identityTokens: string[] = [];
  model: Answer = () => modelAnswer(`answer ${this.modelCalls.length}`);

  /** `restoreAllMocks` undoes it. */
  install(): void {
    vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => {
      const request = new Request(input, init);
      this.underWay += 1;
      return Promise.race([this.#answer(request), givenUp(request.signal)]).finally(() => {
        this.underWay -= 1;
      });
    });
  }

  async #answer(request: Request): Promise<Response> {
    const { origin, pathname } = new URL(request.url);
    const body = request.method === "GET" ? undefined : JSON.parse(await request.text());
    if (origin === "http://model.test" && pathname === "/v1/chat/completions") {
      this.modelCalls.push(body);
      return this.model();
    }
    if (origin === "http://qq.test" && pathname === "/app/getAppAccessToken") {
      this.tokenRequests += 1;
      return this.token();
    }
    if (origin === "http://qq.test" && pathname === "/egress-address") {
      this.addressRequests += 1;
      return this.egressAddress();
    }
    const token = request.headers.get("authorization")?.replace("QQBot ", "") ?? "";
    if (origin === "http://qq.test" && pathname === "/users/@me" && request.method === "GET") {
      this.identityTokens.push(token);
      return this.identity();
    }
    if (origin === "http://qq.test" && pathname.endsWith("/messages")) {
      const { markdown, content, msg_id: msgId, event_id: eventId, msg_seq: msgSeq } = body;
      if (body.input_notify) {
        this.typings.push(msgId);
        return this.typing();
      }
      const response = await this.message();
      const words = markdown
        ? { form: "markdown" as const, text: markdown.content }
        : { form: "text" as const, text: content };
      if (response.ok) this.sent.push({ path: pathname, token, ...words, msgId: msgId ?? eventId, msgSeq });
      return response;
    }
    if (origin === "http://qq.test" && pathname.startsWith("/interactions/") && request.method === "PUT") {
      const appIds = ["x-union-appid", "x-callback-appid"].map((name) => request.headers.get(name));
      this.acknowledged.push({ path: pathname, token, appIds, body });
      return this.acknowledgement();
    }
    throw new Error(`nobody is at ${request.url}`);
  }
}

function givenUp(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

export function tokenAnswer(token: string, expiresInS: number | string = "7200"): Response {
  return Response.json({ access_token: token, expires_in: expiresInS });
}

/** A whole answer as an OpenAI-compatible stream. */
export function modelAnswer(text: string): Response {
  const chunk = (more: object) =>
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 0, model: "demo", choices: [], ...more })}\n\n`;
  const body = [
    chunk({ choices: [{ index: 0, delta: { role: "assistant", content: text }, finish_reason: null }] }),
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
    chunk({ usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } }),
    "data: [DONE]\n\n",
  ];
  return new Response(body.join(""), { headers: { "content-type": "text/event-stream" } });
}
