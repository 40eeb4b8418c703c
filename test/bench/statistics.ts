/** How figures are made of measurements, and how far they can be trusted. */

/** A figure of each round: the one in the middle, and how far apart the rounds were. That distance is the noise. */
export interface Figure {
  median: number;
  low: number;
  high: number;
}

export function figureOf(rounds: readonly number[]): Figure {
  if (rounds.length === 0) throw new RangeError("no rounds");
  return { median: median(rounds), low: Math.min(...rounds), high: Math.max(...rounds) };
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The smallest value that so many percent of all do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (value === undefined) throw new RangeError("no values");
  return value;
}
