/** The way out on Node, through real proxies: where calls come from, and what is said of each thing that can go wrong. */
import { createServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openNodeWay } from "../../src/cli/way-out.ts";
import { readConfig } from "../../src/config.ts";
import { type EgressFailure, egressError } from "../../src/egress/failure.ts";
import { direct, type Transport } from "../../src/egress/transport.ts";
import { type BotError, UpstreamError } from "../../src/errors.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import type { Way } from "../../src/way.ts";
import { createTestCA, type Program, startNginx, startTinyproxy, type TestCA } from "../support/programs.ts";
import { freePort } from "../support/workerd.ts";

const AUTH = { user: "qq", password: "not-to-be-seen" };
const FROM = "127.0.0.9";

let qq: FakeQQ;
let url: string;
const cleanUps: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  qq = new FakeQQ({ appId: "102000001", appSecret: "naOC0ocQE3shWLAfffVLB1rhYPG7" });
  url = await qq.start();
  cleanUps.push(() => qq.stop());
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function started(starting: Promise<Program>): Promise<Program> {
  const program = await starting;
  cleanUps.push(() => program.stop());
  return program;
}

function wayThrough(QQ_EGRESS_PROXY: string): Way {
  return readConfig({ QQ_APP_ID: "1", QQ_APP_SECRET: "s", AI: {}, QQ_EGRESS_PROXY }).qq.way;
}

function through(proxy: string): Transport {
  const transport = openNodeWay(wayThrough(proxy));
  if (!transport) throw new Error("no way");
  return transport;
}

const proxyUrl = (port: number, { user, password } = AUTH) =>
  `http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}`;

const askForAddress = (base = url) => new Request(`${base}/egress-address`);

