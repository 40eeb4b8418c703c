/** The page as a whole: chats, the open conversation, and beside it what happened underneath. */
import { useEffect, useMemo, useReducer } from "preact/hooks";
import { Avatar, BotAvatar } from "./avatar.tsx";
import { BurstView } from "./burst.tsx";
import { Conversation } from "./chat.tsx";
import { ChatList } from "./chat-list.tsx";
import { Composer } from "./composer.tsx";
import { focusMessage, type Handlers, speakerIn, useHandlers } from "./handlers.ts";
import { Icon, type IconName } from "./icons.tsx";
import { wordsOf } from "./lines.tsx";
import { listen, performer } from "./link.ts";
import type { ChatView, Line } from "./protocol.ts";
import { language, words } from "./spoken.ts";
import { chatIn, initially, keyOf, type Panel, reduce, type State, traceShown, type View } from "./state.ts";
import { TraceView } from "./trace.tsx";
import { WeatherBanner, WeatherView } from "./weather.tsx";

/** Served by the simulator, in the language of the page. */
const README = `/page/readme?lang=${language}`;
const NOTICE_MS = 6_000;

const PANELS: readonly Panel[] = ["trace", "weather", "burst"];
/** What a narrow screen shows one of. */
const VIEWS: readonly [view: View, icon: IconName][] = [
  ["chat", "chat"],
  ["trace", "trace"],
  ["weather", "weather"],
  ["burst", "burst"],
];

const NO_LINES: readonly Line[] = [];

