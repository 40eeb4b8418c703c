/** Who gets into the console. */
import { describe, expect, it } from "vitest";
import { isOperator } from "../../src/console/auth.ts";
import { Secret } from "../../src/log.ts";

const TOKEN = "correct-horse-battery-staple";
const admin = new Secret(TOKEN);

describe("the operator", () => {
  it.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `Bearer  ${TOKEN} `])("is who says «%s»", async (authorization) => {
    expect(await isOperator(authorization, admin)).toBe(true);
  });

  it.each([
    undefined,
    "",
    "Bearer",
    "Bearer ",
    TOKEN,
    `Basic ${TOKEN}`,
    `NoBearer ${TOKEN}`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN}x`,
    `Bearer x${TOKEN}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Bearer ${TOKEN} ${TOKEN}`,
    "Bearer [redacted]",
  ])("is not who says «%s»", async (authorization) => {
    expect(await isOperator(authorization, admin)).toBe(false);
  });

  it("is none of two thousand others, whose digests are alike in this byte or that", async () => {
    for (let n = 0; n < 2_000; n += 1) expect(await isOperator(`Bearer guess-${n}`, admin)).toBe(false);
  });
});
