/** Watches the fake QQ and shows on the page what happens in its chats: what was said, answered, refused, and done. */
import type { Chat } from "../event.ts";
import { NEED_ACKNOWLEDGEMENT } from "./events.ts";
import { type Files, pathOf } from "./files.ts";
import type { KeyboardButton } from "./keyboard.ts";
import type { MediaFile } from "./media.ts";
import type { Attachment, Button, Line, Person } from "./page/protocol.ts";
import { wordsOf } from "./page-chats.ts";
import type { PageState } from "./page-state.ts";
import type { Question } from "./questions.ts";
import type { Watcher } from "./watching.ts";

/** A typing notice shows for so long, unless an answer comes. */
const TYPING_MS = 60_000;

const ACTIONS = ["link", "callback", "command"] as const;

/** @param isHidden of a chat whose lines are not shown. */
export function showLines(state: PageState, files: Files, isHidden: (chat: Chat) => boolean): Watcher {
  let refusals = 0;
  const waiting = new Set<string>();
  return {
    asked(asked, question) {
      const { messageId: id, chat, askedAtMs: atMs, text } = asked;
      if (isHidden(chat)) return;
      const by = personOf(state, chat, asked.sender, question);
      const { quote, addressed = true } = question;
      state.show({
        kind: "said",
        id,
        chat,
        atMs,
        by,
        text,
        addressed,
        ...(quote && { quote: { id: quote.id ?? "", name: quote.name ?? "", text: quote.text } }),
        attachments: (question.attachments ?? []).map(attachmentOf),
      });
    },

    posting({ id, t, d, chat, atMs }) {
      if (t === "INTERACTION_CREATE" && NEED_ACKNOWLEDGEMENT.includes(Number(d.type))) waiting.add(id);
      if (chat && !isHidden(chat))
        state.show({ kind: "happened", id, chat, atMs, event: t, words: wordsOf(chat, t, d) });
    },

    settled(id, acknowledged) {
      const line = state.line(id);
      // What was pressed waits for what the bot says to it.
      const waits = waiting.delete(id) && acknowledged;
      if (line && !waits) settle(state, line, acknowledged);
    },

    delivered({ id, chat, atMs, form, text, msgId, buttons = [], media }) {
      if (isHidden(chat)) return;
      const to = state.line(msgId);
      state.show({
        kind: "answered",
        id,
        chat,
        atMs,
        form,
        text,
        ...(to?.kind === "said" && chat.scene === "group" && { at: to.by.name }),
        to: msgId,
        buttons: buttons.map((row) => row.map((button) => viewOf(button, state.chatOf(chat)?.people ?? []))),
        attachments: media ? [viewOfFile(media, files.add(media))] : [],
      });
    },

    refused({ chat, atMs, form, text, status, code, message, msgId }) {
      if (isHidden(chat) || form === "typing") return;
      refusals += 1;
      const id = `refused-${refusals}`;
      state.show({ kind: "refused", id, chat, atMs, text, status, code, meaning: message, to: msgId });
    },

    typing({ chat, atMs }) {
      if (!isHidden(chat)) state.showTyping(chat, atMs + TYPING_MS);
    },
  };
}

/** Says of a line whether QQ has heard that it was taken. */
export function settle(state: PageState, line: Line, acknowledged: boolean): void {
  if (line.kind === "said" || line.kind === "happened") state.show({ ...line, acknowledged });
}

function personOf(state: PageState, chat: Chat, id: string, { senderName, role = "member" }: Question): Person {
  const known = state.chatOf(chat)?.people.find((person) => person.id === id);
  return known ?? { id, name: senderName || id, role };
}

/** As it travels to the bot. */
export interface WireAttachment {
  content_type: string;
  filename: string;
  size: number;
  url: string;
  width?: number;
  height?: number;
}

export function wireOf(file: MediaFile, url: string): WireAttachment {
  const { name, contentType, bytes, width, height } = file;
  const size = width !== undefined && height !== undefined ? { width, height } : {};
  return { content_type: contentType, filename: name, ...size, size: bytes.byteLength, url };
}

function attachmentOf(wire: object): Attachment {
  const { content_type, filename, size, url, width, height } = wire as Partial<WireAttachment>; // tests may leave anything out
  const path = URL.canParse(url ?? "") ? new URL(url ?? "").pathname : "";
  return {
    name: filename ?? "",
    contentType: content_type ?? "file",
    size: size ?? 0,
    url: path,
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
  };
}

function viewOfFile({ name, contentType, bytes, width, height }: MediaFile, id: string): Attachment {
  return { name, contentType, size: bytes.byteLength, url: pathOf(id), width, height };
}

function viewOf(button: KeyboardButton, people: readonly Person[]): Button {
  const { id, label, style, type, data, permission } = button;
  const listed = new Set(permission.people);
  const isOpen = permission.type !== 0 || people.some((person) => listed.has(person.id));
  return { id, label, style, isOpen, action: ACTIONS[type], data };
}