async function failureOf(call: Promise<Response>): Promise<BotError> {
  const error = await call.then(
    (response) => new Error(`answered ${response.status}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof UpstreamError)) throw error;
  return error;
}

async function expectFailure(call: Promise<Response>, failure: EgressFailure): Promise<void> {
  const error = await failureOf(call);
  expect(error.message).toBe(egressError(failure).message);
  expect(JSON.stringify([error, error.stack, String(error.cause)])).not.toMatch(/not-t|Basic|127\.0\.0\.1/);
}

/** Takes connections and does with each what `answer` says. */
async function listening(answer: (said: string) => string | undefined): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      const words = answer(String(data));
      if (words === undefined) socket.destroy();
      else socket.write(words);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(async () => server.close());
  return (server.address() as { port: number }).port; // it listens on a port
}

describe("through a proxy", () => {
  it("calls come from the proxy's address, by CONNECT also where the API speaks plain HTTP", async () => {
    const proxy = await started(startTinyproxy({ auth: AUTH, bind: FROM }));
    const transport = through(proxyUrl(proxy.port));
    expect(await (await transport(askForAddress())).text()).toBe(`ip=${FROM}\n`);
    const body = JSON.stringify({ appId: qq.appId, clientSecret: qq.appSecret });
    const answer = await transport(new Request(`${url}/app/getAppAccessToken`, { method: "POST", body }));
    expect(await answer.json()).toHaveProperty("access_token");
    expect([...qq.callers.callsFrom]).toEqual([[FROM, 1]]);
    expect(proxy.output).toContain(`CONNECT ${new URL(url).host} HTTP/1.1`);
  });

  it("no redirect is followed, whatever the request says", async () => {
    const proxy = await started(startTinyproxy());
    const port = await listening(
      () => `HTTP/1.1 302 Found\r\nlocation: ${url}/egress-address\r\ncontent-length: 0\r\n\r\n`,
    );
    const request = new Request(`http://127.0.0.1:${port}/`, { redirect: "follow" });
    expect((await through(`http://127.0.0.1:${proxy.port}`)(request)).status).toBe(302);
  });

  it("a wrong password and none at all are named", async () => {
    const proxy = await started(startTinyproxy({ auth: AUTH }));
    const wrong = proxyUrl(proxy.port, { user: "qq", password: "not-the-right-one" });
    await expectFailure(through(wrong)(askForAddress()), "credentialsRefused"); // 401
    await expectFailure(through(`http://127.0.0.1:${proxy.port}`)(askForAddress()), "credentialsRefused"); // 407
    expect(qq.callers.callsFrom.size).toBe(0);
  });

  it("a target that it does not let pass, and one that it does not reach", async () => {
    const proxy = await started(startTinyproxy({ connectPorts: [443] }));
    await expectFailure(through(`http://127.0.0.1:${proxy.port}`)(askForAddress()), "targetRefused");
    const open = await started(startTinyproxy());
    const nobody = `http://127.0.0.1:${await freePort()}`;
    await expectFailure(through(`http://127.0.0.1:${open.port}`)(askForAddress(nobody)), "targetUnreached");
  });

  it("a proxy that is down, and one whose name nobody knows", async () => {
    await expectFailure(through(`http://127.0.0.1:${await freePort()}`)(askForAddress()), "proxyUnreached");
    await expectFailure(through("http://proxy.invalid:8080")(askForAddress()), "proxyUnresolved");
  });

  it("what is no proxy: a web server, and something that does not speak HTTP", async () => {
    const nginx = await started(startNginx("server { listen 127.0.0.1:__PORT__; }"));
    await expectFailure(through(nginx.url)(askForAddress()), "noProxy");
    const ssh = await listening(() => "SSH-2.0-OpenSSH_10.0\r\n");
    await expectFailure(through(`http://127.0.0.1:${ssh}`)(askForAddress()), "noProxy");
    await expectFailure(through(`https://127.0.0.1:${ssh}`)(askForAddress()), "noProxy");
  });

  it("a connection that breaks: before the tunnel, and in it", async () => {
    const shut = await listening(() => undefined);
    await expectFailure(through(`http://127.0.0.1:${shut}`)(askForAddress()), "proxyUnreached");
    const proxy = await started(startTinyproxy());
    const transport = through(`http://127.0.0.1:${proxy.port}`);
    await expectFailure(transport(new Request(`http://127.0.0.1:${shut}/`)), "lost");
    await expectFailure(transport(new Request(`https://127.0.0.1:${shut}/`)), "handshakeFailed");
    const babble = await listening(() => "no HTTP at all\r\n\r\n");
    await expectFailure(transport(new Request(`http://127.0.0.1:${babble}/`)), "unreadable");
    await expectFailure(transport(new Request(`https://127.0.0.1:${babble}/`)), "handshakeFailed");
  });

  it("a proxy that does not answer", async () => {
    const silent = await listening(() => "");
    const transport = openNodeWay(wayThrough(`http://127.0.0.1:${silent}`), { proxyWithinMs: 20 });
    await expectFailure(transport?.(askForAddress()) ?? Promise.reject(), "proxyLate");
  });

  it("a proxy that does not answer, given up by the caller", async () => {
    const given = new AbortController();
    const silent = await listening(() => {
      given.abort();
      return "";
    });
    const request = new Request(`${url}/egress-address`, { signal: given.signal });
    await expectFailure(through(`http://127.0.0.1:${silent}`)(request), "late");
  });
});

describe("a certificate", () => {
  let ca: TestCA;
  let secure: FakeQQ;
  let secureUrl: string;

  beforeEach(async () => {
    ca = await createTestCA();
    secure = new FakeQQ({ appId: "1", appSecret: "s" });
    secureUrl = await secure.start(0, { tls: await ca.issue("localhost") });
    cleanUps.push(() => secure.stop(), ca.remove);
  });

  it("that nobody trusts ends the call before anything is sent", async () => {
    const proxy = await started(startTinyproxy());
    const request = new Request(`${secureUrl}/users/@me`, { headers: { authorization: "QQBot secret" } });
    await expectFailure(through(`http://127.0.0.1:${proxy.port}`)(request), "certificateRefused");
    expect(secure.callers.callsFrom.size).toBe(0);
  });

  it("of the proxy itself, too", async () => {
    await expectFailure(through(secureUrl)(askForAddress()), "certificateRefused");
  });
});

it("without a proxy calls leave as they are; a binding is the Worker's alone", () => {
  expect(openNodeWay({ kind: "direct" })).toBe(direct);
  expect(openNodeWay({ kind: "binding", binding: { fetch: async () => new Response() } })).toBeUndefined();
});
