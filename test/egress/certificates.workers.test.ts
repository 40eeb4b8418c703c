/** Which certificates speak for a host, inside workerd. */
import { X509Certificate } from "node:crypto";
import { expect, it } from "vitest";
import { ROOTS } from "../../src/egress/roots.ts";
import { certificatesContract } from "./certificates-contract.ts";

certificatesContract();

it("reads every root", () => {
  for (const pem of ROOTS) expect(new X509Certificate(pem).ca).toBe(true);
});
