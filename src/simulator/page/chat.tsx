/** The conversation: its lines, who is typing, and what a newcomer may say first. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type LineHandlers, LineView, wordsOf } from "./lines.tsx";
import { memo } from "./memo.ts";
import type { ChatView, Code, Line, Trace } from "./protocol.ts";
import { excerptOf, language, words } from "./spoken.ts";
import { causeOf } from "./state.ts";

/** QQ puts a time between messages that are this far apart. */
const PAUSE_MS = 5 * 60_000;
/** More are shown on demand: a phone does not draw a year either. */
const SHOWN = 250;
/** How far from its end the list still counts as read to its end. */
const NEAR_END_PX = 80;

interface ConversationProps {
  chat: ChatView;
  lines: readonly Line[];
  traces: ReadonlyMap<string, Trace>;
  /** `Person.id` of whoever holds the phone. */
  speaker: string;
  selected: string | undefined;
  typingUntilMs: number | undefined;
  botName: string;
  isDemo: boolean;
  claim: string;
  codes: readonly Code[];
  on: LineHandlers & { say: (text: string) => void; quiet: () => void };
}

export const Conversation = memo(function Conversation(props: ConversationProps) {
  const { chat, lines, speaker, selected, typingUntilMs, botName, on } = props;
  const [chosen, setChosen] = useState(() => Math.max(0, lines.length - SHOWN));
  const list = useRef<HTMLDivElement>(null);
  const { isAtEnd, isBehind, toEnd, onScroll } = useEnd(list, lines, typingUntilMs, speaker);
  // After a restart there may be fewer.
  const first = chosen < lines.length ? chosen : Math.max(0, lines.length - SHOWN);
  const showEarlier = () => {
    const node = list.current;
    const belowPx = node ? node.scrollHeight - node.scrollTop : 0;
    setChosen(Math.max(0, first - SHOWN));
    // What is being read stays where it is.
    requestAnimationFrame(() => node?.scrollTo({ top: node.scrollHeight - belowPx }));
  };
  const positions = useMemo(() => new Map(lines.map(({ id }, at) => [id, at])), [lines]);
  const names = useMemo(() => new Map(chat.people.map(({ id, name }) => [id, name])), [chat]);
  const meanings = useMemo(() => new Map(props.codes.map(({ code, words }) => [code, words[language]])), [props.codes]);
  const isAmongMany = chat.people.length > 1;
  useEffect(() => {
    if (typingUntilMs === undefined) return;
    const timer = setTimeout(on.quiet, Math.max(0, typingUntilMs - Date.now()));
    return () => clearTimeout(timer);
  }, [typingUntilMs, on]);
  return (
    <div class="conversation">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard. */}
      <section class="lines" ref={list} onScroll={onScroll} tabIndex={0} aria-label={words.conversation}>
        {lines.length === 0 && <FirstRun {...props} />}
        {first > 0 && (
          <button type="button" class="pill-button" onClick={showEarlier}>
            {words.earlier(first)}
          </button>
        )}
        <ol>
          {lines.slice(first).map((line, n) => {
            const at = first + n;
            const before = lines[at - 1];
            return (
              <LineView
                key={line.id}
                line={line}
                on={on}
                botName={botName}
                isOwn={line.kind === "said" && line.by.id === speaker}
                isSelected={selected !== undefined && (line.id === selected || causeOf(line) === selected)}
                isAmongMany={isAmongMany}
                at={line.kind === "answered" && line.at !== undefined ? (names.get(line.at) ?? line.at) : undefined}
                meaning={line.kind === "refused" ? meanings.get(line.code ?? 0) : undefined}
                answers={questionOf(line, at, lines, positions)}
                isJoined={line.kind === "said" && hasJoined(line.id, props.traces.get(line.id))}
                isAfterPause={before === undefined || line.atMs - before.atMs > PAUSE_MS}
              />
            );
          })}
        </ol>
        {typingUntilMs !== undefined && (
          <p class="typing">
            <span class="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {words.typing}
          </p>
        )}
      </section>
      {isBehind && !isAtEnd && (
        <button type="button" class="to-newest" onClick={toEnd}>
          ↓ {words.newest}
        </button>
      )}
      <Spoken lines={lines} botName={botName} />
    </div>
  );
});

