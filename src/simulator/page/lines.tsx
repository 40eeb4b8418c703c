/** What stands in a chat, each kind of line as QQ would show it. */
import { Avatar, BotAvatar } from "./avatar.tsx";
import { Icon } from "./icons.tsx";
import { memo } from "./memo.ts";
import { MessageText } from "./message-text.tsx";
import { MenuItem, Popup } from "./popup.tsx";
import type { Answered, Attachment, Button, Happened, Line, Quote, Refused, Said } from "./protocol.ts";
import { clockOf, excerptOf, language, momentOf, sizeOf, words } from "./spoken.ts";

export interface LineHandlers {
  select: (line: Line) => void;
  quote: (line: Line) => void;
  recall: (line: Line) => void;
  press: (line: Line, button: Button) => void;
  goTo: (id: string) => void;
}

export interface LineProps {
  line: Line;
  on: LineHandlers;
  /** Written by whoever holds the phone. */
  isOwn: boolean;
  isSelected: boolean;
  /** Names stand above the bubbles where there are several people. */
  isAmongMany: boolean;
  botName: string;
  /** Whom QQ puts an @ of before it. */
  at: string | undefined;
  /** Of the code that it was refused with, in the language of the page. */
  meaning: string | undefined;
  /** What it answers, where that does not stand right before it. */
  answers: Line | undefined;
  /** It was answered together with a later one. */
  isJoined: boolean;
  /** A pause before it. */
  isAfterPause: boolean;
}

export const LineView = memo(function LineView(props: LineProps) {
  const { line, isAfterPause } = props;
  return (
    <li class={`line ${line.kind}${props.isOwn ? " own" : ""}`} id={`line-${line.id}`} data-line={line.id}>
      {isAfterPause && (
        <time class="pause" dateTime={new Date(line.atMs).toISOString()}>
          {momentOf(line.atMs)}
        </time>
      )}
      {line.kind === "happened" || (line.kind === "said" && line.recalled) ? (
        <Notice {...props} line={line} />
      ) : (
        <Bubble {...props} line={line} />
      )}
    </li>
  );
});

export function wordsOf(line: Line): string {
  return line.kind === "happened" ? line.words[language] : line.text;
}

export function speakerOf(line: Line, botName: string): string {
  return line.kind === "said" ? line.by.name : botName;
}

function Notice({ line, on, isSelected }: LineProps & { line: Line & (Happened | Said) }) {
  const text = line.kind === "happened" ? line.words[language] : `${line.by.name} ${words.recalled}`;
  return (
    <p class={`notice-line${isSelected ? " selected" : ""}`}>
      <button type="button" class="notice-button" onClick={() => on.select(line)} title={words.whatHappened}>
        <bdi>{text}</bdi>
        {line.kind === "happened" && <code>{line.event}</code>}
      </button>
      {line.acknowledged === false && <Unacknowledged />}
    </p>
  );
}

function Bubble(props: LineProps & { line: Line & (Said | Answered | Refused) }) {
  const { line, on, isOwn, isSelected, isAmongMany, botName, answers, isJoined } = props;
  const name = speakerOf(line, botName);
  return (
    <>
      {line.kind === "said" ? <Avatar name={line.by.name} /> : <BotAvatar />}
      <div class="said-by">
        {isAmongMany && !isOwn && (
          <span class="name">
            <bdi>{name}</bdi>
            {line.kind === "said" && line.by.role !== "member" && (
              <span class={`role ${line.by.role}`}>{words.roles[line.by.role]}</span>
            )}
          </span>
        )}
        <div class="bubble-row">
          <article class={`bubble${isSelected ? " selected" : ""}`} aria-label={`${name}, ${clockOf(line.atMs)}`}>
            {answers && (
              <button
                type="button"
                class="quoted"
                onClick={() => on.goTo(answers.id)}
                title={words.answers(speakerOf(answers, botName))}
              >
                <Quoted quote={{ id: answers.id, name: speakerOf(answers, botName), text: wordsOf(answers) }} />
              </button>
            )}
            <Content {...props} />
          </article>
          <LineMenu line={line} on={on} />
        </div>
        {line.kind === "answered" && line.buttons.length > 0 && <Keyboard line={line} on={on} />}
        <p class="meta">
          <button type="button" class="time" onClick={() => on.select(line)} title={words.whatHappened}>
            {clockOf(line.atMs)}
            <span class="hidden"> {words.whatHappened}</span>
          </button>
          {line.kind === "said" && line.acknowledged === undefined && <span>{words.underWay}</span>}
          {line.kind === "said" && line.acknowledged === false && <Unacknowledged />}
          {isJoined && <span class="joined">{words.joinedNext}</span>}
        </p>
      </div>
    </>
  );
}

