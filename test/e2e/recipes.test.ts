/**
 * The recipes of docs/egress as people copy them, in the real programs, before the fake QQ over TLS. Only what everybody
 * replaces is replaced: names, addresses, ports, secrets, paths of certificates.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Call } from "../../src/simulator/callers.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { type Answer, type CallOptions, callHttp } from "../support/http.ts";
import {
  type Certificate,
  createTestCA,
  type Program,
  runProgram,
  startCaddy,
  startNginx,
  startTinyproxyFrom,
  type TestCA,
} from "../support/programs.ts";

const RECIPES = join(import.meta.dirname, "../../docs/egress");
const APP_ID = "102000001";
const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";
const RELAY_KEY = "5bf1f8a4c9d64e0c8f6f3c1de0a9b7a2";
const PLACEHOLDER = "change-me-to-a-long-random-string";
/** From where the Worker calls; the relays and the proxy call from elsewhere. */
const WORKER = "127.0.0.3";
const FIXED = "127.0.0.2";

const readRecipe = (name: string) => readFileSync(join(RECIPES, name), "utf8");

/** A recipe with some of its words replaced, each of which must be there exactly once. */
function fillIn(recipe: string, words: Record<string, string>): string {
  let filled = recipe;
  for (const [from, to] of Object.entries(words)) {
    expect(filled.split(from), from).toHaveLength(2);
    filled = filled.replace(from, () => to);
  }
  return filled;
}

let ca: TestCA;
let own: Certificate;
let qq: FakeQQ;
let qqUrl: string;
let token: string;
let calls: Call[];
/** Cloudflare's trace page, and what it was told. */
let cloudflare: Server;
let cloudflareUrl: string;
let traced: { headers: IncomingHttpHeaders; sni: unknown }[];

beforeAll(async () => {
  ca = await createTestCA();
  own = await ca.issue("localhost", "127.0.0.1");
  qq = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET });
  qqUrl = await qq.start(0, { tls: own });
  token = await askForToken(qqUrl, { ca: ca.cert });
  cloudflare = createServer(own, ({ url, headers, socket }, response) => {
    traced.push({ headers, sni: (socket as TLSSocket).servername }); // it speaks TLS
    response.end(`url=${url}\nip=${socket.remoteAddress}\n`);
  });
  await new Promise<void>((resolve) => cloudflare.listen(0, "127.0.0.1", resolve));
  cloudflareUrl = `https://localhost:${(cloudflare.address() as AddressInfo).port}`; // it listens on a port
});

afterAll(async () => {
  cloudflare.closeAllConnections();
  cloudflare.close();
  await qq.stop();
  await ca.remove();
});

beforeEach(() => {
  calls = [];
  traced = [];
  qq.callers.onCall = (call) => calls.push(call);
});

afterEach(() => {
  qq.allowedAddresses = undefined;
});

async function askForToken(base: string, options: CallOptions): Promise<string> {
  const body = JSON.stringify({ appId: APP_ID, clientSecret: APP_SECRET });
  const answer = await callHttp(`${base}/app/getAppAccessToken`, { ...options, method: "POST", body });
  return (JSON.parse(answer.body) as { access_token: string }).access_token;
}

const botHeaders = () => ({
  authorization: `QQBot ${token}`,
  "x-union-appid": APP_ID,
  "x-callback-appid": APP_ID,
  "content-type": "application/json; charset=utf-8",
});

interface Relay {
  name: string;
  /** In front of whoever plays QQ and Cloudflare at these addresses. */
  start: (
    qqUrl: string,
    cloudflareUrl: string,
  ) => Promise<{ program: Program; url: string; log: () => Promise<string> }>;
  /** From where it calls. */
  address: string;
}

