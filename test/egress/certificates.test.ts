/** Which certificates speak for a host, on Node; and the roots themselves. */
import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { ROOTS } from "../../src/egress/roots.ts";
import { certificatesContract } from "./certificates-contract.ts";

certificatesContract();

describe("the roots", () => {
  const roots = ROOTS.map((pem) => new X509Certificate(pem));
  const YEAR_MS = 366 * 86_400_000;

  it("are authorities by their own word, good for another year, each once", () => {
    expect(roots.length).toBeGreaterThan(40);
    for (const root of roots) {
      expect(root.subject, root.subject).toBe(root.issuer);
      expect(root.verify(root.publicKey), root.subject).toBe(true);
      expect(root.ca, root.subject).toBe(true);
      expect(Date.parse(root.validFrom), root.subject).toBeLessThan(Date.now());
      expect(Date.parse(root.validTo), root.subject).toBeGreaterThan(Date.now() + YEAR_MS);
    }
    expect(new Set(roots.map(({ fingerprint256 }) => fingerprint256)).size).toBe(roots.length);
  });

  it("are Mozilla's, as this Node has them", () => {
    const theirs = new Set(rootCertificates.map((pem) => new X509Certificate(pem).fingerprint256));
    const others = roots.filter(({ fingerprint256 }) => !theirs.has(fingerprint256));
    expect(others.map(({ subject }) => subject)).toEqual([]);
  });
});