function Content({ line, botName, at, meaning }: LineProps & { line: Line & (Said | Answered | Refused) }) {
  switch (line.kind) {
    case "said":
      return (
        <>
          {line.quote && (
            <span class="quoted">
              <Quoted quote={line.quote} />
            </span>
          )}
          <MessageText text={line.text} isMarkdown={false} at={isToBot(line) ? botName : undefined} />
          <Attachments of={line.attachments} />
        </>
      );
    case "answered":
      return (
        <>
          <MessageText text={line.text} isMarkdown={line.form === "markdown"} at={at} />
          <Attachments of={line.attachments} />
        </>
      );
    case "refused":
      return (
        <>
          <p class="verdict">
            <Icon name="warning" />
            <strong>{words.refused}</strong>
            <span class="status">{line.status === 0 ? words.noAnswer : `HTTP ${line.status}`}</span>
            {line.code !== undefined && <code>{line.code}</code>}
          </p>
          <p class="meaning">
            <bdi>{line.meaning}</bdi>
            {meaning !== undefined && meaning !== line.meaning && <bdi> · {meaning}</bdi>}
          </p>
          <MessageText text={line.text} isMarkdown={false} isBrief />
        </>
      );
    default:
      return line satisfies never;
  }
}

/** Where others listen, too, the bot is spoken to by name. */
function isToBot({ addressed, chat: { scene } }: Line & Said): boolean {
  return addressed && scene !== "c2c" && scene !== "guildDm";
}

function Quoted({ quote }: { quote: Quote }) {
  return (
    <>
      <bdi class="quoted-name">{quote.name}</bdi>
      <span class="quoted-text" dir="auto">
        {excerptOf(quote.text, 36)}
      </span>
    </>
  );
}

function Attachments({ of: attachments }: { of: readonly Attachment[] }) {
  if (attachments.length === 0) return null;
  return (
    <ul class="attachments">
      {attachments.map((attachment) => (
        <li key={attachment.url}>
          <a href={attachment.url} target="_blank" rel="noopener noreferrer" class="attachment">
            {isPicture(attachment) ? (
              <img
                src={attachment.url}
                alt={attachment.name || words.picture}
                loading="lazy"
                {...(attachment.width && { width: attachment.width, height: attachment.height })}
              />
            ) : (
              <span class="file">
                <Icon name="file" />
                <span class="file-name" dir="auto">
                  {attachment.name || words.file}
                </span>
                <small>{sizeOf(attachment.size)}</small>
              </span>
            )}
          </a>
        </li>
      ))}
    </ul>
  );
}

const isPicture = ({ contentType }: Attachment) => /^image\/(png|jpe?g|gif|webp)$/.test(contentType);

function Keyboard({ line, on }: { line: Line & Answered; on: LineHandlers }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would ask for a form around it.
    <div class="keyboard" role="group" aria-label={words.buttons}>
      {line.buttons.map((row) => (
        <div class="keyboard-row" key={row.map(({ id }) => id).join(" ")}>
          {row.map((button) => (
            <Key key={button.id} button={button} onPress={() => on.press(line, button)} />
          ))}
        </div>
      ))}
    </div>
  );
}

function Key({ button, onPress }: { button: Button; onPress: () => void }) {
  const { label, style, isOpen, action, data } = button;
  const its = `key style-${style === 1 ? 1 : 0}`;
  if (action === "link" && isOpen && /^https?:\/\//i.test(data)) {
    return (
      <a class={its} href={data} target="_blank" rel="noopener noreferrer nofollow">
        <bdi>{label}</bdi> ↗
      </a>
    );
  }
  const isIdle = !isOpen || action === "link";
  return (
    <button type="button" class={its} disabled={isIdle} title={isIdle ? words.buttonClosed : data} onClick={onPress}>
      <bdi>{label}</bdi>
    </button>
  );
}

function LineMenu({ line, on }: { line: Line & (Said | Answered | Refused); on: LineHandlers }) {
  const entries: readonly [label: string, does: () => void, isOffered: boolean][] = [
    [words.quote, () => on.quote(line), line.kind !== "refused"],
    [words.whatHappened, () => on.select(line), true],
    [words.copy, () => void navigator.clipboard?.writeText(line.text), true],
    [words.recall, () => on.recall(line), line.kind === "said"],
  ];
  return (
    <Popup icon="dots" label={words.actions(excerptOf(line.text, 16) || words.message)}>
      {(close) =>
        entries.map(
          ([label, does, isOffered]) =>
            isOffered && (
              <MenuItem
                key={label}
                onChoose={() => {
                  close();
                  does();
                }}
              >
                {label}
              </MenuItem>
            ),
        )
      }
    </Popup>
  );
}

function Unacknowledged() {
  return (
    <span class="unacknowledged">
      <Icon name="warning" />
      {words.notAcknowledged}
    </span>
  );
}