const RELAYS: readonly Relay[] = [
  {
    name: "Caddyfile",
    // It listens without TLS: the certificate, which it gets by itself, is all that is left out.
    start: async (qqUrl, cloudflareUrl) => {
      const filled = fillIn(readRecipe("Caddyfile"), {
        "relay.example.com": "http://127.0.0.1:__PORT__",
        [PLACEHOLDER]: RELAY_KEY,
        "tcp4/api.bot.qq.com:443": `tcp4/${new URL(qqUrl).host}`,
        "tcp4/www.cloudflare.com:443": `tcp4/${new URL(cloudflareUrl).host}`,
      });
      const program = await startCaddy(filled, { trusts: ca.certFile });
      return { program, url: program.url, log: async () => program.output };
    },
    // Caddy of Debian 12 cannot choose.
    address: "127.0.0.1",
  },
  {
    name: "nginx.conf",
    start: async (qqUrl, cloudflareUrl) => {
      const filled = fillIn(readRecipe("nginx.conf"), {
        "listen 443": "listen 127.0.0.1:__PORT__",
        "server_name relay.example.com;": "server_name localhost;",
        "/etc/letsencrypt/live/relay.example.com/fullchain.pem": own.certFile,
        "/etc/letsencrypt/live/relay.example.com/privkey.pem": own.keyFile,
        [PLACEHOLDER]: RELAY_KEY,
        "/var/log/nginx/": "__FOLDER__/",
        "/etc/ssl/certs/ca-certificates.crt": ca.certFile,
        "# proxy_bind 203.0.113.5;": `proxy_bind ${FIXED};`,
        "server api.bot.qq.com:443;": `server ${new URL(qqUrl).host.replace("localhost", "127.0.0.1")};`,
        "proxy_ssl_name api.bot.qq.com;": "proxy_ssl_name localhost;",
        "proxy_ssl_name www.cloudflare.com;": "proxy_ssl_name localhost;",
        "https://www.cloudflare.com": cloudflareUrl.replace("localhost", "127.0.0.1"),
      });
      const program = await startNginx(filled);
      const log = async () => program.output + (await program.read("qq-relay.log"));
      return { program, url: `https://localhost:${program.port}`, log };
    },
    address: FIXED,
  },
];

