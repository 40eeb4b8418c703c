/** What a deployed Worker says to its operator. */
import type { HealthReport, Probe } from "../health.ts";
import type { Secret } from "../log.ts";

export type ReportAnswer =
  | { ok: true; report: HealthReport }
  /** `refused`: another ADMIN_TOKEN. `absent`: none there, or no such Worker. */
  | { ok: false; why: "refused" | "absent" | "unreachable"; detail: string };

const WITHIN_MS: Record<Probe, number> = { none: 10_000, qq: 30_000, model: 90_000 };

export async function askDeployment(
  url: string,
  adminToken: Secret,
  probe: Probe,
  ask: typeof fetch = fetch,
): Promise<ReportAnswer> {
  try {
    const response = await ask(`${url}/console/api/health?probe=${probe}`, {
      headers: { authorization: `Bearer ${adminToken.reveal()}` },
      redirect: "manual", // a redirect would carry the token to another host
      signal: AbortSignal.timeout(WITHIN_MS[probe]),
    });
    const detail = `HTTP ${response.status}`;
    if (!response.ok) return { ok: false, why: WHY[response.status] ?? "unreachable", detail };
    const report = (await response.json().catch(() => undefined)) as HealthReport | undefined; // made by this repository
    if (!report?.settings || !Array.isArray(report.bots)) return { ok: false, why: "absent", detail };
    return { ok: true, report };
  } catch (error) {
    return { ok: false, why: "unreachable", detail: failureOf(error) };
  }
}

const WHY: Record<number, "refused" | "absent"> = { 401: "refused", 404: "absent" };

/** What Node names the cause of a `fetch` that failed. */
export function failureOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  if (error.name === "TimeoutError") return "TIMEOUT";
  const { cause } = error;
  const { code } = (cause ?? {}) as { code?: unknown }; // Node's errors carry one
  return typeof code === "string" ? code : error.name;
}
