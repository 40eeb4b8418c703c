/** What a person can do on the page. */
import { useMemo, useRef } from "preact/hooks";
import { type Perform, upload } from "./link.ts";
import type { ChatView, Line } from "./protocol.ts";
import { type Act, causeOf, keyOf, type State } from "./state.ts";

export type Handlers = ReturnType<typeof useHandlers>;

/** What can be done, the same objects for as long as the page is there: they read the newest state when they are called. */
export function useHandlers(state: State, chat: ChatView | undefined, dispatch: (act: Act) => void, perform: Perform) {
  const now = useRef({ state, chat });
  now.current = { state, chat };
  return useMemo(() => {
    const speaker = () => speakerIn(now.current.state, now.current.chat);
    const address = (): boolean => !now.current.state.unaddressed.has(now.current.state.open);
    const select = (line: Line) => {
      dispatch({ kind: "select", line: causeOf(line) });
      dispatch({ kind: "view", view: isNarrow() ? "trace" : "chat" });
    };
    const send = async (text: string, attachments: readonly string[]): Promise<boolean> => {
      const { state, chat } = now.current;
      if (!chat) return false;
      const quote = state.quotes.get(state.open);
      const done = await perform("say", {
        chat: chat.chat,
        by: speaker(),
        text,
        addressed: address(),
        ...(quote !== undefined && { quote }),
        ...(attachments.length > 0 && { attachments }),
      });
      if (!done) return false;
      dispatch({ kind: "quote", chat: keyOf(chat.chat), line: undefined });
      dispatch({ kind: "select", line: undefined });
      return true;
    };
    const open = () => now.current.state.open;
    return {
      turn: (name: string, left: number | "on", value?: number) =>
        void perform("weather", { name, left, ...(value !== undefined && { value }) }),
      openWeather: () => {
        dispatch({ kind: "panel", panel: "weather" });
        if (isNarrow()) dispatch({ kind: "view", view: "weather" });
      },
      openChat: (key: string) => dispatch({ kind: "open", chat: key }),
      toChats: () => dispatch({ kind: "view", view: "chats" }),
      burst: (burst: Parameters<typeof perform<"burst">>[1]) => void perform("burst", burst),
      lines: {
        select,
        quote: (line: Line) => {
          dispatch({ kind: "quote", chat: keyOf(line.chat), line: line.id });
          focusMessage();
        },
        recall: (line: Line) => void perform("recall", { line: line.id }),
        press: (line: Line, { id, action, data }: { id: string; action: string; data: string }) => {
          if (action === "command") dispatch({ kind: "insert", text: data });
          else void perform("press", { line: line.id, button: id, by: speaker() });
        },
        goTo: (id: string) => document.getElementById(`line-${id}`)?.scrollIntoView({ block: "center" }),
        say: (text: string) => void send(text, []),
        quiet: () => dispatch({ kind: "quiet", chat: open() }),
      },
      composer: {
        send,
        upload: (file: File) => upload(dispatch, file),
        speakAs: (id: string) => dispatch({ kind: "speaker", chat: open(), id }),
        address: (addressed: boolean) => dispatch({ kind: "addressed", chat: open(), addressed }),
        unquote: () => dispatch({ kind: "quote", chat: open(), line: undefined }),
        happen: (event: string) => {
          const { chat } = now.current;
          if (chat) void perform("happen", { chat: chat.chat, event });
        },
      },
      trace: {
        follow: () => dispatch({ kind: "select", line: undefined }),
        replay: (id: string, asItWas: boolean) => void perform("replay", { trace: id, asItWas }),
      },
    };
  }, []);
}

export function speakerIn(state: State, chat: ChatView | undefined): string {
  const chosen = chat && state.speakers.get(keyOf(chat.chat));
  const is = chat?.people.find(({ id }) => id === chosen) ?? chat?.people[0];
  return is?.id ?? "";
}

const isNarrow = () => matchMedia("(max-width: 1079px)").matches;

export function focusMessage(): void {
  document.getElementById("message")?.focus();
}
