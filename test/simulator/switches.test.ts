/** The weather of the page: each switch has an effect that is seen, for as long as it is on, and none after it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sign } from "../../src/simulator/callbacks.ts";
import { DEMO_MODEL_PATH, type ModelCall } from "../../src/simulator/demo-model.ts";
import type { Done, Switch } from "../../src/simulator/page/protocol.ts";
import { type Answer, CHATS, type PageBench, pageBench } from "../support/page-bench.ts";

let bench: PageBench;
let serial: number;

beforeEach(async () => {
  bench = await pageBench();
  serial = 0;
});

afterEach(() => bench.stop());

const view = (name: string): Switch => {
  const found = bench.page.state.snapshot.weather.find((other) => other.name === name);
  if (!found) throw new Error(`no switch ${name}`);
  return found;
};

const set = (name: string, left: number | "on", value?: number): Promise<Done> =>
  bench.act("weather", { name, left, ...(value !== undefined && { value }) });

const text = (content = "好") => ({ msg_type: 0, content });

/** Somebody writes, and the bot answers. */
async function answer(body: object = text(), chat = CHATS.c2c): Promise<Answer | "broken"> {
  const { messageId: msg_id } = await bench.qq.say({ scene: chat.scene, chatId: chat.id, text: "你好" });
  return bench.send(chat, { ...body, msg_id }).catch(() => "broken" as const);
}

