/** The code that setup prints and the Worker checks: both sides have to come to the same one, in every release. */
import { describe, expect, it } from "vitest";
import { claimCode, isSameCode } from "../src/claim-code.ts";
import { Secret } from "../src/log.ts";

describe("the claim code", () => {
  it.each([
    // Computed with Python's hmac and hashlib.
    ["naOC0ocQE3shWLAfffVLB1rhYPG7", "RPY42-4U7NP"],
    ["DG5g3B4j9X2KOErG", "J9VLF-8RQ49"],
  ])("of a secret never changes", async (secret, code) => {
    expect(await claimCode(new Secret(secret))).toBe(code);
  });

  it("can be typed without taking one character for another", async () => {
    for (let n = 0; n < 200; n += 1)
      expect(await claimCode(new Secret(`secret-${n}`))).toMatch(/^[2-9A-HJ-NP-Y]{5}-[2-9A-HJ-NP-Y]{5}$/);
  });

  it("is known however it is typed", () => {
    expect(isSameCode(" ab2cd-ef3gh ", "AB2CD-EF3GH")).toBe(true);
    expect(isSameCode("AB2CDEF3GH", "AB2CD-EF3GH")).toBe(true);
    expect(isSameCode("AB2CDEF3G", "AB2CD-EF3GH")).toBe(false);
    expect(isSameCode("", "AB2CD-EF3GH")).toBe(false);
  });
});
