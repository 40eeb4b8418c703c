/** What is measured, each against a running Worker. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Workerd } from "../support/workerd.ts";
import { type Bed, cpuMs, memoryMiB } from "./beds.ts";
import { type Callback, type Chats, compose, inTurns, now, post, postAtRate } from "./load.ts";
import { percentile } from "./statistics.ts";

/** In milliseconds. */
export interface Latency {
  p50: number;
  p99: number;
}

/** What is left of the one before, and whatever it let wait, is over by then. */
const SETTLE_MS = 400;
const ANSWERED_WITHIN_MS = 30_000;
/** More than one core can work on, and less than makes QQ repeat. */
const AT_ONCE = 48;

/** Callbacks at a rate, until each is acknowledged. With `answered`, each has to be answered as well, afterwards. */
export async function measureAcknowledgement(
  bed: Bed,
  { perSecond, count, answered, ...chats }: Chats & { perSecond: number; count: number; answered: boolean },
): Promise<Latency> {
  await warmUp(bed, { ...chats, answered });
  const callbacks = await compose(bed.qq, { ...chats, count });
  const answers = watchAnswers(bed);
  try {
    const times = await postAtRate(bed.qq, bed.worker.callbackUrl, { callbacks, perSecond });
    if (answered) await answers.to(callbacks);
    return latencyOf(times);
  } finally {
    answers.end();
    forget(bed);
  }
}

/**
 * From the post of a callback until QQ has the answer, without the time that the model took; nothing is taken off for QQ. At a
 * rate at which nothing waits.
 */
export async function measureAdded(
  bed: Bed,
  { perSecond, count, ...chats }: Chats & { perSecond: number; count: number },
): Promise<Latency> {
  await warmUp(bed, { ...chats, answered: true });
  const callbacks = await compose(bed.qq, { ...chats, count });
  const answers = watchAnswers(bed);
  const modelMs = new Map<string, number>();
  bed.qq.model.onCall = ({ question, tookMs }) => {
    const [marker = ""] = /#b\d+/.exec(question) ?? [];
    if (tookMs !== undefined) modelMs.set(marker, (modelMs.get(marker) ?? 0) + tookMs);
  };
  try {
    await postAtRate(bed.qq, bed.worker.callbackUrl, { callbacks, perSecond });
    const arrived = await answers.to(callbacks);
    const added = callbacks.map(({ asked: { messageId, text, askedAtMs } }) => {
      const [marker = ""] = /#b\d+/.exec(text) ?? [];
      const [atMs, tookMs] = [arrived.get(messageId), modelMs.get(marker)];
      if (atMs === undefined || tookMs === undefined) throw new Error(`${marker} was not answered by itself`);
      return atMs - askedAtMs - tookMs;
    });
    return latencyOf(added);
  } finally {
    bed.qq.model.onCall = undefined;
    answers.end();
    forget(bed);
  }
}

export interface Throughput {
  /** Answers, or acknowledgements, in a second. */
  perSecond: number;
  /** CPU of workerd for each, in milliseconds. */
  cpuMs: number;
  /** What workerd holds afterwards, in MiB. */
  memoryMiB: number;
}

/** As many as it can take without a loss: each chat writes again as soon as it is answered, or acknowledged. */
export async function measureThroughput(
  bed: Bed,
  { count, answered, ...chats }: Chats & { count: number; answered: boolean },
): Promise<Throughput> {
  await warmUp(bed, { ...chats, answered });
  const callbacks = await compose(bed.qq, { ...chats, count });
  const answers = watchAnswers(bed);
  try {
    const [startedAtMs, cpuBeforeMs] = [performance.now(), cpuMs(bed.worker)];
    await inTurns(callbacks, AT_ONCE, async (callback) => {
      await post(bed.qq, bed.worker.callbackUrl, callback);
      if (answered) await answers.to([callback]);
    });
    const tookMs = performance.now() - startedAtMs;
    await sleep(SETTLE_MS); // what an answer leaves to be done counts, too
    const usedMs = cpuMs(bed.worker) - cpuBeforeMs;
    if (answered) judge(bed);
    return { perSecond: (count / tookMs) * 1000, cpuMs: usedMs / count, memoryMiB: memoryMiB(bed.worker) };
  } finally {
    answers.end();
    forget(bed);
  }
}

export interface Cold {
  /** From the start of the process until it listens: the bundle is read. */
  readyMs: number;
  /** From then on, until it has answered its first request: the bundle is evaluated. */
  firstRequestMs: number;
  totalMs: number;
}

