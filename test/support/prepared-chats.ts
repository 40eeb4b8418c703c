/** Conversations in both languages: those in the pictures of docs/screenshots, and a page that shows them without a QQ behind it. */
import type { Chat } from "../../src/event.ts";
import type { ChatView, Line, Person, Snapshot, Step, Trace } from "../../src/simulator/page/protocol.ts";

/** A morning in Shanghai. */
export const TAKEN_AT_MS = Date.parse("2026-11-21T10:26:30+08:00");

type Language = "zh" | "en";

const C2C: Chat = { scene: "c2c", id: "USER0001" };
const GROUP: Chat = { scene: "group", id: "GROUP0001" };
const CHANNEL: Chat = { scene: "guildChannel", id: "CHANNEL0001" };
const DM: Chat = { scene: "guildDm", id: "DM0001" };

const NAMES = {
  zh: { bot: "小青", lin: "林晓", ming: "小明", ya: "阿雅", wei: "王伟", group: "周末爬山群", channel: "闲聊大厅" },
  en: { bot: "Sprite", lin: "Linda", ming: "Ming", ya: "Aya", wei: "Wei", group: "Weekend hikers", channel: "Lounge" },
};

const URL_REFUSED = { zh: "url 未报备", en: "URL not registered" };

export const WORDS = {
  zh: {
    ask: "周六爬青石山,要带什么?",
    list: [
      "## 青石山一日清单",
      "",
      "- **鞋**:防滑的登山鞋",
      "- **衣服**:冲锋衣,山顶比山脚低 8 °C 左右",
      "- **路上**:1.5 升水,几块巧克力",
    ].join("\n"),
    aside: "我带相机和三脚架",
    again: "如果下雨呢?",
    rain: "下雨就走南坡:石阶有扶手,半山有亭子可以躲。雨衣比伞方便,手能空出来。",
    lounge: "今晚有人一起看球吗?",
    link: "这份徒步路线写得怎么样?trail.example.com/route-7",
    refused:
      "写得很清楚:[第 7 号路线](https://trail.example.com/route-7) 全程 12 公里,爬升 640 米。\n**建议**在 5 公里处补水。",
    plain: "写得很清楚:第 7 号路线 (trail.example[.]com/route-7) 全程 12 公里,爬升 640 米。\n建议在 5 公里处补水。",
    umbrella: "明天出门要带伞吗?",
    yes: "**要带。** 明天的安排:\n\n1. 上午多云,18 °C\n2. 下午 3 点起小雨\n3. 晚上转阴,有风\n\n*傍晚回家的路上最容易淋到。*",
    run: "那几点去跑步合适?",
    early: "早上 7 点到 9 点最好:不晒,也没有雨。下午 3 点前都还来得及,只是闷一些。",
  },
  en: {
    ask: "What do we need on Mount Greenstone?",
    list: [
      "## A day on Mount Greenstone",
      "",
      "- **Shoes**: boots with grip",
      "- **Clothes**: a windproof jacket, the top is 8 °C colder",
      "- **On the way**: 1.5 l of water, some chocolate",
    ].join("\n"),
    aside: "I'll bring my camera and the tripod",
    again: "And if it rains?",
    rain: "Then take the south side: its steps have a handrail, and there is a shelter half-way up. A raincoat beats an umbrella, it leaves you both hands.",
    lounge: "Anybody watching the match tonight?",
    link: "What do you make of this route? trail.example.com/route-7",
    refused:
      "Clearly written: [route 7](https://trail.example.com/route-7) is 12 km long and climbs 640 m.\n**Tip**: fill up on water at km 5.",
    plain:
      "Clearly written: route 7 (trail.example[.]com/route-7) is 12 km long and climbs 640 m.\nTip: fill up on water at km 5.",
    umbrella: "Do I need an umbrella tomorrow?",
    yes: "**Yes.** Tomorrow looks like this:\n\n1. Morning: cloudy, 18 °C\n2. From 3 pm: light rain\n3. Evening: grey and windy\n\n*You would get wet on the way home.*",
    run: "When should I go for a run, then?",
    early: "Between 7 and 9 in the morning: no sun yet, and no rain. Until 3 pm is fine as well, only a bit close.",
  },
};

