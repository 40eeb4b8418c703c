/**
 * `npm run setup`: from an AppID to a live bot. Asks only what it cannot find out, tries every answer, and writes nothing
 * before all of them are good. Running it again changes what is asked for and leaves the rest.
 */
import { existsSync } from "node:fs";
import { readAdminToken } from "../config.ts";
import { VERSION } from "../health.ts";
import { Secret } from "../log.ts";
import { callbackUrl, claimLine, consoleSteps } from "./console-steps.ts";
import { askDeployment } from "./deployment.ts";
import { type Changes, merged, readText, type Vars, varsOf, withChanges, writeWhole } from "./dev-vars.ts";
import { lineOf, reportFindings } from "./findings.ts";
import { bindsEgress, settingsOf } from "./live.ts";
import { type Options, Stop } from "./options.ts";
import { askOne, askSome, askText, during, say } from "./prompts.ts";
import { setUpBot } from "./setup-bot.ts";
import { setUpModel } from "./setup-model.ts";
import { givesWay } from "./setup-way.ts";
import type { Sitting } from "./sitting.ts";
import { waitForQQ } from "./wait.ts";
import { createWrangler } from "./wrangler.ts";

export async function setUp(options: Options): Promise<void> {
  const text = await readText(options.file);
  const vars = varsOf(text);
  const asks = !options.yes && process.stdin.isTTY === true && process.stdout.isTTY === true;
  const sitting: Sitting = { options, vars, asks, isBound: bindsEgress(await readText("wrangler.toml")) };
  say.begin(`qq-edge ${VERSION}:从 AppID 到能聊天的机器人 / from an AppID to a bot that chats`);
  const asked = await whatToAsk(sitting);
  const bot = await setUpBot(sitting, { isAsked: asked.has("bot"), isWayAsked: asked.has("way") });
  const changes: Changes = {
    ...bot.changes,
    ...(await setUpModel(sitting, { isAsked: asked.has("model") })),
    ...adminChanges(sitting, { isAsked: asked.has("admin") }),
  };
  save(options.file, text, changes);
  const now = merged(vars, changes);
  const url = await deployed(sitting, now, changes);
  if (url !== undefined) await goLive(sitting, now, { url, address: bot.address });
  else say.info("还没有部署:npm run setup -- --yes / not deployed yet");
  say.end("以后 / later:npm run doctor 检查 / checks,npm run setup 修改 / changes");
}

type Part = "bot" | "way" | "model" | "admin";

/** The first time everything, later what is chosen; flags say it by themselves. */
async function whatToAsk({ options, vars, asks }: Sitting): Promise<ReadonlySet<Part>> {
  const isNew = vars.QQ_BOTS === undefined && (vars.QQ_APP_ID === undefined || vars.QQ_APP_SECRET === undefined);
  if (!asks) return new Set();
  if (isNew) return new Set<Part>(["bot", ...(vars.MODEL === undefined ? (["model"] as const) : [])]);
  say.info(
    `${options.file} 里已有 / it holds:机器人 / bot ${vars.QQ_APP_ID ?? "QQ_BOTS"},模型 / model ${vars.MODEL ?? "workers-ai"}`,
  );
  if (options.appId ?? options.appSecret ?? options.model ?? options.modelKey ?? options.modelUrl) return new Set();
  if (givesWay(options)) return new Set();
  if (options.scan) return new Set(["bot"]);
  if (options.newAdminToken || options.adminToken !== undefined) return new Set();
  const bot = { value: "bot" as const, label: "机器人 / the bot" };
  return new Set(
    await askSome<Part>("要修改什么?空格选择,直接回车不改 / What to change? Space selects, Enter alone: nothing", [
      ...(vars.QQ_BOTS === undefined ? [bot] : []),
      { value: "way", label: "出口 / the way out", hint: "直连、代理、中转 / straight, a proxy, a relay" },
      { value: "model", label: "模型 / the model" },
      { value: "admin", label: "换一个管理口令 / a new ADMIN_TOKEN" },
    ]),
  );
}

const ADMIN_TOKEN_BYTES = 32;

/** It is shown nowhere: it stands in the file, and doctor reads it there. */
function adminChanges({ options, vars }: Sitting, { isAsked }: { isAsked: boolean }): Changes {
  if (options.adminToken !== undefined) {
    if (!readAdminToken({ ADMIN_TOKEN: options.adminToken })) throw new Stop(WEAK);
    return options.adminToken === vars.ADMIN_TOKEN ? {} : { ADMIN_TOKEN: options.adminToken };
  }
  if (readAdminToken(vars) && !options.newAdminToken && !isAsked) return {};
  const bytes = crypto.getRandomValues(new Uint8Array(ADMIN_TOKEN_BYTES));
  return { ADMIN_TOKEN: Buffer.from(bytes).toString("base64url") };
}

