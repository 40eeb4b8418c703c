/**
 * Calls through real proxies from inside workerd: tinyproxy with a password before an HTTPS server under an authority of our
 * own. Both ways of TLS: the runtime's, for a proxy on this machine, and the library's, for any other (0.0.0.0 is this
 * machine, too, but not by a name that says so).
 */
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Bundle } from "../support/bundle.ts";
import { buildCaller, type Caller, startCaller, trusting } from "../support/caller.ts";
import type { Made, OrderedCall } from "../support/egress-worker.ts";
import { createTestCA, type Program, startTinyproxy, type TestCA } from "../support/programs.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";

const USER = "ann";
const PASSWORD = "p4ss.w0rd-0f_ann";
const CREDENTIALS = `${USER}:${PASSWORD}`;

let ca: TestCA;
let stranger: TestCA;
let bundle: Bundle;
let upstream: Upstream;
let proxy: Program;
/** Speaks first, and not HTTP. */
const noProxy: { server: Server; port: number } = {
  server: createServer((socket) => socket.end("SSH-2.0-x\r\n")),
  port: 0,
};

beforeAll(async () => {
  ca = await createTestCA();
  stranger = await createTestCA();
  bundle = await buildCaller([trusting(ca.cert)]);
  upstream = await startUpstream(await ca.issue("localhost"));
  await new Promise<void>((resolve) => noProxy.server.listen(0, "127.0.0.1", resolve));
  noProxy.port = (noProxy.server.address() as AddressInfo).port; // listening on a port
  proxy = await startTinyproxy({ auth: { user: USER, password: PASSWORD }, bind: "127.0.0.2" });
});
afterAll(async () => {
  noProxy.server.close();
  await proxy.stop();
  await upstream.stop();
  await bundle.remove();
  await ca.remove();
  await stranger.remove();
});

const text = (made: Made | undefined) => (made && "text" in made ? made.text : JSON.stringify(made));
const failure = (made: Made | undefined) => (made && "failed" in made ? made.failed : undefined);