describe.each(RELAYS)("the relay of $name", ({ start, address }) => {
  let relay: Awaited<ReturnType<Relay["start"]>>;

  beforeAll(async () => {
    relay = await start(qqUrl, cloudflareUrl);
  });
  afterAll(() => relay.program.stop());

  const callRelay = (path: string, { headers, ...more }: CallOptions = {}): Promise<Answer> =>
    callHttp(`${relay.url}/${path}`, {
      from: WORKER,
      ca: ca.cert,
      headers: { ...botHeaders(), "x-relay-key": RELAY_KEY, ...headers },
      ...more,
    });

  it("gives the token and passes calls to QQ, from its own address", async () => {
    const options = { from: WORKER, ca: ca.cert, headers: { "x-relay-key": RELAY_KEY } };
    expect(await askForToken(relay.url, options)).toBe(token);
    expect(JSON.parse((await callRelay("users/@me")).body)).toMatchObject({ id: qq.bot.id });
    expect(calls.map((call) => call.address)).toEqual([address, address]);
  });

  it("is let in where the Worker is not", async () => {
    qq.allowedAddresses = new Set([address]);
    const direct = await callHttp(`${qqUrl}/users/@me`, { from: WORKER, ca: ca.cert, headers: botHeaders() });
    expect(JSON.parse(direct.body)).toMatchObject({ code: 11298 });
    expect(await callRelay("users/@me")).toMatchObject({ status: 200 });
  });

  it("says which address that is", async () => {
    const body = `url=/cdn-cgi/trace\nip=${address}\n`;
    expect(await callRelay("egress-address")).toMatchObject({ status: 200, body });
    expect(traced).toMatchObject([{ sni: "localhost" }]);
    expect(JSON.stringify(traced)).not.toContain(RELAY_KEY);
    expect(JSON.stringify(traced)).not.toContain(token);
    expect(await callRelay("egress-address", { method: "POST", body: "{}" })).toMatchObject({ status: 404, body: "" });
  });

  it.each([
    ["without the secret", undefined],
    ["with a wrong one", "5bf1f8a4c9d64e0c8f6f3c1de0a9b7a3"],
    ["with the beginning of it", RELAY_KEY.slice(0, -1)],
    ["with more than it", `${RELAY_KEY}a`],
    ["with an empty one", ""],
    ["with a pattern", "*"],
  ])("turns away whoever comes %s, and says nothing", async (_, key) => {
    for (const path of ["users/@me", "egress-address", "nothing", ""]) {
      const answer = await callHttp(`${relay.url}/${path}`, {
        ca: ca.cert,
        headers: { ...botHeaders(), ...(key !== undefined && { "x-relay-key": key }) },
      });
      expect(answer, path).toMatchObject({ status: 403, body: "" });
    }
    expect(calls).toEqual([]);
  });

  it("tells QQ what QQ asks for, and neither the secret nor who called", async () => {
    const secretive = {
      "cf-connecting-ip": WORKER,
      "cf-worker": "example.com",
      "cf-ray": "1",
      "cdn-loop": "cloudflare",
      "x-forwarded-for": WORKER,
      "x-real-ip": WORKER,
      "true-client-ip": WORKER,
      forwarded: `for=${WORKER}`,
    };
    await callRelay("users/@me", { headers: secretive });
    const headers = Object.fromEntries(calls[0]?.headers ?? []);
    expect(headers).toMatchObject({ ...botHeaders(), host: "api.bot.qq.com" });
    expect(JSON.stringify(headers)).not.toContain(RELAY_KEY);
    expect(JSON.stringify(headers)).not.toContain(WORKER);
    for (const name of ["x-relay-key", "x-forwarded-host", "x-forwarded-proto", ...Object.keys(secretive)])
      expect(headers, name).not.toHaveProperty([name]);
  });

  it.each([
    ["POST", "app/getAppAccessToken"],
    ["GET", "users/@me"],
    ["GET", "users/@me/guilds?limit=100"],
    ["POST", "users/@me/dms"],
    ["POST", "v2/users/A1B2/messages"],
    ["POST", "v2/users/A1B2/stream_messages"],
    ["POST", "v2/users/A1B2/files"],
    ["DELETE", "v2/groups/A1B2/messages/ROBOT1.0_a%2Fb!!"],
    ["POST", "v2/groups/A1B2/upload_part_finish"],
    ["POST", "v2/generate_url_link"],
    ["PUT", "v2/menu"],
    ["PUT", "v2/panels/1/target"],
    ["DELETE", "channels/1/messages/2?hidetip=false"],
    ["PUT", "channels/1/messages/2/reactions/1/4"],
    ["POST", "dms/1/messages"],
    ["PUT", "interactions/a%2Fb%3Ac"],
  ])("passes %s /%s as it is", async (method, path) => {
    await callRelay(path, { method, ...(method !== "GET" && { body: "{}" }) });
    expect(calls).toMatchObject([{ method, path: `/${path.split("?")[0]}` }]);
  });

  it.each([
    "",
    "gateway",
    "gateway/bot",
    "v2",
    "v2/users",
    "v2/usersx/1",
    "v2/guilds/1",
    "users/@mex",
    "users/1",
    "channels",
    "interactions/",
    "app/getAppAccessToken/x",
    "app/other",
    "x/users/@me",
    "v2/users/%2e%2e/%2e%2e/gateway",
    "cdn-cgi/trace",
  ])("knows no /%s", async (path) => {
    expect(await callRelay(path)).toMatchObject({ status: 404, body: "" });
    expect(calls).toEqual([]);
  });

  it("takes 10 MB, and not 40", async () => {
    const text = "x".repeat(10_000_000);
    await callRelay("v2/users/A1B2/messages", { method: "POST", body: JSON.stringify({ msg_type: 0, content: text }) });
    expect(qq.ledger.refused.at(-1)?.text).toHaveLength(10_000_000);
    const more = JSON.stringify({ msg_type: 0, content: text.repeat(4) });
    const refused = await callRelay("v2/users/A1B2/messages", { method: "POST", body: more }).catch(() => undefined);
    expect(refused?.status ?? 413).toBeGreaterThanOrEqual(400);
    expect(qq.ledger.refused.at(-1)?.text.length).toBeLessThanOrEqual(10_000_000);
  });

  it("keeps its connection to QQ, and makes a new one where QQ ended it", async () => {
    await callRelay("users/@me");
    const before = qq.connections;
    for (let call = 0; call < 20; call += 1) expect((await callRelay("users/@me")).status).toBe(200);
    expect(qq.connections).toBe(before);
    await qq.stop();
    await qq.start(Number(new URL(qqUrl).port), { tls: own });
    // A POST would be too early where the relay has not seen the end yet: it may not be repeated.
    expect(await callRelay("users/@me")).toMatchObject({ status: 200 });
    expect(qq.connections).toBe(before + 1);
  });

  it("logs what was called, and neither the secret nor the token", async () => {
    await callRelay("v2/groups/LOGGED/messages", { method: "POST", body: "{}" });
    await callRelay("v2/groups/STRANGER/messages", { headers: { "x-relay-key": "not-the-secret" } });
    // Written after the answer.
    await expect.poll(relay.log).toContain("/v2/groups/STRANGER/messages");
    const log = await relay.log();
    expect(log).toContain("/v2/groups/LOGGED/messages");
    for (const secret of [RELAY_KEY, "not-the-secret", token]) expect(log).not.toContain(secret);
  });

  describe("before somebody who is not QQ", () => {
    it.each([
      ["with a name that is not QQ's", () => ca.issue("elsewhere.example")],
      ["of an authority that nobody trusts", async () => (await strangers()).issue("localhost", "127.0.0.1")],
    ])("refuses a certificate %s, and sends nothing", async (_, issue) => {
      const impostor = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET });
      const url = await impostor.start(0, { tls: await issue() });
      const deceived = await start(url, url);
      try {
        for (const path of ["users/@me", "egress-address"]) {
          const headers = { ...botHeaders(), "x-relay-key": RELAY_KEY };
          expect(await callHttp(`${deceived.url}/${path}`, { ca: ca.cert, headers }), path).toMatchObject({
            status: 502,
          });
        }
        expect(impostor.connections).toBe(0);
        await expect.poll(deceived.log).toContain("certificate");
        const log = await deceived.log();
        for (const secret of [RELAY_KEY, token]) expect(log).not.toContain(secret);
      } finally {
        await deceived.program.stop();
        await impostor.stop();
      }
    });

    let stranger: TestCA | undefined;
    const strangers = async () => {
      stranger = await createTestCA();
      return stranger;
    };
    afterAll(() => stranger?.remove());
  });
});

