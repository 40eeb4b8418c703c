/**
 * Takes the pictures in docs/screenshots: the real page, shown a prepared conversation at a fixed time, so that they change
 * only with the page. `npm run screenshots`; needs Chromium and CJK fonts.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { Snapshot } from "../../src/simulator/page/protocol.ts";
import type { Stage } from "../../src/simulator/page-actions.ts";
import { bundlePage } from "../../src/simulator/page-bundle.ts";
import { pageRoutes } from "../../src/simulator/page-server.ts";
import { startBrowser } from "./browser.ts";
import { prepared, TAKEN_AT_MS } from "./prepared-chats.ts";
import { freePort } from "./workerd.ts";

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

/** Everything that is shown is in the snapshot; nothing happens after it. */
function still(snapshot: Snapshot): Stage {
  const stage: Partial<Record<keyof Stage, unknown>> = { state: { snapshot, subscribe: () => () => {} } };
  return stage as unknown as Stage; // no action is called
}

async function take(browser: Browser, language: "zh" | "en", snapshot: Snapshot): Promise<void> {
  const port = await freePort();
  const app = pageRoutes(still(snapshot), { bundle: await bundlePage() });
  const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
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
      await page.goto(`http://127.0.0.1:${port}/#${chat}`);
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
    if ("closeAllConnections" in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

await mkdir(FOLDER, { recursive: true });
const browser = await startBrowser();
try {
  for (const language of ["zh", "en"] as const) await take(browser, language, prepared(language));
} finally {
  await browser.close();
}
