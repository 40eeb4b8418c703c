/**
 * The words of a message, harmless whatever they are: each message keeps its own direction of writing, breaks anywhere, and
 * shows its beginning only where it is very long.
 */
import { useState } from "preact/hooks";
import { memo } from "./memo.ts";
import { toFragment } from "./rich-text.ts";
import { words } from "./spoken.ts";

const SHOWN = { characters: 1_500, lines: 40 };
/** Of what nobody in the chat has got to see. */
const SHOWN_BRIEFLY = { characters: 160, lines: 5 };
/** Laying out more Markdown than QQ would ever take costs more than it shows. */
const MAX_MARKDOWN = 20_000;

interface MessageTextProps {
  text: string;
  isMarkdown: boolean;
  /** Who is spoken to, before the words. */
  at?: string | undefined;
  isBrief?: boolean;
}

export const MessageText = memo(function MessageText({ text, isMarkdown, at, isBrief }: MessageTextProps) {
  const [isWhole, setWhole] = useState(false);
  const beginning = beginningOf(text, isBrief ? SHOWN_BRIEFLY : SHOWN);
  const shown = isWhole ? text : beginning;
  if (text === "" && at === undefined) return null;
  const isLaidOut = isMarkdown && shown.length <= MAX_MARKDOWN;
  return (
    <>
      {isLaidOut ? (
        <Markdown text={shown} at={at} />
      ) : (
        <div class="text" dir="auto">
          {at !== undefined && (
            <span class="at">
              @<bdi>{at}</bdi>{" "}
            </span>
          )}
          {shown}
        </div>
      )}
      {beginning.length < text.length && (
        <button type="button" class="link-button" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? words.showLess : words.showAll(text.length)}
        </button>
      )}
      {isMarkdown && !isLaidOut && <small class="note">{words.sourceOnly}</small>}
    </>
  );
});

const Markdown = memo(function Markdown({ text, at }: Omit<MessageTextProps, "isMarkdown" | "isBrief">) {
  const draw = (node: HTMLElement | null) => {
    if (!node) return;
    node.replaceChildren(toFragment(text));
    if (at === undefined) return;
    const first = node.firstElementChild;
    (first?.tagName === "P" ? first : node).prepend(mentionOf(at), " ");
  };
  return <div class="text markdown" dir="auto" ref={draw} />;
});

function mentionOf(name: string): HTMLElement {
  const mention = document.createElement("span");
  mention.className = "at";
  const isolated = document.createElement("bdi");
  isolated.textContent = name;
  mention.append("@", isolated);
  return mention;
}

function beginningOf(text: string, { characters, lines }: typeof SHOWN): string {
  const first = text.split("\n", lines + 1);
  const byLines = first.length > lines ? first.slice(0, lines).join("\n") : text;
  // A few more are not worth a click.
  if (byLines.length <= 1.3 * characters) return byLines;
  return byLines.slice(0, characters).replace(/[\uD800-\uDBFF]$/, "");
}
