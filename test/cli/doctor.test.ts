/** Each check of doctor, where all is well and where it is not. QQ and the model are the simulator's, over real HTTP. */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withChanges } from "../../src/cli/dev-vars.ts";
import { findings, type Surroundings } from "../../src/cli/doctor.ts";
import { type Finding, lineOf, reportFindings } from "../../src/cli/findings.ts";
import { readOptions } from "../../src/cli/options.ts";
import { type EgressFailure, egressError } from "../../src/egress/failure.ts";
import { type BotHealth, COMPATIBILITY_DATE, type HealthReport, VERSION } from "../../src/health.ts";
import { DEMO_MODEL_PATH } from "../../src/simulator/demo-model.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { createTestCA, type Program, startTinyproxy, type TinyproxyOptions } from "../support/programs.ts";

const APP_ID = "102000001";
const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";
const ADMIN_TOKEN = "admin-token-of-this-test";
const NOW = Date.parse("2026-11-20T08:00:00Z");

let qq: FakeQQ;
let folder: string;
let vars: Record<string, string | undefined>;

beforeEach(async () => {
  qq = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET });
  const url = await qq.start();
  folder = await mkdtemp(join(tmpdir(), "qq-edge-doctor-"));
  vars = {
    QQ_APP_ID: APP_ID,
    QQ_APP_SECRET: APP_SECRET,
    QQ_API_BASE: url,
    MODEL: "openai-compatible/demo",
    MODEL_BASE_URL: url + DEMO_MODEL_PATH,
    ADMIN_TOKEN,
  };
});

afterEach(async () => {
  await qq.stop();
  await rm(folder, { recursive: true, force: true });
});

async function examine({
  args = [],
  mode = 0o600,
  ...around
}: Partial<Surroundings> & { args?: string[]; mode?: number } = {}): Promise<Finding[]> {
  const file = join(folder, ".dev.vars");
  writeFileSync(file, withChanges("", vars), { mode });
  const options = readOptions(["--file", file, ...args], {});
  const found: Finding[] = [];
  const real: Surroundings = {
    fetch,
    lookup: async () => ({ address: "203.0.113.7" }),
    wranglerToml: async () => "",
    now: Date.now,
    nodeVersion: "24.0.0",
  };
  for await (const finding of findings(options, { ...real, ...around })) found.push(finding);
  return found;
}

const named = (found: readonly Finding[], name: string) => found.filter((finding) => finding.name === name);

/** Marks by name, of those that are neither well nor for information only. */
const troubles = (found: readonly Finding[]) =>
  found.filter(({ mark }) => mark === "bad" || mark === "warn").map(({ name, mark }) => `${mark} ${name}`);