describe.each([
  { tls: "the runtime's TLS", host: "127.0.0.1" },
  { tls: "the library's TLS", host: "0.0.0.0" },
])("a tunnel with $tls", ({ host }) => {
  let caller: Caller;
  let object = 0;

  beforeAll(async () => {
    caller = await startThrough(`http://${CREDENTIALS}@${host}:${proxy.port}`);
  });
  afterAll(() => caller.stop());
  beforeEach(() => {
    object += 1;
    upstream.connections = 0;
    upstream.calls = [];
  });

  afterEach(async () => {
    await order([], { rest: true });
    await upstream.untilOpen(0);
  });

  const startThrough = (url: string) => startCaller(bundle, { QQ_EGRESS_PROXY: url }, { trusts: [ca.cert] });
  const order = (calls: readonly OrderedCall[], options: { together?: boolean; rest?: boolean } = {}) =>
    caller.order({ calls, ...options }, `object-${object}`);
  const to = (path: string, call: Omit<OrderedCall, "url"> = {}): OrderedCall => ({
    url: upstream.url + path,
    ...call,
  });

  it("carries calls of every kind over one connection", async () => {
    const made = await order([
      to("/echo", { headers: { "x-own": "1" } }),
      to("/echo", { method: "POST", body: "你好" }),
      to("/echo", { method: "PUT", streamed: 3_000_000 }),
      to("/echo", { method: "POST", streamed: 3_000_000, headers: { "content-length": "3000000" } }),
      to("/echo", { method: "DELETE" }),
      to("/gzip"),
    ]);
    const echoed = made.slice(0, 5).map((one) => JSON.parse(text(one)));
    expect(echoed.map(({ method, received }) => [method, received])).toEqual([
      ["GET", 0],
      ["POST", 6],
      ["PUT", 3_000_000],
      ["POST", 3_000_000],
      ["DELETE", 0],
    ]);
    expect(echoed[0].headers).toEqual({
      host: `localhost:${upstream.port}`,
      "accept-encoding": "gzip",
      "x-own": "1",
    });
    expect(echoed[1].headers).toMatchObject({ "content-length": "6" });
    expect(echoed[2].headers).toMatchObject({ "transfer-encoding": "chunked" });
    expect(echoed[3].headers).toMatchObject({ "content-length": "3000000" });
    expect(made[5]).toMatchObject({ status: 200, length: 11_000 });
    expect(made[5]).not.toMatchObject({ headers: { "content-encoding": expect.anything() } });
    expect(upstream.connections).toBe(1);
  });

  it("carries 20 MB down and lets go of what nobody reads on", async () => {
    const [whole, part] = await order([to("/big"), to("/big", { readOnly: 100_000 })]);
    expect(whole).toMatchObject({ status: 200, length: 20_000_000 });
    expect(part).toMatchObject({ status: 200 });
    const [next] = await order([to("/echo")]);
    expect(next).toMatchObject({ status: 200 });
    expect(upstream.connections).toBe(2);
    await upstream.untilOpen(1);
  });

  it("shares three connections among 20 calls at once, and closes them when the work is done", async () => {
    const made = await order(
      Array.from({ length: 20 }, () => to("/echo")),
      { together: true, rest: true },
    );
    expect(made.filter((one) => "status" in one && one.status === 200)).toHaveLength(20);
    expect(upstream.connections).toBeLessThanOrEqual(3);
    await upstream.untilOpen(0);
  });

  it("notices that the far end has closed a resting connection, and calls over another", async () => {
    const [first] = await order([to("/halfclose")]);
    expect(text(first)).toBe("bye");
    await upstream.untilOpen(0);
    expect(await order([to("/echo", { method: "POST", body: "once" })])).toMatchObject([{ status: 200 }]);
    expect(upstream.calls).toEqual(["GET /halfclose", "POST /echo"]);
    expect(upstream.connections).toBe(2);
  });

  it("notices that the proxy has died under a resting connection, and calls again when it is back", async () => {
    await order([to("/echo")]);
    await proxy.kill();
    await upstream.untilOpen(0);
    const [down] = await order([to("/echo", { method: "POST", body: "once" })]);
    expect(failure(down)).toMatchObject({ summary: "the proxy is not reached", outcomeUnknown: false });
    await proxy.restart();
    expect(await order([to("/echo", { method: "POST", body: "once" })])).toMatchObject([{ status: 200 }]);
    expect(upstream.calls).toEqual(["GET /echo", "POST /echo"]);
  });

  it("repeats what may be repeated where the connection breaks before the answer, and nothing else", async () => {
    await order([to("/echo")]);
    const [got] = await order([to("/dropped")]);
    await order([to("/echo")]);
    const [posted] = await order([to("/dropped", { method: "POST", body: "once" })]);
    for (const made of [got, posted])
      expect(failure(made)).toMatchObject({ summary: "the connection through the proxy broke", outcomeUnknown: true });
    expect(upstream.calls.filter((call) => call === "GET /dropped")).toHaveLength(2);
    expect(upstream.calls.filter((call) => call === "POST /dropped")).toHaveLength(1);
  });

  it("does not take a part for the whole", async () => {
    const [cut, closed, next] = await order([to("/cut"), to("/close"), to("/echo")]);
    expect(failure(cut)).toMatchObject({ summary: "the connection through the proxy broke", outcomeUnknown: true });
    expect(text(closed)).toBe("the last one");
    expect(next).toMatchObject({ status: 200 });
    expect(upstream.connections).toBe(3);
  });

  it("takes an answer that comes before the body is sent", async () => {
    const [early, next] = await order([to("/early", { method: "POST", streamed: 50_000_000 }), to("/echo")]);
    expect(early).toMatchObject({ status: 413, length: 9 });
    expect(next).toMatchObject({ status: 200 });
  });

  it("gives up when it is told to, and frees the connection", async () => {
    const [late, next] = await order([to("/silent", { method: "POST", withinMs: 300 }), to("/echo")]);
    expect(failure(late)).toMatchObject({ summary: "no answer in time through the proxy", outcomeUnknown: true });
    expect(next).toMatchObject({ status: 200 });
    await upstream.untilOpen(1);
  });

  it("refuses a certificate for another name, and sends nothing", async () => {
    // An address that the certificate does not name, where the very same server answers.
    const [made] = await order([{ url: `https://ip6-localhost:${upstream.port}/echo` }]);
    expect(failure(made)?.outcomeUnknown).toBe(false);
    expect(upstream.calls).toEqual([]);
  });

  it("refuses an authority that it does not know, and sends nothing", async () => {
    const other = await startUpstream(await stranger.issue("localhost"));
    const [made] = await order([{ url: `${other.url}/echo`, method: "POST", body: "secret" }]);
    expect(failure(made)).toMatchObject({
      summary: "the certificate at the far end is not QQ's, or not valid",
      outcomeUnknown: false,
    });
    expect(other.calls).toEqual([]);
    await other.stop();
  });

  it.each([
    ["the user or password is wrong", () => `http://${USER}:wrong@${host}:${proxy.port}`, "the user or the password"],
    ["nobody says who they are", () => `http://${host}:${proxy.port}`, "the user or the password"],
    ["nothing listens there", () => `http://${host}:9`, "the proxy is not reached"],
    ["its name does not resolve", () => "http://no-such-proxy.invalid:8888", "the proxy's name does not resolve"],
    ["it is no proxy", () => `http://${host}:${noProxy.port}`, "is no HTTP proxy"],
  ])("says so where %s", async (_, url, words) => {
    const other = await startThrough(url());
    const [made] = await other.order({ calls: [to("/echo")] });
    expect(failure(made)).toMatchObject({ summary: expect.stringContaining(words), outcomeUnknown: false });
    expect(other.worker.output).not.toContain(PASSWORD);
    await other.stop();
  });

  it("says so where the proxy does not reach the host", async () => {
    const [made] = await order([{ url: "https://localhost:9/echo" }]);
    expect(failure(made)).toMatchObject({ summary: "the proxy does not reach QQ", outcomeUnknown: false });
  });

  it("says so where the proxy does not let the host pass", async () => {
    const narrow = await startTinyproxy({ connectPorts: [443] });
    const other = await startThrough(`http://${host}:${narrow.port}`);
    expect(failure((await other.order({ calls: [to("/echo")] }))[0])).toMatchObject({
      summary: "the proxy does not let calls to QQ's host and port pass",
      outcomeUnknown: false,
    });
    await other.stop();
    await narrow.stop();
  });

  it("shows nobody who it is at the proxy", () => {
    const basic = Buffer.from(CREDENTIALS).toString("base64");
    for (const secret of [PASSWORD, basic]) expect(caller.worker.output).not.toContain(secret);
  });
});

describe("a tunnel whose proxy is reached by TLS", () => {
  let door: TlsServer;
  let caller: Caller;

  beforeAll(async () => {
    const { key, cert } = await ca.issue("localhost");
    door = createTlsServer({ key, cert }, (outer) => {
      const inner = connect(proxy.port, "127.0.0.1");
      outer.pipe(inner).pipe(outer);
      for (const side of [outer, inner]) side.on("error", () => [outer, inner].map((one) => one.destroy()));
    });
    await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
    const { port } = door.address() as AddressInfo; // listening on a port
    const url = `https://${CREDENTIALS}@localhost:${port}`;
    caller = await startCaller(bundle, { QQ_EGRESS_PROXY: url }, { trusts: [ca.cert] });
  });
  afterAll(async () => {
    await caller.stop();
    await new Promise((resolve) => door.close(resolve));
  });

  it("carries TLS inside of TLS", async () => {
    const calls = [1, 2].map((length) => ({ url: `${upstream.url}/echo`, method: "POST", body: "x".repeat(length) }));
    const made = await caller.order({ calls, rest: true });
    expect(made.map((one) => JSON.parse(text(one)).received)).toEqual([1, 2]);
    await upstream.untilOpen(0);
  });
});
