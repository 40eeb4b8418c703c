/**
 * Callbacks as QQ posts them: signed over timestamp and raw body, repeated with the same outer id when the answer is late
 * or asks for it. Signed with noble, so that the Worker's WebCrypto has a second opinion.
 */
import { signAsync } from "@noble/ed25519";
import { Agent, fetch } from "undici";
import { seedFromSecret } from "../qq/signature.ts";
import type { CallbackTrouble } from "./weather.ts";

/** Reported: up to three repetitions (AstrBot#5788). */
const REPETITIONS = 3;
/** The only limit ever published. */
const ANSWER_WITHIN_MS = 3_000;

/** QQ opens a connection for each callback: its captured requests say `Connection: close`. */
const ONE_CALL_EACH = new Agent({ pipelining: 0 });

export interface Signer {
  appId: string;
  appSecret: string;
}

/** Lower-case hex, as QQ writes it. */
export async function sign(appSecret: string, message: string): Promise<string> {
  return Buffer.from(await signAsync(new TextEncoder().encode(message), seedFromSecret(appSecret))).toString("hex");
}

/** A signed request body with its headers. */
export async function signedCallback(
  { appId, appSecret }: Signer,
  body: string,
  atMs: number,
): Promise<{ body: string; headers: Record<string, string> }> {
  const timestamp = String(Math.floor(atMs / 1000));
  return {
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "QQBot-Callback",
      "x-bot-appid": appId,
      "x-signature-method": "Ed25519",
      "x-signature-timestamp": timestamp,
      "x-signature-ed25519": await sign(appSecret, timestamp + body),
      "x-tps-trace-id": crypto.randomUUID(),
    },
  };
}

/** A callback as it was posted once. */
export interface Attempt {
  body: string;
  headers: Readonly<Record<string, string>>;
  /** HTTP; 0 where there was no answer in time. */
  status: number;
  atMs: number;
  tookMs: number;
}

export interface DeliveryOptions {
  now: () => number;
  /** Before a repetition. */
  pauseMs: number;
  onAnswer: (attempt: Attempt) => void;
  /** What goes wrong, if anything does. */
  trouble?: CallbackTrouble | undefined;
}

/** Posts until it is acknowledged or given up. Returns whether it was; `onAnswer` sees every attempt. */
export async function deliver(
  url: string,
  signer: Signer,
  body: string,
  { now, pauseMs, onAnswer, trouble }: DeliveryOptions,
): Promise<boolean> {
  const once = async () => {
    const { signer: as, atMs } = signature(signer, now(), trouble);
    const { status, acknowledged } = await postOnce(url, await signedCallback(as, body, atMs), { now, onAnswer });
    return { status, acknowledged };
  };
  if (trouble?.kind === "repeat") {
    const all = await Promise.all(Array.from({ length: trouble.times }, once));
    if (all.some(({ acknowledged }) => acknowledged)) return true;
  }
  for (let repetition = 0; repetition <= REPETITIONS; repetition += 1) {
    if (repetition > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const { acknowledged } = await once();
    // QQ has not seen an answer that was late.
    if (acknowledged && !(trouble?.kind === "late" && repetition < REPETITIONS)) return true;
  }
  return false;
}

/** A signed request as it is, posted once. */
export async function postOnce(
  url: string,
  request: { body: string; headers: Readonly<Record<string, string>> },
  { now, onAnswer }: Pick<DeliveryOptions, "now" | "onAnswer">,
): Promise<{ status: number; acknowledged: boolean }> {
  const atMs = now();
  const { http: status, acknowledged } = await post(url, request);
  onAnswer({ ...request, status, atMs, tookMs: now() - atMs });
  return { status, acknowledged };
}

function signature(
  signer: Signer,
  nowMs: number,
  trouble: CallbackTrouble | undefined,
): { signer: Signer; atMs: number } {
  if (trouble?.kind === "stale") return { signer, atMs: nowMs - trouble.ms };
  if (trouble?.kind === "forged") return { signer: { ...signer, appSecret: `not ${signer.appSecret}` }, atMs: nowMs };
  return { signer, atMs: nowMs };
}

async function post(
  url: string,
  init: { body: string; headers: Readonly<Record<string, string>> },
): Promise<{ http: number; acknowledged: boolean }> {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: init.body,
      headers: { ...init.headers },
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      dispatcher: ONE_CALL_EACH,
    });
    const text = await response.text();
    const asksAgain = /"d"\s*:\s*1\b/.test(text);
    return { http: response.status, acknowledged: (response.status === 200 || response.status === 204) && !asksAgain };
  } catch {
    return { http: 0, acknowledged: false };
  }
}