describe("from this machine", () => {
  it("finds nothing to do where all is well, and says what it looked at", async () => {
    const found = await examine();
    expect(troubles(found)).toEqual([]);
    const names = [
      "versions",
      "file",
      "settings",
      "adminToken",
      "token",
      "identity",
      "clock",
      "model",
      "claim",
      "plan",
    ];
    expect(found.map(({ name }) => name)).toEqual(names);
    expect(named(found, "claim")[0]?.what).toContain("/claim RPY42-4U7NP");
    expect(found.map(lineOf).join("\n")).not.toMatch(new RegExp(`${APP_SECRET}|${ADMIN_TOKEN}`));
  });

  it("wants a Node that can run it", async () => {
    expect(troubles(await examine({ nodeVersion: "22.17.9" }))).toEqual(["bad versions"]);
    expect(troubles(await examine({ nodeVersion: "22.18.0" }))).toEqual([]);
  });

  it("says that others can read the file", async () => {
    expect(troubles(await examine({ mode: 0o640 }))).toEqual(["warn file"]);
    await rm(join(folder, ".dev.vars"));
    const found = await examine({ mode: 0o604 });
    expect(troubles(found)).toEqual(["warn file"]);
    expect(named(found, "file")[0]?.advice).toContain("chmod 600");
  });

  it("sends to setup where there is no file", async () => {
    const options = readOptions(["--file", join(folder, "none")], {});
    const found: Finding[] = [];
    for await (const finding of findings(options)) found.push(finding);
    expect(troubles(found)).toEqual(
      ["bad file", "bad settings", "bad settings", "bad settings"].slice(0, found.length - 2),
    );
    for (const { advice } of found.filter(({ mark }) => mark === "bad")) expect(advice).toContain("npm run setup");
  });

  it("has a line for each setting that is wrong", async () => {
    Object.assign(vars, { QQ_APP_ID: "abc", MODEL: "nonsense", ADMIN_TOKEN: "short" });
    const found = await examine();
    expect(troubles(found)).toEqual(["bad settings", "bad settings", "bad settings"]);
    expect(found.map(({ what }) => what).join()).toMatch(/QQ_APP_ID.*MODEL.*ADMIN_TOKEN/);
  });

  it("recommends a token for the console", async () => {
    vars.ADMIN_TOKEN = undefined;
    expect(troubles(await examine())).toEqual(["warn adminToken"]);
  });

  it("says that the secret is wrong, and goes no further with it", async () => {
    vars.QQ_APP_SECRET = "wrong-secret";
    const found = await examine();
    expect(troubles(found)).toEqual(["bad token"]);
    expect(named(found, "token")[0]?.advice).toContain("QQ_APP_SECRET");
    expect(named(found, "identity")).toEqual([]);
    expect(JSON.stringify(found)).not.toContain("wrong-secret");
  });

  it("names the three ways out where the address is not on the list", async () => {
    qq.refusesAddress = true;
    const found = await examine();
    expect(troubles(found)).toEqual(["bad identity"]);
    for (const words of ["清空", "QQ_EGRESS_PROXY", "QQ_API_BASE", "OpenClaw"])
      expect(named(found, "identity")[0]?.advice).toContain(words);
    expect(named(found, "address")).toEqual([]); // straight, there is none to rely on
  });

  it("says what the model has against it", async () => {
    qq.model.weather.set({ kind: "status", status: 401 });
    const found = await examine();
    expect(troubles(found)).toEqual(["bad model"]);
    expect(named(found, "model")[0]?.advice).toContain("MODEL_API_KEY");
  });

  it("asks every model once, however many bots have it", async () => {
    Object.assign(vars, { QQ_APP_ID: undefined, QQ_APP_SECRET: undefined });
    vars.QQ_BOTS = JSON.stringify([
      { appId: APP_ID, appSecret: APP_SECRET },
      { appId: "2", appSecret: "unknown" },
    ]);
    const found = await examine();
    expect(qq.model.calls).toHaveLength(1);
    expect(troubles(found)).toEqual(["bad token"]);
    expect(named(found, "claim")).toHaveLength(2);
  });

  it("leaves a model of Workers AI to the Worker", async () => {
    Object.assign(vars, { MODEL: undefined, MODEL_BASE_URL: undefined });
    expect(named(await examine(), "model")).toMatchObject([{ mark: "info", advice: expect.stringContaining("--url") }]);
  });

  it("says that the clock is wrong", async () => {
    const found = await examine({ now: () => Date.now() + 10 * 60_000 });
    expect(troubles(found)).toEqual(["warn clock"]);
    expect(named(found, "clock")[0]?.what).toContain("快");
    expect(named(await examine({ now: () => Date.now() - 10 * 60_000 }), "clock")[0]?.what).toContain("慢");
  });
});

