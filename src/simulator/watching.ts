/**
 * What the fake QQ tells whoever watches it, as it happens: the page and the trace. Tests and the terminal hold the fake QQ
 * itself in their hands.
 */
import type { Chat } from "../event.ts";
import type { ModelCall } from "./demo-model.ts";
import type { Payload } from "./events.ts";
import type { Asked, Delivered, Refused } from "./ledger.ts";
import type { Question } from "./questions.ts";

/** A callback that is about to be posted. `id` names what it is about: a message by its `d.id`, an event by its outer id. */
export interface Posting {
  id: string;
  eventId: string;
  t: string;
  d: Payload;
  chat: Chat | undefined;
  atMs: number;
}

/** A callback was posted once. */
export interface Delivery {
  /** Of its `Posting`. */
  id: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** 0 where there was no answer in time. */
  status: number;
  atMs: number;
  tookMs: number;
}

/** A call of QQ's API was answered. */
export interface ApiCall {
  what: "send" | "typing" | "upload" | "token" | "identity" | "acknowledge";
  atMs: number;
  tookMs: number;
  /** 0 where the connection was broken. */
  status: number;
  code: number | undefined;
  chat?: Chat;
  /** The message or event that is answered, or the `d.id` of the interaction that is acknowledged. */
  about?: string | undefined;
  fields: Readonly<Record<string, unknown>>;
}

export interface Watcher {
  asked?(asked: Asked, question: Question): void;
  posting?(posting: Posting): void;
  delivery?(delivery: Delivery): void;
  /** Acknowledged or given up. */
  settled?(id: string, acknowledged: boolean): void;
  delivered?(message: Delivered): void;
  refused?(refused: Refused): void;
  typing?(typing: { chat: Chat; msgId: string; atMs: number }): void;
  called?(call: ApiCall): void;
  /** The demo model was called; again when it has answered, or was left. */
  modelCalled?(call: ModelCall): void;
}
