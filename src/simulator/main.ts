/**
 * `npm start`: the real Worker beside a local QQ and a demo model. No account, no key, no network.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { claimCode } from "../claim-code.ts";
import { Secret } from "../log.ts";
import { DEMO_MODEL_NAME } from "./demo-model.ts";
import { FakeQQ } from "./fake-qq.ts";
import { Page } from "./page.ts";
import { bundlePage } from "./page-bundle.ts";
import { modelIn, settingsOf } from "./settings.ts";
import { chat } from "./terminal.ts";
import { startWorker } from "./worker-process.ts";

const APP_ID = "102000001";
const APP_SECRET = "simulator-secret-of-no-value";

const { values } = parseArgs({
  options: {
    "worker-port": { type: "string", default: "8787" },
    "simulator-port": { type: "string", default: "8788" },
    verbose: { type: "boolean", default: false },
  },
});

const workerPort = Number(values["worker-port"]);
const simulatorPort = Number(values["simulator-port"]);
for (const [name, port] of [["worker-port", workerPort] as const, ["simulator-port", simulatorPort] as const]) {
  if (!(await isFree(port))) {
    console.error(`端口 ${port} 不可用,换一个:npm start -- --${name} <端口>`);
    console.error(`Port ${port} cannot be used; choose another: npm start -- --${name} <port>`);
    process.exit(1);
  }
}

const qq = new FakeQQ({
  appId: APP_ID,
  appSecret: APP_SECRET,
  callbackUrl: `http://127.0.0.1:${workerPort}/qq/callback`,
});
const realModel = existsSync(".dev.vars") ? modelIn(readFileSync(".dev.vars", "utf8")) : undefined;
const page = new Page(qq, {
  model: { name: realModel ?? DEMO_MODEL_NAME, isDemo: realModel === undefined },
  claim: `/claim ${await claimCode(new Secret(APP_SECRET))}`,
});
const bundle = await bundlePage();
const simulatorUrl = await qq.start(simulatorPort, { page: page.routes({ bundle }) });
page.origin = simulatorUrl;

console.log("正在启动 Worker… / Starting the Worker…");
const worker = await startWorker(
  workerPort,
  settingsOf({ appId: APP_ID, appSecret: APP_SECRET, simulatorUrl }, realModel),
  (line) => {
    page.hear(line);
    if (values.verbose || /"level":"(error|warn)"|\[ERROR\]|✘/.test(line)) console.error(line);
  },
).catch(async (error: Error) => {
  await qq.stop();
  console.error(`Worker 没有启动 / the Worker did not start:\n${error.message}`);
  process.exit(1);
});

let stopping = false;
async function stop(code: number): Promise<never> {
  if (!stopping) {
    stopping = true;
    await worker.stop();
    await qq.stop();
  }
  process.exit(code);
}
process.once("SIGINT", () => void stop(0));
process.once("SIGTERM", () => void stop(0));
process.once("SIGHUP", () => void stop(0));
void worker.ended.then((code) => {
  if (stopping) return;
  console.error(`Worker 意外结束 / the Worker has ended (${code})`);
  void stop(1);
});

if (!(await qq.validateCallback())) {
  console.error(`回调地址校验失败,看看 ${worker.url}/healthz / the callback check failed, see ${worker.url}/healthz`);
  await stop(1);
}
console.log(`
打开这个页面和机器人聊天 / open this page and chat   ${simulatorUrl}

回调地址已通过校验 / callback verified   ${worker.url}/qq/callback
模拟 QQ / local QQ                       ${simulatorUrl}
模型 / model                             ${realModel ?? "demo (内置演示模型,不联网 / built in, no network)"}
`);

if (process.stdin.isTTY) {
  console.log("直接输入即私聊;「#小明 你好」在群里 @机器人,「@闲聊 你好」在频道,「!dm 你好」频道私信;/quit 退出。");
  console.log(
    "Type to chat; “#Ann hi” speaks in a group, “@lounge hi” in a channel, “!dm hi” in a guild DM; /quit leaves.\n",
  );
  await chat(qq);
  await stop(0);
} else {
  console.log("没有终端,一直运行到被停止。No terminal: serving until told to stop.");
}

async function isFree(port: number): Promise<boolean> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return false;
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