describe("by the way out that is set", () => {
  const FROM = "127.0.0.9";
  const PASSWORD = "not-to-be-seen";
  const AUTH = { user: "qq", password: PASSWORD };
  const cleanUps: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  });

  async function proxied(options: TinyproxyOptions = {}, password = PASSWORD): Promise<Program> {
    const proxy = await startTinyproxy({ auth: AUTH, bind: FROM, ...options });
    cleanUps.push(() => proxy.stop());
    vars.QQ_EGRESS_PROXY = `http://qq:${password}@127.0.0.1:${proxy.port}`;
    return proxy;
  }

  /** Answers whoever asks for an address. */
  async function echoing(address: string): Promise<string> {
    const server = createServer((_, response) => response.end(address));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`; // it listens on a port
  }

  /** Another name of the same QQ: 127.0.0.1 is the simulator's and no relay. */
  const relayed = () => Object.assign(vars, { QQ_API_BASE: vars.QQ_API_BASE?.replace("127.0.0.1", "localhost") });

  const linesOf = (found: readonly Finding[], name: string) => named(found, name).map(lineOf).join("\n");

  it("a proxy: asks everything through it, and shows the address that QQ sees", async () => {
    await proxied();
    qq.allowedAddresses = new Set([FROM]);
    const found = await examine();
    expect(troubles(found)).toEqual([]);
    expect([...qq.callers.callsFrom.keys()]).toEqual([FROM]);
    expect(named(found, "address")).toMatchObject([{ mark: "info", what: expect.stringMatching(`:${FROM}$`) }]);
    expect(linesOf(found, "address")).toContain("若白名单不为空,把它加进去");
  });

  it("a proxy that QQ refuses all the same: says which address is missing, and no three ways out", async () => {
    await proxied();
    qq.allowedAddresses = new Set(["127.0.0.1"]);
    const found = await examine();
    expect(troubles(found)).toEqual(["bad identity"]);
    expect(linesOf(found, "identity")).toContain(`加上 ${FROM}`);
    expect(linesOf(found, "identity")).not.toContain("三条出路");
  });

  it.each<[string, EgressFailure, () => Promise<void>]>([
    ["is down", "proxyUnreached", async () => (await proxied()).stop()],
    [
      "has no such name",
      "proxyUnresolved",
      async () => void Object.assign(vars, { QQ_EGRESS_PROXY: `http://qq:${PASSWORD}@proxy.invalid:8080` }),
    ],
    ["has another password", "credentialsRefused", async () => void (await proxied({}, "not-the-right-one"))],
    ["lets it not pass", "targetRefused", async () => void (await proxied({ connectPorts: [443] }))],
  ])("a proxy that %s: says so once, without its password", async (_, failure, arrange) => {
    await arrange();
    const found = await examine();
    expect(troubles(found)).toEqual(["bad token"]);
    const error = egressError(failure);
    expect(linesOf(found, "token")).toContain(error.refusal.summary);
    expect(linesOf(found, "token")).toContain(error.advice);
    expect(JSON.stringify(found)).not.toMatch(/not-t|cXE6/); // nor as Basic has it
  });

  it("a certificate that is not QQ's: says so, and sends nothing", async () => {
    await proxied();
    const ca = await createTestCA();
    const secure = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET });
    cleanUps.push(ca.remove, () => secure.stop());
    vars.QQ_API_BASE = await secure.start(0, { tls: await ca.issue("localhost") });
    const found = await examine();
    expect(troubles(found)).toEqual(["bad token"]);
    expect(linesOf(found, "token")).toContain(egressError("certificateRefused").refusal.summary);
    expect(secure.callers.callsFrom.size).toBe(0);
  });

  it("a relay: shows the address that it tells", async () => {
    relayed();
    const found = await examine();
    expect(troubles(found)).toEqual([]);
    expect(named(found, "address")).toMatchObject([{ mark: "info", what: expect.stringMatching(/:127\.0\.0\.1$/) }]);
  });

  it("a relay behind a proxy: the relay's address, which is the one that QQ sees", async () => {
    await proxied();
    relayed();
    vars.QQ_EGRESS_ECHO = await echoing("no address");
    const asked: string[] = [];
    const lookup = async (host: string) => {
      asked.push(host);
      return { address: "203.0.113.7" };
    };
    expect(linesOf(await examine({ lookup }), "address")).toMatch(/probably 203\.0\.113\.7\(localhost\)/);
    expect(asked).toEqual(["localhost"]);
  });

  it("a relay that does not tell: what its name resolves to, as probable", async () => {
    relayed();
    vars.QQ_EGRESS_ECHO = await echoing("no address");
    const asked: string[] = [];
    const found = await examine({
      lookup: async (host) => {
        asked.push(host);
        return { address: "203.0.113.7" };
      },
    });
    expect(asked).toEqual(["localhost"]);
    expect(troubles(found)).toEqual([]);
    expect(linesOf(found, "address")).toMatch(/probably 203\.0\.113\.7/);
    expect(troubles(await examine({ lookup: failing("ENOTFOUND") }))).toEqual(["bad relay"]);
  });

  it("a proxy whose address nobody tells: no trouble, and where to look it up", async () => {
    await proxied();
    vars.QQ_EGRESS_ECHO = await echoing("no address");
    const found = await examine({ lookup: failing("ENOTFOUND") });
    expect(troubles(found)).toEqual([]);
    expect(linesOf(found, "address")).toMatch(/查不到[\s\S]*公网 IPv4/);
    qq.refusesAddress = true;
    const refused = linesOf(await examine({ lookup: failing("ENOTFOUND") }), "identity");
    expect(refused).toContain("11298 all the same");
    expect(refused).not.toContain("三条出路");
  });

  it("an IPv6 address: warns that the list does not take it", async () => {
    await proxied();
    vars.QQ_EGRESS_ECHO = await echoing("ip=2001:db8::7\n");
    const found = await examine();
    expect(troubles(found)).toEqual(["warn address"]);
    expect(linesOf(found, "address")).toMatch(/2001:db8::7[\s\S]*只收 IPv4/);
    qq.refusesAddress = true;
    expect(linesOf(await examine(), "identity")).toMatch(/只收 IPv4[\s\S]*2001:db8::7/);
  });

  it("a binding: asks for the token alone, and leaves the rest to the Worker", async () => {
    qq.refusesAddress = true;
    const wranglerToml = async () => '[[vpc_networks]]\nbinding = "QQ_EGRESS"\n';
    const found = await examine({ wranglerToml });
    expect(troubles(found)).toEqual([]);
    expect(named(found, "token")).toMatchObject([{ mark: "ok" }]);
    expect(named(found, "identity")).toMatchObject([{ mark: "info", advice: expect.stringContaining("--url") }]);
    expect(named(found, "address")).toEqual([]);
    await proxied();
    expect(linesOf(await examine({ wranglerToml }), "settings")).toMatch(/QQ_EGRESS_PROXY.*QQ_EGRESS/);
    const commented = async () => '# binding = "QQ_EGRESS"\n';
    expect(named(await examine({ wranglerToml: commented }), "settings")).toMatchObject([{ mark: "ok" }]);
  });
});

