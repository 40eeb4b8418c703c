/**
 * Takes the pictures in docs/screenshots: the real page beside the real Worker, to which a conversation is said; only the
 * model's words are prepared. `npm run screenshots`; needs Chromium and CJK fonts.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page as BrowserPage } from "playwright-core";
import type { Chat } from "../../src/event.ts";
import { DEMO_MODEL_NAME, DEMO_MODEL_PATH } from "../../src/simulator/demo-model.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { Page } from "../../src/simulator/page.ts";
import { bundlePage } from "../../src/simulator/page-bundle.ts";
import type { Question } from "../../src/simulator/questions.ts";
import { startWorker } from "../../src/simulator/worker-process.ts";
import { startBrowser } from "./browser.ts";
import { WORDS } from "./prepared-chats.ts";
import { freePort } from "./workerd.ts";

const FOLDER = join(import.meta.dirname, "../../docs/screenshots");
const LARGEST_BYTES = 250_000;
/** About as long as a model takes. */
const MODEL_MS = 1_400;

const WIDE: BrowserContextOptions = { viewport: { width: 1200, height: 800 }, deviceScaleFactor: 1.25 };
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 740 }, deviceScaleFactor: 1.6 };

const C2C: Chat = { scene: "c2c", id: "USER0001" };
const GROUP: Chat = { scene: "group", id: "GROUP0001" };
const CHANNEL: Chat = { scene: "guildChannel", id: "CHANNEL0001" };
const DM: Chat = { scene: "guildDm", id: "DM0001" };
const [MING, YA, WEI] = ["MEMBER0001", "MEMBER0002", "MEMBER0004"] as const;

interface Shot {
  name: string;
  chat: Chat;
  options: BrowserContextOptions;
  /** What a person clicks before it is taken. */
  act?: (page: BrowserPage) => Promise<void>;
}

const SHOTS: readonly Shot[] = [
  { name: "chat", chat: GROUP, options: WIDE },
  {
    name: "trace",
    chat: C2C,
    options: WIDE,
    act: (page) => page.locator('.step[data-what="send.refused"] summary').click(),
  },
  { name: "phone", chat: DM, options: PHONE },
];

type Words = (typeof WORDS)["zh"];

/** Question -> answer. */
const scriptOf = (words: Words) =>
  new Map([
    [words.ask, words.list],
    [words.again, words.rain],
    [words.umbrella, words.yes],
    [words.run, words.early],
    [words.link, words.refused],
  ]);

async function converse(qq: FakeQQ, page: Page, words: Words): Promise<void> {
  const say = async (chat: Chat, text: string, { sender, ...more }: { sender: string } & Partial<Question>) => {
    const person = page.state.chatOf(chat)?.people.find(({ id }) => id === sender);
    const { scene, id: chatId } = chat;
    const who = { sender, senderName: person?.name, role: person?.role };
    const asked = await qq.say({ scene, chatId, text, ...who, ...more });
    if (!asked.unaddressed) await qq.until(() => qq.ledger.answersTo(asked.messageId).length > 0);
    return asked;
  };
  await say(CHANNEL, words.lounge, { sender: MING, addressed: false });
  await say(DM, words.umbrella, { sender: MING });
  await say(DM, words.run, { sender: MING });
  await say(C2C, words.link, { sender: C2C.id });
  const { messageId } = await say(GROUP, words.ask, { sender: MING });
  await say(GROUP, words.aside, { sender: YA, addressed: false });
  const [{ id = "", text = "" } = {}] = qq.ledger.answersTo(messageId);
  await say(GROUP, words.again, { sender: WEI, quote: { id, text, name: qq.bot.name } });
}

async function take(browser: Browser, language: keyof typeof WORDS): Promise<void> {
  const script = scriptOf(WORDS[language]);
  const port = await freePort();
  const app = { appId: "102000001", appSecret: "simulator-secret-of-no-value" };
  const qq = new FakeQQ({ ...app, callbackUrl: `http://127.0.0.1:${port}/qq/callback` });
  qq.model.script = (question) => [...script].find(([asked]) => question.includes(asked))?.[1];
  qq.model.weather.set({ kind: "drip", ms: MODEL_MS }, { times: script.size * 2 });
  qq.registeredDomains = new Set(["qq.com"]);
  const page = new Page(qq, { model: { name: DEMO_MODEL_NAME, isDemo: true }, claim: "" });
  const url = await qq.start(0, { page: page.routes({ bundle: await bundlePage() }) });
  page.origin = url;
  const settings = {
    QQ_APP_ID: app.appId,
    QQ_APP_SECRET: app.appSecret,
    QQ_API_BASE: url,
    ACCESS: "open",
    MODEL: `openai-compatible/${DEMO_MODEL_NAME}`,
    MODEL_BASE_URL: url + DEMO_MODEL_PATH,
  };
  const worker = await startWorker(port, settings, (line) => page.hear(line));
  try {
    await converse(qq, page, WORDS[language]);
    for (const { name, chat, options, act } of SHOTS) {
      const context = await browser.newContext({
        ...options,
        locale: language === "zh" ? "zh-CN" : "en-GB",
        timezoneId: "Asia/Shanghai",
        reducedMotion: "reduce",
      });
      const tab = await context.newPage();
      await tab.goto(`${url}/#${chat.scene}:${chat.id}`);
      await tab.locator(".line").last().waitFor();
      await act?.(tab);
      const path = join(FOLDER, `${name}-${language}.png`);
      await tab.screenshot({ path, animations: "disabled" });
      const { size } = await stat(path);
      console.log(`${path}: ${Math.round(size / 1000)} kB`);
      if (size > LARGEST_BYTES) throw new Error(`${path} is larger than ${LARGEST_BYTES} bytes`);
      await context.close();
    }
  } finally {
    await worker.stop();
    await qq.stop();
  }
}

await mkdir(FOLDER, { recursive: true });
const browser = await startBrowser();
try {
  for (const language of ["zh", "en"] as const) await take(browser, language);
} finally {
  await browser.close();
}
