/** What a turn is billed for, counted in the running Worker: rows written and object requests. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Scene } from "../../src/event.ts";
import type { Workshop } from "./beds.ts";

export interface Billed {
  rows: number;
  requests: number;
}

export interface BilledFigures {
  /** The first message of a chat, and any later one, up to its answer. */
  first: Billed;
  plain: Billed;
}

/** Longer than what a turn leaves to be done takes. */
const SETTLE_MS = 500;

export async function measureBilled(workshop: Workshop): Promise<Record<"c2c" | "group", BilledFigures>> {
  const { worker, qq } = await workshop.make("direct", { bundle: workshop.bundles.counted, isQuiet: false });
  qq.callbackUrl = worker.callbackUrl;
  await worker.start();
  const turn = async (scene: Scene): Promise<Billed> => {
    const from = worker.lines.length;
    const { messageId } = await qq.say({ scene, chatId: `billed-${scene}`, text: "#billed" });
    await qq.until(() => qq.ledger.answersTo(messageId).length > 0);
    await sleep(SETTLE_MS);
    const lines = worker.lines.slice(from).filter(({ event }) => event === "billed") as unknown as Billed[];
    const sum = (of: keyof Billed) => lines.reduce((total, line) => total + line[of], 0);
    return { rows: sum("rows"), requests: sum("requests") };
  };
  try {
    await turn("guildDm"); // the first of the bot notes what is noted once
    return {
      c2c: { first: await turn("c2c"), plain: await turn("c2c") },
      group: { first: await turn("group"), plain: await turn("group") },
    };
  } finally {
    await worker.remove();
  }
}
