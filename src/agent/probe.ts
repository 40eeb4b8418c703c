/** Asks a model for one sentence: whether it answers at all, and how fast. */
import type { ModelEndpoint } from "../config.ts";
import type { IncomingMessage } from "../event.ts";
import type { Tried } from "../health.ts";
import { generateStep, type StepLimits } from "./agent.ts";
import { type FailureKind, toModelError } from "./model-error.ts";
import { languageModel, type ModelFetch } from "./models.ts";

const LIMITS: StepLimits = { firstTokenMs: 30_000, silenceMs: 15_000, totalMs: 45_000 };
const QUESTION: Omit<IncomingMessage, "receivedAtMs" | "sentAtMs"> = {
  kind: "message",
  appId: "",
  chat: { scene: "c2c", id: "" },
  eventId: "",
  id: "",
  sender: { id: "" },
  text: "用一句话打个招呼。",
};

export type Sentence = Tried<{ tookMs: number; text: string }> & { kind?: FailureKind };

/** Never throws: a model that does not answer is a result. */
export async function askOneSentence(
  endpoint: ModelEndpoint,
  fetch: ModelFetch,
  { now = Date.now, limits = LIMITS }: { now?: () => number; limits?: StepLimits } = {},
): Promise<Sentence> {
  const startMs = now();
  const message = { ...QUESTION, receivedAtMs: startMs, sentAtMs: startMs };
  const input = {
    persona: "你是一个友善的助手。",
    scene: "c2c",
    nowMs: startMs,
    history: [],
    messages: [message],
  } as const;
  try {
    const options = { limits, signal: new AbortController().signal, now };
    const { text } = await generateStep(languageModel(endpoint, fetch), input, options);
    return { ok: true, tookMs: now() - startMs, text };
  } catch (error) {
    const { kind, refusal } = toModelError(error, now());
    const { summary, advice, code } = refusal;
    return { ok: false, kind, summary, advice, code };
  }
}
