/** The simulator's page in a real browser, before the real Worker: `npm start` as a newcomer meets it. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { readFile } from "../../src/simulator/media.ts";
import type { Answered, Button, Line, Said, Snapshot } from "../../src/simulator/page/protocol.ts";
import { Switches } from "../../src/simulator/switches.ts";
import { startBrowser, type Visit, visit } from "../support/browser.ts";
import { prepared, TAKEN_AT_MS } from "../support/prepared-chats.ts";
import { type Simulator, startSimulator } from "../support/simulator.ts";
import { type StillPage, startStillPage } from "../support/still-page.ts";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 } };
const C2C = { scene: "c2c", id: "USER0001" } as const;
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

describe("the simulator's page", () => {
  let browser: Browser;
  let simulator: Simulator;
  const visits: Visit[] = [];

  beforeAll(async () => {
    browser = await startBrowser();
    simulator = await startSimulator();
  });
  afterAll(async () => {
    await browser?.close();
    await simulator?.stop();
  });

  /** Nothing that a test does may make the browser complain. */
  afterEach(async () => {
    const complaints = visits.flatMap((one) => one.complaints);
    await Promise.all(visits.splice(0).map((one) => one.close()));
    expect(complaints).toEqual([]);
  });

  async function open(options: BrowserContextOptions = {}, path = "/?lang=en"): Promise<Page> {
    const one = await visit(browser, simulator.url + path, options);
    visits.push(one);
    await one.page.locator(".chat-head").waitFor();
    return one.page;
  }

  const toChat = (page: Page, name: string) =>
    page.getByRole("navigation", { name: "Chats" }).getByRole("button", { name }).click();

  async function say(page: Page, text: string): Promise<void> {
    await page.locator("#message").fill(text);
    await page.keyboard.press("Enter");
  }

  /** The demo model repeats what it was asked. */
  const answerTo = (page: Page, text: string): Locator => page.locator(".answered").filter({ hasText: text });

  const switchRow = (page: Page, name: string) => page.locator(".switch").filter({ hasText: name });

  const stepsOf = (page: Page): Promise<string[]> =>
    page.locator(".step").evaluateAll((steps) => steps.map((step) => step.getAttribute("data-what") ?? ""));

  /** As the bot does, with its own credentials. */
  async function callQQ(path: string, body: unknown): Promise<void> {
    const asked = await fetch(`${simulator.url}/app/getAppAccessToken`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ appId: "102000001", clientSecret: "simulator-secret-of-no-value" }),
    });
    const { access_token } = (await asked.json()) as { access_token: string };
    const answer = await fetch(simulator.url + path, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `QQBot ${access_token}`,
        "x-union-appid": "102000001",
      },
      body: JSON.stringify(body),
    });
    if (answer.status !== 200) throw new Error(`QQ refuses: ${await answer.text()}`);
  }

  /** The id of the newest message that a person has said. */
  const newestSaid = async (page: Page) => (await page.locator(".said").last().getAttribute("data-line")) ?? "";

  it("offers a newcomer something to say, answers it, and shows what happened with times and statuses", async () => {
    const page = await open();
    await page.getByRole("heading", { name: "Hello!" }).waitFor();
    await page.getByRole("button", { name: "Hello!" }).click();
    await answerTo(page, "你说的是:Hello!").waitFor();
    await page.locator('.step[data-what="turn.ended"]').waitFor();
    const steps = await stepsOf(page);
    expect(steps[0]).toBe("callback");
    expect(steps).toEqual(expect.arrayContaining(["callback.accepted", "acknowledged", "call", "send"]));
    expect(steps.indexOf("acknowledged")).toBeLessThan(steps.indexOf("send"));
    for (const what of ["callback", "call", "send"]) {
      const step = page.locator(`.step[data-what="${what}"]`).first();
      expect(await step.locator(".chip").textContent()).toBe("200");
      expect(await step.locator(".step-time").textContent()).toMatch(/^\+[\d.]+ m?s$/);
      expect(await step.locator(".took").textContent()).toMatch(/[\d.]+ m?s$/);
    }
    await page.locator('.step[data-what="callback"] summary').click();
    await page.getByText("C2C_MESSAGE_CREATE", { exact: true }).waitFor();
  });

  it("names the demo model, and becomes the owner's by the message that it shows", async () => {
    const page = await open();
    expect(await page.locator(".chat-head").textContent()).toContain("Demo model");
    const readme = await page.getByRole("link", { name: "Read me" }).getAttribute("href");
    const text = await (await fetch(simulator.url + readme)).text();
    expect(text).toContain("# qq-edge");
  });

  it("speaks Chinese to a browser that does", async () => {
    const page = await open({ locale: "zh-CN" }, "/");
    await page.getByRole("navigation", { name: "会话" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("zh-CN");
  });

  it("lets any member of a group speak, and answers, with QQ's @, who has spoken to the bot", async () => {
    const page = await open();
    await toChat(page, "周末爬山群");
    await page.getByLabel("Speak as").selectOption({ label: "阿雅" });
    await page.getByRole("checkbox").uncheck();
    await say(page, "only among us");
    await page.locator(".said").filter({ hasText: "only among us" }).waitFor();
    await page.getByLabel("Speak as").selectOption({ label: "王伟 · owner" });
    await page.getByRole("checkbox").check();
    await say(page, "to the bot");
    const answer = answerTo(page, "to the bot");
    await answer.waitFor();
    expect(await answer.locator(".text").textContent()).toMatch(/^@王伟 你说的是:to the bot/);
    // Parts go out in the order of the turns: one for the first would be here by now.
    expect(await page.locator(".answered").filter({ hasText: "only among us" }).count()).toBe(0);
    const own = page.locator(".said.own");
    expect(await own.locator(".text").allTextContents()).toEqual([expect.stringMatching(/^@.+ to the bot$/)]);
  });

  it("presses a button under a message, and shows that the bot has acknowledged it", async () => {
    const page = await open();
    await say(page, "buttons, please");
    await answerTo(page, "buttons, please").waitFor();
    const action = { type: 1, permission: { type: 2 }, data: "confirm:once", unsupport_tips: "update" };
    const button = { id: "allow", render_data: { label: "Allow", visited_label: "Allowed", style: 1 }, action };
    await callQQ("/v2/users/USER0001/messages", {
      msg_type: 2,
      markdown: { content: "**May I?**" },
      keyboard: { content: { rows: [{ buttons: [button] }] } },
      msg_id: await newestSaid(page),
      msg_seq: 900,
    });
    await page.getByRole("button", { name: "Allow" }).click();
    const pressed = page.locator(".happened").filter({ hasText: "INTERACTION_CREATE" }).last();
    await pressed.waitFor();
    await pressed.getByRole("button").click();
    const acknowledgement = page.locator('.step[data-what="acknowledge"]');
    await acknowledgement.waitFor();
    expect(await acknowledgement.locator(".chip").first().textContent()).toBe("200");
    expect(await pressed.locator(".unacknowledged").count()).toBe(0);
  });

  it("attaches a picture and a file, with a preview, and shows them in the chat", async () => {
    const page = await open();
    const before = await page.locator(".said .attachment").count();
    await page.locator("input[type=file]").setInputFiles([
      { name: "pixel.png", mimeType: "image/png", buffer: PIXEL },
      { name: "notes & more.txt", mimeType: "text/plain", buffer: Buffer.from("hello") },
    ]);
    await page.locator(".preview img").waitFor();
    await page.locator(".preview").filter({ hasText: "notes & more.txt" }).getByText("5 B").waitFor();
    await say(page, "look at this");
    await answerTo(page, "look at this").waitFor();
    const shown = page.locator(".said").filter({ hasText: "look at this" });
    expect(
      await shown.locator("img").evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth),
    ).toBe(1);
    expect(await shown.locator(".file-name").textContent()).toBe("notes & more.txt");
    expect(await page.locator(".said .attachment").count()).toBe(before + 2);
    expect(await page.locator(".preview").count()).toBe(0);
  });

  it("takes what is pasted and dropped, gives it up again, and refuses what is too large", async () => {
    const page = await open();
    const hand = (event: "ClipboardEvent('paste'" | "DragEvent('drop'", to: string, name: string) =>
      page.evaluate(`{
        const data = new DataTransfer();
        data.items.add(new File(["x"], "${name}", { type: "text/plain" }));
        const how = { clipboardData: data, dataTransfer: data, bubbles: true, cancelable: true };
        document.querySelector("${to}").dispatchEvent(new ${event}, how));
      }`);
    await hand("ClipboardEvent('paste'", "#message", "pasted.txt");
    await hand("DragEvent('drop'", ".composer", "dropped.txt");
    await page.locator(".preview").filter({ hasText: "dropped.txt" }).getByText("1 B").waitFor();
    await page.getByRole("button", { name: "Remove pasted.txt" }).click();
    const large = {
      name: "large.bin",
      mimeType: "application/octet-stream",
      buffer: Buffer.alloc(10 * 1024 * 1024 + 1),
    };
    await page.locator("input[type=file]").setInputFiles([large]);
    await page.getByRole("alert").filter({ hasText: "larger than 10 MB" }).waitFor();
    await expect.poll(() => page.locator(".preview-name").allTextContents()).toEqual(["dropped.txt"]);
    await say(page, "");
    await page.locator(".said .file-name").filter({ hasText: "dropped.txt" }).waitFor();
  });

  it("quotes a message", async () => {
    const page = await open();
    await say(page, "first words");
    const answer = answerTo(page, "first words");
    await answer.waitFor();
    await answer.hover();
    await answer.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name: "Quote" }).click();
    await page.locator(".quoting").filter({ hasText: "first words" }).waitFor();
    await say(page, "what did you mean");
    const said = page.locator(".said").filter({ hasText: "what did you mean" });
    await said.locator(".quoted").filter({ hasText: "first words" }).waitFor();
    await page.locator(".quoting").waitFor({ state: "detached" });
  });

  it("takes a message back where QQ tells of it", async () => {
    const page = await open();
    await toChat(page, "闲聊大厅");
    await say(page, "slip of the tongue");
    const said = page.locator(".said").filter({ hasText: "slip of the tongue" });
    await said.hover();
    await said.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name: "Recall" }).click();
    await page.locator(".notice-line").filter({ hasText: "recalled a message" }).waitFor();
    expect(await said.count()).toBe(0);
  });

  it("lets events happen that are no messages", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Make something happen" }).click();
    await page.getByRole("menuitem", { name: "C2C_MSG_REJECT" }).click();
    await page.locator(".happened").filter({ hasText: "C2C_MSG_REJECT" }).first().waitFor();
  });

  it("finds a code by its number, refuses one message with it, and shows what QQ refused and why", async () => {
    const page = await open();
    await toChat(page, "小明的频道私信");
    await page.getByRole("tab", { name: "Weather" }).click();
    await page.getByLabel("Find an error code").fill("40034012");
    await page.getByRole("button", { name: "40034012: Once" }).click();
    await page.locator(".banner.storm").waitFor();
    await say(page, "!md is forbidden");
    const refused = page.locator(".refused");
    await refused.waitFor();
    expect(await refused.locator(".verdict").textContent()).toMatch(/HTTP 400.*40034012/);
    expect(await refused.locator(".meaning").textContent()).toMatch(/markdown · Markdown not granted/);
    await answerTo(page, "!md is forbidden").waitFor(); // as plain text
    await page.locator(".banner.storm").waitFor({ state: "detached" });
  });

  it("switches a fault on, which the bot survives, and off again", async () => {
    const page = await open();
    await page.getByRole("tab", { name: "Weather" }).click();
    const dropped = switchRow(page, "Connection dropped, not delivered");
    await dropped.getByRole("button", { name: "Once" }).click();
    await page.locator(".banner.storm").waitFor();
    await say(page, "through the storm");
    await answerTo(page, "through the storm").waitFor();
    await page.locator(".banner.storm").waitFor({ state: "detached" });
    await page.getByRole("tab", { name: "Trace" }).click();
    expect((await stepsOf(page)).filter((what) => what === "send")).toHaveLength(2);
    await page.locator('.step[data-what="send"]').filter({ hasText: "no response" }).waitFor();
    expect(await answerTo(page, "through the storm").count()).toBe(1);

    await page.getByRole("tab", { name: "Weather" }).click();
    await dropped.getByRole("button", { name: "On", exact: true }).click();
    await page.locator(".banner.storm").waitFor();
    await page.getByRole("button", { name: "All off" }).click();
    await page.locator(".banner.storm").waitFor({ state: "detached" });
    expect(await dropped.getByRole("button", { name: "Off" }).getAttribute("aria-pressed")).toBe("true");
  });

  it("marks a message that was answered together with the next one", async () => {
    const page = await open();
    await page.getByRole("tab", { name: "Weather" }).click();
    const slow = page.getByRole("region", { name: "The model" }).locator(".switch").filter({ hasText: "Slow" });
    await slow.getByRole("spinbutton").fill("1500");
    await slow.getByRole("button", { name: "Once" }).click();
    await page.locator(".banner.storm").waitFor();
    await say(page, "one thing");
    await page.locator(".typing").waitFor();
    await say(page, "and another");
    await answerTo(page, "and another").waitFor();
    const first = page.locator(".said").filter({ hasText: "one thing" });
    await first.getByText("Answered together with the next one").waitFor();
    expect(await page.locator(".said").filter({ hasText: "and another" }).locator(".joined").count()).toBe(0);
    expect(await page.locator(".typing").count()).toBe(0);
  });

  it("keeps the conversation, its traces and the open chat over a reload", async () => {
    const page = await open();
    await toChat(page, "周末爬山群");
    await say(page, "remember me");
    await answerTo(page, "remember me").waitFor();
    const before = await page.locator(".line .text").allTextContents();
    await page.reload();
    await answerTo(page, "remember me").waitFor();
    expect(await page.locator(".line .text").allTextContents()).toEqual(before);
    await page.locator('.step[data-what="callback"]').first().waitFor();
  });

  it("copies a curl command that a shell replays, and replays by a click", async () => {
    const page = await open();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await say(page, "it's a 'quoted' \"word\" $HOME `id` \\");
    await answerTo(page, "'quoted'").waitFor();
    await page.getByRole("button", { name: "Copy curl" }).click();
    await page.getByText("Copied").waitFor();
    const command = String(await page.evaluate("navigator.clipboard.readText()"));
    const answer = execFileSync("/bin/sh", ["-c", command], { encoding: "utf8" });
    expect(JSON.parse(answer)).toEqual({ op: 12, d: 0 });

    await page.getByRole("button", { name: "Copy JSON" }).click();
    const trace = JSON.parse(String(await page.evaluate("navigator.clipboard.readText()")));
    expect(JSON.parse(trace.callback.body).d.content).toContain("$HOME `id` \\");

    await page.getByRole("button", { name: "Replay", exact: true }).click();
    await page.locator('.step[data-what="callback"]').nth(1).waitFor();
    await page.getByRole("button", { name: "Replay as is" }).click();
    await page.locator('.step[data-what="callback"]').nth(2).waitFor();
    await say(page, "after the replays");
    await answerTo(page, "after the replays").waitFor();
    expect(await answerTo(page, "'quoted'").count()).toBe(1);
  });

  it("shows hostile words harmlessly, whoever says them", async () => {
    const page = await open();
    const hostile = [
      "<script>window.hit = 1</script><img src=x onerror='window.hit = 2'>",
      "<svg onload=alert(1)><a href='javascript:alert(1)'>x</a>",
      "\u202Egnirts desrever \u2067 right to left",
      "***__~~`[![ broken ](](((>>> ``` ~~~\n> # - 1. |a|b|",
      "[a](javascript:alert(1)) ![p](https://elsewhere.example/p.png)",
    ];
    for (const text of hostile) {
      await say(page, text);
      await page
        .locator(".said")
        .filter({ hasText: text.slice(0, 12).trim() })
        .last()
        .waitFor();
    }
    await say(page, "the last of them");
    await answerTo(page, "the last of them").waitFor();

    // What the bot writes, past its own care: straight to QQ.
    await callQQ("/v2/users/USER0001/messages", {
      msg_type: 2,
      markdown: {
        content:
          "# raw\n<img src=x onerror=window.hit=3><script>window.hit=4</script>\n\n[js](javascript:window.hit=5) " +
          "[data](data:text/html,x) ![far](https://elsewhere.example/p.png) [ok](https://example.com/a)\n\n" +
          "| a | b |\n| - | - |\n| <b onclick=alert(1)>c</b> | d |",
      },
      msg_id: await newestSaid(page),
      msg_seq: 901,
    });
    const raw = page.locator(".answered .markdown").filter({ hasText: "raw" }).last();
    await raw.waitFor();
    expect(await raw.locator("script, img, b, table").count()).toBe(0);
    const links = await raw.locator("a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    expect(links).toEqual(["https://elsewhere.example/p.png", "https://example.com/a"]);
    for (const link of await raw.locator("a").all()) {
      expect(await link.getAttribute("rel")).toContain("noopener");
      expect(await link.getAttribute("target")).toBe("_blank");
    }
    expect(await page.evaluate("window.hit")).toBeUndefined();
    expect(await page.locator(".text script, .text svg, .text [onerror], .text [onload]").count()).toBe(0);
  });

  it("shows 100 kB in a line as its beginning, all of it on demand, and never wider than the page", async () => {
    const page = await open(PHONE);
    await say(page, `${"长".repeat(50_000)}${"x".repeat(50_000)}`);
    const said = page.locator(".said").last();
    await said.getByRole("button", { name: "Show all" }).waitFor();
    expect((await said.locator(".text").textContent())?.length).toBeLessThan(3_000);
    await said.getByRole("button", { name: "Show all" }).click();
    expect((await said.locator(".text").textContent())?.length).toBe(100_000);
    expect(await widthOf(page)).toBe(390);
    const overhang = "document.querySelector('.lines').scrollWidth - document.querySelector('.lines').clientWidth";
    expect(await page.evaluate(overhang)).toBe(0);
    await said.getByRole("button", { name: "Show less" }).click();
  });

  it("sends by Enter, starts a line by Shift+Enter, and leaves an input method its Enter", async () => {
    const page = await open();
    const message = page.locator("#message");
    await message.fill("nihao");
    const composing = (how: string) =>
      page.evaluate(`document.querySelector("#message").dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", ${how}, bubbles: true, cancelable: true }))`);
    expect([await composing("isComposing: true"), await composing("keyCode: 229")]).toEqual([true, true]); // not taken
    expect(await composing("isComposing: false")).toBe(false); // taken, and sent
    await page.locator(".said").filter({ hasText: "nihao" }).last().waitFor();
    await message.fill("nihao");
    await page.keyboard.press("End");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second line");
    expect(await message.inputValue()).toBe("nihao\nsecond line");
    await page.keyboard.press("Enter");
    await page.locator(".said").filter({ hasText: "nihao\nsecond line" }).waitFor();
    expect(await message.inputValue()).toBe("");
  });

  it("is walked by the keyboard alone", async () => {
    const page = await open();
    const { keyboard } = page;
    const focused = () =>
      page.evaluate(`document.activeElement === document.body ? "" :
        (document.activeElement.getAttribute("aria-label") ?? document.activeElement.innerText)`) as Promise<string>;
    /** Goes on by Tab until what has the focus is called like this. */
    const tabTo = async (name: RegExp) => {
      for (let n = 0; n < 200; n += 1) {
        await keyboard.press("Tab");
        if (name.test(await focused())) return;
      }
      throw new Error(`no ${name} is reached by Tab`);
    };
    await tabTo(/^Skip to the message box/);
    await tabTo(/周末爬山群/);
    await keyboard.press("Enter");
    await page.getByRole("heading", { name: "周末爬山群" }).waitFor();
    await page.evaluate("document.activeElement.blur()");
    await tabTo(/^Skip to the message box/);
    await keyboard.press("Enter");
    expect(await focused()).toMatch(/^Message /);
    await keyboard.type("by keys alone");
    await keyboard.press("Enter");
    await answerTo(page, "by keys alone").waitFor();

    await tabTo(/^Emoji/);
    await keyboard.press("Enter");
    await page.getByRole("menu", { name: "Emoji" }).waitFor();
    await keyboard.press("ArrowDown");
    await keyboard.press("Escape");
    await page.getByRole("menu").waitFor({ state: "detached" });
    expect(await focused()).toBe("Emoji");
    await keyboard.press("Enter");
    await keyboard.press("ArrowRight");
    await keyboard.press("Enter");
    await expect.poll(() => page.locator("#message").inputValue()).toBe("😄");

    await tabTo(/^Trace/);
    await keyboard.press("ArrowRight");
    expect(await page.getByRole("tab", { name: "Weather" }).getAttribute("aria-selected")).toBe("true");
    await tabTo(/^Weather/); // its panel scrolls
    await tabTo(/^Off/);
    await keyboard.press("Tab");
    await keyboard.press("Enter");
    await page.locator(".banner.storm").waitFor();
    await page.evaluate("document.activeElement.blur()");
    await tabTo(/^All off/);
    await keyboard.press("Enter");
    await page.locator(".banner.storm").waitFor({ state: "detached" });
  });

  it("runs a burst and judges it by the ledger", async () => {
    const page = await open();
    await page.getByRole("tab", { name: "Burst" }).click();
    await page.getByRole("spinbutton", { name: "Chats" }).fill("4");
    await page.getByLabel("Messages in each").fill("2");
    await page.getByRole("button", { name: "Start" }).click();
    await page.getByText("Nothing lost, doubled or out of order").waitFor();
    const figures = page.locator(".figure");
    const count = async (name: string) => Number(await figures.filter({ hasText: name }).locator("dd").textContent());
    expect(await count("Acknowledged")).toBe(8);
    expect((await count("Own answer")) + (await count("Joined")) + (await count("Told"))).toBe(8);
    expect(await count("Lost")).toBe(0);
  });

  const widthOf = (page: Page) => page.evaluate("document.documentElement.scrollWidth") as Promise<number>;

  it("fits a phone, one thing at a time, without scrolling sideways", async () => {
    const page = await open({ ...PHONE, hasTouch: true, isMobile: true });
    await page.getByRole("button", { name: "Back to the chats" }).tap();
    await page.getByRole("navigation", { name: "Chats" }).getByRole("button", { name: "周末爬山群" }).tap();
    await say(page, "!md on the phone");
    await answerTo(page, "!md on the phone").waitFor();
    expect(await widthOf(page)).toBe(390);
    await answerTo(page, "!md on the phone").getByRole("button", { name: "Actions" }).tap();
    await page.getByRole("menuitem", { name: "What happened" }).tap();
    await page.locator(".trace").waitFor();
    expect(await page.locator(".middle").isVisible()).toBe(false);
    for (const name of ["Trace", "Weather", "Burst", "Chat"]) {
      await page.getByRole("navigation", { name: "Views" }).getByRole("button", { name }).tap();
      expect(await widthOf(page)).toBe(390);
    }
    for (const name of ["Emoji", "Make something happen"]) {
      await page.getByRole("button", { name }).tap();
      expect(await widthOf(page)).toBe(390);
      const box = await page.getByRole("menu").boundingBox();
      expect(box?.x).toBeGreaterThanOrEqual(0);
      await page.keyboard.press("Escape");
    }
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`has nothing that axe objects to, in the ${colorScheme}`, async () => {
      const page = await visitWithAxe({ colorScheme, reducedMotion: "reduce" });
      await say(page, "!md for axe");
      await answerTo(page, "!md for axe").waitFor();
      await page.locator('.step[data-what="send"]').waitFor();
      await page.locator(".step summary").first().click();
      expect(await objections(page)).toEqual([]);
      await page.getByRole("button", { name: "Make something happen" }).click();
      expect(await objections(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await toChat(page, "小明的频道私信"); // where something was refused
      await page.getByRole("tab", { name: "Weather" }).click();
      await page.getByLabel("Find an error code").fill("304");
      await switchRow(page, "Delivered, but no response").getByRole("button", { name: "Once" }).click();
      await page.locator(".banner.storm").waitFor();
      expect(await objections(page)).toEqual([]);
      await page.getByRole("button", { name: "All off" }).click();
      await page.getByRole("tab", { name: "Burst" }).click();
      await toChat(page, "周末爬山群");
      expect(await objections(page)).toEqual([]);
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await objections(page)).toEqual([]);
      await page.getByRole("button", { name: "Back to the chats" }).click();
      expect(await objections(page)).toEqual([]);
    });
  }

  async function visitWithAxe(options: BrowserContextOptions): Promise<Page> {
    const page = await open(options);
    await page.context().addInitScript({ path: AXE });
    await page.reload();
    await page.locator(".chat-head").waitFor();
    return page;
  }

  async function objections(page: Page): Promise<string[]> {
    const { violations } = (await page.evaluate("axe.run()")) as {
      violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
    };
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
    );
  }

  it("says that the simulator is gone, and goes on when it is back", async () => {
    const page = await open();
    await simulator.stop();
    await page.getByText("The simulator is gone").waitFor();
    await say(page, "anybody there?");
    await page.getByRole("alert").filter({ hasText: "did not answer" }).waitFor();
    expect(await page.locator("#message").inputValue()).toBe("anybody there?");
    simulator = await startSimulator(simulator.ports);
    await page.getByText("The simulator is gone").waitFor({ state: "detached" });
    await page.getByRole("heading", { name: "Hello!" }).waitFor();
    await page.locator("#message").press("Enter");
    await answerTo(page, "anybody there?").waitFor();
    // Nobody was there to be reached.
    const [gone] = visits;
    const expected = gone?.complaints.splice(0) ?? [];
    expect(
      expected.filter(
        (complaint) => !/net::ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED|CONNECTION_RESET)/.test(complaint),
      ),
    ).toEqual([]);
  });
});

