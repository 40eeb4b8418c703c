/**
 * What asking models takes: in calls, in tokens, in time and in money. Sums of it make the accounts of people, chats and bots.
 */
import { costOf, type Price } from "./prices.ts";

export interface Spending {
  calls: number;
  /** Of the whole prompts, those included that the provider had in its cache. */
  inputTokens: number;
  cachedTokens: number;
  outputTokens: number;
  /** Time of the models, in ms. */
  ms: number;
  /** By list prices, in yuan. */
  yuan: number;
  /** Tokens, in and out, of models whose price is not known: they are not in `yuan`. */
  unpricedTokens: number;
}

export const NOTHING_SPENT: Spending = {
  calls: 0,
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  ms: 0,
  yuan: 0,
  unpricedTokens: 0,
};

export function added(one: Spending, other: Spending): Spending {
  return {
    calls: one.calls + other.calls,
    inputTokens: one.inputTokens + other.inputTokens,
    cachedTokens: one.cachedTokens + other.cachedTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    ms: one.ms + other.ms,
    yuan: one.yuan + other.yuan,
    unpricedTokens: one.unpricedTokens + other.unpricedTokens,
  };
}

export function total(all: readonly Spending[]): Spending {
  return all.reduce(added, NOTHING_SPENT);
}

export function tokensOf({ inputTokens, outputTokens }: Pick<Spending, "inputTokens" | "outputTokens">): number {
  return inputTokens + outputTokens;
}

/** What calls of one model took. */
export function spentOn(usage: Omit<Spending, "yuan" | "unpricedTokens">, price: Price | undefined): Spending {
  return { ...usage, yuan: price ? costOf(price, usage) : 0, unpricedTokens: price ? 0 : tokensOf(usage) };
}

/** Since midnight in Beijing, and since the first of the month there. */
export interface Spent {
  today: Spending;
  month: Spending;
}

/** What may be spent in a day; 0 is no limit. */
export interface Allowance {
  tokens: number;
  yuan: number;
}

export function isSpent({ tokens, yuan }: Allowance, spent: Spending): boolean {
  return (tokens > 0 && tokensOf(spent) >= tokens) || (yuan > 0 && spent.yuan >= yuan);
}

export function isLimited({ tokens, yuan }: Allowance): boolean {
  return tokens > 0 || yuan > 0;
}

/** What is told to the account of a bot: by day (its beginning in ms since 1970) and model. */
export interface Booking {
  day: number;
  model: string;
  spent: Spending;
}

/** Bookings of one chat. Numbers rise by one, so that a batch that is told twice counts once. */
export interface Batch {
  n: number;
  bookings: readonly Booking[];
}
