/**
 * An OpenAI-compatible streaming model that costs nothing. It repeats what it was asked, names every marker that it saw
 * since its last answer, and never gives the same answer twice, so that the ledger can judge.
 */
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import * as v from "valibot";
import { type ModelTrouble, Weather } from "./weather.ts";

export const DEMO_MODEL_PATH = "/demo-model/v1";
export const DEMO_MODEL_NAME = "demo";

const ChatRequest = v.object({
  messages: v.array(
    v.object({ role: v.string(), content: v.union([v.string(), v.array(v.object({ text: v.optional(v.string()) }))]) }),
  ),
});

/** Numbered stretches in a paragraph of a long answer; a paragraph has some 1,100 characters. */
const STRETCHES = 10;
const FILLER = "这是一段很长的文字,用来看清长回答怎样分成几条。".repeat(4);

type Message = { role: string; text: string };

export class DemoModel {
  readonly weather = new Weather<ModelTrouble>();
  /** The text of the newest message of each call, in order. */
  readonly calls: string[] = [];

  routes(): Hono<{ Bindings: HttpBindings }> {
    const app = new Hono<{ Bindings: HttpBindings }>();
    app.post(`${DEMO_MODEL_PATH}/chat/completions`, async (c) => {
      const request = v.parse(ChatRequest, await c.req.json());
      const messages = request.messages.map(({ role, content }) => ({
        role,
        text: typeof content === "string" ? content : content.map(({ text }) => text ?? "").join(""),
      }));
      const question = messages.at(-1)?.text ?? "";
      this.calls.push(question);
      await this.#answer(c, this.#compose(messages), this.weather.next(question));
      return RESPONSE_ALREADY_SENT;
    });
    return app;
  }

  /** Every stretch of an answer ends in its number `(回答 <call>,<n>/<of>)`, so that a missing or repeated part shows. */
  #compose(messages: readonly Message[]): string {
    const asked = messages
      .slice(messages.findLastIndex(({ role }) => role === "assistant") + 1)
      .filter(({ role }) => role === "user");
    const markers = asked.flatMap(({ text }) => text.match(/#[a-z]\w*/gi) ?? []);
    const question = (asked.at(-1)?.text ?? "").replace(/^\[[^\]]*\] /, "");
    const paragraphs = Number(/!long(\d+)/.exec(question)?.[1] ?? 0);
    const stretches = 1 + paragraphs * STRETCHES;
    const number = (n: number) => `(回答 ${this.calls.length},${n}/${stretches})`;
    const head = `${markers.length > 0 ? markers.join(" ") : `你说的是:${question}`} ${number(1)}`;
    const body = Array.from({ length: paragraphs }, (_, paragraph) =>
      Array.from({ length: STRETCHES }, (_, n) => FILLER + number(2 + paragraph * STRETCHES + n)).join(""),
    );
    return [head, ...body].join("\n\n");
  }

  async #answer(
    c: Context<{ Bindings: HttpBindings }>,
    answer: string,
    trouble: ModelTrouble | undefined,
  ): Promise<void> {
    const { outgoing } = c.env;
    const chunk = (delta: object, finish: string | null = null) =>
      outgoing.write(
        `data: ${JSON.stringify({
          id: "demo",
          object: "chat.completion.chunk",
          created: 0,
          model: DEMO_MODEL_NAME,
          choices: [{ index: 0, delta, finish_reason: finish }],
        })}\n\n`,
      );
    if (trouble?.kind === "silent") return;
    if (trouble?.kind === "status") {
      const { status, retryAfterS } = trouble;
      outgoing.writeHead(status, {
        "content-type": "application/json",
        ...(retryAfterS !== undefined && { "retry-after": String(retryAfterS) }),
      });
      outgoing.end(JSON.stringify({ error: { message: "demo trouble" } }));
      return;
    }
    outgoing.writeHead(200, { "content-type": "text/event-stream" });
    if (trouble?.kind === "slow") await new Promise((resolve) => setTimeout(resolve, trouble.ms));
    if (trouble?.kind !== "empty") chunk({ role: "assistant", content: answer.slice(0, 6) });
    if (trouble?.kind === "stall") return;
    if (trouble?.kind === "cut") {
      setTimeout(() => outgoing.destroy(), 20);
      return;
    }
    if (trouble?.kind !== "empty") chunk({ content: answer.slice(6) });
    chunk({}, "stop");
    const usage = { prompt_tokens: 100, completion_tokens: answer.length, total_tokens: 100 + answer.length };
    outgoing.write(
      `data: ${JSON.stringify({ id: "demo", object: "chat.completion.chunk", created: 0, model: "demo", choices: [], usage })}\n\n`,
    );
    outgoing.end("data: [DONE]\n\n");
  }
}