/** A process from its start to its first answer, to a request that asks for nothing much. */
export async function measureStartUp(worker: Workerd, path: string): Promise<Cold> {
  const startedAtMs = performance.now();
  await worker.start();
  const readyMs = performance.now() - startedAtMs;
  const response = await fetch(`${worker.url}${path}`);
  await response.text();
  const totalMs = performance.now() - startedAtMs;
  await worker.kill();
  if (!response.ok) throw new Error(`${path} is answered with ${response.status}`);
  return { readyMs, firstRequestMs: totalMs - readyMs, totalMs };
}

/** The first callback of a process that has just started, until its acknowledgement and until its answer. */
export async function measureFirstCallback(
  bed: Bed,
  { answered, name }: { answered: boolean; name: string },
): Promise<{ acknowledgedMs: number; answeredMs: number | undefined }> {
  await bed.worker.start();
  const answers = watchAnswers(bed);
  try {
    const callbacks = await compose(bed.qq, { name, chats: 1, count: 1 });
    const [callback] = callbacks;
    if (!callback) throw new RangeError("no callback");
    const acknowledgedMs = await post(bed.qq, bed.worker.callbackUrl, callback);
    if (!answered) return { acknowledgedMs, answeredMs: undefined };
    const arrived = await answers.to(callbacks);
    const answeredMs = (arrived.get(callback.asked.messageId) ?? now()) - callback.asked.askedAtMs;
    return { acknowledgedMs, answeredMs };
  } finally {
    answers.end();
    forget(bed);
    await bed.worker.kill();
  }
}

/** Each chat has had a message, and the code is warm. */
export async function warmUp(bed: Bed, { answered, ...chats }: Chats & { answered: boolean }): Promise<void> {
  const callbacks = await compose(bed.qq, { ...chats, count: chats.chats });
  await giveEach(bed, { callbacks, answered });
  forget(bed);
  await sleep(SETTLE_MS);
}

/** Posts them a few at a time, so that nothing waits for long. */
export async function giveEach(
  bed: Bed,
  { callbacks, answered }: { callbacks: readonly Callback[]; answered: boolean },
): Promise<void> {
  const answers = watchAnswers(bed);
  try {
    await inTurns(callbacks, AT_ONCE, async (callback) => {
      await post(bed.qq, bed.worker.callbackUrl, callback);
      if (answered) await answers.to([callback]);
    });
  } finally {
    answers.end();
  }
}

interface Answers {
  /**
   * Resolves with when each answer reached QQ, in ms since 1970, under the id of the message that it names. One that joined
   * others is answered with them.
   *
   * @throws Error if one is missing after `ANSWERED_WITHIN_MS`.
   */
  to(callbacks: readonly Callback[]): Promise<ReadonlyMap<string, number>>;
  end(): void;
}

function watchAnswers({ qq }: Bed): Answers {
  const arrived = new Map<string, number>();
  const named = new Set<string>();
  const waiting = new Map<string, () => void>();
  // Not as a watcher: for one, QQ reads its own answers again.
  qq.onDelivered = ({ msgId, text, atMs }) => {
    arrived.set(msgId, atMs);
    for (const marker of text.match(/#b\d+/g) ?? []) {
      named.add(marker);
      waiting.get(marker)?.();
      waiting.delete(marker);
    }
  };
  return {
    async to(callbacks) {
      const markers = callbacks.map(({ asked: { text } }) => text.split(" ", 1)[0] ?? "");
      const missing = markers.filter((marker) => !named.has(marker));
      const overdue = new AbortController();
      const all = Promise.all(missing.map((marker) => new Promise<void>((resolve) => waiting.set(marker, resolve))));
      const late = sleep(ANSWERED_WITHIN_MS, undefined, { signal: overdue.signal }).then(() => {
        throw new Error(`not answered: ${[...waiting.keys()].slice(0, 10).join(" ")} of ${waiting.size}`);
      });
      try {
        await Promise.race([all, late]);
      } finally {
        overdue.abort();
        late.catch(() => {});
      }
      return arrived;
    },
    end() {
      qq.onDelivered = undefined;
    },
  };
}

/** @throws Error if anything was lost, said twice or out of order. */
function judge({ qq }: Bed): void {
  const { lost, torn, doubled, outOfOrder, told } = qq.ledger.judge();
  const faults = { lost: lost.length, torn: torn.length, doubled: doubled.length, outOfOrder: outOfOrder.length, told };
  if (Object.values(faults).some((count) => count > 0)) throw new Error(`wrong answers: ${JSON.stringify(faults)}`);
}

/** The ledger is searched for every call: what is over would slow QQ down. */
function forget({ qq }: Bed): void {
  for (const list of [qq.ledger.asked, qq.ledger.delivered, qq.typings, qq.model.calls, qq.model.prompts])
    list.length = 0;
}

function latencyOf(times: readonly number[]): Latency {
  return { p50: percentile(times, 50), p99: percentile(times, 99) };
}
