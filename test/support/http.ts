/** HTTP calls as `fetch` cannot make them: from a chosen address, over a chosen connection, trusting a test's authority. */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";

export interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** The loopback address it comes from. */
  from?: string;
  /** PEM of whom it trusts. */
  ca?: string;
  /** Over this connection, a tunnel for example. Else over one of its own. */
  socket?: Socket;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One call, with a connection of its own. */
export function callHttp(
  url: string,
  { method = "GET", headers, body, from, ca, socket }: CallOptions = {},
): Promise<Answer> {
  const isSecure = url.startsWith("https:");
  const agent = isSecure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false });
  const options = {
    method,
    agent,
    ...(headers && { headers }),
    ...(from && { localAddress: from }),
    ...(ca && { ca }),
    ...(socket && { socket }),
  };
  return new Promise((resolve, reject) => {
    const request = (isSecure ? httpsRequest : httpRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    request.on("error", reject).end(body);
  });
}
