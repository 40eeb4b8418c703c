/**
 * The page's side of the protocol: the stream of what happened, and the calls that make something happen. Changes that come
 * together are handed on together, so that a crowd of them costs one drawing.
 */
import type { ActionName, Actions, Change, Done, Snapshot } from "./protocol.ts";
import { language, words } from "./spoken.ts";
import type { Act } from "./state.ts";

const GATHER_MS = 16;
const RETRY_MS = 1_500;
export const MAX_UPLOAD_BYTES = 10 * 1024 * 1024;

/** Keeps the stream open for as long as the page is. */
export function listen(dispatch: (act: Act) => void): void {
  const source = new EventSource("/page/events");
  let isFirst = true;
  let gathered: Change[] = [];
  source.onopen = () => {
    isFirst = true; // the browser has connected anew: a whole picture comes first
    gathered = [];
  };
  source.onmessage = ({ data }: MessageEvent<string>) => {
    if (isFirst) {
      isFirst = false;
      dispatch({ kind: "snapshot", snapshot: JSON.parse(data) as Snapshot });
      return;
    }
    gathered.push(JSON.parse(data) as Change);
    if (gathered.length > 1) return;
    setTimeout(() => {
      const changes = gathered;
      gathered = [];
      dispatch({ kind: "changes", changes });
    }, GATHER_MS);
  };
  source.onerror = () => {
    dispatch({ kind: "gone" });
    if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
    setTimeout(() => listen(dispatch), RETRY_MS);
  };
}

/** Posts an action. A refusal is told to the person, and undefined comes back. */
export type Perform = <Name extends ActionName>(name: Name, action: Actions[Name]) => Promise<Done | undefined>;

export function performer(dispatch: (act: Act) => void): Perform {
  return (name, action) =>
    told(dispatch, () =>
      fetch(`/page/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(action),
      }),
    );
}

/** The id of the upload; a refusal is told to the person, and undefined comes back. */
export async function upload(dispatch: (act: Act) => void, file: File): Promise<string | undefined> {
  if (file.size > MAX_UPLOAD_BYTES) {
    dispatch({ kind: "notice", words: words.tooLarge });
    return undefined;
  }
  const done = await told(dispatch, () =>
    fetch(`/page/upload?name=${encodeURIComponent(file.name)}`, {
      method: "POST",
      headers: { "content-type": file.type || "application/octet-stream" },
      body: file,
    }),
  );
  return done?.ok ? done.upload : undefined;
}

async function told(dispatch: (act: Act) => void, call: () => Promise<Response>): Promise<Done | undefined> {
  const done = await call()
    .then((response) => response.json() as Promise<Done>)
    .catch(() => undefined);
  if (done?.ok) return done;
  dispatch({ kind: "notice", words: done ? done.words[language] : words.unreachable });
  return undefined;
}
