/** Table: the ways in which QQ and the model misbehave at a click, each for some calls or until it is switched off. */
import { refusal } from "./codes.ts";
import type { FakeQQ } from "./fake-qq.ts";
import type { Switch, Words } from "./page/protocol.ts";
import type { CallbackTrouble, Forecast, ModelTrouble, QQTrouble, Weather } from "./weather.ts";

const DAY_MS = 24 * 60 * 60_000;
/** QQ posts an event up to four times; this is more. */
const DUPLICATES = 5;

interface Way {
  name: string;
  group: Switch["group"];
  words: Words;
  /** Of `value`; absent where nothing can be chosen. */
  unit?: NonNullable<Switch["unit"]>;
  value?: number;
  isState?: true;
  /** Switches it on. Where calls cannot be counted, it stays on whatever `times` says. */
  set(qq: FakeQQ, value: number, times: number): Forecast;
}

type Choice = Pick<Way, "unit" | "value">;

/** Asks before anything else that is set. */
const on =
  <Trouble>(weather: (qq: FakeQQ) => Weather<Trouble>, trouble: (value: number) => Trouble): Way["set"] =>
  (qq, value, times) =>
    weather(qq).set(trouble(value), { times, first: true });

const sending = (name: string, words: Words, trouble: (value: number) => QQTrouble, choice: Choice = {}): Way => ({
  name: `qq.${name}`,
  group: "qq",
  words,
  ...choice,
  set: on(({ weather }) => weather, trouble),
});

/** A state of QQ's, which begins now and is undone when it ends. */
const state = (name: string, words: Words, begin: (qq: FakeQQ) => () => void): Way => ({
  name: `qq.${name}`,
  group: "qq",
  words,
  isState: true,
  set(qq) {
    const undo = begin(qq);
    return { left: Number.POSITIVE_INFINITY, end: undo };
  },
});

const model = (name: string, words: Words, trouble: (value: number) => ModelTrouble, choice: Choice = {}): Way => ({
  name: `model.${name}`,
  group: "model",
  words,
  ...choice,
  set: on(({ model: { weather } }) => weather, trouble),
});

const callback = (name: string, words: Words, trouble: CallbackTrouble): Way => ({
  name: `callback.${name}`,
  group: "callback",
  words,
  set: on(
    ({ callbackWeather }) => callbackWeather,
    () => trouble,
  ),
});

const milliseconds = (value: number): Choice => ({ unit: "ms", value });

