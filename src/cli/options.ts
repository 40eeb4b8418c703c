/** Flags of setup and doctor. Every question of the wizard has one. */
import { parseArgs } from "node:util";

/** Ends the program with one sentence and no stack. */
export class Stop extends Error {
  override readonly name = "Stop";
  readonly code: number;

  constructor(message: string, { code = 1 }: { code?: number } = {}) {
    super(message);
    this.code = code;
  }
}

export interface Options {
  /** Where `.dev.vars` is. */
  file: string;
  appId: string | undefined;
  appSecret: string | undefined;
  scan: boolean;
  qqApiBase: string | undefined;
  /** JSON, as in QQ_API_HEADERS; the key is one of them. */
  qqApiHeaders: string | undefined;
  relayKey: string | undefined;
  egressProxy: string | undefined;
  model: string | undefined;
  modelKey: string | undefined;
  modelUrl: string | undefined;
  adminToken: string | undefined;
  newAdminToken: boolean;
  yes: boolean;
  check: boolean;
  deploy: boolean;
  wait: boolean;
  url: string | undefined;
  json: boolean;
  help: boolean;
  wrangler: string | undefined;
}

const FLAGS = {
  file: { type: "string" },
  "app-id": { type: "string" },
  "app-secret": { type: "string" },
  scan: { type: "boolean" },
  "qq-api-base": { type: "string" },
  "relay-key": { type: "string" },
  "egress-proxy": { type: "string" },
  model: { type: "string" },
  "model-key": { type: "string" },
  "model-url": { type: "string" },
  "admin-token": { type: "string" },
  "new-admin-token": { type: "boolean" },
  yes: { type: "boolean", short: "y" },
  check: { type: "boolean" },
  deploy: { type: "boolean" },
  wait: { type: "boolean" },
  url: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  wrangler: { type: "string" },
} as const;

/**
 * Flags, then what may come from the environment: flags can be read by everybody on the machine while the program runs.
 *
 * @throws Stop with code 2 for a flag that does not exist.
 */
export function readOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Options {
  const values = parsed(args);
  const given = (flag: string | undefined, name: string) => flag?.trim() || env[name]?.trim() || undefined;
  return {
    file: values.file ?? ".dev.vars",
    appId: given(values["app-id"], "QQ_APP_ID"),
    appSecret: given(values["app-secret"], "QQ_APP_SECRET"),
    scan: values.scan ?? false,
    qqApiBase: given(values["qq-api-base"], "QQ_API_BASE"),
    qqApiHeaders: given(undefined, "QQ_API_HEADERS"),
    relayKey: values["relay-key"]?.trim() || undefined,
    egressProxy: given(values["egress-proxy"], "QQ_EGRESS_PROXY"),
    model: values.model?.trim() || undefined,
    modelKey: given(values["model-key"], "MODEL_API_KEY"),
    modelUrl: values["model-url"]?.trim() || undefined,
    adminToken: given(values["admin-token"], "ADMIN_TOKEN"),
    newAdminToken: values["new-admin-token"] ?? false,
    yes: values.yes ?? false,
    check: values.check ?? true,
    deploy: values.deploy ?? true,
    wait: values.wait ?? true,
    url: readUrl(values.url),
    json: values.json ?? false,
    help: values.help ?? false,
    wrangler: values.wrangler,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowNegative: true }).values;
  } catch (error) {
    throw new Stop(`${error instanceof Error ? error.message : error}\n用 --help 查看全部参数。See --help.`, {
      code: 2,
    });
  }
}

/** Whoever copies the whole callback address means the Worker. */
function readUrl(flag: string | undefined): string | undefined {
  const url = flag
    ?.trim()
    .replace(/\/qq\/callback.*$/, "")
    .replace(/\/+$/, "");
  if (!url) return undefined;
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new Stop("--url 应为完整地址,例如 https://qq-edge.you.workers.dev / --url takes a full address", { code: 2 });
}

export const SETUP_HELP = `npm run setup -- [参数 / flags]

不带参数时逐项询问;每个问题也都有参数。 Asks what it needs; every answer also has a flag.

  --app-id <数字>          AppID                              (环境变量 / environment: QQ_APP_ID)
  --app-secret <密钥>      AppSecret                          (QQ_APP_SECRET)
  --scan                   扫码获取以上两项(QQ 未公开的接口) / get both by scanning (undocumented)
  --qq-api-base <地址>     中转地址,应对 QQ 的 IP 白名单 / relay  (QQ_API_BASE)
  --relay-key <密钥>       中转的密钥 X-Relay-Key / its key    (QQ_API_HEADERS,JSON)
  --egress-proxy <地址>    代理,同上 / a proxy, for the same    (QQ_EGRESS_PROXY)
                           http://用户:密码@主机:端口 / http://user:password@host:port
  --model <provider/模型>  例如 deepseek/deepseek-flash / such as
  --model-key <密钥>       模型密钥 / its key                  (MODEL_API_KEY)
  --model-url <地址>       模型接口地址 / its address
  --admin-token <口令>     管理口令,默认自动生成 / made if absent  (ADMIN_TOKEN)
  --new-admin-token        换一个管理口令 / make a new one
  --yes, -y                其余用默认值,不提问 / defaults for the rest, no questions
  --no-check               不在线检查 / no live checks
  --no-deploy              只写 .dev.vars / write .dev.vars only
  --url <地址>             Worker 的地址,有自己的域名时用 / the Worker's address, if it has its own domain
  --no-wait                不等 QQ 校验 / do not wait for QQ
  --file <文件>            代替 .dev.vars / instead of .dev.vars

参数会出现在进程列表里:密钥请用环境变量,或等它来问。
Flags show in process lists: give secrets by environment, or let it ask.`;

export const DOCTOR_HELP = `npm run doctor -- [参数 / flags]

  QQ 的调用从设置里的出口走(代理、中转),和 Worker 一样;QQ_EGRESS 绑定只有 Worker 能走。
  QQ is called by the way out that is set (proxy, relay), as the Worker does; a binding is the Worker's alone.

  --url <地址>    已部署的 Worker,例如 https://qq-edge.you.workers.dev / the deployed Worker
                  用 .dev.vars 或环境变量里的 ADMIN_TOKEN / with ADMIN_TOKEN of .dev.vars or the environment
  --json          机器可读 / for scripts
  --file <文件>   代替 .dev.vars / instead of .dev.vars

退出码:0 没有要做的事,1 有 ✘,2 命令有误。 Exit: 0 nothing to do, 1 any ✘, 2 wrong usage.`;
