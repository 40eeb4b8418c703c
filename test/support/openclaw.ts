/**
 * A stand-in for an OpenClaw gateway, as strict as its documentation (docs/gateway/openai-http-api.md) and a running 2026.9.6: it
 * knows agents alone, keeps a session for each `user`, and gives up a run whose caller has left.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Run {
  user: string;
  /** What it was told of this conversation before, and now. */
  remembered: readonly string[];
  told: readonly string[];
  channel: string | undefined;
  isCancelled: boolean;
}

export interface OpenClaw {
  url: string;
  runs: Run[];
  /** Before its last words. */
  pauseMs: number;
  stop(): Promise<void>;
}

const AGENTS = ["openclaw", "openclaw/default", "openclaw/main"];

export async function startOpenClaw(token: string): Promise<OpenClaw> {
  const sessions = new Map<string, string[]>();
  const gateway: OpenClaw = {
    url: "",
    runs: [],
    pauseMs: 0,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refuse = (status: number, message: string) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message, type: "invalid_request_error" } }));
    };
    if (request.method !== "POST" || request.url !== "/v1/chat/completions") return refuse(404, "Not found");
    if (request.headers.authorization !== `Bearer ${token}`) return refuse(401, "Unauthorized");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
    const { model, user, messages } = JSON.parse(Buffer.concat(chunks).toString()) as {
      model: string;
      user?: string;
      messages: { role: string; content: string }[];
    };
    if (!/^(openclaw|agent)\b/.test(model))
      return refuse(400, "Invalid `model`. Use `openclaw` or `openclaw/<agentId>`.");
    if (!AGENTS.includes(model)) return refuse(400, "Unknown agent");

    const key = (user ?? "").toLowerCase();
    const session = sessions.get(key) ?? [];
    const told = messages.map(({ content }) => content);
    const run: Run = {
      user: user ?? "",
      remembered: [...session],
      told,
      channel: String(request.headers["x-openclaw-message-channel"] ?? ""),
      isCancelled: false,
    };
    gateway.runs.push(run);
    response.once("close", () => {
      run.isCancelled = !response.writableFinished;
      if (!run.isCancelled) sessions.set(key, [...session, ...told]);
    });
    const write = (delta: object, finish: string | null = null) =>
      response.write(
        `data: ${JSON.stringify({
          ...{ id: "chatcmpl_1", object: "chat.completion.chunk", created: 0, model },
          choices: [{ index: 0, delta, finish_reason: finish }],
        })}\n\n`,
      );
    response.writeHead(200, { "content-type": "text/event-stream" });
    write({ role: "assistant" });
    write({ content: "听到:" });
    if (gateway.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, gateway.pauseMs));
    if (response.destroyed) return;
    write({ content: told.join(" ") });
    write({}, "stop");
    response.end("data: [DONE]\n\n");
  }

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
  return gateway;
}
