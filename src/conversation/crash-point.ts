/**
 * Places where the kill tests end the process. The define in wrangler.toml compiles this away in every other bundle; a
 * test proves that.
 */

/** Address of the killer, in a bundle of the kill tests. */
declare const CRASH_POINT_URL: string | undefined;

export type CrashPoint =
  /** The event is stored and acknowledged, nothing was done for it. */
  | "after-acknowledgement"
  /** The model has given its first words. */
  | "during-model-stream"
  /** A part is stored, not sent. */
  | "before-send"
  /** QQ has accepted a part, which is not recorded yet. */
  | "after-send"
  /** A part is recorded as sent, the next one is not sent. */
  | "between-parts";

export async function crashPoint(name: CrashPoint): Promise<void> {
  if (typeof CRASH_POINT_URL === "string") await fetch(`${CRASH_POINT_URL}/${name}`);
}