/** The list stays at its end while it is read there, and stays where it is while something older is read. */
function useEnd(
  list: { current: HTMLDivElement | null },
  lines: readonly Line[],
  typingUntilMs: number | undefined,
  speaker: string,
) {
  const [isAtEnd, setAtEnd] = useState(true);
  const [isBehind, setBehind] = useState(false);
  const follows = useRef(true);
  const count = useRef(0);
  const toEnd = () => {
    const node = list.current;
    if (!node) return;
    node.scrollTop = node.scrollHeight;
    follows.current = true;
    setBehind(false);
  };
  useLayoutEffect(() => {
    const newest = lines.at(-1);
    const isNew = lines.length > count.current;
    count.current = lines.length;
    const isOwn = isNew && newest?.kind === "said" && newest.by.id === speaker;
    if (follows.current || isOwn) toEnd();
    else if (isNew) setBehind(true);
  }, [lines, typingUntilMs]);
  useEffect(() => {
    const node = list.current;
    if (!node || typeof ResizeObserver === "undefined") return;
    // A keyboard that opens or a preview that appears takes room from below.
    const observer = new ResizeObserver(() => follows.current && toEnd());
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  const onScroll = () => {
    const node = list.current;
    if (!node) return;
    const near = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_END_PX;
    follows.current = near;
    setAtEnd(near);
    if (near) setBehind(false);
  };
  return { isAtEnd, isBehind, toEnd, onScroll };
}

/** What a line answers, unless that stands right before it or it goes on from another answer to the same. */
function questionOf(
  line: Line,
  at: number,
  lines: readonly Line[],
  positions: ReadonlyMap<string, number>,
): Line | undefined {
  if ((line.kind !== "answered" && line.kind !== "refused") || line.to === undefined) return undefined;
  const before = lines[at - 1];
  if (before && (before.id === line.to || causeOf(before) === line.to)) return undefined;
  return lines[positions.get(line.to) ?? -1];
}

/** Whether it was answered in one turn with messages after it: QQ shows one answer, to the last of them. */
function hasJoined(id: string, trace: Trace | undefined): boolean {
  const messages = trace?.steps.findLast(({ what }) => what === "turn.ended")?.fields.messages;
  return Array.isArray(messages) && messages.includes(id) && messages.at(-1) !== id;
}

/** For those who listen: the newest answer, once. */
function Spoken({ lines, botName }: { lines: readonly Line[]; botName: string }) {
  const newest = lines.at(-1);
  const isAnswer = newest?.kind === "answered" || newest?.kind === "refused";
  const refused = newest?.kind === "refused" ? `${words.refused}: ` : "";
  return (
    <p class="hidden" role="status">
      {isAnswer && `${botName}: ${refused}${excerptOf(wordsOf(newest), 200)}`}
    </p>
  );
}

function FirstRun({ chat, isDemo, claim, on }: ConversationProps) {
  const suggestions = isDemo ? [words.sayHello, words.sayMarkdown, words.sayLong] : [words.sayHello];
  const isPrivate = chat.chat.scene === "c2c";
  return (
    <div class="first-run">
      <h3>{isPrivate ? words.hello : chat.name}</h3>
      <p>{chat.people.length > 1 ? words.helloGroup : words.helloMore}</p>
      <ul class="suggestions" aria-label={words.trySaying}>
        {suggestions.map((text) => (
          <li key={text}>
            <button type="button" class="suggestion" onClick={() => on.say(text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
      {isPrivate && claim !== "" && (
        <p class="claim">
          {words.claimHint}{" "}
          <button type="button" class="link-button" onClick={() => on.say(claim)}>
            <code>{claim}</code>
          </button>
        </p>
      )}
    </div>
  );
}
