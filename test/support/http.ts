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
  /** Instead of the address's own: a proxy is asked for a whole address. */
  path?: string;
  /** Over this connection, which speaks TLS already where the address says so. Else over one of its own. */
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
  { method = "GET", headers, body, from, ca, path, socket }: CallOptions = {},
): Promise<Answer> {
  const isSecure = url.startsWith("https:");
  const agent = isSecure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false });
  const options = {
    method,
    ...(headers && { headers }),
    ...(from && { localAddress: from }),
    ...(ca && { ca }),
    ...(path && { path }),
    ...(socket ? { createConnection: () => socket } : { agent }),
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