describe("the Caddyfile as it is", () => {
  it("is valid and formatted", async () => {
    const home = await mkdtemp(join(tmpdir(), "qq-edge-caddy-"));
    const file = join(RECIPES, "Caddyfile");
    const said = await runProgram("caddy", ["validate", "--config", file, "--adapter", "caddyfile"], { HOME: home });
    await rm(home, { recursive: true });
    expect(said).toContain("Valid configuration");
    expect(said).not.toContain("not formatted");
  });
});

describe("the tunnel of tinyproxy.conf", () => {
  const USER = "worker";
  const PASSWORD = "0c3f86f5c2f84ff2b1d3c4f3f0e5a1d7";
  let proxy: Program;
  let qqPort: string;

  beforeAll(async () => {
    qqPort = new URL(qqUrl).port;
    const config = fillIn(readRecipe("tinyproxy.conf"), {
      "Port 8888": "Listen 127.0.0.1\nPort __PORT__",
      [PLACEHOLDER]: PASSWORD,
      "# Bind 203.0.113.5": `Bind ${FIXED}`,
      "ConnectPort 443": `ConnectPort ${qqPort}`,
      "/etc/tinyproxy/qq-hosts": "__FOLDER__/qq-hosts",
    });
    const hosts = fillIn(readRecipe("qq-hosts"), { "^api\\.bot\\.qq\\.com$": "^localhost$" });
    proxy = await startTinyproxyFrom(config, { "qq-hosts": hosts });
  });
  afterAll(() => proxy.stop());

  /** The status of the proxy's answer, and the way to `target` where it is 200. */
  async function tunnel(
    target: string,
    credentials: string | undefined = `${USER}:${PASSWORD}`,
  ): Promise<{ status: number; socket: Socket }> {
    const socket = connect({ port: proxy.port, host: "127.0.0.1", localAddress: WORKER });
    const authorization = credentials && `Proxy-Authorization: Basic ${btoa(credentials)}\r\n`;
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization}\r\n`);
    const head = await new Promise<string>((resolve, reject) => {
      let read = "";
      const look = (data: Buffer) => {
        read += String(data);
        if (!read.includes("\r\n\r\n")) return;
        socket.off("data", look).pause();
        resolve(read);
      };
      socket
        .on("data", look)
        .once("error", reject)
        .once("end", () => resolve(read));
    });
    return { status: Number(head.split(" ")[1]), socket };
  }

  /** What the proxy says to somebody who gets no further. */
  async function refusalOf(target: string, credentials?: string): Promise<number> {
    const { status, socket } = await tunnel(target, credentials);
    socket.destroy();
    return status;
  }

  async function throughTunnel(path: string, ca_: string | undefined = ca.cert): Promise<Answer> {
    const { status, socket } = await tunnel(`localhost:${qqPort}`);
    expect(status).toBe(200);
    const secure = connectTls({ socket, servername: "localhost", ...(ca_ && { ca: ca_ }) });
    try {
      return await callHttp(`${qqUrl.replace("https:", "http:")}/${path}`, { socket: secure, headers: botHeaders() });
    } finally {
      secure.destroy();
    }
  }

  it("leads to QQ, and is let in where the Worker is not", async () => {
    qq.allowedAddresses = new Set([FIXED]);
    const direct = await callHttp(`${qqUrl}/users/@me`, { from: WORKER, ca: ca.cert, headers: botHeaders() });
    expect(JSON.parse(direct.body)).toMatchObject({ code: 11298 });
    expect(await throughTunnel("users/@me")).toMatchObject({ status: 200 });
    expect(await throughTunnel("egress-address")).toMatchObject({ body: `ip=${FIXED}\n` });
  });

  it.each([
    ["without a password", ""],
    ["with a wrong one", `${USER}:0c3f86f5c2f84ff2b1d3c4f3f0e5a1d8`],
    ["with the one of the recipe", `${USER}:${PLACEHOLDER}`],
    ["as somebody else", `root:${PASSWORD}`],
  ])("turns away whoever comes %s", async (_, credentials) => {
    expect([401, 407]).toContain(await refusalOf(`localhost:${qqPort}`, credentials));
  });

  it.each(["127.0.0.1", "localhost.example.com", "notlocalhost", "example.com", "[::1]"])(
    "leads to no %s",
    async (host) => {
      expect(await refusalOf(`${host}:${qqPort}`)).toBe(403);
    },
  );

  it("leads to no other port", async () => {
    expect(await refusalOf("localhost:22")).toBe(403);
    expect(await refusalOf(`localhost:${proxy.port}`)).toBe(403);
  });

  it("logs which host was asked for, and no password", async () => {
    await refusalOf("example.com:443");
    expect(proxy.output).toContain("CONNECT example.com:443");
    expect(proxy.output).not.toContain(PASSWORD);
    expect(proxy.output).not.toContain(btoa(`${USER}:${PASSWORD}`));
  });

  it("names QQ's hosts, whole", () => {
    const hosts = readRecipe("qq-hosts").trim().split("\n");
    const isListed = (host: string) => hosts.some((line) => new RegExp(line, "i").test(host));
    expect(hosts).toHaveLength(5);
    for (const host of ["bots.qq.com", "api.bot.qq.com", "api.sgroup.qq.com", "sandbox.api.sgroup.qq.com"]) {
      expect(isListed(host), host).toBe(true);
      for (const other of [`x${host}`, `x.${host}`, `${host}.example.com`, host.replace(".", "x")])
        expect(isListed(other), other).toBe(false);
    }
    expect(isListed("www.cloudflare.com")).toBe(true);
  });
});
