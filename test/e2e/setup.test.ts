/**
 * `npm run setup` as a newcomer runs it, in a real terminal, from an AppID to the first message: against the local QQ, the
 * demo model, a stand-in for wrangler, and the real Worker with the settings that were uploaded.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type EgressFailure, egressError } from "../../src/egress/failure.ts";
import { DEMO_MODEL_PATH } from "../../src/simulator/demo-model.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { buildBundle } from "../support/bundle.ts";
import { createTestCA, type Program, startNginx, startTinyproxy, type TinyproxyOptions } from "../support/programs.ts";
import { KEYS, Wizard } from "../support/wizard.ts";
import { freePort, Workerd } from "../support/workerd.ts";

const APP_ID = "102000001";
const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";
const CLAIM_CODE = "RPY42-4U7NP";
const MODEL_KEY = "sk-the-right-key";
const RELAY_KEY = "the-key-of-the-relay";
const PASSWORD = "not-to-be-seen";
/** Where proxies and relays call from. */
const FROM = "127.0.0.9";

let bundle: Awaited<ReturnType<typeof buildBundle>>;
let qq: FakeQQ;
let qqUrl: string;
let wizard: Wizard;
let worker: Workerd | undefined;
const cleanUps: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  bundle = await buildBundle();
});
afterAll(() => bundle?.remove());

beforeEach(async () => {
  qq = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET });
  qqUrl = await qq.start();
  wizard = await Wizard.create();
});

afterEach(async () => {
  await wizard.remove();
  await worker?.remove();
  worker = undefined;
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  await qq.stop();
});

async function started(starting: Promise<Program>): Promise<Program> {
  const program = await starting;
  cleanUps.push(() => program.stop());
  return program;
}

const proxied = (options: TinyproxyOptions = {}) =>
  started(startTinyproxy({ auth: { user: "qq", password: PASSWORD }, bind: FROM, ...options }));

const proxyUrl = ({ port }: Program) => `http://qq:${PASSWORD}@127.0.0.1:${port}`;

const modelFlags = () => ["--model", "openai-compatible/demo", "--model-url", qqUrl + DEMO_MODEL_PATH];

async function uploaded(): Promise<Record<string, string | null>> {
  const call = (await wizard.calls()).find(({ args }) => args.join(" ") === "secret bulk");
  return JSON.parse(call?.input ?? "{}");
}

/** No eye that looks at the screen or at the process list may see them. */
async function expectNothingTold(...more: string[]): Promise<void> {
  const secrets = [APP_SECRET, MODEL_KEY, wizard.vars.ADMIN_TOKEN ?? APP_SECRET, ...more];
  for (const { args } of await wizard.calls())
    for (const secret of secrets) expect(args.join(" ")).not.toContain(secret);
  for (const secret of secrets) expect(wizard.raw).not.toContain(secret);
}

