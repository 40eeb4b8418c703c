/**
 * Table: what QQ answers -> remedy and advice. The only place that knows QQ's numbers.
 * Sources: the official tables (api-call-guide.html and the page of each call), field reports where noted.
 * Looked up by `err_code`, then `code`, then HTTP status: the status alone does not tell an expired token from an
 * address off the allow-list, both are 401.
 */
import type { Capability, Remedy } from "../errors.ts";

export interface ErrorRow {
  codes: readonly number[];
  /** Both ends belong to it. Exact codes win: rows with ranges stand last. */
  ranges?: readonly (readonly [from: number, to: number])[];
  meaning: string;
  remedy: Remedy;
  otherwise?: Remedy;
  /** For the operator: one imperative sentence, Chinese first. */
  advice: string;
  /** Turned away before the message layer, so it cost no reply. */
  costsNoReply?: true;
  /** The gateway failed behind or before the message layer: the message may have gone out. */
  outcomeUnknown?: true;
  /** The message takes no reply any more. */
  closesMessage?: true;
  /** Only the words were refused. */
  blocksText?: true;
  /** The chat is gone, or the bot is no member of it. */
  closesChat?: true;
  /** QQ takes no call from the address that it came from. */
  isWall?: true;
  /** QQ has had a message with this number before. */
  isDuplicate?: true;
  /** Refused to this bot in all chats of the scene. */
  forbids?: Capability;
}

const CHECK_SECRET =
  "核对 QQ_APP_ID 与 QQ_APP_SECRET(重置过 AppSecret 要重新设置)。Check QQ_APP_ID and QQ_APP_SECRET; set them again after a reset.";
const CHECK_CONSOLE = "到 q.qq.com 查看机器人的状态与接口权限。See the bot's state and API permissions at q.qq.com.";
const WAIT = "等待片刻,程序会自动重试。Wait; it is retried by itself.";
const REPORT = "这是程序错误,请带上编号反馈。This is a bug; report it with its reference.";
const NOTHING = "无需处理。Nothing to do.";
const WORDING = "QQ 没有放行这段文字,请换个说法。QQ blocked this text; put it differently.";
const TOMORROW = "等到明天,今天的额度已用完。Wait for tomorrow; today's quota is used up.";
const SPEAK_FIRST = "等对方再发来消息。Wait until the person writes again.";
const OWNER_SWITCH =
  "请群主或频道主在机器人设置里允许主动发言。Ask the owner to let the bot speak proactively, in the group's or guild's bot settings.";
const UNMUTE = "请群管理员解除禁言。Ask the group's admins to lift the mute.";
const MARKDOWN_RIGHT =
  "到 q.qq.com 申请 Markdown 权限,此前以纯文本发送。Apply for Markdown at q.qq.com; until then it goes out as plain text.";
const BUTTON_RIGHT =
  "到 q.qq.com 申请自定义按钮权限,此前不带按钮发送。Apply for custom buttons at q.qq.com; until then it goes out without.";
const TEMPLATE_RIGHT =
  "到 q.qq.com 核对模板与 ark 权限,此前以纯文本发送。Check templates and ark rights at q.qq.com; until then it goes out as plain text.";
const PLAINER =
  "若反复出现请带上编号反馈,内容已改用纯文本。Report it with its reference if it recurs; it went out as plain text.";
const NO_GATEWAY =
  "改用群聊或私聊:机器人没有连接网关,回调模式下可能无法向频道发消息。" +
  "Use groups or private chats: the bot is not connected to the gateway, " +
  "and guild sending may not be available in callback mode.";
const TOO_LARGE = "把文件或内容改小一些。Make the file or the text smaller.";
const OWN_AND_FRESH =
  "只在两分钟内撤回机器人自己的消息。Recall only the bot's own messages, within two minutes of sending.";
const MENU =
  "核对菜单与面板的内容、数量与链接。Check what the menu and the panels hold: their fields, limits and links.";
const ALLOW_LIST =
  "到 q.qq.com「开发设置 → IP 白名单」清空白名单;用了中转或代理的,把它的出口 IP 加进名单。" +
  "Empty the IP allow-list at q.qq.com; or list the address of the relay or proxy that the calls leave through.";
const RELAY_KEY =
  "用了中转的话,核对 QQ_API_HEADERS 里的密钥和中转的规则。With a relay: check its key in QQ_API_HEADERS, and its rules.";
const NOT_THERE =
  "中转上没有这个路径:核对 QQ_API_BASE 和中转的规则。The relay does not know the path: check QQ_API_BASE and its rules.";
