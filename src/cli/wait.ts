/** Waits for QQ to check the callback address and for the first message, and says so when they come. */
import type { HealthReport } from "../health.ts";
import type { Secret } from "../log.ts";
import { askDeployment } from "./deployment.ts";
import { during, say } from "./prompts.ts";

const POLL_EVERY_MS = 2_000;
/** Whoever has not come so far by then uses doctor later. */
const GIVE_UP_AFTER_MS = 20 * 60_000;

type Health = NonNullable<HealthReport["bots"][number]["health"]>;

/** Never fails: what is late is no failure. */
export async function waitForQQ(url: string, adminToken: Secret): Promise<void> {
  say.info(
    "现在去 QQ 控制台操作,这里等着 / now to QQ's console; this waits\nCtrl-C 可以先走 / leaves it to npm run doctor",
  );
  process.removeAllListeners("SIGINT").once("SIGINT", () => {
    say.end(`之后 / later:npm run doctor -- --url ${url}`);
    process.exit(0);
  });
  const untilMs = Date.now() + GIVE_UP_AFTER_MS;
  const isWarned = new Set<string>();
  const warn = (line: string) => {
    if (!isWarned.has(line)) say.warn(line);
    isWarned.add(line);
  };
  const until = async (what: string, found: (health: Health) => string | undefined): Promise<boolean> => {
    while (Date.now() < untilMs) {
      const line = await during(what, async () => {
        const looked = await look(url, adminToken);
        const seen = looked.healths.map(found).find((told) => told !== undefined);
        if (seen === undefined) await new Promise((resolve) => setTimeout(resolve, POLL_EVERY_MS));
        return { seen, trouble: looked.trouble, refused: looked.healths.some(wasRefused) };
      });
      if (line.trouble !== undefined) warn(line.trouble);
      if (line.refused) warn(REFUSED);
      if (line.seen === undefined) continue;
      say.ok(line.seen);
      return true;
    }
    say.warn(`${what}:等了很久还没有 / nothing for a long time。npm run doctor -- --url ${url}`);
    return false;
  };
  if (!(await until("等待 QQ 校验回调地址 / waiting for the callback check", validated))) return;
  await until("等待第一条消息:给机器人发一句话 / waiting for the first message", received);
}

async function look(url: string, adminToken: Secret): Promise<{ healths: Health[]; trouble?: string }> {
  const answer = await askDeployment(url, adminToken, "none");
  if (!answer.ok) return { healths: [], trouble: `问不到 Worker / the Worker cannot be asked (${answer.detail})` };
  return { healths: answer.report.bots.flatMap(({ health }) => (health ? [health] : [])) };
}

function validated({ lastValidation }: Health): string | undefined {
  if (!lastValidation?.answered) return undefined;
  const doubt = lastValidation.signed ? "" : "(请求没有签名 / it was not signed)";
  return `QQ 已验证回调地址 / QQ has checked the callback address${doubt}`;
}

const wasRefused = ({ lastValidation }: Health) => lastValidation?.answered === false;

const REFUSED =
  "QQ 来校验过,但签名对不上:AppSecret 与控制台的不一致。用 npm run setup 重新填写。\n" +
  "QQ called, but its signature does not match: the AppSecret is not the console's. Run npm run setup again.";

function received({ lastCallbackAtMs }: Health): string | undefined {
  return lastCallbackAtMs === undefined ? undefined : "收到第一条消息 / the first message has arrived";
}