describe("the wizard in a terminal", () => {
  it("goes from an AppID to the first message, and lets every wrong answer be corrected", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    wizard.tell("wait");
    qq.refusesAddress = true;
    wizard.open("setup", ["--qq-api-base", qqUrl, "--url", url]);

    await wizard.until("怎样提供机器人的 AppID");
    wizard.press(KEYS.enter);
    await wizard.until("AppID(机器人ID)");
    wizard.press("999", KEYS.enter);
    await wizard.until("AppSecret(机器人密钥)");
    wizard.press("not-the-secret", KEYS.enter);
    await wizard.until("AppID 不对");
    await wizard.until("AppID(机器人ID)");
    wizard.press(APP_ID, KEYS.enter);
    await wizard.until("AppSecret 不对"); // the one that was typed, tried with the right AppID
    await wizard.until("AppSecret(机器人密钥)");
    wizard.press(APP_SECRET, KEYS.enter);

    await wizard.until("11298");
    await wizard.until("清空全部条目");
    await wizard.until("怎么办?");
    qq.refusesAddress = false;
    wizard.press(KEYS.enter);
    await wizard.until("QQ 认得这个机器人");

    await wizard.until("用哪家的模型?");
    for (let row = 1; row < 15; row += 1) wizard.press(KEYS.down);
    await wizard.until("● 其他 OpenAI 兼容接口");
    wizard.press(KEYS.enter);
    await wizard.until("的模型名");
    wizard.press("demo", KEYS.enter);
    await wizard.until("模型接口地址");
    qq.model.weather.set({ kind: "status", status: 401 });
    wizard.press(qqUrl + DEMO_MODEL_PATH, KEYS.enter);
    await wizard.until("密钥不对");
    await wizard.until("的密钥");
    wizard.press(MODEL_KEY, KEYS.enter);
    await wizard.until("你说的是:用一句话打个招呼");

    await wizard.until("已写入");
    await wizard.until("现在部署到 Cloudflare?");
    wizard.press(KEYS.enter);
    await wizard.until("Deployed qq-edge triggers");
    await expect.poll(uploaded, { timeout: 20_000 }).toMatchObject({ QQ_APP_ID: APP_ID });
    const secrets = await uploaded();
    worker = await Workerd.create(bundle.file, secrets as Record<string, string>, { port }); // none is removed
    await worker.start();
    qq.callbackUrl = worker.callbackUrl;
    wizard.tell("go");

    await wizard.until(`${url}/qq/callback`);
    await wizard.until("「回调地址」填上面的地址");
    await wizard.until(`/claim ${CLAIM_CODE}`);
    await wizard.until("一句话 / one sentence"); // of the deployed Worker
    for (let looks = 0; looks < 2; looks += 1) await wizard.until("等待 QQ 校验回调地址");
    const { callbackUrl } = worker;
    expect(await new FakeQQ({ appId: APP_ID, appSecret: "another", callbackUrl }).validateCallback()).toBe(false);
    await wizard.until("签名对不上");
    expect(wizard.shown).not.toContain("QQ 已验证回调地址");
    expect(await qq.validateCallback()).toBe(true);
    await wizard.until("QQ 已验证回调地址");
    for (let looks = 0; looks < 2; looks += 1) await wizard.until("等待第一条消息");
    expect(wizard.shown).not.toContain("收到第一条消息");
    await qq.say({ text: "你好" });
    await wizard.until("收到第一条消息");
    expect(await wizard.ended).toBe(0);

    expect(wizard.vars).toMatchObject({
      QQ_APP_ID: APP_ID,
      QQ_APP_SECRET: APP_SECRET,
      QQ_API_BASE: qqUrl,
      MODEL: "openai-compatible/demo",
      MODEL_API_KEY: MODEL_KEY,
      MODEL_BASE_URL: qqUrl + DEMO_MODEL_PATH,
      ADMIN_TOKEN: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(secrets).toEqual(wizard.vars);
    expect(statSync(wizard.file).mode & 0o777).toBe(0o600);
    expect((await wizard.calls()).map(({ args }) => args)).toEqual([["deploy"], ["secret", "bulk"]]);
    await expectNothingTold("not-the-secret");
  });

  it("changes only what is chosen when it is run again", async () => {
    const before = `# mine\nQQ_APP_ID=${APP_ID} # the bot\nQQ_APP_SECRET=${APP_SECRET}\nQQ_API_BASE=${qqUrl}\nSYSTEM_PROMPT='be kind'\nADMIN_TOKEN=kept-as-it-is-0001\n`;
    writeFileSync(wizard.file, before);
    wizard.open("setup", ["--no-deploy"]);
    await wizard.until("要修改什么?");
    wizard.press(KEYS.enter);
    expect(await wizard.ended).toBe(0);
    expect(readBack()).toBe(before);

    wizard.open("setup", ["--no-deploy"]);
    await wizard.until("要修改什么?");
    wizard.press(KEYS.down, KEYS.down, KEYS.down, KEYS.space);
    await wizard.until("◼ 换一个管理口令");
    wizard.press(KEYS.enter);
    expect(await wizard.ended).toBe(0);
    expect(wizard.vars.ADMIN_TOKEN).toMatch(/^[\w-]{43}$/);
    expect(readBack().replace(/ADMIN_TOKEN=.*/, "ADMIN_TOKEN=kept-as-it-is-0001")).toBe(before);
    await expectNothingTold();
  });

  it("leaves nothing behind when it is interrupted at a question", async () => {
    wizard.open("setup", ["--qq-api-base", qqUrl, "--app-id", APP_ID]);
    await wizard.until("AppSecret(机器人密钥)");
    wizard.press("half-a-sec", KEYS.interrupt);
    expect(await wizard.ended).toBe(130);
    expect(wizard.shown).toContain("没有写到一半的东西");
    expect(wizard.vars).toEqual({});
    expect(await wizard.calls()).toEqual([]);
  });
});

const readBack = () => readFileSync(wizard.file, "utf8");

it("leaves nothing behind when it is interrupted while it asks a model", async () => {
  qq.model.weather.set({ kind: "silent" });
  const flags = ["--app-id", APP_ID, "--qq-api-base", qqUrl, ...modelFlags()];
  wizard.open("setup", flags, { QQ_APP_SECRET: APP_SECRET });
  await wizard.until("正在请 openai-compatible/demo 说一句话");
  wizard.press(KEYS.interrupt);
  expect(await wizard.ended).toBe(130);
  expect(wizard.shown).toContain("没有写到一半的东西");
  expect(wizard.vars).toEqual({});
});

describe("at the terminal", () => {
  const known = () => `QQ_APP_ID=${APP_ID}\nQQ_APP_SECRET=${APP_SECRET}\nADMIN_TOKEN=kept-as-it-is-0001\n`;

  it("a relay is a way out of 11298, once it has its key", async () => {
    const relay = await started(
      startNginx(`server {
        listen 127.0.0.1:__PORT__;
        if ($http_x_relay_key != "${RELAY_KEY}") { return 403; }
        location / { proxy_pass ${qqUrl}; proxy_bind ${FROM}; proxy_set_header X-Relay-Key ""; }
      }`),
    );
    const relayUrl = relay.url.replace("127.0.0.1", "localhost"); // by another name than the simulator's
    qq.allowedAddresses = new Set([FROM]);
    writeFileSync(wizard.file, known());
    wizard.open("setup", ["--qq-api-base", qqUrl, "--no-deploy"]);
    await wizard.until("三条出路");
    await wizard.until("怎么办?");
    wizard.press(KEYS.down, KEYS.down);
    await wizard.until("● 用中转地址");
    wizard.press(KEYS.enter);
    await wizard.until("中转地址 / the relay's address");
    wizard.press("relay", KEYS.enter);
    await wizard.until("不是 http(s) 地址");
    wizard.press("\u0015", relayUrl, KEYS.enter);
    await wizard.until("中转的密钥 X-Relay-Key");
    wizard.press(KEYS.enter);
    await wizard.until("turned away before QQ");
    await wizard.until("● 用中转地址"); // what has to be mended stands ready
    wizard.press(KEYS.enter);
    await wizard.until("中转地址 / the relay's address");
    wizard.press(KEYS.enter);
    await wizard.until("中转的密钥 X-Relay-Key");
    wizard.press(RELAY_KEY, KEYS.enter);
    await wizard.until("QQ 认得这个机器人");
    await wizard.until(`the address that QQ sees:${FROM}`);
    expect(await wizard.ended).toBe(0);
    expect(wizard.vars).toMatchObject({
      QQ_API_BASE: relayUrl,
      QQ_API_HEADERS: `{"X-Relay-Key":"${RELAY_KEY}"}`,
    });
    await expectNothingTold(RELAY_KEY);
  });

  it("a proxy is a way out of 11298, and each of its failures can be corrected", async () => {
    const proxy = await proxied();
    qq.allowedAddresses = new Set(["192.0.2.1"]);
    writeFileSync(wizard.file, known());
    wizard.open("setup", ["--qq-api-base", qqUrl, "--no-deploy"]);
    await wizard.until("三条出路");
    await wizard.until("怎么办?");
    wizard.press(KEYS.down);
    await wizard.until("● 用代理");
    wizard.press(KEYS.enter);
    await wizard.until("代理地址 / the proxy's address");
    wizard.press(`socks5://qq:${PASSWORD}@127.0.0.1:1080`, KEYS.enter);
    await wizard.until("不是代理地址");
    wizard.press("\u0015", `http://qq:another-password@127.0.0.1:${proxy.port}`, KEYS.enter);
    await wizard.until("the proxy refuses the user or the password");
    await wizard.until("● 用代理"); // what has to be mended stands ready
    wizard.press(KEYS.enter);
    await wizard.until("代理地址 / the proxy's address");
    wizard.press(proxyUrl(proxy), KEYS.enter);
    await wizard.until(`它看到的 ${FROM} 不在白名单里`);
    await wizard.until("● 已改好白名单,再试一次");
    qq.allowedAddresses = new Set([FROM]);
    wizard.press(KEYS.enter);
    await wizard.until("QQ 认得这个机器人");
    await wizard.until(`the address that QQ sees:${FROM}`);
    expect(await wizard.ended).toBe(0);
    expect(wizard.vars).toMatchObject({ QQ_API_BASE: qqUrl, QQ_EGRESS_PROXY: proxyUrl(proxy) });
    await expectNothingTold(PASSWORD, "another-password");
  });

  it("the way out alone is changed: to a proxy, then back", async () => {
    const proxy = await proxied();
    writeFileSync(wizard.file, `${known()}QQ_API_BASE=${qqUrl}\nSYSTEM_PROMPT='be kind'\n`);
    const before = wizard.vars;
    for (const [kind, ways] of [["proxy", [KEYS.down]] as const, ["straight", [KEYS.down, KEYS.down]] as const]) {
      wizard.open("setup", ["--no-deploy"]);
      await wizard.until("要修改什么?");
      wizard.press(KEYS.down, KEYS.space);
      await wizard.until("◼ 出口");
      wizard.press(KEYS.enter);
      await wizard.until("QQ_EGRESS"); // in a line
      await wizard.until("调用 QQ 从哪里出去?");
      wizard.press(...ways);
      await wizard.until(kind === "proxy" ? "● 用代理" : "● 直连");
      wizard.press(KEYS.enter);
      if (kind === "proxy") {
        await wizard.until("代理地址 / the proxy's address");
        wizard.press(proxyUrl(proxy), KEYS.enter);
      }
      await wizard.until("QQ 认得这个机器人");
      expect(await wizard.ended).toBe(0);
      expect(wizard.vars).toEqual({ ...before, ...(kind === "proxy" && { QQ_EGRESS_PROXY: proxyUrl(proxy) }) });
    }
    await expectNothingTold(PASSWORD);
  });

  it("a relay in the place of a proxy keeps its key, and the proxy goes", async () => {
    const relayUrl = qqUrl.replace("127.0.0.1", "localhost");
    const relay = `QQ_API_BASE=${relayUrl}\nQQ_API_HEADERS='{"X-Relay-Key":"${RELAY_KEY}"}'\n`;
    writeFileSync(wizard.file, known() + relay);
    const before = wizard.vars;
    writeFileSync(wizard.file, `${known() + relay}QQ_EGRESS_PROXY=http://qq:${PASSWORD}@proxy.invalid:8080\n`);
    wizard.open("setup", ["--no-deploy"]);
    await wizard.until("要修改什么?");
    wizard.press(KEYS.down, KEYS.space, KEYS.enter);
    await wizard.until("● 用代理"); // the one that it has
    wizard.press(KEYS.down);
    await wizard.until("● 用中转地址");
    wizard.press(KEYS.enter);
    await wizard.until("中转地址 / the relay's address");
    wizard.press(KEYS.enter);
    await wizard.until("直接回车沿用已存的");
    wizard.press(KEYS.enter);
    await wizard.until("QQ 认得这个机器人");
    expect(await wizard.ended).toBe(0);
    expect(wizard.vars).toEqual(before);
    await expectNothingTold(RELAY_KEY, PASSWORD);
  });

  it("whoever does not want to wait for QQ leaves, and loses nothing", async () => {
    writeFileSync(wizard.file, known());
    const url = `http://127.0.0.1:${await freePort()}`;
    wizard.open("setup", ["--qq-api-base", qqUrl, "--no-deploy", "--url", url]);
    await wizard.until("问不到 Worker"); // nobody is there, and it goes on looking
    await wizard.until("等待 QQ 校验回调地址");
    wizard.press(KEYS.interrupt);
    expect(await wizard.ended).toBe(0);
    expect(wizard.shown).toContain(`npm run doctor -- --url ${url}`);
    expect(wizard.vars.QQ_API_BASE).toBe(qqUrl);
  });

  it("the model alone is changed, its key kept or given anew", async () => {
    const model = `MODEL=openai-compatible/old\nMODEL_API_KEY=${MODEL_KEY}\nMODEL_BASE_URL=${qqUrl}${DEMO_MODEL_PATH}\n`;
    writeFileSync(wizard.file, `${known()}QQ_API_BASE=${qqUrl}\n${model}MODEL_HEADERS='{"X-A":"b"}'\n`);
    const before = wizard.vars;
    for (const [way, key] of [[[], MODEL_KEY] as const, [[KEYS.down], "sk-another-key"] as const]) {
      wizard.open("setup", ["--no-deploy"]);
      await wizard.until("要修改什么?");
      wizard.press(KEYS.down, KEYS.down, KEYS.space, KEYS.enter);
      await wizard.until("● 其他 OpenAI 兼容接口"); // the one that it has
      wizard.press(KEYS.enter);
      await wizard.until("的模型名");
      wizard.press("\u0015", "new", KEYS.enter);
      await wizard.until("模型接口地址");
      wizard.press(KEYS.enter);
      await wizard.until("沿用已存的");
      wizard.press(...way, KEYS.enter);
      if (key !== MODEL_KEY) {
        await wizard.until("的密钥");
        wizard.press(key, KEYS.enter);
      }
      expect(await wizard.ended).toBe(0);
      expect(wizard.vars).toEqual({ ...before, MODEL: "openai-compatible/new", MODEL_API_KEY: key });
    }
    await expectNothingTold("sk-another-key");
  });

  it("a scan that fails leads back to typing", async () => {
    // Nobody answers at q.qq.com's place.
    const nowhere = { HTTPS_PROXY: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9", NODE_USE_ENV_PROXY: "1" };
    wizard.open("setup", ["--qq-api-base", qqUrl, "--no-deploy"], nowhere);
    await wizard.until("怎样提供机器人的 AppID");
    wizard.press(KEYS.down);
    await wizard.until("● 手机 QQ 扫码");
    wizard.press(KEYS.enter);
    await wizard.until("扫码没有成功");
    await wizard.until("AppID(机器人ID)");
    wizard.press(KEYS.interrupt);
    expect(await wizard.ended).toBe(130);
  });
});

describe("the way out without a terminal", () => {
  const flags = () => ["--app-id", APP_ID, "--qq-api-base", qqUrl, "--no-deploy"];
  const run = (more: readonly string[], env: Record<string, string> = {}) =>
    wizard.run("setup", [...flags(), ...more], { QQ_APP_SECRET: APP_SECRET, ...env });

  it("comes from the environment or from flags, and is shown in the steps for QQ's console", async () => {
    const proxy = await proxied();
    qq.allowedAddresses = new Set([FROM]);
    const url = ["--url", `http://127.0.0.1:${await freePort()}`, "--no-wait"];
    expect(await run(url, { QQ_EGRESS_PROXY: proxyUrl(proxy) })).toBe(0);
    expect(wizard.shown).toContain(`或者填出口 IP ${FROM}`);
    expect(wizard.vars.QQ_EGRESS_PROXY).toBe(proxyUrl(proxy));
    await expectNothingTold(PASSWORD);
    expect(await run(["--egress-proxy", `${proxyUrl(proxy)}/`])).toBe(0);
    expect(wizard.vars.QQ_EGRESS_PROXY).toBe(`${proxyUrl(proxy)}/`);
  });

  it("takes the relay's key to the relay and not to QQ", async () => {
    const seen: (string | null)[] = [];
    qq.callers.onCall = ({ headers }) => void seen.push(headers.get("x-relay-key"));
    expect(await run(["--relay-key", RELAY_KEY])).toBe(1);
    expect(wizard.shown).toContain("--relay-key");
    expect(seen).toEqual([]);
    expect(await run(["--qq-api-base", qqUrl.replace("127.0.0.1", "localhost"), "--relay-key", RELAY_KEY])).toBe(0);
    expect(new Set(seen)).toEqual(new Set([RELAY_KEY]));
    expect(wizard.vars.QQ_API_HEADERS).toBe(`{"X-Relay-Key":"${RELAY_KEY}"}`);
  });

  it.each<[string, EgressFailure, () => Promise<string>]>([
    ["a proxy that is down", "proxyUnreached", async () => `http://qq:${PASSWORD}@127.0.0.1:${await freePort()}`],
    ["an unknown name", "proxyUnresolved", async () => `http://qq:${PASSWORD}@proxy.invalid:8080`],
    ["a wrong password", "credentialsRefused", async () => proxyUrl(await proxied()).replace(PASSWORD, "another")],
    [
      "a proxy that does not let it pass",
      "targetRefused",
      async () => proxyUrl(await proxied({ connectPorts: [443] })),
    ],
  ])("says in a sentence what is wrong with %s, and writes nothing", async (_, failure, arrange) => {
    expect(await run([], { QQ_EGRESS_PROXY: await arrange() })).toBe(1);
    const { advice, refusal } = egressError(failure);
    expect(wizard.shown).toContain(refusal.summary);
    expect(wizard.shown).toContain(advice);
    expect(wizard.shown).not.toMatch(/\n\s+at |another/);
    expect(wizard.vars).toEqual({});
    await expectNothingTold(PASSWORD, "cXE6"); // nor as Basic has it
  });

  it("trusts no certificate but a good one", async () => {
    const proxy = await proxied();
    const ca = await createTestCA();
    const secure = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET });
    cleanUps.push(ca.remove, () => secure.stop());
    const address = await secure.start(0, { tls: await ca.issue("localhost") });
    const env = { QQ_EGRESS_PROXY: proxyUrl(proxy) };
    expect(await run(["--qq-api-base", address], env)).toBe(1);
    expect(wizard.shown).toContain(egressError("certificateRefused").refusal.summary);
    expect(secure.callers.callsFrom.size).toBe(0);
    expect(await run(["--qq-api-base", address], { ...env, NODE_EXTRA_CA_CERTS: ca.certFile })).toBe(0);
    expect([...secure.callers.callsFrom.keys()]).toEqual([FROM]);
  });

  it("is named where QQ refuses it all the same", async () => {
    const proxy = await proxied();
    qq.allowedAddresses = new Set(["127.0.0.1"]);
    expect(await run([], { QQ_EGRESS_PROXY: proxyUrl(proxy) })).toBe(1);
    expect(wizard.shown).toContain(`加上 ${FROM}`);
    expect(wizard.shown).not.toContain("三条出路");
    expect(wizard.vars).toEqual({});
  });

  it("by a binding is the Worker's to try, and takes no proxy beside it", async () => {
    wizard.cwd = wizard.folder;
    writeFileSync(join(wizard.folder, "wrangler.toml"), '[[vpc_networks]]\nbinding = "QQ_EGRESS"\n');
    qq.refusesAddress = true; // of this machine: nothing to the Worker
    expect(await run([])).toBe(0);
    expect(wizard.shown).toContain("由部署后的 Worker 检查");
    expect(await run([], { QQ_EGRESS_PROXY: proxyUrl(await proxied()) })).toBe(1);
    expect(wizard.shown).toContain("QQ_EGRESS_PROXY:和 QQ_EGRESS 只能设一个");
  });

  it("of several bots is changed for all of them", async () => {
    const proxy = await proxied();
    qq.allowedAddresses = new Set([FROM]);
    const bots = JSON.stringify([{ appId: APP_ID, appSecret: APP_SECRET }]);
    writeFileSync(wizard.file, `QQ_BOTS='${bots}'\nQQ_API_BASE=${qqUrl}\nADMIN_TOKEN=kept-as-it-is-0001\n`);
    const before = wizard.vars;
    expect(await wizard.run("setup", ["--no-deploy"])).toBe(1);
    expect(wizard.shown).toContain("三条出路");
    const env = { QQ_EGRESS_PROXY: proxyUrl(proxy), QQ_APP_SECRET: "of no bot" };
    expect(await wizard.run("setup", ["--no-deploy"], env)).toBe(0);
    expect(wizard.vars).toEqual({ ...before, QQ_EGRESS_PROXY: proxyUrl(proxy) });
  });
});