/** What the model says, and how it ends: what each switch may change. */
async function askModel(): Promise<{ status: number; said: string; end: "whole" | "cut" | "none" }> {
  serial += 1;
  const leaving = new AbortController();
  const { waiting } = stuck(leaving);
  try {
    const response = await fetch(`${bench.url}${DEMO_MODEL_PATH}/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ messages: [{ role: "user", content: `第 ${serial} 问` }] }),
      signal: leaving.signal,
    });
    let said = "";
    const { status } = response;
    try {
      for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
        said += chunk;
        waiting(said);
      }
    } catch {
      return { status, said, end: "cut" };
    }
    return { status, said, end: status === 200 && !said.includes("[DONE]") ? "cut" : "whole" };
  } catch {
    return { status: 0, said: "", end: "none" };
  }
}

/** Leaves a model that says nothing, or nothing more: it has been called. */
function stuck(leaving: AbortController): { waiting: (said: string) => void } {
  const { weather } = bench.page.state.snapshot;
  const isOn = (name: string) => weather.some((other) => other.name === name && other.left !== 0);
  if (isOn("model.silent")) bench.qq.watchers.add({ modelCalled: () => leaving.abort() });
  return {
    waiting(said) {
      if (isOn("model.stall") && said.includes("content")) leaving.abort();
    },
  };
}

const deliveries = () => bench.qq.ledger.asked.at(-1)?.deliveries;
const wasDelivered = () => bench.qq.ledger.delivered.length > 0;

/** Name -> how it shows. */
const EFFECTS: Record<string, () => Promise<unknown>> = {
  "qq.refuse": async () => expect(await answer()).toMatchObject({ status: 400, code: 40034128 }),
  "qq.token": async () => expect(await answer()).toMatchObject({ status: 401, code: 11244 }),
  "qq.address": async () => expect(await answer()).toMatchObject({ status: 401, json: { code: 11298 } }),
  "qq.limit": async () => expect(await answer()).toMatchObject({ status: 429, code: undefined }),
  "qq.status": async () => {
    expect(await answer()).toMatchObject({ status: 502, code: undefined });
    expect(wasDelivered()).toBe(false);
  },
  "qq.slow": async () => {
    await answer();
    const [send] = bench.page.state.snapshot.traces.flatMap(({ steps }) => steps.filter(({ what }) => what === "send"));
    expect(send?.tookMs).toBeGreaterThan(20);
  },
  "qq.drop": async () => {
    expect(await answer()).toBe("broken");
    expect(wasDelivered()).toBe(false);
  },
  "qq.silent": async () => {
    expect(await answer()).toBe("broken");
    expect(wasDelivered()).toBe(true);
  },
  "qq.delivered-fail": async () => {
    expect(await answer()).toMatchObject({ status: 500 });
    expect(wasDelivered()).toBe(true);
  },
  "qq.typing": async () => {
    const typing = { msg_type: 6, input_notify: { input_type: 1, input_second: 60 } };
    expect(await answer(typing)).toMatchObject({ code: 22009 });
  },
  "qq.token-refuse": async () => {
    const asked = await fetch(`${bench.url}/app/getAppAccessToken`, { method: "POST", body: "{}" });
    expect(await asked.json()).toMatchObject({ code: 100001 });
  },
  "qq.acknowledge": async () => {
    void bench.qq.press({ data: "", withinMs: 1 }).catch(() => {});
    await bench.until(() => bench.lines("happened").length > 0);
    const [id] = bench.qq.interactions;
    expect(await bench.call("PUT", `interactions/${id}`, { code: 0 })).toMatchObject({ code: 630004 });
  },
  "qq.markdown": async () =>
    expect(await answer({ msg_type: 2, markdown: { content: "好" } })).toMatchObject({ code: 40034012 }),
  "qq.links": async () => expect(await answer(text("https://qq.com"))).toMatchObject({ code: 40054010 }),
  "qq.gateway": async () => expect(await answer({ content: "好" }, CHATS.guildChannel)).toMatchObject({ code: 304018 }),
  "callback.duplicate": async () => {
    await answer();
    expect(bench.heard).toHaveLength(5);
    expect(new Set(bench.heard.map(({ body }) => body)).size).toBe(1);
  },
  "callback.stale": async () => {
    await answer();
    const [heard] = bench.heard;
    const ageS = Date.now() / 1000 - Number(heard?.headers["x-signature-timestamp"]);
    expect(ageS).toBeGreaterThan(86_000);
  },
  "callback.forged": async () => {
    await answer();
    const { body = "", headers = {} } = bench.heard.at(-1) ?? {};
    const good = await sign(bench.qq.appSecret, `${headers["x-signature-timestamp"]}${body}`);
    expect(headers["x-signature-ed25519"]).toHaveLength(good.length);
    expect(headers["x-signature-ed25519"]).not.toBe(good);
  },
  "callback.late": async () => {
    await answer();
    expect(deliveries()).toEqual([200, 200, 200, 200]);
  },
  "model.silent": async () => expect(await askModel()).toMatchObject({ end: "none" }),
  "model.limit": async () => expect(await askModel()).toMatchObject({ status: 429 }),
  "model.fail": async () => expect(await askModel()).toMatchObject({ status: 500 }),
  "model.key": async () => expect(await askModel()).toMatchObject({ status: 401 }),
  "model.cut": async () => expect(await askModel()).toMatchObject({ status: 200, end: "cut" }),
  "model.stall": async () => expect(await askModel()).toMatchObject({ status: 200, end: "cut" }),
  "model.empty": async () => expect((await askModel()).said).not.toContain("content"),
  "model.slow": async () => {
    const calls: ModelCall[] = [];
    bench.qq.watchers.add({ modelCalled: (call) => calls.push(call) });
    await askModel();
    expect(calls[0]?.firstByteMs).toBeGreaterThan(20);
  },
  "model.drip": async () => expect((await askModel()).said.split('"content"').length).toBeGreaterThan(5),
  "model.think": async () => expect((await askModel()).said).toContain("reasoning_content"),
};

const SHORT: Record<string, number> = { "qq.slow": 50, "model.slow": 50, "model.drip": 20, "model.think": 10 };

/** Those that are a state of QQ's, and not counted. */
const STATES = ["qq.address", "qq.markdown", "qq.links", "qq.gateway"];

describe("a switch", () => {
  it("is tested, each of them", () => {
    expect(bench.page.state.snapshot.weather.map(({ name }) => name).sort()).toEqual(Object.keys(EFFECTS).sort());
  });

  it.each(Object.keys(EFFECTS))("does what it says while it is on: %s", async (name) => {
    bench.qq.markdownAllowed.guildChannel = true;
    expect(view(name).left).toBe(0);
    expect(await set(name, "on", SHORT[name])).toEqual({ ok: true });
    expect(view(name).left).toBe("on");
    await EFFECTS[name]?.();
    expect(await set(name, 0)).toEqual({ ok: true });
    expect(view(name).left).toBe(0);
    bench.qq.ledger.delivered.length = 0;
    expect(await answer()).toMatchObject({ status: 200 });
    expect(deliveries()).toEqual([200]);
    expect(await askModel()).toMatchObject({ status: 200, end: "whole", said: expect.stringMatching(/"content"/) });
    expect(await answer({ msg_type: 2, markdown: { content: "https://qq.com" } })).toMatchObject({ status: 200 });
    expect(await answer({ content: "好" }, CHATS.guildChannel)).toMatchObject({ status: 200 });
  });

  it.each(Object.keys(EFFECTS).filter((name) => !STATES.includes(name)))(
    "ends by itself after so many calls: %s",
    async (name) => {
      await set(name, 1, SHORT[name]);
      expect(view(name).left).toBe(1);
      await EFFECTS[name]?.();
      await bench.until(() => view(name).left === 0);
    },
  );

  it.each(Object.keys(EFFECTS))("says whether it is a state, which stays on whatever is asked: %s", async (name) => {
    await set(name, 1, SHORT[name]);
    expect(view(name).left).toBe(STATES.includes(name) ? "on" : 1);
    expect(view(name).isState ?? false).toBe(STATES.includes(name));
  });

  it("says for how many more calls it stays", async () => {
    await set("qq.drop", 2);
    await EFFECTS["qq.drop"]?.();
    expect(view("qq.drop").left).toBe(1);
    await EFFECTS["qq.drop"]?.();
    expect(view("qq.drop").left).toBe(0);
    expect(await answer()).toMatchObject({ status: 200 });
  });

  it("takes any code of QQ's", async () => {
    for (const { code } of bench.page.state.snapshot.codes) {
      await set("qq.refuse", 1, code);
      expect(view("qq.refuse")).toMatchObject({ left: 1, value: code, unit: "code" });
      const answered = await answer();
      expect(answered === "broken" ? [] : [answered.json.code, answered.json.err_code]).toContain(code);
    }
  });

  it("is told of when it changes, and then alone", async () => {
    const told: number[] = [];
    bench.page.state.subscribe((change) => {
      if (change.kind === "weather") told.push(change.weather.filter(({ left }) => left !== 0).length);
    });
    await answer();
    expect(told).toEqual([]);
    await set("qq.limit", 1);
    await answer();
    await answer();
    expect(told).toEqual([1, 0]);
  });

  it("that was set last comes first", async () => {
    await set("qq.limit", "on");
    await set("qq.refuse", 1, 40054007);
    expect(await answer()).toMatchObject({ code: 40054007 });
    expect(await answer()).toMatchObject({ status: 429 });
  });

  it("replaces what was set of it before", async () => {
    await set("qq.refuse", "on", 40054007);
    await set("qq.refuse", 1, 40034128);
    expect(await answer()).toMatchObject({ code: 40034128 });
    expect(await answer()).toMatchObject({ status: 200 });
  });

  it.each([
    ["of another name", { name: "qq.nothing", left: 1 }],
    ["of less than no calls", { name: "qq.refuse", left: -1 }],
    ["of half a call", { name: "qq.refuse", left: 0.5 }],
    ["of endless calls by number", { name: "qq.refuse", left: 1e9 }],
    ["with a code that is a status", { name: "qq.refuse", left: 1, value: 200 }],
    ["with a status that is none", { name: "qq.status", left: 1, value: 99 }],
    ["for hours", { name: "qq.slow", left: 1, value: 86_400_000 }],
    ["with a value that it does not take", { name: "qq.drop", left: 1, value: 1 }],
  ])("is refused %s", async (_, body) => {
    const before = bench.page.state.snapshot.weather;
    expect(await bench.act("weather", body)).toMatchObject({ ok: false });
    expect(bench.page.state.snapshot.weather).toEqual(before);
  });

  it("leaves a real model alone", async () => {
    await bench.stop();
    bench = await pageBench({ isDemo: false });
    expect(bench.page.state.snapshot.weather.filter(({ group }) => group === "model")).toEqual([]);
    expect(await set("model.fail", 1)).toMatchObject({ ok: false });
  });
});
