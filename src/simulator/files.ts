/** Files of the chats, people's and the bot's, kept in memory: the newest of them. */
import type { MediaFile } from "./media.ts";

const MOST_BYTES = 200 * 1024 * 1024;

/** 10 MB: what one call of QQ's own takes. */
export const LARGEST_UPLOAD = 10 * 1024 * 1024;

export class Files {
  readonly #files = new Map<string, MediaFile>();
  #bytes = 0;

  /** Returns its id. */
  add(file: MediaFile): string {
    const id = crypto.randomUUID();
    this.#files.set(id, file);
    this.#bytes += file.bytes.byteLength;
    for (const [oldest, file] of this.#files) {
      if (this.#bytes <= MOST_BYTES) break;
      this.#files.delete(oldest);
      this.#bytes -= file.bytes.byteLength;
    }
    return id;
  }

  get(id: string): MediaFile | undefined {
    return this.#files.get(id);
  }
}

const FOLDER = "/page/files/";

/** Where the page finds it, on this very server. */
export function pathOf(id: string): string {
  return FOLDER + id;
}
