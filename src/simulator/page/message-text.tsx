/**
 * The words of a message, harmless whatever they are: each message keeps its own direction of writing, breaks anywhere, and
 * shows its beginning only where it is very long.
 */
import { useState } from "preact/hooks";
import { toFragment } from "./markdown.ts";
import { memo } from "./memo.ts";
import { words } from "./spoken.ts";

const SHOWN_CHARACTERS = 1_500;
const SHOWN_LINES = 40;
/** Laying out more Markdown than QQ would ever take costs more than it shows. */
const MAX_MARKDOWN = 20_000;

export const MessageText = memo(function MessageText({ text, isMarkdown }: { text: string; isMarkdown: boolean }) {
  const [isWhole, setWhole] = useState(false);
  const beginning = beginningOf(text);
  const shown = isWhole ? text : beginning;
  const isLaidOut = isMarkdown && shown.length <= MAX_MARKDOWN;
  return (
    <>
      {isLaidOut ? (
        <Markdown text={shown} key={isWhole ? "whole" : "beginning"} />
      ) : (
        <div class="text" dir="auto">
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

const Markdown = memo(function Markdown({ text }: { text: string }) {
  return <div class="text markdown" dir="auto" ref={(node) => node?.replaceChildren(toFragment(text))} />;
});

function beginningOf(text: string): string {
  const lines = text.split("\n", SHOWN_LINES + 1);
  const byLines = lines.length > SHOWN_LINES ? lines.slice(0, SHOWN_LINES).join("\n") : text;
  // A few more are not worth a click.
  if (byLines.length <= 1.3 * SHOWN_CHARACTERS) return byLines;
  return byLines.slice(0, SHOWN_CHARACTERS).replace(/[\uD800-\uDBFF]$/, "");
}