const WELL: BotHealth = {
  token: { ok: true, expiresInMs: 3_600_000 },
  identity: { ok: true, name: "小助手" },
  lastValidation: { atMs: NOW - 60_000, signed: true, answered: true },
  lastCallbackAtMs: NOW - 30_000,
  lastSpeakingAtMs: NOW - 20_000,
  chats: 2,
  failures: { count: 0 },
};

function reportOf(health: Partial<BotHealth> = {}, more: Partial<HealthReport> = {}): HealthReport {
  return {
    version: VERSION,
    compatibilityDate: COMPATIBILITY_DATE,
    atMs: NOW,
    settings: { ok: true },
    egress: { way: "direct", host: "api.bot.qq.com", advice: "不固定" },
    bots: [
      {
        appId: APP_ID,
        models: [{ model: "workers-ai/m", answer: { ok: true, tookMs: 900 } }],
        health: { ...WELL, ...health },
      },
    ],
    ...more,
  };
}

type Site = Partial<Record<"/healthz" | "/qq/callback" | "/console/api/health", () => Response | Promise<Response>>>;

/** A deployed Worker where all is well but what a test replaces. What is not below it goes its own way. */
function site(replaced: Site = {}) {
  const seen: { path: string; authorization: string | null }[] = [];
  const answers: Required<Site> = {
    "/healthz": () => Response.json({ ok: true, bots: 1 }),
    "/qq/callback": () => new Response(null, { status: 401 }),
    "/console/api/health": () => Response.json(reportOf({}, { atMs: Date.now() })),
    ...replaced,
  };
  const ask: typeof fetch = async (input, init) => {
    const { pathname, search } = new URL(String(input));
    seen.push({ path: pathname + search, authorization: new Headers(init?.headers).get("authorization") });
    return answers[pathname as keyof Site](); // the checks ask for nothing else
  };
  return { seen, fetch: ask };
}