const WEAK = "管理口令要 16 个以上的字符,不含空白。The admin token needs 16 characters or more, without white space.";

function save(file: string, text: string, changes: Changes): void {
  const names = Object.keys(changes);
  if (names.length === 0) {
    say.ok(`${file} 不用改 / nothing to change in it`);
    return;
  }
  writeWhole(file, withChanges(text, changes));
  say.ok(`已写入 / written to ${file}\n${names.join(", ")}`);
}

/** @returns the Worker's address, if there is a Worker. */
async function deployed({ options, asks }: Sitting, vars: Vars, changes: Changes): Promise<string | undefined> {
  if (!options.deploy) return options.url;
  if (asks && !(await wantsToDeploy())) return options.url;
  if (!existsSync("wrangler.toml")) throw new Stop("请在 qq-edge 的目录里运行。Run it in the folder of qq-edge.");
  const wrangler = createWrangler(options.wrangler);
  say.info("wrangler deploy:没登录时会打开浏览器 / opens the browser if you are not logged in");
  const told = await wrangler.deploy();
  const gone = Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [[name, null]] : []));
  await during("正在上传密钥 / uploading the secrets", () =>
    wrangler.uploadSecrets({ ...vars, ...Object.fromEntries(gone) }),
  );
  say.ok(`已部署,已上传 / deployed, and uploaded\n${Object.keys(vars).join(", ")}`);
  if (options.url ?? told) return options.url ?? told;
  if (!asks) throw new Stop("不知道 Worker 的地址:用 --url 给出。The Worker's address is not known: give --url.");
  return askText({
    message: "Worker 的地址(wrangler 没有说)/ the Worker's address (wrangler did not say)",
    placeholder: "https://bot.example.com",
    refuse: (value) =>
      /^https:\/\/./.test(value) && URL.canParse(value) ? undefined : "应为 https 地址 / an https address",
  });
}

async function wantsToDeploy(): Promise<boolean> {
  const way = await askOne("现在部署到 Cloudflare? / Deploy to Cloudflare now?", [
    { value: "yes", label: "部署 / deploy", hint: "wrangler deploy + wrangler secret bulk" },
    { value: "no", label: "不,只存 .dev.vars / no, just keep .dev.vars" },
  ]);
  return way === "yes";
}

async function goLive(
  { options }: Sitting,
  vars: Vars,
  { url, address }: { url: string; address: string | undefined },
): Promise<void> {
  const settings = settingsOf(vars);
  if ("problems" in settings)
    throw new Stop(settings.problems.map(({ setting, problem }) => `${setting}:${problem}`).join("\n"));
  const { bots } = settings.config;
  say.ok("回调地址 / callback address:");
  for (const bot of bots) say.plain(`   ${callbackUrl(url, bot, { isOnly: bots.length === 1 })}\n`);
  say.lines(consoleSteps(address));
  for (const bot of bots) say.lines(await claimLine(bot));
  const adminToken = new Secret(vars.ADMIN_TOKEN ?? "");
  if (options.deploy && options.check) await lookAtWorker(url, adminToken);
  if (options.wait) await waitForQQ(url, adminToken);
}

/** What it can reach from where it runs, which is not here. New secrets take a moment to arrive. */
async function lookAtWorker(url: string, adminToken: Secret): Promise<void> {
  const answer = await during("正在检查部署后的 Worker / asking the deployed Worker", async () => {
    for (let tries = 1; ; tries += 1) {
      const asked = await askDeployment(url, adminToken, "model");
      if (asked.ok || tries >= LOOKS) return asked;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  });
  if (!answer.ok) {
    say.warn(
      `还问不到 Worker(${answer.detail});workers.dev 在大陆常打不开,可换自己的域名。The Worker cannot be asked yet.`,
    );
    return;
  }
  const soon = ["deployed.validation", "deployed.callback"]; // that is what comes next
  const found = reportFindings(answer.report, { version: VERSION }).filter(({ name }) => !soon.includes(name));
  say.lines(found.map(lineOf).join("\n"));
}

const LOOKS = 5;
const LOOK_AGAIN_MS = 2_000;
