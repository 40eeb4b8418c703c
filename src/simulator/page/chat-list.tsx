/** The chats, newest words below their names. */
import { Avatar } from "./avatar.tsx";
import { speakerOf, wordsOf } from "./lines.tsx";
import { memo } from "./memo.ts";
import type { ChatView, Line } from "./protocol.ts";
import { clockOf, excerptOf, words } from "./spoken.ts";
import { type ChatKey, keyOf } from "./state.ts";

interface ChatListProps {
  chats: readonly ChatView[];
  lines: ReadonlyMap<ChatKey, readonly Line[]>;
  unread: ReadonlyMap<ChatKey, number>;
  open: ChatKey;
  botName: string;
  onOpen: (chat: ChatKey) => void;
}

export const ChatList = memo(function ChatList({ chats, lines, unread, open, botName, onOpen }: ChatListProps) {
  return (
    <nav class="chat-list" aria-label={words.chats}>
      <ul>
        {chats.map((view) => {
          const key = keyOf(view.chat);
          return (
            <ChatRow
              key={key}
              view={view}
              newest={lines.get(key)?.at(-1)}
              unread={unread.get(key) ?? 0}
              isOpen={key === open}
              botName={botName}
              onOpen={onOpen}
            />
          );
        })}
      </ul>
    </nav>
  );
});

interface ChatRowProps {
  view: ChatView;
  newest: Line | undefined;
  unread: number;
  isOpen: boolean;
  botName: string;
  onOpen: (chat: ChatKey) => void;
}

const ChatRow = memo(function ChatRow({ view, newest, unread, isOpen, botName, onOpen }: ChatRowProps) {
  const isShared = view.people.length > 1;
  const by = newest && isShared && newest.kind !== "happened" ? `${speakerOf(newest, botName)}: ` : "";
  return (
    <li>
      <button
        type="button"
        class="chat-row"
        aria-current={isOpen ? "true" : undefined}
        onClick={() => onOpen(keyOf(view.chat))}
      >
        <Avatar name={view.name} isGroup={isShared} />
        <span class="chat-row-text">
          <span class="chat-row-name">
            <bdi>{view.name}</bdi>
            {newest && <time>{clockOf(newest.atMs)}</time>}
          </span>
          <span class="chat-row-newest">
            <span dir="auto">{newest ? by + excerptOf(wordsOf(newest), 40) : words[view.chat.scene]}</span>
            {unread > 0 && (
              <span class="badge">
                {unread > 99 ? "99+" : unread}
                <span class="hidden"> {words.unread(unread)}</span>
              </span>
            )}
          </span>
        </span>
      </button>
    </li>
  );
});
