/** Files, whoever sent them: what they are by their first bytes, and under which name and type a browser may have them. */

export interface MediaFile {
  name: string;
  /** As QQ names it: `image/png`, `video/mp4`, `file`. */
  contentType: string;
  bytes: Uint8Array;
  width?: number;
  height?: number;
}

interface Kind {
  contentType: string;
  /** By the first bytes, as Latin-1. */
  is: (head: string) => boolean;
  sizeOf?: (bytes: DataView) => { width: number; height: number } | undefined;
}

/** What QQ tells by name; all else is a `file`. Nothing that a browser would run is among them. */
const KINDS: readonly Kind[] = [
  {
    contentType: "image/png",
    is: (head) => head.startsWith("\x89PNG\r\n\x1a\n"),
    sizeOf: (view) => (view.byteLength < 24 ? undefined : { width: view.getUint32(16), height: view.getUint32(20) }),
  },
  {
    contentType: "image/gif",
    is: (head) => /^GIF8[79]a/.test(head),
    sizeOf: (view) =>
      view.byteLength < 10 ? undefined : { width: view.getUint16(6, true), height: view.getUint16(8, true) },
  },
  { contentType: "image/jpeg", is: (head) => head.startsWith("\xff\xd8\xff"), sizeOf: sizeOfJpeg },
  { contentType: "video/mp4", is: (head) => head.slice(4, 8) === "ftyp" },
];

const LONGEST_NAME = 120;

/** A file by its bytes: what somebody says that it is, is not believed. */
export function readFile(name: string, bytes: Uint8Array): MediaFile {
  const head = String.fromCharCode(...bytes.subarray(0, 16));
  const kind = KINDS.find(({ is }) => is(head));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { name: plainName(name), contentType: kind?.contentType ?? "file", bytes, ...kind?.sizeOf?.(view) };
}

/** What a browser gets: a picture to look at, all else to be saved and never to be run. */
export function servedAs({ name, contentType, bytes }: MediaFile): Response {
  const isPicture = contentType.startsWith("image/");
  return new Response(bytes.slice(), {
    headers: {
      "content-type": isPicture ? contentType : "application/octet-stream",
      "content-disposition": `${isPicture ? "inline" : "attachment"}; filename*=UTF-8''${encodeURIComponent(name)}`,
      "content-security-policy": "default-src 'none'; sandbox",
      "cross-origin-resource-policy": "same-origin",
      "x-content-type-options": "nosniff",
      "cache-control": "private, max-age=3600",
    },
  });
}

/** Without a path, and without what cannot be seen or turns the writing around. */
function plainName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  const plain = last.replace(/[\p{Cc}\p{Cf}\p{Cs}"<>]/gu, "").trim();
  return Array.from(plain).slice(-LONGEST_NAME).join("") || "file";
}

/** Walks the segments up to the one that begins a frame. */
function sizeOfJpeg(view: DataView): { width: number; height: number } | undefined {
  let at = 2;
  while (at + 9 <= view.byteLength) {
    const marker = view.getUint16(at);
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    if (marker < 0xff00) return undefined;
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}
