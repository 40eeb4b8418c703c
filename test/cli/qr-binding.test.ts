/** AppID and AppSecret by scanning, against the answers that connectors have seen from QQ. */
import { createCipheriv, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { bindByScanning } from "../../src/cli/qr-binding.ts";

const APP_SECRET = "naOC0ocQE3shWLAfffVLB1rhYPG7";

/** Plays `q.qq.com/lite`: one answer to a poll after the other. */
function console(polls: readonly ((secret: string) => object | Error)[]) {
  const calls: { path: string; body: Record<string, string> }[] = [];
  let key = Buffer.alloc(0);
  let nowMs = 0;
  const waiting = {
    now: () => nowMs,
    async sleep(ms: number) {
      nowMs += ms;
    },
    async fetch(input: RequestInfo | URL, init?: RequestInit) {
      const { host, pathname } = new URL(String(input));
      const body = JSON.parse(String(init?.body));
      calls.push({ path: host + pathname, body });
      if (pathname === "/lite/create_bind_task") {
        key = Buffer.from(body.key, "base64");
        return Response.json({ retcode: 0, data: { task_id: "task/1" } });
      }
      const poll = calls.filter(({ path }) => path.endsWith("poll_bind_result")).length;
      const answer = polls[Math.min(poll, polls.length) - 1]?.(encrypted(key)) ?? {};
      if (answer instanceof Error) throw answer;
      return Response.json({ retcode: 0, data: answer });
    },
  };
  return { calls, waiting, keyBytes: () => key.length };
}

function encrypted(key: Buffer): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  return Buffer.concat([iv, cipher.update(APP_SECRET), cipher.final(), cipher.getAuthTag()]).toString("base64");
}

const pending = () => ({ status: 1 });
const done = (secret: string) => ({ status: 2, bot_appid: 102000001, bot_encrypt_secret: secret });

describe("scanning", () => {
  it("gives AppID and AppSecret when it is done, over polls that fail", async () => {
    const { calls, waiting, keyBytes } = console([pending, () => new Error("lost"), pending, done]);
    const shown: string[] = [];
    expect(await bindByScanning((code, address) => shown.push(code, address), waiting)).toEqual({
      appId: "102000001",
      appSecret: APP_SECRET,
    });
    expect(keyBytes()).toBe(32);
    expect(shown[0]).toMatch(/[█▀▄]/);
    expect(shown[1]).toBe("https://q.qq.com/qqbot/openclaw/connect.html?task_id=task%2F1&source=&_wv=2");
    expect(calls.slice(1)).toEqual(
      Array.from({ length: 4 }, () => ({ path: "q.qq.com/lite/poll_bind_result", body: { task_id: "task/1" } })),
    );
  });

  it.each([
    ["has expired", [() => ({ status: 3 })], /expired/],
    ["is never done", [pending], /in time/],
    ["is done without a secret", [() => ({ status: 2, bot_appid: 1 })], /incomplete/],
    ["is done with half a secret", [() => done(Buffer.alloc(28).toString("base64"))], /too short/],
    ["is done with somebody else's secret", [() => done(encrypted(randomBytes(32)))], /./],
  ])("fails in a sentence where the code %s", async (_, polls, words) => {
    await expect(bindByScanning(() => {}, console(polls).waiting)).rejects.toThrow(words);
  });

  it("fails where QQ gives no code", async () => {
    const refused = { ...console([]).waiting, fetch: async () => Response.json({ retcode: 1, msg: "no" }) };
    await expect(bindByScanning(() => {}, refused)).rejects.toThrow(/no code/);
  });
});