const MOVED =
  "那个地址会跳转,程序不跟随:在 QQ_API_BASE 填跳转后的地址(多半是 https)。" +
  "It redirects, which nobody follows: set QQ_API_BASE to the address behind (often its https).";
const RELAY_DOWN =
  "中转连不上:看它是否在运行,QQ_API_BASE、DNS、证书和防火墙对不对。" +
  "The relay is not reached: see that it runs; check QQ_API_BASE, its DNS, certificate and firewall.";

const row = (
  codes: readonly number[],
  meaning: string,
  remedy: Remedy,
  advice: string,
  otherwise?: Remedy,
): ErrorRow => ({
  codes,
  meaning,
  remedy,
  advice,
  ...(otherwise && { otherwise }),
});

/** Codes of the token endpoint. Some numbers mean something else on the API, so they stand apart. */
export const TOKEN_ERRORS: readonly ErrorRow[] = [
  row([100001], "too many token requests", "backOff", WAIT, "tellOperator"),
  row([100007], "AppID invalid, or the bot is banned or deleted", "tellOperator", CHECK_SECRET),
  row([100016], "AppID or AppSecret wrong", "tellOperator", CHECK_SECRET),
  row([10004], "no bot has this AppID", "tellOperator", CHECK_SECRET),
];

/** Codes of `/v2/generate_url_link`, where they differ from those of the API: two numbers are in both. */
export const LINK_ERRORS: readonly ErrorRow[] = [
  row([10001, 10002, 10003, 10044], "parameter, header, bot or uin of a link wrong", "tellOperator", REPORT),
  row([11004], "link could not be made", "retryOnce", WAIT, "drop"),
];