const failing = (code: string) => async () => {
  throw Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error(), { code }) });
};

const AT = ["--url", "https://bot.example.com"];

describe("of the deployed Worker", () => {
  it("finds nothing to do where all is well", async () => {
    const { fetch, seen } = site();
    const found = await examine({ args: AT, fetch });
    expect(troubles(found)).toEqual([]);
    expect(found.map(({ name }) => name).filter((name) => /^(callback|deployed)\./.test(name))).toEqual([
      "callback.address",
      "callback.name",
      "callback.certificate",
      "callback.healthz",
      "callback.refuses",
      "deployed.version",
      "deployed.settings",
      "deployed.token",
      "deployed.identity",
      "deployed.model",
      "deployed.validation",
      "deployed.callback",
      "deployed.answer",
      "deployed.failures",
      "deployed.egress",
    ]);
    expect(seen.filter(({ authorization }) => authorization !== null)).toEqual([
      { path: "/console/api/health?probe=model", authorization: `Bearer ${ADMIN_TOKEN}` },
    ]);
  });

  it.each([
    ["http://bot.example.com", "https"],
    ["https://bot.example.com:9443", "8443"],
    ["https://1.2.3.4", "域名"],
    ["https://[::1]", "域名"],
  ])("does not take %s for a callback address", async (url, words) => {
    const [address] = named(await examine({ args: ["--url", url], fetch: site().fetch }), "callback.address");
    expect(address).toMatchObject({ mark: "bad", advice: expect.stringContaining(words) });
  });

  it.each([":80", ":443", ":8080", ":8443", ""])("takes the port «%s»", async (port) => {
    const args = ["--url", `https://bot.example.com${port}`];
    expect(named(await examine({ args, fetch: site().fetch }), "callback.address")[0]?.mark).toBe("ok");
  });

  it("knows that workers.dev is hard to reach", async () => {
    const args = ["--url", "https://qq-edge.me.workers.dev"];
    expect(named(await examine({ args, fetch: site().fetch }), "callback.address")).toMatchObject([{ mark: "info" }]);
  });

  it("says that the name does not resolve", async () => {
    const lookup = failing("ENOTFOUND");
    expect(troubles(await examine({ args: AT, fetch: site().fetch, lookup }))).toEqual(["bad callback.name"]);
  });

  it.each([
    "CERT_HAS_EXPIRED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ])("says that the certificate is not valid: %s", async (code) => {
    const found = await examine({ args: AT, fetch: failing(code) });
    expect(troubles(found)).toEqual(["bad callback.certificate", "bad deployed.console"]);
    expect(named(found, "callback.certificate")[0]?.what).toContain(code);
  });

  it("says that nobody answers", async () => {
    const found = await examine({ args: AT, fetch: failing("ECONNREFUSED") });
    expect(troubles(found)).toEqual(["bad callback.healthz", "bad deployed.console"]);
  });

  const PROBLEM = { setting: "QQ_APP_SECRET", problem: "未设置", advice: "a" };
  it.each<[string, Site, string[], string]>([
    [
      "settings are missing there",
      { "/healthz": () => Response.json({ ok: false, problems: [PROBLEM] }, { status: 503 }) },
      ["bad callback.healthz"],
      "QQ_APP_SECRET",
    ],
    ["somebody else is there", { "/healthz": () => new Response("<html>") }, ["bad callback.healthz"], "qq-edge"],
    ["it lets anybody in", { "/qq/callback": () => new Response() }, ["bad callback.refuses"], "401"],
    [
      "it refuses in another way",
      { "/qq/callback": () => new Response(null, { status: 403 }) },
      ["bad callback.refuses"],
      "403",
    ],
    ["it redirects", { "/qq/callback": () => new Response(null, { status: 301 }) }, ["bad callback.refuses"], "跳转"],
    [
      "it has another token",
      { "/console/api/health": () => new Response(null, { status: 401 }) },
      ["bad deployed.console"],
      "ADMIN_TOKEN",
    ],
    [
      "it has no token",
      { "/console/api/health": () => new Response(null, { status: 404 }) },
      ["bad deployed.console"],
      "npm run setup",
    ],
    [
      "something else answers there",
      { "/console/api/health": () => new Response("<html>") },
      ["bad deployed.console"],
      "太旧",
    ],
    [
      "its clock is another",
      { "/console/api/health": () => Response.json(reportOf({}, { atMs: Date.now() - 600_000 })) },
      ["warn deployed.clock"],
      "快",
    ],
  ])("says that %s", async (_, replaced, expected, words) => {
    const found = await examine({ args: AT, fetch: site(replaced).fetch });
    expect(troubles(found)).toEqual(expected);
    expect(found.map(lineOf).join("\n")).toContain(words);
  });

  it("needs the token to ask with", async () => {
    vars.ADMIN_TOKEN = undefined;
    const { fetch, seen } = site();
    const found = await examine({ args: AT, fetch });
    expect(troubles(found)).toEqual(["warn adminToken", "bad deployed.console"]);
    expect(seen.filter(({ authorization }) => authorization !== null)).toEqual([]);
  });
});

