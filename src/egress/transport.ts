/** How bytes leave towards QQ. One type, shaped like `fetch`; QQ's calls take it, calls of models and pages never do. */

/**
 * Follows no redirect, whatever the request says. Rejects with an `UpstreamError` that says what is to be done, or, where
 * the platform gives no reason, with whatever it throws.
 */
export type Transport = (request: Request) => Promise<Response>;

/** Straight out, or to a relay when `QQ_API_BASE` names one. */
export const direct: Transport = (request) => fetch(request);