describe("the wizard without a terminal", () => {
  const secrets = { QQ_APP_SECRET: APP_SECRET, MODEL_API_KEY: MODEL_KEY };

  it("does everything by flags, and takes secrets from the environment", async () => {
    const flags = ["--app-id", APP_ID, "--qq-api-base", qqUrl, ...modelFlags(), "--yes", "--no-wait", "--no-check"];
    expect(await wizard.run("setup", flags, secrets)).toBe(0);
    expect(wizard.vars).toMatchObject({ QQ_APP_ID: APP_ID, QQ_APP_SECRET: APP_SECRET, MODEL_API_KEY: MODEL_KEY });
    expect(await uploaded()).toEqual(wizard.vars);
    expect(wizard.shown).toContain("https://qq-edge.somebody.workers.dev/qq/callback");
    expect(wizard.shown).toContain(CLAIM_CODE);
    await expectNothingTold();
  });

  it("keeps a key out of the file that nobody needs", async () => {
    expect(await wizard.run("setup", ["--app-id", APP_ID, "--qq-api-base", qqUrl, "--no-deploy"], secrets)).toBe(0);
    expect(Object.keys(wizard.vars).toSorted()).toEqual(["ADMIN_TOKEN", "QQ_API_BASE", "QQ_APP_ID", "QQ_APP_SECRET"]);
  });

  it("changes with a flag that one thing alone", async () => {
    await wizard.run("setup", ["--app-id", APP_ID, "--qq-api-base", qqUrl, ...modelFlags(), "--no-deploy"], secrets);
    const { MODEL, MODEL_API_KEY, MODEL_BASE_URL, ...rest } = wizard.vars;
    expect([MODEL, MODEL_API_KEY]).toEqual(["openai-compatible/demo", MODEL_KEY]);
    expect(await wizard.run("setup", ["--model", "workers-ai/@cf/other", "--yes", "--no-wait", "--no-check"])).toBe(0);
    expect(wizard.vars).toEqual({ ...rest, MODEL: "workers-ai/@cf/other" });
    expect(await uploaded()).toEqual({ ...wizard.vars, MODEL_API_KEY: null, MODEL_BASE_URL: null });
  });

  it.each([
    ["no AppID", [], {}, "--app-id"],
    ["no AppSecret", ["--app-id", APP_ID], {}, "QQ_APP_SECRET"],
    ["a wrong AppID", ["--app-id", "999"], secrets, "AppID 不对"],
    ["a wrong AppSecret", ["--app-id", APP_ID], { QQ_APP_SECRET: "wrong-secret" }, "AppSecret 不对"],
    ["no model key", ["--app-id", APP_ID, "--model", "deepseek/x"], { QQ_APP_SECRET: APP_SECRET }, "--model-key"],
    ["an unknown provider", ["--app-id", APP_ID, "--model", "nobody/x"], secrets, "unknown provider"],
    ["a weak admin token", ["--app-id", APP_ID, "--admin-token", "short"], secrets, "16"],
    ["an unknown flag", ["--appid", "1"], {}, "--help"],
    ["no address", ["--url", "bot.example.com"], {}, "--url"],
  ])("says in a sentence what is wrong with %s, and writes nothing", async (_, flags, env, words) => {
    const code = await wizard.run("setup", ["--qq-api-base", qqUrl, ...flags], env);
    expect([1, 2]).toContain(code);
    expect(wizard.shown).toContain(words);
    expect(wizard.shown).not.toMatch(/\n\s+at |wrong-secret/);
    expect(wizard.vars).toEqual({});
    expect(await wizard.calls()).toEqual([]);
  });

  it("explains an address that is not on the list", async () => {
    qq.refusesAddress = true;
    expect(await wizard.run("setup", ["--qq-api-base", qqUrl, "--app-id", APP_ID], secrets)).toBe(1);
    for (const words of ["11298", "清空", "QQ_API_BASE", "OpenClaw"]) expect(wizard.shown).toContain(words);
    expect(wizard.vars).toEqual({});
  });

  it("says so where the model refuses the key", async () => {
    qq.model.weather.set({ kind: "status", status: 401 });
    const flags = ["--qq-api-base", qqUrl, "--app-id", APP_ID, ...modelFlags()];
    expect(await wizard.run("setup", flags, { ...secrets, MODEL_API_KEY: "wrong-key" })).toBe(1);
    expect(wizard.shown).toContain("密钥不对");
    expect(wizard.shown).not.toContain("wrong-key");
    expect(wizard.vars).toEqual({});
  });

  it("keeps the answers where wrangler fails, and says how to go on", async () => {
    wizard.tell("fail");
    const flags = ["--qq-api-base", qqUrl, "--app-id", APP_ID, ...modelFlags()];
    expect(await wizard.run("setup", flags, secrets)).toBe(1);
    expect(wizard.shown).toContain("You are not logged in");
    expect(wizard.shown).toContain("npx wrangler login");
    expect(wizard.vars.QQ_APP_ID).toBe(APP_ID);
  });
});