/** Codes of all other calls. */
export const API_ERRORS: readonly ErrorRow[] = [
  // Who we are.
  { ...row([11244], "token unknown or expired", "refreshToken", CHECK_SECRET, "tellOperator"), costsNoReply: true },
  { ...row([11241], "token missing", "refreshToken", CHECK_SECRET, "tellOperator"), costsNoReply: true },
  { ...row([11243], "token check failed", "refreshToken", CHECK_SECRET, "tellOperator"), costsNoReply: true },
  {
    ...row([11251, 11261, 11275], "AppID wrong or missing", "refreshToken", CHECK_SECRET, "tellOperator"),
    costsNoReply: true,
  },
  row([11242, 11252, 11263, 11281], "a check failed on the platform's side", "retryOnce", WAIT, "tellOperator"),
  row([11245], "the fixed token form is disabled", "tellOperator", REPORT),
  // Not in the official tables: tencent-connect/botpy#189, openclaw-qqbot#240. Never refresh, never retry.
  {
    ...row(
      [11298, 40023002],
      "接口访问源IP不在白名单 (source address not on the allow-list)",
      "tellOperator",
      ALLOW_LIST,
    ),
    isWall: true,
    costsNoReply: true,
  },
  row([11253, 11254, 11262, 11264, 11273, 11274, 11282], "no right to call this API", "tellOperator", CHECK_CONSOLE),
  row([11265, 40054016], "the bot is banned or delisted", "tellOperator", CHECK_CONSOLE),
  row([11301, 11302], "HTTP header invalid", "tellOperator", REPORT),
  // Whom we talk to.
  {
    ...row(
      [11255, 40011028],
      "user or group is gone, or the openid belongs to another AppID",
      "drop",
      CHECK_SECRET,
      "tellOperator",
    ),
    closesChat: true,
  },
  row([12001], "openid not usable", "drop", CHECK_SECRET, "tellOperator"),
  row([10001, 10003, 10004], "account or chat unknown", "drop", NOTHING),
  row([40054013], "the person refuses messages", "drop", NOTHING),
  row([40054002, 850018], "the bot or the group is muted", "drop", UNMUTE),
  {
    ...row([40054003, 40034101, 1100301, 1100306], "the bot is no member of the group or guild", "drop", NOTHING),
    closesChat: true,
  },
  { ...row([40054004], "not friends", "drop", NOTHING), closesChat: true },
  { ...row([1100104], "the group no longer exists", "drop", NOTHING), closesChat: true },
  {
    ...row([304031, 304032, 304033, 304034], "the guild's private chat is closed or missing", "drop", NOTHING),
    closesChat: true,
  },
  row([304064], "subscription not authorised", "drop", NOTHING),
  row([304030, 1100303, 1100304, 1100307, 50038, 50039, 50043], "not allowed here, or ids do not fit", "drop", NOTHING),
  // Whether a guild hears a bot that has callbacks alone is documented nowhere; the gateway is asked for.
  {
    ...row([304018], "the bot is not connected to the gateway", "tellOperator", NO_GATEWAY, "drop"),
    forbids: "replies",
  },
  // How often.
  row([22009], "msg limit exceed: too frequent, or reply budget spent", "backOff", WAIT, "tellUser"),
  row([1100100], "rate limited for safety", "backOff", WAIT, "tellOperator"),
  row([40034100], "proactive messages over their rate", "backOff", WAIT, "tellUser"),
  row([20028, 1100308], "channel messages over their rate", "backOff", WAIT, "tellUser"),
  row([50002], "stream frames over their rate", "backOff", WAIT, "tellUser"),
  row([620006], "reactions over their rate", "backOff", WAIT, "drop"),
  row(
    [304022, 304035, 304045, 304047, 304049, 304050, 304052],
    "not the time for proactive messages, or their daily quota is used up",
    "backOff",
    TOMORROW,
    "drop",
  ),
  row([304046, 304048], "no proactive messages in this channel or guild", "drop", OWNER_SWITCH),
  row([40034105, 40034102], "proactive message not permitted", "tellUser", OWNER_SWITCH),
  row([40034122], "wake-up messages of this period used up", "tellUser", SPEAK_FIRST),
  row([40034123], "wake-up message not supported", "tellUser", SPEAK_FIRST),
  row(
    [304019],
    "quota for mentioning everyone used up",
    "degradeToText",
    "少提及全体成员,这条已不带提及发送。Mention everyone less often; this went out without the mention.",
  ),
  // Which message is answered, and when.
  {
    ...row([40054005], "deduplicated: this msg_id and msg_seq came through before", "alreadySent", NOTHING),
    isDuplicate: true,
  },
  // Both with HTTP 202. The verdict comes as MESSAGE_AUDIT_PASS or MESSAGE_AUDIT_REJECT.
  row([304023, 304024], "held for review by a person", "alreadySent", NOTHING),
  { ...row([40034005, 304027, 304103], "msg_id expired", "tellUser", NOTHING), closesMessage: true },
  { ...row([40034026], "event_id expired", "tellUser", NOTHING), closesMessage: true },
  { ...row([40034128], "reply window or reply count exceeded", "tellUser", NOTHING), closesMessage: true },
  row([40034024, 40034025, 304026], "msg_id or event_id invalid or not ours", "tellOperator", CHECK_SECRET, "tellUser"),
  row([40034027], "this event may not be answered", "drop", NOTHING),
  row([304028, 50045, 50046, 50047, 50048], "this message may not be answered", "drop", NOTHING),
  // What is said.
  { ...row([40034006, 304025, 1100101, 1100103, 3300006], "content blocked", "tellUser", WORDING), blocksText: true },
  row([1100102], "feature not granted", "tellOperator", CHECK_CONSOLE),
  {
    ...row(
      [304003],
      "address not registered",
      "stripLinks",
      "在 q.qq.com 登记消息里的域名。Register the domain at q.qq.com.",
      "degradeToText",
    ),
    forbids: "links",
  },
  { ...row([40054010], "address not allowed", "stripLinks", NOTHING, "tellUser"), forbids: "links" },
  row([40054007, 40054018], "too long, or abnormal", "split", NOTHING, "tellUser"),
  row([50006, 50035, 12002], "empty message or broken body", "tellOperator", REPORT),
  row([22006, 50059, 304061, 340069], "type and content do not match", "degradeToText", REPORT, "tellOperator"),
  // In which form it is said.
  {
    ...row(
      [40034012, 40034127, 304036, 50056, 40034090],
      "Markdown not granted to this bot",
      "degradeToText",
      MARKDOWN_RIGHT,
    ),
    forbids: "markdown",
  },
  {
    ...row([304041], "no Markdown in a reply, or none with a reference", "degradeToText", NOTHING),
    forbids: "markdown",
  },
  {
    ...row([304037, 304057], "custom buttons not granted to this bot", "degradeToText", BUTTON_RIGHT),
    forbids: "keyboard",
  },
  row(
    [304004, 304011, 304012, 304014],
    "template or ark message not granted, or missing",
    "degradeToText",
    TEMPLATE_RIGHT,
  ),
  row(
    [40034008, 40034009, 40034010, 40034011, 40034124],
    "parameters of a Markdown template invalid",
    "degradeToText",
    PLAINER,
  ),
  row(
    [50037, 50040, 50041, 50042, 50054, 50055, 50057],
    "Markdown, or what goes with it, invalid",
    "degradeToText",
    PLAINER,
  ),
  row([40034029, 305007, 304038, 304039, 304040, 304062], "keyboard invalid", "degradeToText", PLAINER),
  row([40034106, 40034108, 40034109], "command tag invalid", "degradeToText", PLAINER),
  row([304005], "embed too long", "degradeToText", PLAINER),
  // Files.
  row([40034004, 304082, 304083], "media could not be transferred", "retryOnce", WAIT, "reupload"),
  row([304080], "file_info unknown or expired", "reupload", WAIT, "tellUser"),
  row([304010, 304017, 304021], "image could not be fetched or stored", "retryOnce", WAIT, "tellUser"),
  row(
    [850026],
    "the file's address could not be downloaded",
    "retryOnce",
    "确认该文件的地址可以公开访问。Make sure that the file's address can be reached by everybody.",
    "reupload",
  ),
  row([850027], "upload took too long", "retryOnce", WAIT, "tellUser"),
  row([40093001], "a part of the upload failed", "backOff", WAIT, "tellUser"),
  row([40093002], "the day's volume of uploads is used up", "tellUser", TOMORROW, "tellOperator"),
  row([850031, 304020], "file too large", "tellUser", TOO_LARGE),
  row(
    [850019],
    "file format not supported",
    "tellUser",
    "换成支持的格式,或当作普通文件发送。Use a supported format, or send it as a plain file.",
  ),
  row([10000], "upload not supported with these parameters", "tellOperator", REPORT, "tellUser"),
  // Streams: mostly with HTTP 404. What QQ has accepted once is on the person's screen and is not said again.
  row([40007, 40113003], "the text that was streamed already was changed", "split", NOTHING),
  row([40006, 40113002], "the index of the frame must rise", "retryOnce", NOTHING, "alreadySent"),
  row([50001], "stream failed inside QQ", "retryOnce", WAIT, "degradeToText"),
  row(
    [40034016, 40034017, 40034018, 40034019, 40034020, 40034021, 40034022, 40054014, 40054015],
    "protocol of the retired streams broken",
    "degradeToText",
    REPORT,
  ),
  // Recalls, buttons, reactions, menus.
  row(
    [306001, 306002, 306004, 306007, 306008, 306009, 306011, 40061001, 40061002, 40062003, 40064004],
    "message may not be recalled, or not any more",
    "drop",
    OWN_AND_FRESH,
  ),
  row([306003, 306005, 306006, 306010, 50065001], "recall failed", "retryOnce", WAIT, "drop"),
  row([630002, 630003], "AppID unreadable, or the button belongs to another bot", "tellOperator", CHECK_SECRET),
  row([630001, 630006, 630007, 630008], "answer to a button invalid", "tellOperator", REPORT),
  row([630004, 630005], "answer to a button could not be stored", "retryOnce", WAIT, "drop"),
  row([620001, 620002, 620003, 620004, 620005], "reaction not possible, or set already", "drop", NOTHING),
  row([620007], "reaction failed", "retryOnce", WAIT, "drop"),
  row(
    [
      40030001, 40030006, 40030008, 40030011, 40030012, 40030013, 40030014, 40030015, 40030016, 40030018, 40030020,
      40030021,
    ],
    "menu or panel invalid",
    "tellOperator",
    MENU,
  ),
  row([40030009], "another change of the panel is running", "retryOnce", WAIT, "tellOperator"),
  // Their fault.
  row([12003], "platform answer wrong", "retryOnce", WAIT, "tellOperator"),
  row([340067, 304008], "bot information could not be read", "retryOnce", WAIT, "tellOperator"),
  row([11303, 11304, 11305, 11306], "nick, avatar or guild could not be read", "retryOnce", WAIT, "drop"),
  row([50055001, 50055002, 50055006, 40054006], "transient send failure", "retryOnce", WAIT, "tellUser"),
  row(
    [304006, 304007, 304009, 304016, 304029, 304044, 1100300, 1100302, 1100305, 1100499],
    "guild failed on the platform's side",
    "retryOnce",
    WAIT,
    "tellUser",
  ),
  // What this bot never calls: channel rights, schedules, announcements, muting, forum, editing of messages.
  {
    ...row([], "guild administration refused", "tellOperator", REPORT),
    ranges: [
      [50049, 50053],
      [301000, 301099],
      [302000, 302024],
      [501000, 501999],
      [502000, 502099],
      [503001, 503020],
      [504000, 504999],
      [610000, 619999],
    ],
  },
];

