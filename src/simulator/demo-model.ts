/**
 * An OpenAI-compatible streaming model that costs nothing. It repeats what it was asked, names every marker that it saw
 * since its last answer, and never gives the same answer twice, so that the ledger can judge. `!long3` asks for three long
 * paragraphs, `!md` for Markdown.
 */
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import * as v from "valibot";
import { addressOf } from "./callers.ts";
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

/** `!md`: one of everything that a model likes to write, each around a stretch. */
const MARKDOWN_BLOCKS: readonly ((stretch: string) => string)[] = [
  (stretch) => `## 小标题 ${stretch}`,
  (stretch) => `- **第一点** 与 \`code\`\n- *第二点* ${stretch}\n    1. 再细一点`,
  (stretch) => `| 名称 | 说明 |\n| --- | --- |\n| 甲 | 一 |\n| 乙 | ${stretch} |`,
  (stretch) => `\`\`\`python\nprint("hello")  # ${stretch}\n\`\`\``,
  (stretch) => `更多见 [文档](https://example.com/docs) ${stretch}`,
];

/** Pieces of an answer that drips. */
const DRIPS = 20;
const THOUGHTS = 5;

type Message = { role: string; text: string };

/** A call of the demo model. */
export interface ModelCall {
  /** From 1. */
  n: number;
  /** The newest message that it was told. */
  question: string;
  atMs: number;
  /** Until the first word. */
  firstByteMs?: number;
  /** Until the end; undefined while it is under way. */
  tookMs?: number;
  /** 0 where nothing was answered. */
  status: number;
  /** Whether the answer was given to its end. */
  isWhole: boolean;
}

export class DemoModel {
  readonly weather = new Weather<ModelTrouble>();
  /** The text of the newest message of each call, in order. */
  readonly calls: string[] = [];
  /** All that each call told the model, in order. */
  readonly prompts: string[] = [];
  /** From where it was called. */
  readonly addresses = new Set<string>();
  /** What it says instead of repeating the question, where it has something to say. */
  script: ((question: string) => string | undefined) | undefined;
  /** Called when it is called, and with the same call when it has answered or was left. */
  onCall: ((call: ModelCall) => void) | undefined;
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

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
      this.addresses.add(addressOf(c));
      this.prompts.push(messages.map(({ text }) => text).join("\n"));
      const trouble = this.weather.next(question);
      this.#note(c, question);
      await this.#answer(c, this.script?.(question) ?? this.#compose(messages), trouble);
      return RESPONSE_ALREADY_SENT;
    });
    return app;
  }

  #note({ env: { outgoing } }: Context<{ Bindings: HttpBindings }>, question: string): void {
    const atMs = this.#now();
    const call: ModelCall = { n: this.calls.length, question, atMs, status: 0, isWhole: false };
    this.onCall?.(call);
    const write = outgoing.write.bind(outgoing);
    outgoing.write = ((...chunk: Parameters<typeof write>) => {
      call.firstByteMs ??= this.#now() - atMs;
      return write(...chunk);
    }) as typeof write; // its overloads are those of `write`
    outgoing.once("close", () => {
      call.tookMs = this.#now() - atMs;
      call.status = outgoing.headersSent ? outgoing.statusCode : 0;
      call.isWhole = outgoing.writableFinished;
      this.onCall?.(call);
    });
  }

  /** Every stretch of an answer ends in its number `(回答 <call>,<n>/<of>)`, so that a missing or repeated part shows. */
  #compose(messages: readonly Message[]): string {
    const asked = messages
      .slice(messages.findLastIndex(({ role }) => role === "assistant") + 1)
      .filter(({ role }) => role === "user");
    const markers = asked.flatMap(({ text }) => text.match(/#[a-z]\w*/gi) ?? []);
    const question = (asked.at(-1)?.text ?? "").replace(/^\[[^\]]*\] /, "");
    const paragraphs = Number(/!long(\d+)/.exec(question)?.[1] ?? 0);
    const blocks = /!md\b/.test(question) ? MARKDOWN_BLOCKS : [];
    const stretches = 1 + blocks.length + paragraphs * STRETCHES;
    let written = 0;
    const number = () => {
      written += 1;
      return `(回答 ${this.calls.length},${written}/${stretches})`;
    };
    const head = `${markers.length > 0 ? markers.join(" ") : `你说的是:${question}`} ${number()}`;
    const marked = blocks.map((write) => write(number()));
    const body = Array.from({ length: paragraphs }, () =>
      Array.from({ length: STRETCHES }, () => FILLER + number()).join(""),
    );
    return [head, ...marked, ...body].join("\n\n");
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
    for (const { waitMs, delta } of script(answer, trouble)) {
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (outgoing.destroyed) return;
      chunk(delta);
    }
    if (trouble?.kind === "stall") return;
    if (trouble?.kind === "cut") {
      setTimeout(() => outgoing.destroy(), 20);
      return;
    }
    chunk({}, "stop");
    const usage = { prompt_tokens: 100, completion_tokens: answer.length, total_tokens: 100 + answer.length };
    outgoing.write(
      `data: ${JSON.stringify({ id: "demo", object: "chat.completion.chunk", created: 0, model: "demo", choices: [], usage })}\n\n`,
    );
    outgoing.end("data: [DONE]\n\n");
  }
}

interface Step {
  waitMs: number;
  delta: { role?: "assistant"; content?: string; reasoning_content?: string };
}

/** The deltas of an answer, and how long each takes. */
function script(answer: string, trouble: ModelTrouble | undefined): Step[] {
  const opening: Step = { waitMs: 0, delta: { role: "assistant", content: answer.slice(0, 6) } };
  const whole: Step[] = [opening, { waitMs: 0, delta: { content: answer.slice(6) } }];
  switch (trouble?.kind) {
    case "empty":
      return [];
    case "stall":
    case "cut":
      return [opening];
    case "slow":
      return [{ waitMs: trouble.ms, delta: {} }, ...whole];
    case "think": {
      const waitMs = trouble.ms / THOUGHTS;
      const thought = (_: unknown, n: number) => ({ waitMs, delta: { reasoning_content: `想一想,第 ${n + 1} 步。` } });
      return [...Array.from({ length: THOUGHTS }, thought), ...whole];
    }
    case "drip": {
      const { ms, words = DRIPS } = trouble;
      const length = Math.ceil(answer.length / words);
      return Array.from({ length: Math.ceil(answer.length / length) }, (_, n) => ({
        waitMs: ms / words,
        delta: { content: answer.slice(n * length, (n + 1) * length) },
      }));
    }
    default:
      return whole;
  }
}
