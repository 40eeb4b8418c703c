/**
 * What QQ answers when it says no: HTTP status and words for each code. Captured answers where there are any (a source
 * address off the list 401, stream errors 404, 304041 500, reviews 202), HTTP 400 for everything else.
 */
import type { QQTrouble } from "./weather.ts";

export interface RefusalBody {
  message: string;
  code: number;
  err_code?: number;
  trace_id: string;
  data?: { message_audit: { audit_id: string } };
}

export type Refusal = Extract<QQTrouble, { kind: "refuse" }> & { body?: RefusalBody };

const ASK_FOR_TOKEN = [100001, 100007, 100016];

const STATUSES: readonly { codes: readonly number[]; status: number }[] = [
  // The token endpoint refuses with 200.
  { codes: ASK_FOR_TOKEN, status: 200 },
  { codes: [304023, 304024], status: 202 },
  { codes: [11241, 11243, 11244, 11298, 40023002], status: 401 },
  { codes: [40006, 40113002, 40007, 40113003], status: 404 },
  { codes: [22009, 40034100, 20028, 1100308, 1100100, 50002, 620006], status: 429 },
  { codes: [304041], status: 500 },
];

/** `code` is going away, `err_code` replaces it; these are the ones that were seen to differ. */
const PAIRS: readonly (readonly [code: number, errCode: number])[] = [
  [11298, 40023002],
  [40006, 40113002],
  [40007, 40113003],
];

const WORDS: readonly (readonly [codes: readonly number[], words: string])[] = [
  [[100001], "请求过于频繁"],
  [[100007], "appid 无效,或机器人已被封禁或删除"],
  [[100016], "invalid appid or secret"],
  [[10004], "机器人不存在"],
  [[11241], "token 缺失"],
  [[11242, 11252, 11263, 11281], "校验失败,系统错误"],
  [[11243], "token 校验失败"],
  [[11244], "token not exist or expire"],
  [[11245], "不支持固定 token 的鉴权方式"],
  [[11251, 11261, 11275], "appid 错误"],
  [[11253, 11254, 11264, 11282], "没有接口权限"],
  [[11255, 40011028], "用户或群不存在"],
  [[11262, 11273, 11274], "token 类型错误或未授权"],
  [[11265], "机器人已被封禁"],
  [[11298, 40023002], "接口访问源IP不在白名单"],
  [[11301, 11302], "HTTP 头错误"],
  [[12001], "替换 id 失败"],
  [[12002], "请求体错误"],
  [[12003], "回包错误"],
  [[20028, 1100308], "子频道消息过于频繁"],
  [[22006, 340069], "消息类型与内容不符"],
  [[22009], "msg limit exceed"],
  [[1100100], "安全打击:消息被限频"],
  [[1100101, 1100103, 3300006, 304025, 40034006], "消息内容不合规"],
  [[1100102], "未获得该能力"],
  [[1100104], "群已不存在"],
  [[304003], "url 未报备"],
  [[304018], "机器人未连接 websocket,SESSION_NOT_EXIST"],
  [[304019], "@全体成员 次数已用完"],
  [[304022, 304035, 304045, 304047, 304049, 304050, 304052], "主动推送超过限制"],
  [[304023], "push message is waiting for audit now"],
  [[304024], "reply message is waiting for audit now"],
  [[304026], "msg_id 错误"],
  [[304027, 304103, 40034005], "回复消息msg_id已过期"],
  [[304028], "该消息不允许回复"],
  [[304031, 304032, 304033, 304034], "私信已关闭或不存在"],
  [[304036, 50056, 40034090, 40034127], "没有 Markdown 权限"],
  [[304037, 304057], "没有消息按钮权限"],
  [[304038, 304039, 304040, 304062, 305007, 40034029], "按钮参数错误"],
  [[304080], "file_info 无效或已过期"],
  [[850019], "富媒体文件格式不支持"],
  [[850026], "富媒体文件下载失败"],
  [[850031], "富媒体文件过大"],
  [[10000], "不支持的操作"],
  [[304041], "被动消息不允许发送 Markdown"],
  [[304046, 304048], "该子频道不允许主动推送"],
  [[304061, 50059], "消息类型错误"],
  [[40006, 40113002], "请求参数index需要递增"],
  [[40007, 40113003], "流式消息前缀不一致"],
  [[40034008, 40034009, 40034010, 40034011, 40034124], "Markdown 参数错误"],
  [[40034012], "不允许发送原生 markdown"],
  [[40034024], "请求参数msg_id无效或越权"],
  [[40034025], "请求参数event_id无效"],
  [[40034026], "回复事件event_id已过期"],
  [[40034027], "该事件不支持回复"],
  [[40034100], "主动消息超过频率限制"],
  [[40034102, 40034105], "主动消息失败,无权限"],
  [[40034122, 40034123], "召回消息不可用"],
  [[40034128], "被动回复超过限制"],
  [[40054002], "机器人或群被禁言"],
  [[40054003, 40034101, 1100301, 1100306], "机器人不是群成员"],
  [[40054004], "不是好友"],
  [[40054005], "消息被去重,请检查请求msgseq"],
  [[40054006, 50055001, 50055002, 50055006], "发送失败,请稍后重试"],
  [[40054007, 40054018], "消息超长或异常"],
  [[40054010], "消息内容包含不允许的 url"],
  [[40054013], "用户拒收消息"],
  [[40054016], "机器人已下架"],
  [[50006], "消息为空"],
  [[50035], "form-data 错误"],
  [[50037], "Markdown 消息只支持和按钮一起发送"],
  [[50001, 50002], "流式消息失败"],
  [[630001], "参数错误"],
  [[630003], "appid 不匹配"],
  [[630004, 630005], "存储失败"],
  [[630006], "header appid missing"],
];

/**
 * The trouble of a call that QQ refuses with `code`, as QQ would answer it. A number below 600 is an HTTP status: the
 * gateway's answer, a page without any code.
 */
export function refusal(code: number, { auditId = crypto.randomUUID() }: { auditId?: string } = {}): Refusal {
  if (code < 600) return { kind: "refuse", status: code };
  const status = STATUSES.find(({ codes }) => codes.includes(code))?.status ?? 400;
  const [older, newer] = PAIRS.find((pair) => pair.includes(code)) ?? [code, code];
  const body: RefusalBody = {
    message: meaningOf(code),
    code: older,
    ...(!ASK_FOR_TOKEN.includes(code) && { err_code: newer }),
    trace_id: crypto.randomUUID().replaceAll("-", ""),
    ...(status === 202 && { data: { message_audit: { audit_id: auditId } } }),
  };
  return { kind: "refuse", status, body };
}

/** QQ's own words for a code, as far as they are known. */
export function meaningOf(code: number): string {
  return WORDS.find(([codes]) => codes.includes(code))?.[1] ?? "请求失败";
}