export function App() {
  const [state, dispatch] = useReducer(reduce, chatIn(location.hash), initially);
  const perform = useMemo(() => performer(dispatch), []);
  useEffect(() => listen(dispatch), []);
  const chat = state.chats.find((view) => keyOf(view.chat) === state.open);
  useEffect(() => {
    if (chat) history.replaceState(null, "", `#${encodeURI(state.open)}`);
  }, [chat, state.open]);
  useEffect(() => {
    if (state.notice === undefined) return;
    const timer = setTimeout(() => dispatch({ kind: "notice", words: undefined }), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [state.notice]);
  const on = useHandlers(state, chat, dispatch, perform);
  const { link, view, panel, weather, codes, tally, bot } = state;
  return (
    <div class={`app view-${view}`}>
      <button type="button" class="skip" onClick={focusMessage}>
        {words.skip}
      </button>
      <div class="banners">
        {link !== "open" && (
          <p class={`banner ${link}`} role="status">
            <span class="spinner" aria-hidden="true" />
            {link === "gone" ? words.gone : words.connecting}
          </p>
        )}
        <WeatherBanner weather={weather} onTurn={on.turn} onOpen={on.openWeather} />
      </div>
      <main class="columns">
        <h1 class="hidden">{words.title}</h1>
        <section class="side" aria-label={words.localQQ}>
          <Brand />
          <ChatList
            chats={state.chats}
            lines={state.lines}
            unread={state.unread}
            open={state.open}
            botName={bot.name}
            onOpen={on.openChat}
          />
          <a class="readme" href={README} target="_blank" rel="noopener noreferrer">
            <Icon name="book" />
            {words.readme}
          </a>
        </section>
        <section class="middle" aria-label={words.chat}>
          {chat && <ChatColumn state={state} chat={chat} on={on} />}
        </section>
        <section class="panel" aria-label={words.sideViews}>
          <div class="tabs" role="tablist" aria-label={words.sideViews} onKeyDown={walkTabs}>
            {PANELS.map((name) => (
              <button
                type="button"
                key={name}
                role="tab"
                id={`tab-${name}`}
                aria-selected={panel === name}
                aria-controls="panel-body"
                tabIndex={panel === name ? 0 : -1}
                onClick={() => dispatch({ kind: "panel", panel: name })}
              >
                <Icon name={name} />
                {words[name]}
              </button>
            ))}
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard. */}
          <div class="panel-body" id="panel-body" role="tabpanel" aria-labelledby={`tab-${panel}`} tabIndex={0}>
            {panel === "trace" && <ShownTrace state={state} on={on} />}
            {panel === "weather" && <WeatherView weather={weather} codes={codes} onTurn={on.turn} />}
            {panel === "burst" && <BurstView tally={tally} onStart={on.burst} />}
          </div>
        </section>
      </main>
      <nav class="bottom" aria-label={words.views}>
        {VIEWS.map(([name, icon]) => (
          <button
            type="button"
            key={name}
            aria-current={view === name || (name === "chat" && view === "chats") ? "page" : undefined}
            onClick={() => dispatch({ kind: "view", view: name })}
          >
            <Icon name={icon} />
            {words[name]}
          </button>
        ))}
      </nav>
      {state.notice !== undefined && (
        <p class="toast" role="alert">
          {state.notice}
          <button
            type="button"
            class="icon-button small"
            aria-label={words.close}
            onClick={() => dispatch({ kind: "notice", words: undefined })}
          >
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}

function ChatColumn({ state, chat, on }: { state: State; chat: ChatView; on: Handlers }) {
  const key = keyOf(chat.chat);
  const lines = state.lines.get(key) ?? NO_LINES;
  const quote = state.quotes.get(key);
  const isShared = chat.people.length > 1;
  return (
    <>
      <header class="chat-head">
        <button type="button" class="icon-button back" aria-label={words.backToChats} onClick={on.toChats}>
          <Icon name="back" />
        </button>
        {isShared ? <Avatar name={chat.name} isGroup /> : <BotAvatar />}
        <div>
          <h2>
            <bdi>{isShared ? chat.name : state.bot.name || words.bot}</bdi>
          </h2>
          <p>
            {words[chat.chat.scene]}
            {isShared && ` · ${words.people(chat.people.length)}`}
            <ModelName model={state.model} />
          </p>
        </div>
      </header>
      <Conversation
        key={key}
        chat={chat}
        lines={lines}
        traces={state.traces}
        speaker={speakerIn(state, chat)}
        selected={state.selected}
        typingUntilMs={state.typing.get(key)}
        botName={state.bot.name || words.bot}
        isDemo={state.model.isDemo}
        claim={state.claim}
        codes={state.codes}
        on={on.lines}
      />
      <Composer
        chat={chat}
        speaker={speakerIn(state, chat)}
        isAddressed={!state.unaddressed.has(key)}
        quoted={quote === undefined ? undefined : lines.find(({ id }) => id === quote)}
        inserted={state.inserted}
        botName={state.bot.name || words.bot}
        on={on.composer}
      />
    </>
  );
}

function ShownTrace({ state, on }: { state: State; on: Handlers }) {
  const trace = traceShown(state);
  const line = trace && [...state.lines.values()].flat().find(({ id }) => id === trace.id);
  return (
    <TraceView
      key={trace?.id}
      trace={trace}
      of={line ? wordsOf(line) : ""}
      isPinned={state.selected !== undefined}
      on={on.trace}
    />
  );
}

function Brand() {
  return (
    <div class="brand">
      <BotAvatar />
      <div>
        <p class="brand-name">qq-edge</p>
        <p class="brand-sub">{words.localQQ}</p>
      </div>
    </div>
  );
}

function ModelName({ model: { name, isDemo } }: { model: State["model"] }) {
  return (
    <span class="model-name" title={isDemo ? words.demoModelNote : words.realModel}>
      {isDemo ? words.demoModel : name}
    </span>
  );
}

function walkTabs(event: KeyboardEvent): void {
  const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  const tabs = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLButtonElement>("[role=tab]")];
  const at = tabs.indexOf(document.activeElement as HTMLButtonElement);
  if (step === 0 || at < 0) return;
  const next = tabs[(at + step + tabs.length) % tabs.length];
  next?.focus();
  next?.click();
}
