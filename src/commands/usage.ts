import { isPrivate } from "../event.ts";
import { type Spending, type Spent, tokensOf } from "../spending.ts";
import { type AskingCommand, text, type Words } from "./command.ts";

/** What models took: of this person, in this chat, and, for the owner, of everybody. */
export const usage: AskingCommand = {
  when: "asking",
  names: ["usage", "cost", "用量"],
  aliases: ["用量"],
  summary: { zh: "今天和这个月用了多少", en: "what was used today and this month" },
  async ask(desk, _, { message: { sender, chat } }) {
    const { person, all, bot } = await desk.usage(sender.id);
    const lines: [Words, Spent][] = [
      [{ zh: "你", en: "You" }, person],
      ...(isPrivate(chat) ? [] : [[{ zh: "这里所有人", en: "Everybody here" }, all] as [Words, Spent]]),
      ...(bot ? [[{ zh: "整个机器人(约)", en: "The whole bot (about)" }, bot] as [Words, Spent]] : []),
    ];
    const notes = notesOn(lines.map(([, { month }]) => month));
    return text(
      [...lines.flatMap(([{ zh }, spent]) => inChinese(zh, spent)), ...notes.map(({ zh }) => zh)].join("\n"),
      [...lines.flatMap(([{ en }, spent]) => inEnglish(en, spent)), ...notes.map(({ en }) => en)].join("\n"),
    );
  },
};

function inChinese(who: string, { today, month }: Spent): string[] {
  const said = (spent: Spending) => {
    const cached = spent.cachedTokens > 0 ? `,缓存 ${count(spent.cachedTokens)}` : "";
    const tokens = `${count(tokensOf(spent))} token(输入 ${count(spent.inputTokens)}${cached},输出 ${count(spent.outputTokens)})`;
    return [`${spent.calls} 次`, tokens, ...money(spent), ...mean(spent, (s) => `平均 ${s} 秒`)].join(",");
  };
  return [`${who}:`, `· 今天 ${said(today)}`, `· 本月 ${said(month)}`];
}

function inEnglish(who: string, { today, month }: Spent): string[] {
  const said = (spent: Spending) => {
    const cached = spent.cachedTokens > 0 ? `, ${count(spent.cachedTokens)} cached` : "";
    const tokens = `${count(tokensOf(spent))} tokens (in ${count(spent.inputTokens)}${cached}; out ${count(spent.outputTokens)})`;
    const calls = `${spent.calls} ${spent.calls === 1 ? "call" : "calls"}`;
    return [calls, tokens, ...money(spent), ...mean(spent, (s) => `${s} s each`)].join(", ");
  };
  return [`${who}:`, `· today ${said(today)}`, `· this month ${said(month)}`];
}

/** What the sums of money are, and are not. */
function notesOn(months: readonly Spending[]): Words[] {
  if (months.every(({ yuan }) => yuan === 0)) return [];
  const unpriced = count(Math.max(...months.map(({ unpricedTokens }) => unpricedTokens)));
  const estimated = {
    zh: "金额按标价估算,以模型服务的账单为准。",
    en: "Money is estimated by list prices; the provider's bill counts.",
  };
  const incomplete = {
    zh: `有 ${unpriced} token 的模型不知道价格,没有算进去。`,
    en: `${unpriced} tokens of models without a known price are not in it.`,
  };
  return unpriced === "0" ? [estimated] : [estimated, incomplete];
}

function money({ yuan }: Spending): string[] {
  if (yuan === 0) return [];
  return [yuan < 0.000_05 ? "< ¥0.0001" : `¥${yuan.toFixed(yuan < 0.1 ? 4 : 2)}`];
}

function mean({ ms, calls }: Spending, said: (seconds: string) => string): string[] {
  return calls === 0 || ms === 0 ? [] : [said((ms / calls / 1_000).toFixed(1))];
}

function count(tokens: number): string {
  return Math.round(tokens).toLocaleString("en");
}
