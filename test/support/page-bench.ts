/** The page beside a fake QQ that listens, and a bot that only takes callbacks: what a test answers, it sends itself. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { Chat, Scene } from "../../src/event.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import type { ActionName, Done, Line } from "../../src/simulator/page/protocol.ts";
import { Page } from "../../src/simulator/page.ts";

const APP_ID = "102000001";
const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";
const FOLDERS: Record<Scene, string> = {
  c2c: "v2/users",
  group: "v2/groups",
  guildChannel: "channels",
  guildDm: "dms",
};

export interface Heard {
  id: string;
  t: string;
  d: Record<string, unknown>;
  /** As it came. */
  body: string;
  headers: IncomingHttpHeaders;
}

export interface Answer {
  status: number;
  code: number | undefined;
  json: Record<string, unknown>;
}

export interface PageBench {
  qq: FakeQQ;
  page: Page;
  url: string;
  heard: Heard[];
  /** The statuses with which the bot answers, then 200. */
  statuses: number[];
  /** Called with each callback, before it is answered. */
  onHeard: (callback: Heard) => void;
  act(name: ActionName, body: unknown): Promise<Done>;
  /** A call of the API, as the bot makes it. */
  call(method: string, path: string, body: unknown): Promise<Answer>;
  send(chat: Chat, body: unknown): Promise<Answer>;
  /** Resolves when the page shows something that makes it true. */
  until(condition: () => boolean): Promise<void>;
  lines<Kind extends Line["kind"]>(kind: Kind): Extract<Line, { kind: Kind }>[];
  stop(): Promise<void>;
}

export const CHATS: Record<Scene, Chat> = {
  c2c: { scene: "c2c", id: "USER0001" },
  group: { scene: "group", id: "GROUP0001" },
  guildChannel: { scene: "guildChannel", id: "CHANNEL0001" },
  guildDm: { scene: "guildDm", id: "DM0001" },
};

export async function pageBench({
  now,
  isDemo = true,
  heartbeatMs,
}: {
  now?: () => number;
  isDemo?: boolean;
  heartbeatMs?: number;
} = {}): Promise<PageBench> {
  const bot = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const heard: Heard = { ...(JSON.parse(body) as Pick<Heard, "id" | "t" | "d">), body, headers: request.headers };
      bench.heard.push(heard);
      bench.onHeard(heard);
      response.writeHead(bench.statuses.shift() ?? 200).end('{"op":12,"d":0}');
    });
  });
  await new Promise<void>((resolve) => bot.listen(0, "127.0.0.1", resolve));
  const callbackUrl = `http://127.0.0.1:${(bot.address() as AddressInfo).port}`; // it listens on a port
  const qq = new FakeQQ({
    appId: APP_ID,
    appSecret: APP_SECRET,
    callbackUrl,
    redeliveryPauseMs: 1,
    ...(now && { now }),
  });
  const page = new Page(qq, {
    model: { name: "demo", isDemo },
    claim: "/claim ABCDE-FGHJK",
    looksEveryMs: 1,
    ...(now && { now }),
  });
  const bundle = new Map([
    ["app.js", "export {};"],
    ["app.css", ":root {}"],
  ]);
  const url = await qq.start(0, { page: page.routes({ bundle, ...(heartbeatMs !== undefined && { heartbeatMs }) }) });
  page.origin = url;

  const pending: Promise<unknown>[] = [];
  const callOnce: PageBench["call"] = async (method, path, body) => {
    const given = await fetch(`${url}/app/getAppAccessToken`, {
      method: "POST",
      body: JSON.stringify({ appId: APP_ID, clientSecret: APP_SECRET }),
    });
    const { access_token: token } = (await given.json()) as { access_token: string };
    const response = await fetch(`${url}/${path}`, {
      method,
      headers: { authorization: `QQBot ${token}`, "x-union-appid": APP_ID, "x-callback-appid": APP_ID },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    const json = (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, unknown>;
    return { status: response.status, code: (json.err_code ?? json.code) as number | undefined, json };
  };

  const call: PageBench["call"] = (...what) => {
    const answer = callOnce(...what);
    pending.push(answer);
    return answer;
  };

  const bench: PageBench = {
    qq,
    page,
    url,
    heard: [],
    statuses: [],
    onHeard: () => {},
    call,
    send: ({ scene, id }, body) => call("POST", `${FOLDERS[scene]}/${id}/messages`, body),
    async act(name, body) {
      const response = await fetch(`${url}/page/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return (await response.json()) as Done;
    },
    until: (condition) =>
      new Promise((resolve) => {
        if (condition()) return resolve();
        const stop = page.state.subscribe(() => {
          if (!condition()) return;
          stop();
          resolve();
        });
      }),
    lines<Kind extends Line["kind"]>(kind: Kind) {
      return page.state.lines.filter((line): line is Extract<Line, { kind: Kind }> => line.kind === kind);
    },
    async stop() {
      await Promise.allSettled(pending); // what the bot has begun to say
      await qq.stop();
      bot.closeAllConnections();
      await new Promise((resolve) => bot.close(resolve));
    },
  };
  return bench;
}
