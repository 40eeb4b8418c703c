/**
 * Where a message is written: who speaks, whether to the bot, what it quotes, what is attached. Enter sends, but not while an
 * input method is still composing.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { EMOJI } from "./emoji.ts";
import { Icon } from "./icons.tsx";
import { speakerOf, wordsOf } from "./lines.tsx";
import { memo } from "./memo.ts";
import { MenuItem, Popup } from "./popup.tsx";
import type { ChatView, Line } from "./protocol.ts";
import { excerptOf, language, sizeOf, words } from "./spoken.ts";
import { type ChatKey, keyOf } from "./state.ts";

const MAX_HEIGHT_PX = 160;
const EMOJI_IN_A_ROW = 8;

export interface ComposerHandlers {
  send: (text: string, uploads: readonly string[]) => Promise<boolean>;
  upload: (file: File) => Promise<string | undefined>;
  speakAs: (id: string) => void;
  address: (addressed: boolean) => void;
  unquote: () => void;
  happen: (event: string) => void;
}

interface ComposerProps {
  chat: ChatView;
  speaker: string;
  isAddressed: boolean;
  quoted: Line | undefined;
  /** What a pressed button puts in; another object each time. */
  inserted: { text: string } | undefined;
  botName: string;
  on: ComposerHandlers;
}

interface Attached {
  key: number;
  name: string;
  size: number;
  /** As `data:`; pictures only. */
  preview?: string;
  /** Undefined while it is under way. */
  upload?: string;
}

interface Draft {
  text: string;
  files: readonly Attached[];
}

const EMPTY: Draft = { text: "", files: [] };

