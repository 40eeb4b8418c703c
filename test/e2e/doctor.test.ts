/** `npm run doctor` as it is run: what it prints and how it ends, here and against the real Worker. */
import { appendFileSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DEMO_MODEL_PATH } from "../../src/simulator/demo-model.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { buildBundle } from "../support/bundle.ts";
import { startTinyproxy } from "../support/programs.ts";
import { Wizard } from "../support/wizard.ts";
import { Workerd } from "../support/workerd.ts";

const SECRETS = { QQ_APP_SECRET: "naOC0ocQE3shWLAfffVLB1rhYPG7", ADMIN_TOKEN: "admin-token-of-this-test" };

let qq: FakeQQ;
let doctor: Wizard;
let settings: Record<string, string>;

beforeEach(async () => {
  qq = new FakeQQ({ appId: "102000001", appSecret: SECRETS.QQ_APP_SECRET });
  const url = await qq.start();
  settings = {
    QQ_APP_ID: qq.appId,
    QQ_API_BASE: url,
    MODEL: "openai-compatible/demo",
    MODEL_BASE_URL: url + DEMO_MODEL_PATH,
    ...SECRETS,
  };
  doctor = await Wizard.create();
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(doctor.file, lines.join(""), { mode: 0o600 });
});

afterEach(async () => {
  for (const secret of Object.values(SECRETS)) expect(doctor.raw).not.toContain(secret);
  await doctor.remove();
  await qq.stop();
});

const jsonOf = ({ shown }: Wizard): { ok: boolean; checks: { name: string; mark: string }[] } => JSON.parse(shown);

describe("doctor", () => {
  it("ends with 0 where there is nothing to do", async () => {
    expect(await doctor.run("doctor", [])).toBe(0);
    expect(doctor.shown).toContain("✔ 设置完整");
    expect(doctor.shown).toContain("没有要做的事");
  });

  it("ends with 1 and says how much there is to do", async () => {
    qq.refusesAddress = true;
    expect(await doctor.run("doctor", [])).toBe(1);
    expect(doctor.shown).toMatch(/✘ .*白名单[\s\S]*→ [\s\S]*1 {2}在 q\.qq\.com/);
    expect(doctor.shown).toContain("1 件事要做");
  });

  it("tells scripts the same", async () => {
    expect(await doctor.run("doctor", ["--json"])).toBe(0);
    expect(jsonOf(doctor).ok).toBe(true);
    qq.refusesAddress = true;
    expect(await doctor.run("doctor", ["--json"])).toBe(1);
    expect(jsonOf(doctor).ok).toBe(false);
    expect(jsonOf(doctor).checks).toContainEqual(expect.objectContaining({ name: "identity", mark: "bad" }));
  });

  it("goes by the proxy that is set, shows the address that QQ sees, and ends at once", async () => {
    const proxy = await startTinyproxy({ auth: { user: "qq", password: "not-to-be-seen" }, bind: "127.0.0.9" });
    try {
      appendFileSync(doctor.file, `QQ_EGRESS_PROXY=http://qq:not-to-be-seen@127.0.0.1:${proxy.port}\n`);
      qq.allowedAddresses = new Set(["127.0.0.9"]);
      expect(await doctor.run("doctor", [])).toBe(0);
      expect(doctor.shown).toContain("the address that QQ sees:127.0.0.9\n    → 若白名单不为空,把它加进去");
      qq.allowedAddresses = new Set(["127.0.0.1"]);
      expect(await doctor.run("doctor", [])).toBe(1);
      expect(doctor.shown).toContain("加上 127.0.0.9");
      await proxy.kill();
      expect(await doctor.run("doctor", [])).toBe(1);
      expect(doctor.shown).toContain("连不上代理");
      expect(doctor.raw).not.toMatch(/not-to-be-seen|cXE6/);
    } finally {
      await proxy.stop();
    }
  });

  it("ends with 2 where it was called wrongly", async () => {
    expect(await doctor.run("doctor", ["--nonsense"])).toBe(2);
    expect(doctor.shown).toContain("--help");
  });
});

describe("doctor with a deployed Worker", () => {
  let bundle: Awaited<ReturnType<typeof buildBundle>>;
  let worker: Workerd;
  beforeAll(async () => {
    bundle = await buildBundle();
  });
  afterAll(() => bundle?.remove());
  beforeEach(async () => {
    worker = await Workerd.create(bundle.file, settings);
    await worker.start();
    qq.callbackUrl = worker.callbackUrl;
  });
  afterEach(() => worker.remove());

  const marks = () => Object.fromEntries(jsonOf(doctor).checks.map(({ name, mark }) => [name, mark]));
  const examine = () => doctor.run("doctor", ["--json", "--url", `http://127.0.0.1:${worker.port}`]);

  it("sees what it sees, before and after QQ has called", async () => {
    await examine();
    expect(marks()).toMatchObject({
      "callback.address": "bad", // plain HTTP, here
      "callback.healthz": "ok",
      "callback.refuses": "ok",
      "deployed.version": "ok",
      "deployed.settings": "ok",
      "deployed.identity": "ok",
      "deployed.model": "ok",
      "deployed.validation": "bad",
      "deployed.callback": "warn",
    });
    await qq.validateCallback();
    await qq.say({ text: "你好" });
    await qq.until(() => qq.ledger.delivered.length > 0);
    await worker.until(({ event }) => event === "callback.accepted");
    await expect
      .poll(
        async () => {
          await examine();
          return marks();
        },
        { timeout: 30_000 },
      )
      .toMatchObject({ "deployed.validation": "ok", "deployed.callback": "ok", "deployed.answer": "ok" });
  });

  it("hears from it which address QQ sees, where it leaves by a relay", async () => {
    await examine();
    expect(jsonOf(doctor).checks).toContainEqual(
      expect.objectContaining({
        name: "deployed.address",
        mark: "info",
        what: expect.stringMatching(/:127\.0\.0\.1$/),
      }),
    );
  });

  it("sees that QQ refuses the Worker's address", async () => {
    qq.refusesAddress = true;
    expect(await examine()).toBe(1);
    expect(marks()["deployed.identity"]).toBe("bad");
  });
});
