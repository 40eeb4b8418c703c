/**
 * All the page's own words, Chinese and English side by side. The browser's language decides, `?lang=zh|en` overrules it.
 */
export type Language = "zh" | "en";

const TABLE = {
  title: ["qq-edge 模拟器", "qq-edge simulator"],
  localQQ: ["本地 QQ", "local QQ"],
  chats: ["会话", "Chats"],
  chat: ["聊天", "Chat"],
  trace: ["过程", "Trace"],
  weather: ["天气", "Weather"],
  burst: ["并发", "Burst"],
  sideViews: ["过程与工具", "What happened, and tools"],
  views: ["页面", "Views"],
  backToChats: ["返回会话列表", "Back to the chats"],
  readme: ["说明", "Read me"],
  skip: ["跳到输入框", "Skip to the message box"],
  demoModel: ["演示模型", "Demo model"],
  realModel: ["真实模型", "Real model"],
  demoModelNote: ["内置,不联网,重复你说的话", "built in, offline, repeats what you say"],
  connecting: ["正在连接模拟器…", "Connecting to the simulator…"],
  gone: ["与模拟器的连接断开了,正在重连…", "The simulator is gone. Trying to reconnect…"],
  unreachable: ["模拟器没有响应,稍后再试。", "The simulator did not answer. Try again in a moment."],
  close: ["关闭", "Close"],
  bot: ["机器人", "Bot"],
  unread: [(n: number) => `${n} 条未读`, (n: number) => `${n} unread`],

  c2c: ["私聊", "Private chat"],
  group: ["群聊", "Group"],
  guildChannel: ["频道", "Channel"],
  guildDm: ["频道私信", "Guild DM"],
  people: [(n: number) => `${n} 人`, (n: number) => `${n} people`],
  roles: [
    { member: "成员", admin: "管理员", owner: "群主" },
    { member: "member", admin: "admin", owner: "owner" },
  ],

  hello: ["你好!这里没有 QQ 账号,也能和机器人聊天。", "Hello! Chat with your bot here, no QQ account needed."],
  helloMore: [
    "消息和真正的 QQ 一样签名、推送给你的 Worker,回答再按 QQ 的规则显示出来。",
    "Messages are signed and pushed to your Worker as QQ does it; answers appear by QQ's own rules.",
  ],
  helloGroup: [
    "选一位成员来发言;@ 机器人,它才会回答。",
    "Choose a member to speak as; the bot answers when it is mentioned.",
  ],
  trySaying: ["试着说一句", "Try one of these"],
  sayHello: ["你好!", "Hello!"],
  sayMarkdown: ["!md 看看 Markdown", "!md show me Markdown"],
  sayLong: ["!long3 来一个长回答", "!long3 a long answer"],
  claimHint: ["发送这句话,就成为机器人的主人:", "Send this to become the bot's owner:"],

  conversation: ["聊天记录", "Conversation"],
  earlier: [(n: number) => `更早的 ${n} 条`, (n: number) => `${n} earlier`],
  newest: ["到最新", "Newest"],
  typing: ["对方正在输入", "typing"],
  showAll: [
    (n: number) => `展开全文(共 ${n.toLocaleString("zh")} 字)`,
    (n: number) => `Show all ${n.toLocaleString("en")} characters`,
  ],
  showLess: ["收起", "Show less"],
  sourceOnly: ["太长,按原文显示", "Too long to lay out; shown as it was written"],
  actions: [(of: string) => `操作:${of}`, (of: string) => `Actions: ${of}`],
  quote: ["引用", "Quote"],
  recall: ["撤回", "Recall"],
  copy: ["复制文字", "Copy text"],
  copied: ["已复制", "Copied"],
  whatHappened: ["看看过程", "What happened"],
  recalled: ["撤回了一条消息", "recalled a message"],
  notAcknowledged: ["Worker 没有确认", "Not acknowledged by the Worker"],
  joinedNext: ["并入前一条一起回答", "Answered together with the one before"],
  underWay: ["正在推送", "On its way"],
  refused: ["QQ 拒收", "Refused by QQ"],
  noAnswer: ["无响应", "no response"],
  answers: [(of: string) => `回复 ${of}`, (of: string) => `In reply to ${of}`],
  picture: ["图片", "Picture"],
  file: ["文件", "File"],
  removeAttachment: [(name: string) => `移除 ${name}`, (name: string) => `Remove ${name}`],
  buttons: ["按钮", "Buttons"],
  buttonClosed: ["不能按", "cannot be pressed"],
  today: ["今天", "Today"],

  message: ["消息", "Message"],
  messageTo: [(to: string) => `发给 ${to}`, (to: string) => `Message ${to}`],
  send: ["发送", "Send"],
  sendHint: ["Enter 发送,Shift+Enter 换行", "Enter sends, Shift+Enter starts a new line"],
  emoji: ["表情", "Emoji"],
  attach: ["图片或文件", "Picture or file"],
  more: ["更多", "More"],
  speakAs: ["以谁的身份", "Speak as"],
  mention: ["@ 机器人", "@ the bot"],
  quoting: [(name: string) => `引用 ${name}`, (name: string) => `Quoting ${name}`],
  removeQuote: ["不引用", "Remove the quote"],
  uploading: ["正在上传…", "Uploading…"],
  tooLarge: ["文件超过 10 MB。", "The file is larger than 10 MB."],
  dropHere: ["松手即添加", "Drop to attach"],
  events: ["让一件事发生", "Make something happen"],

  noTrace: ["还没有过程", "Nothing has happened yet"],
  noTraceHint: [
    "发一条消息:这里会显示它从 QQ 到 Worker、到模型、再回来的每一步。",
    "Say something: every step from QQ to the Worker, to the model and back appears here.",
  ],
  following: ["跟随最新", "Follow the newest"],
  traceOf: [(of: string) => `「${of}」的过程`, (of: string) => `What happened to “${of}”`],
  lanes: [
    { qq: "QQ", worker: "Worker", model: "模型" },
    { qq: "QQ", worker: "Worker", model: "Model" },
  ],
  steps: ["步骤", "Steps"],
  took: [(time: string) => `用时 ${time}`, (time: string) => `took ${time}`],
  levels: [
    { info: "正常", warn: "注意", error: "错误" },
    { info: "ok", warn: "warning", error: "error" },
  ],
  copyJson: ["复制 JSON", "Copy JSON"],
  copyCurl: ["复制 curl", "Copy curl"],
  replay: ["重放", "Replay"],
  replayHint: ["重新签名,再推送一次", "Signed anew and posted again"],
  replayAsItWas: ["原样重放", "Replay as it was"],
  replayAsItWasHint: ["逐字节原样再推送一次", "Posted again byte for byte"],
  copyFailed: ["浏览器不让复制,请手动复制:", "The browser does not allow copying; copy it from here:"],
  stepNames: [
    {
      callback: "推送回调",
      acknowledged: "已确认",
      send: "发消息",
      typing: "输入状态",
      token: "取令牌",
      identity: "查身份",
      acknowledge: "确认互动",
      call: "调用模型",
    } as Readonly<Record<string, string>>,
    {
      callback: "Callback posted",
      acknowledged: "Acknowledged",
      send: "Send a message",
      typing: "Typing notice",
      token: "Access token",
      identity: "Who am I",
      acknowledge: "Acknowledge interaction",
      call: "Model called",
    } as Readonly<Record<string, string>>,
  ],

  weatherIntro: [
    "让 QQ 或模型不听话,看看机器人怎么应对。",
    "Make QQ or the model misbehave, and see how the bot takes it.",
  ],
  weatherGroups: [
    { qq: "QQ 的接口", model: "模型", callback: "回调推送" },
    { qq: "QQ's API", model: "The model", callback: "Callbacks" },
  ],
  searchCodes: ["查找错误码", "Find an error code"],
  searchCodesHint: ["编号或文字,如 304003、频率", "A number or words, such as 304003"],
  codesFound: [(n: number) => `找到 ${n} 个`, (n: number) => `${n} found`],
  codesMore: [(n: number) => `还有 ${n} 个,请写得更具体`, (n: number) => `${n} more; search for something narrower`],
  off: ["关", "Off"],
  once: ["一次", "Once"],
  on: ["一直", "On"],
  leftCalls: [(n: number) => `还有 ${n} 次`, (n: number) => `${n} more`],
  weatherOn: [(n: number) => `坏天气:${n} 个开关开着`, (n: number) => `Bad weather: ${n} switched on`],
  allOff: ["全部关掉", "All off"],
  value: ["数值", "Value"],

  burstIntro: [
    "许多会话同时发消息,由账本核对每一条有没有得到回答。",
    "Many chats speak at once; the ledger checks that every message is answered.",
  ],
  burstChats: ["会话数", "Chats"],
  burstMessages: ["每个会话的消息数", "Messages in each"],
  burstScenes: ["场景", "Scenes"],
  burstStart: ["开始", "Start"],
  bursting: ["进行中…", "Under way…"],
  burstResult: ["账本", "Ledger"],
  tally: [
    {
      asked: "已确认",
      own: "单独回答",
      joined: "合并回答",
      told: "已告知",
      waiting: "还在等",
      lost: "丢失",
      torn: "不完整",
      doubled: "重复",
      outOfOrder: "乱序",
    },
    {
      asked: "Acknowledged",
      own: "Own answer",
      joined: "Joined",
      told: "Told",
      waiting: "Waiting",
      lost: "Lost",
      torn: "Torn",
      doubled: "Doubled",
      outOfOrder: "Out of order",
    },
  ],
  burstClean: ["没有丢失、重复或乱序", "Nothing lost, doubled or out of order"],
  burstBad: ["有消息出了问题", "Something went wrong"],
} as const;

type Widened<Word> = Word extends string ? string : Word;

export type Words = { readonly [Key in keyof typeof TABLE]: Widened<(typeof TABLE)[Key][0] | (typeof TABLE)[Key][1]> };

/** The page speaks Chinese where the browser prefers it to English, and English everywhere else. */
export function languageOf(search: string, preferred: readonly string[]): Language {
  const asked = new URLSearchParams(search).get("lang");
  if (asked === "zh" || asked === "en") return asked;
  const known = preferred.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag === "zh" || tag === "en");
  return known === "zh" ? "zh" : "en";
}

export function wordsIn(language: Language): Words {
  const side = language === "zh" ? 0 : 1;
  return Object.fromEntries(Object.entries(TABLE).map(([key, pair]) => [key, pair[side]])) as Words;
}
