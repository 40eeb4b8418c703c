/**
 * AppID and AppSecret by scanning: the way in that connectors for OpenClaw use. QQ documents it nowhere and may change it,
 * so typing always stays beside it. The key never leaves this process; the secret comes encrypted with it.
 */
import { renderUnicodeCompact } from "uqr";
import * as v from "valibot";

const HOST = "https://q.qq.com";
const POLL_EVERY_MS = 2_000;
const GIVE_UP_AFTER_MS = 5 * 60_000;
const CALL_WITHIN_MS = 10_000;

const Task = v.object({ retcode: v.literal(0), data: v.object({ task_id: v.pipe(v.string(), v.nonEmpty()) }) });
const Poll = v.object({
  retcode: v.literal(0),
  data: v.object({
    status: v.number(),
    bot_appid: v.optional(v.union([v.string(), v.number()])),
    bot_encrypt_secret: v.optional(v.string()),
  }),
});

/** Of a poll. */
const DONE = 2;
const EXPIRED = 3;

const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface Binding {
  appId: string;
  appSecret: string;
}

export interface Waiting {
  fetch: typeof fetch;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}

const REAL: Waiting = { fetch, now: Date.now, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) };

/**
 * @param show is given what to scan, as text and as the address behind it.
 * @throws Error with a sentence when it does not work; typing is the way then.
 */
export async function bindByScanning(
  show: (code: string, address: string) => void,
  { fetch, now, sleep }: Waiting = REAL,
): Promise<Binding> {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const call = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${HOST}/lite/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_WITHIN_MS),
    });
    return response.json();
  };
  const task = v.safeParse(Task, await call("create_bind_task", { key: base64(key) }));
  if (!task.success) throw new Error("QQ 没有给出二维码 / QQ gave no code to scan");
  const { task_id } = task.output.data;
  const address = `${HOST}/qqbot/openclaw/connect.html?task_id=${encodeURIComponent(task_id)}&source=&_wv=2`;
  show(renderUnicodeCompact(address), address);
  const untilMs = now() + GIVE_UP_AFTER_MS;
  while (now() < untilMs) {
    await sleep(POLL_EVERY_MS);
    // One poll that fails says nothing of the next.
    const poll = v.safeParse(Poll, await call("poll_bind_result", { task_id }).catch(() => undefined));
    if (!poll.success) continue;
    const { status, bot_appid, bot_encrypt_secret } = poll.output.data;
    if (status === EXPIRED) throw new Error("二维码已过期 / the code has expired");
    if (status !== DONE) continue;
    if (bot_appid === undefined || !bot_encrypt_secret) throw new Error("QQ 的回答不完整 / QQ's answer is incomplete");
    return { appId: String(bot_appid), appSecret: await decrypt(bot_encrypt_secret, key) };
  }
  throw new Error("等待超时 / nobody scanned in time");
}

/** AES-256-GCM: initialisation vector, ciphertext, tag. */
async function decrypt(encrypted: string, rawKey: Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = Uint8Array.from(atob(encrypted), (character) => character.charCodeAt(0));
  if (bytes.length <= IV_BYTES + TAG_BYTES) throw new Error("QQ 的回答太短 / QQ's answer is too short");
  const key = await crypto.subtle.importKey("raw", rawKey, "AES-GCM", false, ["decrypt"]);
  const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, IV_BYTES) };
  return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, key, bytes.subarray(IV_BYTES)));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
