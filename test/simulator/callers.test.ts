/** QQ's list of addresses, and how the fake one tells its callers apart. */
import { Agent, request } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Call, plainAddress } from "../../src/simulator/callers.ts";
import { DEMO_MODEL_PATH } from "../../src/simulator/demo-model.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { callHttp } from "../support/http.ts";
import { createTestCA, type TestCA } from "../support/programs.ts";

const APP_ID = "102000001";
const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";

let qq: FakeQQ;
let url: string;

beforeEach(async () => {
  qq = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET });
  url = await qq.start();
});

afterEach(() => qq.stop());

const askForToken = (base: string, from?: string, ca?: string) =>
  callHttp(`${base}/app/getAppAccessToken`, {
    method: "POST",
    body: JSON.stringify({ appId: APP_ID, clientSecret: APP_SECRET }),
    ...(from && { from }),
    ...(ca && { ca }),
  });

async function whoAmI(from: string): Promise<{ status: number; code: number | undefined }> {
  const { access_token } = JSON.parse((await askForToken(url, from)).body) as { access_token: string };
  const { status, body } = await callHttp(`${url}/users/@me`, {
    from,
    headers: { authorization: `QQBot ${access_token}`, "x-forwarded-for": "127.0.0.2", "x-real-ip": "127.0.0.2" },
  });
  return { status, code: JSON.parse(body).code };
}

describe("the list of addresses", () => {
  it("lets everybody in while there is none", async () => {
    expect(await whoAmI("127.0.0.3")).toEqual({ status: 200, code: undefined });
  });

  it("refuses who is not on it, whatever a header says, but gives a token to anybody", async () => {
    qq.allowedAddresses = new Set(["127.0.0.2"]);
    expect(await whoAmI("127.0.0.2")).toEqual({ status: 200, code: undefined });
    expect(await whoAmI("127.0.0.3")).toEqual({ status: 401, code: 11298 });
    expect(qq.tokenRequests).toBe(2);
  });

  it("refuses everybody while it is empty, and while all are refused", async () => {
    qq.allowedAddresses = new Set();
    expect(await whoAmI("127.0.0.2")).toMatchObject({ code: 11298 });
    qq.allowedAddresses = new Set(["127.0.0.2"]);
    qq.refusesAddress = true;
    expect(await whoAmI("127.0.0.2")).toMatchObject({ code: 11298 });
  });

  it("does not hold for the model", async () => {
    qq.allowedAddresses = new Set();
    const body = JSON.stringify({ messages: [{ role: "user", content: "你好" }] });
    const answer = await callHttp(`${url}${DEMO_MODEL_PATH}/chat/completions`, { method: "POST", body });
    expect(answer).toMatchObject({ status: 200, body: expect.stringContaining("[DONE]") });
  });

  it("counts IPv4 inside IPv6 as IPv4", () => {
    expect(plainAddress("::ffff:127.0.0.2")).toBe("127.0.0.2");
    expect(plainAddress("::FFFF:192.0.2.1")).toBe("192.0.2.1");
    expect(plainAddress("2001:db8::ffff:1")).toBe("2001:db8::ffff:1");
    expect(plainAddress("::1")).toBe("::1");
  });
});

describe("callers", () => {
  it("are told their address, under our name and under Cloudflare's", async () => {
    for (const path of ["egress-address", "cdn-cgi/trace"])
      expect(await callHttp(`${url}/${path}`, { from: "127.0.0.2" })).toMatchObject({
        status: 200,
        body: "ip=127.0.0.2\n",
        headers: { "content-type": expect.stringContaining("text/plain") },
      });
  });

  it("are counted by address and by connection", async () => {
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let call = 0; call < 3; call += 1) await callOver(kept, "users/@me");
    expect(qq.connections).toBe(1);
    await whoAmI("127.0.0.2");
    expect(qq.connections).toBe(3);
    kept.destroy();
    expect([...qq.callers.callsFrom]).toEqual([
      ["127.0.0.1", 3],
      ["127.0.0.2", 2],
    ]);
  });

  it("do not count when they ask for their address or the model", async () => {
    await callHttp(`${url}/egress-address`);
    const body = JSON.stringify({ messages: [{ role: "user", content: "你好" }] });
    await callHttp(`${url}${DEMO_MODEL_PATH}/chat/completions`, { method: "POST", body });
    expect(qq.connections).toBe(0);
    expect(qq.callers.callsFrom.size).toBe(0);
  });

  it("are shown as they came, refused ones and escaped paths, too", async () => {
    const calls: Call[] = [];
    qq.callers.onCall = (call) => calls.push(call);
    qq.refusesAddress = true;
    await callHttp(`${url}/interactions/a%2Fb`, { method: "PUT", from: "127.0.0.2", headers: { "x-some": "thing" } });
    expect(calls).toMatchObject([{ method: "PUT", path: "/interactions/a%2Fb", address: "127.0.0.2", connection: 1 }]);
    expect(calls[0]?.headers.get("x-some")).toBe("thing");
  });
});

describe("over TLS", () => {
  let ca: TestCA;
  beforeAll(async () => {
    ca = await createTestCA();
  });
  afterAll(() => ca.remove());

  it("serves the same under a certificate of the test's choice", async () => {
    const secure = new FakeQQ({ appId: APP_ID, appSecret: APP_SECRET });
    const address = await secure.start(0, { tls: await ca.issue("localhost") });
    expect(address).toMatch(/^https:\/\/localhost:\d+$/);
    await expect(askForToken(address)).rejects.toThrow(/certificate/);
    expect(JSON.parse((await askForToken(address, "127.0.0.2", ca.cert)).body)).toHaveProperty("access_token");
    expect([...secure.callers.callsFrom]).toEqual([["127.0.0.2", 1]]);
    await secure.stop();
  });
});

function callOver(agent: Agent, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request(`${url}/${path}`, { agent }, (response) => response.resume().once("end", resolve))
      .once("error", reject)
      .end();
  });
}
