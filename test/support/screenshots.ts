/**
 * Takes the pictures in docs/screenshots: the real page, shown a prepared conversation at a fixed time, so that they change
 * only with the page. `npm run screenshots`; needs Chromium and CJK fonts.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { Snapshot } from "../../src/simulator/page/protocol.ts";
import { startBrowser } from "./browser.ts";
import { prepared, TAKEN_AT_MS } from "./prepared-chats.ts";
import { startStillPage } from "./still-page.ts";

const FOLDER = join(import.meta.dirname, "../../docs/screenshots");
const LARGEST_BYTES = 250_000;

const WIDE: BrowserContextOptions = { viewport: { width: 1200, height: 800 }, deviceScaleFactor: 1.25 };
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 740 }, deviceScaleFactor: 1.6 };

interface Shot {
  name: string;
  chat: string;
  options: BrowserContextOptions;
  /** What a person clicks before it is taken. */
  act?: (page: Page) => Promise<void>;
}

const SHOTS: readonly Shot[] = [
  {
    name: "chat",
    chat: "group:GROUP0001",
    options: WIDE,
    async act(page) {
      await page.getByRole("combobox").selectOption("M3");
    },
  },
  {
    name: "trace",
    chat: "c2c:USER0001",
    options: WIDE,
    async act(page) {
      await page.locator('.step[data-what="send.refused"] summary').click();
    },
  },
  { name: "phone", chat: "guildDm:DM0001", options: PHONE },
];

async function take(browser: Browser, language: "zh" | "en", snapshot: Snapshot): Promise<void> {
  const still = await startStillPage(snapshot);
  try {
    for (const { name, chat, options, act } of SHOTS) {
      const context = await browser.newContext({
        ...options,
        locale: language === "zh" ? "zh-CN" : "en-GB",
        timezoneId: "Asia/Shanghai",
        reducedMotion: "reduce",
      });
      const page = await context.newPage();
      await page.clock.setFixedTime(TAKEN_AT_MS);
      await page.goto(`${still.url}/#${chat}`);
      await page.locator(".line").last().waitFor();
      await page.waitForLoadState("load");
      await act?.(page);
      const path = join(FOLDER, `${name}-${language}.png`);
      await page.screenshot({ path, animations: "disabled" });
      const { size } = await stat(path);
      console.log(`${path}: ${Math.round(size / 1000)} kB`);
      if (size > LARGEST_BYTES) throw new Error(`${path} is larger than ${LARGEST_BYTES} bytes`);
      await context.close();
    }
  } finally {
    await still.stop();
  }
}

await mkdir(FOLDER, { recursive: true });
const browser = await startBrowser();
try {
  for (const language of ["zh", "en"] as const) await take(browser, language, prepared(language));
} finally {
  await browser.close();
}