describe("a report of the Worker", () => {
  const refused = { ok: false, summary: "s", advice: "do this" } as const;
  const ofReport = (report: HealthReport) => reportFindings(report, { version: VERSION });

  it.each<[string, HealthReport, string[]]>([
    ["all is well", reportOf(), []],
    ["an older version", reportOf({}, { version: "0.0.1" }), ["warn deployed.version"]],
    [
      "wrong settings",
      reportOf({}, { settings: { ok: false, problems: [{ setting: "MODEL", problem: "p", advice: "a" }] }, bots: [] }),
      ["bad deployed.settings"],
    ],
    [
      "an object that cannot be asked",
      reportOf({}, { bots: [{ appId: APP_ID, models: [], unreachable: "overloaded" }] }),
      ["bad deployed.bot"],
    ],
    ["a refused token", reportOf({ token: refused }), ["bad deployed.token"]],
    ["11298", reportOf({ identity: { ...refused, code: 40023002 } }), ["bad deployed.identity"]],
    [
      "a model that is slow",
      reportOf(
        {},
        { bots: [{ appId: APP_ID, models: [{ model: "m", answer: { ok: true, tookMs: 20_000 } }], health: WELL }] },
      ),
      ["warn deployed.model"],
    ],
    [
      "a check that was refused",
      reportOf({ lastValidation: { atMs: NOW, signed: true, answered: false } }),
      ["warn deployed.validation"],
    ],
    [
      "a failure of today",
      reportOf({
        failures: {
          count: 1,
          newest: { reference: "r", atMs: NOW - 3_600_000, operation: "o", summary: "s", advice: "a" },
        },
      }),
      ["warn deployed.failures"],
    ],
    [
      "a failure of last week",
      reportOf({
        failures: {
          count: 1,
          newest: { reference: "r", atMs: NOW - 7 * 86_400_000, operation: "o", summary: "s", advice: "a" },
        },
      }),
      [],
    ],
  ])("with %s", (_, report, expected) => expect(troubles(ofReport(report))).toEqual(expected));

  it("of a Worker that QQ never called says where to enter the address, and of one without events where to tick them", () => {
    const { lastValidation, lastCallbackAtMs, lastSpeakingAtMs, ...health } = WELL;
    const bots = [{ appId: APP_ID, models: [], health }];
    const found = ofReport(reportOf({}, { bots }));
    expect(troubles(found)).toEqual(["bad deployed.validation", "warn deployed.callback"]);
    expect(named(found, "deployed.validation")[0]?.advice).toContain("回调配置");
    expect(named(found, "deployed.callback")[0]?.advice).toContain("勾选事件");
  });

  it.each<[string, Partial<HealthReport["egress"] & object>, NonNullable<BotHealth["address"]>, string[], RegExp]>([
    [
      "where it leaves",
      { way: "tunnel" },
      { ok: true, address: "203.0.113.7" },
      [],
      /:203\.0\.113\.7\n.*若白名单不为空/,
    ],
    ["that it is IPv6", { way: "binding" }, { ok: true, address: "2001:db8::7" }, ["warn deployed.address"], /IPv4/],
    ["that nobody knows", { way: "relay" }, refused, [], /查不到/],
    ["that it changes", { way: "direct" }, { ok: true, address: "203.0.113.7" }, [], /直连时它会变/],
  ])("says of the address %s", (_, egress, address, expected, words) => {
    const report = reportOf({ address }, { egress: { way: "direct", host: "h", advice: "a", ...egress } });
    expect(troubles(ofReport(report))).toEqual(expected);
    expect(named(ofReport(report), "deployed.address").map(lineOf).join()).toMatch(words);
  });

  it.each(["direct", "sandbox", "relay", "tunnel", "binding"] as const)("names the way: %s", (way) => {
    const [found] = named(
      ofReport(reportOf({}, { egress: { way, host: "proxy.test:8080", advice: "a" } })),
      "deployed.egress",
    );
    expect(found?.what).toMatch(/^出口:.+ proxy\.test:8080$/);
  });

  it("names the proxy by which a relay is reached", () => {
    const egress = { way: "relay", host: "relay.test", through: "proxy.test:8080", advice: "a" } as const;
    const [found] = named(ofReport(reportOf({}, { egress })), "deployed.egress");
    expect(found?.what).toMatch(/中转.* relay\.test.*代理.* proxy\.test:8080$/);
  });

  it("with 11298 although a way is set says which address is missing", () => {
    const identity = { ...refused, code: 40023002 };
    const egress = { way: "tunnel", host: "proxy.test:8080", advice: "a" } as const;
    const health = { identity, address: { ok: true, address: "203.0.113.7" } } as const;
    const [found] = named(ofReport(reportOf(health, { egress })), "deployed.identity");
    expect(found?.advice).toContain("加上 203.0.113.7");
    expect(found?.advice).not.toContain("OpenClaw");
  });

  it("with 11298 names the ways out", () => {
    const [identity] = named(ofReport(reportOf({ identity: { ...refused, code: 11298 } })), "deployed.identity");
    for (const words of ["清空", "QQ_EGRESS_PROXY", "QQ_API_BASE", "OpenClaw"])
      expect(identity?.advice).toContain(words);
  });

  it("says how long ago things were", () => {
    const what = (atMs: number) => named(ofReport(reportOf({ lastCallbackAtMs: atMs })), "deployed.callback")[0]?.what;
    expect(what(NOW)).toContain("刚刚");
    expect(what(NOW - 90 * 60_000)).toContain("90 分钟前");
    expect(what(NOW - 5 * 3_600_000)).toContain("5 小时前");
    expect(what(NOW - 72 * 3_600_000)).toContain("3 天前");
  });
});
