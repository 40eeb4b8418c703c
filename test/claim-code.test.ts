import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { claimCode, isSameCode } from "../src/claim-code.ts";
import { Secret } from "../src/log.ts";

describe("the claim code", () => {
  it("is made of the AppSecret alone, and of nothing that is read for something else", async () => {
    const secret = "DG5g3B4j9X2KOErG";
    const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    const digest = createHmac("sha256", secret).update("qq-edge claim code 1").digest();
    const expected = [...digest.subarray(0, 10)].map((byte) => alphabet[byte % alphabet.length]).join("");
    const code = await claimCode(new Secret(secret));
    expect(code.replace("-", "")).toBe(expected);
    expect(code).toMatch(/^[2-9A-HJ-NP-Z]{5}-[2-9A-HJ-NP-Z]{5}$/);
    expect(await claimCode(new Secret("another"))).not.toBe(code);
  });

  it("is known however it is typed", () => {
    expect(isSameCode(" ab2cd-ef3gh ", "AB2CD-EF3GH")).toBe(true);
    expect(isSameCode("AB2CDEF3GH", "AB2CD-EF3GH")).toBe(true);
    expect(isSameCode("AB2CDEF3G", "AB2CD-EF3GH")).toBe(false);
    expect(isSameCode("", "AB2CD-EF3GH")).toBe(false);
  });
});
