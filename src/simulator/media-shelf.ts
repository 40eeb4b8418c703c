/**
 * Files that the bot has uploaded, in the kind of chat that it named, each for as long as QQ says that it keeps them. What is
 * not played: uploads in parts, and the right to be sent by the upload itself.
 */
import * as v from "valibot";
import type { Chat } from "../event.ts";
import { type MediaFile, readFile } from "./media.ts";
import { hex } from "./questions.ts";

/** As QQ's example has it. 0 would be for ever. */
const KEEPS_S = 300;
/** One call: more is for uploads in parts. */
const LARGEST = 20 * 1024 * 1024;
const FETCH_WITHIN_MS = 5_000;

const Upload = v.strictObject({
  file_type: v.picklist([1, 2, 3, 4]),
  url: v.optional(v.string()),
  /** In no documentation of 2026, and taken all the same. */
  file_data: v.optional(v.pipe(v.string(), v.check(isBase64))),
  srv_send_msg: v.optional(v.boolean(), false),
  file_name: v.optional(v.string()),
});

/** `file_type` -> what QQ takes as that. Voices come in too many forms to look at. */
const TAKES: Record<v.InferOutput<typeof Upload>["file_type"], RegExp> = {
  1: /^image\//,
  2: /^video\//,
  3: /^/,
  4: /^/,
};

export interface Kept {
  file_uuid: string;
  file_info: string;
  ttl: number;
}

export class MediaShelf {
  readonly #now: () => number;
  readonly #files = new Map<string, { scene: Chat["scene"]; file: MediaFile; untilMs: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes an upload, or says the code of what QQ has against it. Fetches an address as QQ would. */
  async take({ scene }: Chat, json: unknown): Promise<Kept | { code: number }> {
    const { success, output } = v.safeParse(Upload, json);
    if (!success) return { code: 10000 };
    const { file_type, url, file_data, srv_send_msg, file_name } = output;
    if (srv_send_msg) return { code: 40034105 };
    if (file_type === 4 && !file_name?.trim()) return { code: 10000 };
    if ((url === undefined) === (file_data === undefined)) return { code: 10000 };
    const bytes = file_data === undefined ? await fetched(url ?? "") : Buffer.from(file_data, "base64");
    if (!bytes) return { code: 850026 };
    if (bytes.byteLength > LARGEST) return { code: 850031 };
    const file = readFile(file_name ?? nameIn(url ?? ""), bytes);
    if (bytes.byteLength === 0 || !TAKES[file_type].test(file.contentType)) return { code: 850019 };
    const info = hex();
    this.#files.set(info, { scene, file, untilMs: this.#now() + KEEPS_S * 1000 });
    return { file_uuid: hex(), file_info: info, ttl: KEEPS_S };
  }

  /** Undefined for what is unknown, over, or of the other kind of chat. */
  find({ scene }: Chat, info: string): MediaFile | undefined {
    const kept = this.#files.get(info);
    return kept && kept.scene === scene && kept.untilMs > this.#now() ? kept.file : undefined;
  }
}

/** A pattern for the whole of it would not get through 20 MB. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && !/[^A-Za-z\d+/=]/.test(text);
}

async function fetched(url: string): Promise<Uint8Array | undefined> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return undefined;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_WITHIN_MS) });
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  } catch {
    return undefined;
  }
}

function nameIn(url: string): string {
  return URL.canParse(url) ? (new URL(url).pathname.split("/").at(-1) ?? "") : "";
}
