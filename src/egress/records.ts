/**
 * The records of TLS, seen from outside. lemon-tls 0.7.0 takes messages of the handshake in plain text at any time: whoever
 * is in the middle could slip in a key update that the server never sent, or the beginning of something long.
 */

const ALERT = 21;
const APPLICATION_DATA = 23;
const HEADER_BYTES = 5;

/**
 * Takes what comes, chunk by chunk, and returns whether the records may stand where they do. What is protected looks like
 * application data: in TLS 1.3 from the handshake on, in TLS 1.2 after it. Once it has begun, only the end comes otherwise.
 */
export function recordWatch(): (chunk: Uint8Array) => boolean {
  const header: number[] = [];
  let bodyLeft = 0;
  let isProtected = false;
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (bodyLeft > 0) {
        const taken = Math.min(bodyLeft, chunk.length - at);
        bodyLeft -= taken;
        at += taken;
        continue;
      }
      header.push(chunk[at++] ?? 0);
      if (header.length < HEADER_BYTES) continue;
      const [type = 0, , , high = 0, low = 0] = header.splice(0);
      bodyLeft = high * 256 + low;
      isProtected ||= type === APPLICATION_DATA;
      if (isProtected && type !== APPLICATION_DATA && type !== ALERT) return false;
    }
    return true;
  };
}