/** Streams refuse with codes of the API. */
const ERRORS = {
  token: TOKEN_ERRORS,
  api: API_ERRORS,
  stream: API_ERRORS,
  link: [...LINK_ERRORS, ...API_ERRORS],
} satisfies Record<string, readonly ErrorRow[]>;

/** Who refuses so says no code: not QQ, but what stands before it. */
const TURNED_AWAY: ErrorRow = {
  ...row([], "turned away before QQ", "tellOperator", RELAY_KEY),
  costsNoReply: true,
  isWall: true,
};

/** The same of a relay: QQ itself says a code with these. */
const TURNED_AWAY_BY_RELAY: Readonly<Record<number, ErrorRow>> = {
  401: TURNED_AWAY,
  404: { ...TURNED_AWAY, meaning: "the relay has nothing there", advice: NOT_THERE },
};

/** Not QQ either: it redirects nobody. */
const REDIRECTED: ErrorRow = {
  ...row([], "the address redirects elsewhere", "tellOperator", MOVED),
  costsNoReply: true,
  isWall: true,
};

/** What Cloudflare answers itself for a host that it does not reach: developers.cloudflare.com, 5xx errors. */
const UNREACHED: Readonly<Record<number, string>> = {
  521: "the relay refuses connections",
  522: "the relay does not take the connection in time",
  523: "there is no route to the relay",
  525: "no TLS connection with the relay",
  526: "the relay's certificate is not valid",
  530: "the relay's name does not resolve",
};

