/** Messages and turns out of thin air, for tests of what decides about them. */
import { type Part, pointOf, type Turn } from "../../src/conversation/turn-machine.ts";
import type { IncomingMessage, Scene, Sender } from "../../src/event.ts";

export const NOW = 1_790_000_000_000;

export interface Question {
  id?: string;
  scene?: Scene;
  sender?: Sender;
  text?: string;
  /** When it was written and received. */
  atMs?: number;
}

export function message({
  id = "m1",
  scene = "group",
  sender = { id: "ann" },
  text = "hello",
  atMs = NOW,
}: Question = {}): IncomingMessage {
  const chat = { scene, id: "chat" };
  return {
    kind: "message",
    appId: "1",
    chat,
    id,
    eventId: `e-${id}`,
    sender,
    text,
    sentAtMs: atMs,
    receivedAtMs: atMs,
  };
}

/** A question that nothing was done for yet; turn 2 answers message m2. */
export function turn(id: number, { sender = "ann", ...more }: Partial<Turn> = {}): Turn {
  return {
    id,
    kind: "question",
    sender,
    messages: [message({ id: `m${id}`, sender: { id: sender } })],
    restarts: 0,
    point: "",
    attempts: 0,
    tried: [],
    notBeforeMs: 0,
    steps: 0,
    parts: [],
    ...more,
  };
}

export function part(n: number, more: Partial<Part> = {}): Part {
  return { n, form: "text", text: `part ${n}`, msgId: "m1", msgSeq: n + 1, state: "pending", ...more };
}

/** A turn whose answer is booked under its own message. */
export function booked(id: number, more: Partial<Turn> = {}): Turn {
  return turn(id, { steps: 1, parts: [part(0, { msgId: `m${id}` })], ...more });
}

/** A turn whose last attempts, at the point where it stands, did not come to an orderly end. */
export function died(of: Turn, attempts = 1): Turn {
  return { ...of, point: pointOf(of), attempts };
}
