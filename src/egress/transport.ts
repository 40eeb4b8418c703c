/**
 * How bytes leave the Worker towards QQ. One type, shaped like `fetch`; the way is chosen by settings alone.
 */

export type Transport = (request: Request) => Promise<Response>;

/** Straight out, or to a relay when `QQ_API_BASE` names one. */
export const direct: Transport = (request) => fetch(request);