const HTTP_ROWS: readonly { from: number; to: number; row: ErrorRow }[] = [
  {
    from: 401,
    to: 401,
    row: { ...row([], "not authorised", "refreshToken", CHECK_SECRET, "tellOperator"), costsNoReply: true },
  },
  { from: 404, to: 404, row: row([], "no such API", "tellOperator", "核对 QQ_API_BASE。Check QQ_API_BASE.") },
  { from: 405, to: 405, row: row([], "wrong method", "tellOperator", "核对 QQ_API_BASE。Check QQ_API_BASE.") },
  { from: 413, to: 413, row: row([], "too large", "tellUser", TOO_LARGE) },
  { from: 429, to: 429, row: row([], "rate limit", "backOff", WAIT, "tellUser") },
  { from: 400, to: 499, row: row([], "unknown refusal", "degradeToText", CHECK_CONSOLE, "tellOperator") },
  // The table of the platform says `retryOnce`. A reply carries its msg_seq, so repeating it inside the window is
  // harmless, and it outlives an outage of half a minute.
  { from: 500, to: 599, row: { ...row([], "QQ failed", "backOff", WAIT, "tellUser"), outcomeUnknown: true } },
];

const UNREADABLE: ErrorRow = { ...row([], "answer not understood", "backOff", WAIT, "tellUser"), outcomeUnknown: true };

export interface WireRefusal {
  endpoint: keyof typeof ERRORS;
  status: number;
  errCode?: number | undefined;
  code?: number | undefined;
  /** Asked through a relay. */
  isRelayed?: boolean | undefined;
}

/** The row for an answer; every answer has one. */
export function findErrorRow({ endpoint, status, errCode, code, isRelayed = false }: WireRefusal): ErrorRow {
  const byCode = (wanted: number | undefined) =>
    wanted === undefined ? undefined : ERRORS[endpoint].find((row) => covers(row, wanted));
  const hasCode = Boolean(errCode || code);
  // An unknown code is a refusal, whatever the status claims; on streams a 404 is how a refusal comes.
  const asStatus = hasCode && (status < 400 || (endpoint === "stream" && status === 404)) ? 400 : status;
  if (!hasCode && status === 403) return TURNED_AWAY;
  const byRelay = !hasCode && isRelayed ? TURNED_AWAY_BY_RELAY[status] : undefined;
  if (byRelay) return byRelay;
  if (!hasCode && status >= 300 && status < 400) return REDIRECTED;
  const unreached = hasCode ? undefined : UNREACHED[status];
  if (unreached) {
    return { ...row([], unreached, "backOff", RELAY_DOWN, "tellUser"), costsNoReply: true, isWall: true };
  }
  const byStatus = HTTP_ROWS.find(({ from, to }) => asStatus >= from && asStatus <= to)?.row;
  return byCode(errCode) ?? byCode(code) ?? byStatus ?? UNREADABLE;
}

function covers({ codes, ranges = [] }: ErrorRow, code: number): boolean {
  return codes.includes(code) || ranges.some(([from, to]) => code >= from && code <= to);
}