const WAYS: readonly Way[] = [
  sending("refuse", { zh: "拒收消息,错误码", en: "Refuses messages, with the code" }, refusal, {
    unit: "code",
    value: 40034128,
  }),
  sending("token", { zh: "提前忘记令牌(401 11244)", en: "Forgets the token early (401 11244)" }, () => ({
    kind: "forgetTokens",
  })),
  state("address", { zh: "IP 不在白名单(11298)", en: "Address not on the allow-list (11298)" }, (qq) => {
    qq.refusesAddress = true;
    return () => {
      qq.refusesAddress = false;
    };
  }),
  sending("limit", { zh: "限频(HTTP 429)", en: "Rate limit (HTTP 429)" }, () => ({
    kind: "refuse",
    status: 429,
    retryAfterS: 2,
  })),
  sending("status", { zh: "网关出错,HTTP", en: "The gateway fails, HTTP" }, refusal, { unit: "status", value: 502 }),
  sending(
    "slow",
    { zh: "应答慢,毫秒", en: "Slow, milliseconds" },
    (ms) => ({ kind: "delay", ms }),
    milliseconds(5_000),
  ),
  sending("drop", { zh: "连接中断,没有送达", en: "Connection dropped, not delivered" }, () => ({ kind: "drop" })),
  sending("silent", { zh: "已送达,没有应答", en: "Delivered, but no response" }, () => ({ kind: "deliverThenDrop" })),
  sending(
    "delivered-fail",
    { zh: "已送达,却应答 HTTP", en: "Delivered, then answers HTTP" },
    (status) => ({ kind: "deliverThenFail", status }),
    { unit: "status", value: 500 },
  ),
  {
    name: "qq.typing",
    group: "qq",
    words: { zh: "拒绝「正在输入」,错误码", en: "Refuses typing notices, with the code" },
    unit: "code",
    value: 22009,
    set: on(({ typingWeather }) => typingWeather, refusal),
  },
  {
    name: "qq.token-refuse",
    group: "qq",
    words: { zh: "不给新令牌,错误码", en: "Gives no new token, with the code" },
    unit: "code",
    value: 100001,
    set(qq, code, times) {
      qq.expireToken(); // else nobody would ask for one
      return qq.tokenWeather.set(refusal(code), { times, first: true });
    },
  },
  {
    name: "qq.acknowledge",
    group: "qq",
    words: { zh: "拒绝按钮回执,错误码", en: "Refuses acknowledgements of buttons, with the code" },
    unit: "code",
    value: 630004,
    set: on(({ interactionWeather }) => interactionWeather, refusal),
  },
  state("markdown", { zh: "没有 Markdown 权限", en: "No right to Markdown" }, (qq) => {
    const before = qq.markdownAllowed;
    qq.markdownAllowed = { c2c: false, group: false, guildChannel: false, guildDm: false };
    return () => {
      qq.markdownAllowed = before;
    };
  }),
  state("links", { zh: "没有报备过任何网址", en: "No link is registered" }, (qq) => {
    const before = qq.registeredDomains;
    qq.registeredDomains = new Set();
    return () => {
      qq.registeredDomains = before;
    };
  }),
  state("gateway", { zh: "频道里不能发言(304018)", en: "No sending in guilds (304018)" }, (qq) => {
    qq.gatewayConnected = false;
    return () => {
      qq.gatewayConnected = true;
    };
  }),
  callback(
    "duplicate",
    { zh: `每个回调投递 ${DUPLICATES} 次`, en: `Each callback is posted ${DUPLICATES} times` },
    { kind: "repeat", times: DUPLICATES },
  ),
  callback("stale", { zh: "签名是一天前的", en: "Signed a day ago" }, { kind: "stale", ms: DAY_MS }),
  callback("forged", { zh: "签名不对", en: "Signed with another secret" }, { kind: "forged" }),
  callback("late", { zh: "应答来晚了,QQ 又投递", en: "The answer is late, so it is posted again" }, { kind: "late" }),
  model("silent", { zh: "一声不响", en: "Never answers" }, () => ({ kind: "silent" })),
  model("limit", { zh: "限频(429)", en: "Rate limit (429)" }, () => ({ kind: "status", status: 429, retryAfterS: 2 })),
  model("fail", { zh: "出错(500)", en: "Fails (500)" }, () => ({ kind: "status", status: 500 })),
  model("key", { zh: "密钥无效(401)", en: "Refuses the key (401)" }, () => ({ kind: "status", status: 401 })),
  model("cut", { zh: "说到一半断线", en: "Cut off in mid-answer" }, () => ({ kind: "cut" })),
  model("stall", { zh: "说到一半停住", en: "Stalls in mid-answer" }, () => ({ kind: "stall" })),
  model("empty", { zh: "回答是空的", en: "Answers nothing" }, () => ({ kind: "empty" })),
  model("slow", { zh: "慢,毫秒", en: "Slow, milliseconds" }, (ms) => ({ kind: "slow", ms }), milliseconds(10_000)),
  model(
    "drip",
    { zh: "一点一点说,毫秒", en: "Drips, milliseconds" },
    (ms) => ({ kind: "drip", ms }),
    milliseconds(20_000),
  ),
  model(
    "think",
    { zh: "先思考,毫秒", en: "Thinks first, milliseconds" },
    (ms) => ({ kind: "think", ms }),
    milliseconds(10_000),
  ),
];

export class Switches {
  readonly #qq: FakeQQ;
  readonly #ways: readonly Way[];
  readonly #set = new Map<string, { forecast: Forecast; value: number }>();

  /** @param isDemo a real model is left alone. */
  constructor(qq: FakeQQ, { isDemo }: { isDemo: boolean }) {
    this.#qq = qq;
    this.#ways = WAYS.filter(({ group }) => isDemo || group !== "model");
  }

  view(): Switch[] {
    return this.#ways.map(({ name, group, words, isState, unit, value }) => {
      const set = this.#set.get(name);
      const left = set?.forecast.left ?? 0;
      return {
        name,
        group,
        words,
        left: Number.isFinite(left) ? left : "on",
        ...(isState && { isState }),
        ...(unit && { unit, value: left === 0 ? value : set?.value }),
      };
    });
  }

  has(name: string): boolean {
    return this.#ways.some((way) => way.name === name);
  }

  /** For so many more calls, instead of what was set of it before; 0 switches it off. */
  set(name: string, { left, value }: { left: number | "on"; value?: number | undefined }): void {
    const way = this.#ways.find((other) => other.name === name);
    if (!way) return;
    this.#set.get(name)?.forecast.end();
    this.#set.delete(name);
    if (left === 0) return;
    const chosen = value ?? way.value ?? 0;
    const forecast = way.set(this.#qq, chosen, left === "on" ? Number.POSITIVE_INFINITY : left);
    this.#set.set(name, { forecast, value: chosen });
  }

  unitOf(name: string): Switch["unit"] {
    return this.#ways.find((way) => way.name === name)?.unit;
  }
}
