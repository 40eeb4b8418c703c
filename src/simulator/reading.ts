/** What a person reads where the wire has escapes: guild text, and Markdown as far as its characters go. */

export type Form = "text" | "markdown";

export function escapeGuild(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

export function unescapeGuild(content: string): string {
  return content.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** Whether guild content holds a character that should have been escaped. */
export function isRawInGuild(content: string): boolean {
  return /[<>]|&(?!(?:amp|lt|gt);)/.test(content);
}

/** The words with their escapes taken back; in Markdown the marks stay, since the words between them are what is judged. */
export function readable({ form, text }: { form: Form; text: string }): string {
  if (form === "text") return text;
  return text
    .replace(/\\([!-/:-@[-`{-~])/g, "$1")
    .replace(/&#x([0-9a-f]{1,6});/gi, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}