export function prepared(language: Language): Snapshot {
  const names = NAMES[language];
  const words = WORDS[language];
  const person = (id: string, name: string, role: Person["role"] = "member"): Person => ({ id, name, role });
  const lin = person("USER0001", names.lin);
  const [ming, ya, wei] = [person("M1", names.ming), person("M2", names.ya, "admin"), person("M3", names.wei, "owner")];
  const at = (clock: string) => Date.parse(`2026-11-21T${clock}+08:00`);
  const said = (id: string, chat: Chat, clock: string, by: Person, text: string, more: object = {}): Line => ({
    ...{ kind: "said", id, chat, atMs: at(clock), by, text, addressed: true, attachments: [], acknowledged: true },
    ...more,
  });
  const answered = (id: string, chat: Chat, clock: string, to: string, text: string, more: object = {}): Line => ({
    ...{ kind: "answered", id, chat, atMs: at(clock), form: "text", text, to, buttons: [], attachments: [] },
    ...more,
  });
  const quote = { id: "g2", name: names.bot, text: words.list.split("\n")[0]?.slice(3) ?? "" };
  const view = (chat: Chat, name: string, people: Person[]): ChatView => ({
    ...{ chat, name, people, events: [{ event: "FRIEND_DEL", words: { zh: "", en: "" } }] },
  });
  return {
    bot: { appId: "102000001", name: names.bot },
    callbackUrl: "http://127.0.0.1:8787/qq/callback",
    model: { name: "deepseek/deepseek-flash", isDemo: false },
    claim: "",
    chats: [
      view(C2C, names.lin, [lin]),
      view(GROUP, names.group, [ming, ya, wei]),
      view(CHANNEL, names.channel, [ming, ya]),
      view(DM, names.ya, [ya]),
    ],
    lines: [
      said("l1", CHANNEL, "09:02:00", ming, words.lounge, { addressed: false }),
      said("d1", DM, "10:20:00", ya, words.umbrella),
      answered("d2", DM, "10:20:02", "d1", words.yes, { form: "markdown" }),
      said("d3", DM, "10:21:00", ya, words.run),
      answered("d4", DM, "10:21:02", "d3", words.early),
      said("c1", C2C, "10:24:10", lin, words.link),
      {
        ...{ kind: "refused", id: "c2", chat: C2C, atMs: at("10:24:12"), text: words.refused, to: "c1" },
        ...{ status: 400, code: 304003, meaning: URL_REFUSED.zh },
      },
      answered("c3", C2C, "10:24:12", "c1", words.plain),
      said("g1", GROUP, "10:25:00", ming, words.ask),
      answered("g2", GROUP, "10:25:02", "g1", words.list, { form: "markdown", at: names.ming }),
      said("g3", GROUP, "10:25:40", ya, words.aside, { addressed: false }),
      said("g4", GROUP, "10:26:05", wei, words.again, { quote }),
      answered("g5", GROUP, "10:26:07", "g4", words.rain, { at: names.wei }),
    ],
    traces: [
      traceOf("c1", C2C, at("10:24:10"), REFUSED),
      traceOf("g4", GROUP, at("10:26:05"), ANSWERED),
      traceOf("g1", GROUP, at("10:25:00"), ANSWERED),
      traceOf("d3", DM, at("10:21:00"), ANSWERED),
    ],
    weather: [],
    codes: [{ code: 304003, words: URL_REFUSED }],
    tally: { asked: 0, own: 0, joined: 0, told: 0, lost: 0, torn: 0, doubled: 0, outOfOrder: 0, isBursting: false },
  };
}

type Timed = Omit<Step, "atMs" | "level"> & { afterMs: number; level?: Step["level"] };

const TAKEN: readonly Timed[] = [
  { afterMs: 1, by: "qq", what: "callback", status: 200, tookMs: 14, fields: { bytes: 612 } },
  { afterMs: 9, by: "worker", what: "callback.accepted", fields: { result: "accepted", storeMs: 2 } },
  { afterMs: 16, by: "qq", what: "acknowledged", fields: { acknowledged: true } },
];

const ANSWERED: readonly Timed[] = [
  ...TAKEN,
  { afterMs: 26, by: "model", what: "call", status: 200, tookMs: 1_384, fields: { firstByteMs: 412 } },
  { afterMs: 1_418, by: "qq", what: "send", status: 200, tookMs: 64, fields: { msg_seq: 1 } },
  { afterMs: 1_490, by: "worker", what: "turn.ended", fields: { outcome: "answered" } },
];

const REFUSED: readonly Timed[] = [
  ...TAKEN,
  { afterMs: 23, by: "qq", what: "typing", status: 200, tookMs: 28, fields: {} },
  { afterMs: 25, by: "model", what: "call", status: 200, tookMs: 1_702, fields: { firstByteMs: 530 } },
  { afterMs: 1_735, by: "qq", what: "send", status: 400, tookMs: 41, level: "warn", fields: { code: 304003 } },
  {
    ...{ afterMs: 1_779, by: "worker", what: "send.refused", level: "warn" },
    fields: { turn: 4, part: 1, code: 304003, summary: "URL not registered", verdict: "stripLinks" },
  },
  { afterMs: 1_786, by: "qq", what: "send", status: 200, tookMs: 58, fields: { msg_seq: 2 } },
  { afterMs: 1_851, by: "worker", what: "turn.ended", fields: { outcome: "answered" } },
];

function traceOf(id: string, chat: Chat, startedAtMs: number, steps: readonly Timed[]): Trace {
  return {
    id,
    chat,
    startedAtMs,
    steps: steps.map(({ afterMs, level = "info", ...step }) => ({ ...step, level, atMs: startedAtMs + afterMs })),
    callback: { url: "http://127.0.0.1:8787/qq/callback", headers: {}, body: "{}" },
  };
}
