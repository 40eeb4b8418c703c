/** QQ and the model for tests inside workerd, where no server can listen: answers every `fetch` of the Worker. */
import { vi } from "vitest";

export interface Sent {
  /** `/v2/users/<openid>/messages` or `/v2/groups/<openid>/messages`. */
  path: string;
  token: string;
  text: string;
  msgId: string;
  msgSeq: number;
}

export type Answer = () => Response | Promise<Response>;

export class Outside {
  /** What QQ took, in order. */
  readonly sent: Sent[] = [];
  /** The bodies of the model calls. */
  readonly modelCalls: { messages: { role: string; content: string }[] }[] = [];
  tokenRequests = 0;
  /** Requests that wait for their answer. */
  underWay = 0;
  /** Replace any of these for trouble. */
  token: Answer = () => tokenAnswer(`token-${this.tokenRequests}`);
  message: Answer = () => Response.json({ id: `ROBOT1.0_${this.sent.length}` });
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
    const body = JSON.parse(await request.text());
    if (origin === "http://model.test" && pathname === "/v1/chat/completions") {
      this.modelCalls.push(body);
      return this.model();
    }
    if (origin === "http://qq.test" && pathname === "/app/getAppAccessToken") {
      this.tokenRequests += 1;
      return this.token();
    }
    if (origin === "http://qq.test" && pathname.endsWith("/messages")) {
      const response = await this.message();
      const token = request.headers.get("authorization")?.replace("QQBot ", "") ?? "";
      const { content: text, msg_id: msgId, msg_seq: msgSeq } = body;
      if (response.ok) this.sent.push({ path: pathname, token, text, msgId, msgSeq });
      return response;
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