describe("the page, told what to show", () => {
  let browser: Browser;
  let still: StillPage;
  let shown: Visit;
  const snapshot = prepared("en");
  const [{ people = [] } = {}] = snapshot.chats;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    expect(shown.complaints).toEqual([]);
    await shown.close();
    await still.stop();
  });

  async function open(more: Partial<Snapshot> = {}, options: BrowserContextOptions = {}): Promise<Page> {
    still = await startStillPage({ ...snapshot, ...more });
    shown = await visit(browser, `${still.url}/?lang=en`, options);
    await shown.page.locator(".chat-head").waitFor();
    return shown.page;
  }

  const everyWeather = () =>
    new Switches(new FakeQQ({ appId: "1", appSecret: "x", callbackUrl: "" }), { isDemo: true }).view();
  const [by = { id: "", name: "", role: "member" as const }] = people;
  const said = (id: string, text: string, more: Partial<Said> = {}): Line => ({
    ...{
      kind: "said",
      id,
      chat: C2C,
      atMs: TAKEN_AT_MS,
      by,
      text,
      addressed: true,
      attachments: [],
      acknowledged: true,
    },
    ...more,
  });
  const answered = (id: string, to: string, text: string, more: Partial<Answered> = {}): Line => ({
    ...{ kind: "answered", id, chat: C2C, atMs: TAKEN_AT_MS, form: "markdown", text, to, buttons: [], attachments: [] },
    ...more,
  });

  it("says which callbacks are on their way, and which the Worker did not acknowledge", async () => {
    const page = await open({ lines: [] });
    still.tell({ kind: "line", line: { ...said("1", "hello"), acknowledged: undefined } as Line });
    await page.getByText("On its way").waitFor();
    still.tell({ kind: "line", line: { ...said("1", "hello"), acknowledged: false } as Line });
    await page.getByText("Not acknowledged by the Worker").waitFor();
    still.tell({ kind: "line", line: said("1", "hello") });
    await page.getByText("Not acknowledged by the Worker").waitFor({ state: "detached" });
    expect(await page.getByText("On its way").count()).toBe(0);
    expect(await page.locator(".line").count()).toBe(1);
  });

  it("names what an answer is to, where something else was said in between", async () => {
    const lines = [said("1", "first question"), said("2", "second question"), answered("3", "1", "late answer")];
    const page = await open({ lines: [...lines, answered("4", "1", "its second part")] });
    const late = page.locator(".answered").filter({ hasText: "late answer" });
    expect(await late.locator(".quoted").textContent()).toContain("first question");
    expect(await page.locator(".answered").filter({ hasText: "its second part" }).locator(".quoted").count()).toBe(0);
  });

  it("shows pictures in Markdown from its own server in the size that they name, and others as links", async () => {
    const page = await open({ lines: [said("1", "picture")] });
    const id = still.files.add(readFile("pixel.png", PIXEL));
    const text = `![own #120px #80px](${still.url}/page/files/${id}) ![far #9px #9px](https://elsewhere.example/p.png)`;
    still.tell({ kind: "line", line: answered("2", "1", text) });
    const picture = page.locator(".markdown img");
    await picture.waitFor();
    expect([await picture.getAttribute("width"), await picture.getAttribute("height")]).toEqual(["120", "80"]);
    expect(await picture.getAttribute("alt")).toBe("own");
    const far = page.locator(".markdown a");
    expect(await far.getAttribute("href")).toBe("https://elsewhere.example/p.png");
    expect(await far.textContent()).toContain("far");
  });

  it("offers buttons by what they do: pressed, put into the box, or a link", async () => {
    const button = (label: string, action: Button["action"], data: string, isOpen = true): Button => ({
      ...{ id: label, label, style: 0, isOpen, action, data },
    });
    const row = [button("Help", "command", "/help me"), button("Site", "link", "https://example.com/")];
    const odd = [button("Odd", "link", "javascript:alert(1)"), button("Closed", "callback", "x", false)];
    const page = await open({ lines: [said("1", "buttons"), answered("2", "1", "choose", { buttons: [row, odd] })] });
    await page.getByRole("button", { name: "Help" }).click();
    await expect.poll(() => page.locator("#message").inputValue()).toBe("/help me");
    expect(await page.getByRole("link", { name: "Site" }).getAttribute("href")).toBe("https://example.com/");
    expect(await page.getByRole("button", { name: "Odd" }).isDisabled()).toBe(true);
    expect(await page.getByRole("button", { name: "Closed" }).isDisabled()).toBe(true);
  });

  it("shows that the bot is typing until the answer is there, and says the answer aloud", async () => {
    const page = await open({ lines: [said("1", "slowly")] });
    still.tell({ kind: "typing", chat: C2C, untilMs: Date.now() + 60_000 });
    await page.locator(".typing").waitFor();
    still.tell({ kind: "line", line: answered("2", "1", "here it is") });
    await page.locator(".typing").waitFor({ state: "detached" });
    await page.getByRole("status").filter({ hasText: "Sprite: here it is" }).waitFor({ state: "attached" });
    still.tell({ kind: "typing", chat: C2C, untilMs: Date.now() - 1 });
    await page.locator(".typing").waitFor({ state: "detached" });
  });

  it("counts what is unread in other chats", async () => {
    const page = await open();
    const group = { scene: "group", id: "GROUP0001" } as const;
    still.tell({ kind: "line", line: { ...answered("9", "g1", "news"), chat: group } });
    const row = page.getByRole("navigation", { name: "Chats" }).getByRole("button", { name: "Weekend hikers" });
    await row.getByText("1 unread").waitFor({ state: "attached" });
    await row.click();
    await row.getByText("1 unread").waitFor({ state: "detached" });
  });

  it("stays at the end of a long conversation, and where somebody reads, and draws a new line alone", async () => {
    const lines = Array.from({ length: 500 }, (_, n) =>
      n % 2 === 0 ? said(`${n}`, `question ${n}`) : answered(`${n}`, `${n - 1}`, `**answer** ${n}`),
    );
    const page = await open({ lines });
    await page.evaluate("window.lines = document.querySelector('.lines')");
    const toEnd = () => page.evaluate("lines.scrollHeight - lines.scrollTop - lines.clientHeight") as Promise<number>;
    expect(await toEnd()).toBeLessThan(2);
    await page.evaluate("lines.scrollTop = 0");
    const read = page.locator(".line").first();
    const before = await read.getAttribute("data-line");
    await page.getByRole("button", { name: "250 earlier" }).click();
    await page.locator(".line").nth(499).waitFor({ state: "attached" });
    await page.evaluate("new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)))");
    const place = (await page.locator(`[data-line="${before}"]`).boundingBox())?.y;
    expect(place).toBeGreaterThan(0);
    expect(place).toBeLessThan(400);
    await page.evaluate("lines.scrollTop = 300");
    await page.evaluate("new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)))");
    await page.evaluate(`window.changed = [];
      new MutationObserver((all) => changed.push(...all.flatMap(({ addedNodes, target }) => [target.nodeName, addedNodes.length])))
        .observe(document.querySelector(".lines ol"), { childList: true, subtree: true, attributes: true, characterData: true })`);
    still.tell({ kind: "line", line: said("new", "one more", { by: { ...by, id: "ELSE" } }) });
    await page.locator(".line").nth(500).waitFor({ state: "attached" });
    expect(await page.evaluate("lines.scrollTop")).toBe(300);
    expect(await page.evaluate("window.changed")).toEqual(["OL", 1]);
    await page.getByRole("button", { name: "Newest" }).click();
    expect(await toEnd()).toBeLessThan(2);
    still.tell({ kind: "line", line: answered("newer", "new", "and another") });
    await page.locator(".line").nth(501).waitFor({ state: "attached" });
    expect(await toEnd()).toBeLessThan(2);
  });

  it("offers no single call of what is a state", async () => {
    const page = await open({ weather: everyWeather() });
    await page.getByRole("tab", { name: "Weather" }).click();
    const choices = (name: string) =>
      page.locator(".switch").filter({ hasText: name }).getByRole("button").allTextContents();
    expect(await choices("Address not on the allow-list")).toEqual(["Off", "On"]);
    expect(await choices("Connection dropped")).toEqual(["Off", "Once", "On"]);
  });

  it.each([1440, 800, 390])("keeps its width of %i px when all the bad weather is on at once", async (width) => {
    const page = await open(
      { weather: everyWeather().map((one) => ({ ...one, left: "on" })) },
      { viewport: { width, height: 800 } },
    );
    const ends = async (of: string) => {
      const box = await page.locator(of).boundingBox();
      return box && [Math.round(box.x), Math.round(box.x + box.width)];
    };
    expect(await ends(".banner")).toEqual([0, width]);
    expect(await ends(".columns")).toEqual([0, width]);
    expect((await ends(".banner-button"))?.[1]).toBeLessThan(width);
  });
});
