/**
 * Many chats at once, judged by the ledger. They are chats of their own, which the page does not show: it gets the tally.
 */
import type { Chat, Scene } from "../event.ts";
import type { FakeQQ } from "./fake-qq.ts";
import { Ledger } from "./ledger.ts";
import type { Tally } from "./page/protocol.ts";
import type { Question } from "./questions.ts";
import type { Watcher } from "./watching.ts";

export const MOST_CHATS = 100;
export const MOST_MESSAGES = 20;

/** Who writes in a group or a channel, in turn. */
const PEOPLE = 3;
const PREFIX = "BURST-";
/** Longer than the longest window in which anything is answered in a group. */
const OVER_AFTER_MS = 6 * 60_000;
const LOOKS_EVERY_MS = 250;

export interface BurstPlan {
  chats: number;
  messages: number;
  scenes: readonly Scene[];
}

export class Burst implements Watcher {
  readonly #qq: FakeQQ;
  readonly #show: (tally: Tally) => void;
  readonly #looksEveryMs: number;
  #serial = 0;
  /** How many of the newest burst have been posted to their end. */
  #posted = 0;
  #planned = 0;
  #isOn = false;
  #look: NodeJS.Timeout | undefined;
  #end: NodeJS.Timeout | undefined;

  constructor(
    qq: FakeQQ,
    { show, looksEveryMs = LOOKS_EVERY_MS }: { show: (tally: Tally) => void; looksEveryMs?: number },
  ) {
    this.#qq = qq;
    this.#show = show;
    this.#looksEveryMs = looksEveryMs;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  start({ chats, messages, scenes }: BurstPlan): void {
    this.#serial += 1;
    this.#posted = 0;
    this.#planned = chats * messages;
    this.#isOn = true;
    this.#end = setTimeout(() => this.#stop(), OVER_AFTER_MS);
    this.#end.unref();
    const all = Array.from({ length: chats }, (_, n) => scenes[n % scenes.length] ?? "c2c");
    for (const [n, scene] of all.entries()) void this.#write({ scene, id: `${this.#prefix}${n + 1}` }, messages);
    this.#lookSoon();
  }

  asked({ chat }: { chat: Chat }): void {
    if (this.#isHere(chat)) this.#lookSoon();
  }

  delivered({ chat }: { chat: Chat }): void {
    if (this.#isHere(chat)) this.#lookSoon();
  }

  /** One after another, as one person can press "send", without waiting for an answer. */
  async #write(chat: Chat, messages: number): Promise<void> {
    const serial = this.#serial;
    for (let n = 1; n <= messages; n += 1) {
      await this.#qq.say(questionIn(chat, n));
      if (serial !== this.#serial) return;
      this.#posted += 1;
      this.#lookSoon();
    }
  }

  #lookSoon(): void {
    if (this.#look || !this.#isOn) return;
    this.#look = setTimeout(() => {
      this.#look = undefined;
      const { lost, torn } = this.#tell();
      if (this.#posted >= this.#planned && lost + torn === 0) this.#stop();
    }, this.#looksEveryMs);
    this.#look.unref();
  }

  #stop(): void {
    clearTimeout(this.#end);
    clearTimeout(this.#look);
    this.#look = undefined;
    this.#isOn = false;
    this.#tell();
  }

  #tell(): Tally {
    const ledger = new Ledger();
    ledger.asked.push(...this.#qq.ledger.asked.filter(({ chat }) => this.#isHere(chat)));
    ledger.delivered.push(...this.#qq.ledger.delivered.filter(({ chat }) => this.#isHere(chat)));
    const { fates, own, joined, told, lost, torn, doubled, outOfOrder } = ledger.judge();
    const tally: Tally = {
      asked: fates.size,
      own,
      joined,
      told,
      lost: lost.length,
      torn: torn.length,
      doubled: doubled.length,
      outOfOrder: outOfOrder.length,
      isBursting: this.#isOn,
    };
    this.#show(tally);
    return tally;
  }

  get #prefix(): string {
    return `${PREFIX}${this.#serial}-`;
  }

  #isHere({ id }: Chat): boolean {
    return id.startsWith(this.#prefix);
  }
}

/** Whether a chat is one of a burst's. */
export function isOfBurst({ id }: Chat): boolean {
  return id.startsWith(PREFIX);
}

/** A real model has to be asked for the marker; the demo model names it anyway. */
function questionIn({ scene, id }: Chat, n: number): Question {
  const sender = `${id}-MEMBER-${n % PEOPLE}`;
  return { scene, chatId: id, sender, senderName: `群友${n % PEOPLE}`, text: `第 ${n} 条,请在回答里写上 #b${n}` };
}