export const Composer = memo(function Composer({
  chat,
  speaker,
  isAddressed,
  quoted,
  inserted,
  botName,
  on,
}: ComposerProps) {
  const key = keyOf(chat.chat);
  const to = chat.people.length > 1 ? chat.name : botName;
  const [drafts, setDrafts] = useState<ReadonlyMap<ChatKey, Draft>>(new Map());
  const [isOver, setOver] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const files = useRef(0);
  const draft = drafts.get(key) ?? EMPTY;
  const change = (of: ChatKey, next: (draft: Draft) => Draft) =>
    setDrafts((all) => new Map(all).set(of, next(all.get(of) ?? EMPTY)));
  const isReady = (draft.text.trim() !== "" || draft.files.length > 0) && draft.files.every(({ upload }) => upload);

  useLayoutEffect(() => {
    const node = field.current;
    if (!node) return;
    node.style.height = "auto";
    node.style.height = `${Math.min(node.scrollHeight, MAX_HEIGHT_PX)}px`;
  }, [draft.text, key]);

  const send = async () => {
    if (!isReady) return;
    const sent = draft;
    change(key, () => EMPTY);
    field.current?.focus();
    const uploads = sent.files.flatMap(({ upload }) => upload ?? []);
    const isSent = await on.send(sent.text.trim(), uploads);
    if (!isSent) change(key, (now) => (now === EMPTY ? sent : now));
  };

  const attach = async (chosen: Iterable<File>) => {
    for (const file of chosen) {
      files.current += 1;
      const one: Attached = { key: files.current, name: file.name, size: file.size };
      change(key, (now) => ({ ...now, files: [...now.files, one] }));
      const renew = (more: Partial<Attached>) =>
        change(key, (now) => ({
          ...now,
          files: now.files.map((its) => (its.key === one.key ? { ...its, ...more } : its)),
        }));
      if (/^image\/(png|jpeg|gif|webp)$/.test(file.type)) void asDataUrl(file).then((preview) => renew({ preview }));
      const id = await on.upload(file);
      if (id === undefined) {
        change(key, (now) => ({ ...now, files: now.files.filter((its) => its.key !== one.key) }));
      } else renew({ upload: id });
    }
  };

  const insert = (text: string) => {
    const node = field.current;
    const from = node?.selectionStart ?? draft.text.length;
    const to = node?.selectionEnd ?? from;
    change(key, (now) => ({ ...now, text: now.text.slice(0, from) + text + now.text.slice(to) }));
    requestAnimationFrame(() => {
      node?.focus();
      node?.setSelectionRange(from + text.length, from + text.length);
    });
  };

  useEffect(() => {
    if (inserted) insert(inserted.text);
  }, [inserted]);

  return (
    <form
      class={`composer${isOver ? " over" : ""}`}
      aria-label={words.messageTo(to)}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void attach(event.dataTransfer?.files ?? []);
      }}
    >
      <Speaking chat={chat} speaker={speaker} isAddressed={isAddressed} botName={botName} on={on} />
      {quoted && (
        <p class="quoting">
          <Icon name="quote" />
          <span class="quoting-text">
            {words.quoting(speakerOf(quoted, botName))} <bdi>{excerptOf(wordsOf(quoted), 50)}</bdi>
          </span>
          <button type="button" class="icon-button small" aria-label={words.removeQuote} onClick={on.unquote}>
            <Icon name="close" />
          </button>
        </p>
      )}
      {draft.files.length > 0 && (
        <ul class="previews">
          {draft.files.map((one) => (
            <li key={one.key} class="preview">
              {one.preview ? <img src={one.preview} alt="" /> : <Icon name="file" />}
              <span class="preview-name" dir="auto">
                {one.name}
              </span>
              <small>{one.upload ? sizeOf(one.size) : words.uploading}</small>
              <button
                type="button"
                class="icon-button small"
                aria-label={words.removeAttachment(one.name)}
                onClick={() => change(key, (now) => ({ ...now, files: now.files.filter((its) => its !== one) }))}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="writing">
        <textarea
          ref={field}
          id="message"
          rows={1}
          dir="auto"
          aria-label={words.messageTo(to)}
          placeholder={isOver ? words.dropHere : words.messageTo(to)}
          title={words.sendHint}
          value={draft.text}
          onInput={({ currentTarget: { value } }) => change(key, (now) => ({ ...now, text: value }))}
          onKeyDown={(event) => {
            // keyCode 229: Safari says so for the Enter that ends a composition.
            if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
            event.preventDefault();
            void send();
          }}
          onPaste={(event) => {
            const pasted = [...(event.clipboardData?.files ?? [])];
            if (pasted.length === 0) return;
            event.preventDefault();
            void attach(pasted);
          }}
        />
        <div class="tools">
          <Popup icon="smile" label={words.emoji} columns={EMOJI_IN_A_ROW}>
            {(close) =>
              EMOJI.map((emoji) => (
                <MenuItem
                  key={emoji}
                  onChoose={() => {
                    close();
                    insert(emoji);
                  }}
                >
                  {emoji}
                </MenuItem>
              ))
            }
          </Popup>
          <button
            type="button"
            class="icon-button"
            aria-label={words.attach}
            title={words.attach}
            onClick={() => picker.current?.click()}
          >
            <Icon name="clip" />
          </button>
          <input
            ref={picker}
            class="hidden"
            type="file"
            multiple
            tabIndex={-1}
            aria-hidden="true"
            onChange={({ currentTarget }) => {
              void attach([...(currentTarget.files ?? [])]);
              currentTarget.value = "";
            }}
          />
          {chat.events.length > 0 && (
            <Popup icon="plus" label={words.events}>
              {(close) =>
                chat.events.map(({ event, words: its }) => (
                  <MenuItem
                    key={event}
                    onChoose={() => {
                      close();
                      on.happen(event);
                    }}
                  >
                    {its[language]}
                    <code>{event}</code>
                  </MenuItem>
                ))
              }
            </Popup>
          )}
          <button type="submit" class="send" disabled={!isReady} aria-label={words.send} title={words.sendHint}>
            <Icon name="send" />
          </button>
        </div>
      </div>
    </form>
  );
});

type SpeakingProps = Pick<ComposerProps, "chat" | "speaker" | "isAddressed" | "botName" | "on">;

function Speaking({ chat, speaker, isAddressed, botName, on }: SpeakingProps) {
  const isShared = chat.chat.scene === "group" || chat.chat.scene === "guildChannel";
  if (!isShared && chat.people.length < 2) return null;
  return (
    <div class="speaking">
      {chat.people.length > 1 && (
        <label class="speaker">
          {words.speakAs}
          <select value={speaker} onChange={({ currentTarget }) => on.speakAs(currentTarget.value)}>
            {chat.people.map(({ id, name, role }) => (
              <option key={id} value={id}>
                {role === "member" ? name : `${name} · ${words.roles[role]}`}
              </option>
            ))}
          </select>
        </label>
      )}
      {isShared && (
        <label class="mention">
          <input
            type="checkbox"
            checked={isAddressed}
            onChange={({ currentTarget }) => on.address(currentTarget.checked)}
          />
          <span>
            @<bdi>{botName}</bdi>
          </span>
        </label>
      )}
    </div>
  );
}

function asDataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
