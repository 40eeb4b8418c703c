/** The words of this page, in the language of this browser. */
import { languageOf, wordsIn } from "./words.ts";

export const language = languageOf(location.search, navigator.languages);
export const words = wordsIn(language);

const locale = language === "zh" ? "zh-CN" : "en-GB";
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric" });

export function clockOf(atMs: number): string {
  return clock.format(atMs);
}

/** With the day, where that is not today. */
export function momentOf(atMs: number, nowMs = Date.now()): string {
  const isToday = new Date(atMs).toDateString() === new Date(nowMs).toDateString();
  return isToday ? clockOf(atMs) : `${day.format(atMs)} ${clockOf(atMs)}`;
}

const UNITS = ["B", "kB", "MB"] as const;

export function sizeOf(bytes: number): string {
  const power = bytes < 1_000 ? 0 : bytes < 1_000_000 ? 1 : 2;
  return `${(bytes / 1_000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

export function excerptOf(text: string, length = 28): string {
  const characters = [
    ...text
      .slice(0, 4 * length)
      .replace(/\s+/g, " ")
      .trim(),
  ];
  return characters.length > length ? `${characters.slice(0, length).join("")}…` : characters.join("");
}
