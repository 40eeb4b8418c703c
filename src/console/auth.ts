/** Who is the operator: whoever knows ADMIN_TOKEN. */
import type { Secret } from "../log.ts";

/** Compares digests, so that the time taken tells nothing of the token, not even its length. */
export async function isOperator(authorization: string | undefined, adminToken: Secret): Promise<boolean> {
  const given = /^bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "";
  const [left, right] = await Promise.all([digest(given), digest(adminToken.reveal())]);
  let difference = 0;
  for (const [index, byte] of left.entries()) difference |= byte ^ (right[index] ?? 0);
  return difference === 0;
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
