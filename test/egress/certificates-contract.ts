/** Which certificates speak for a host. Runs on Node and inside workerd, whose libraries differ beneath. */
import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { trustedRoot } from "../../src/egress/certificates.ts";
import {
  CLIENT_AUTH,
  DIGITAL_SIGNATURE,
  type Issued,
  issue,
  KEY_CERT_SIGN,
  newKeys,
  SERVER_AUTH,
  type Wishes,
} from "./forged-certificates.ts";

const HOST = "api.qq.example";
const DAY_MS = 86_400_000;
const NOW_MS = Date.now();
const KEY_ENCIPHERMENT = 0x20;
const ANY_PURPOSE = "2.5.29.37.0";

export function certificatesContract(): void {
  const authority = { ca: true, keyUsage: KEY_CERT_SIGN } as const;
  const root = issue({ name: "Root", ...authority });
  const rsaRoot = issue({ name: "RSA root", ...authority, key: "rsa" });
  const oldRoot = issue({ name: "Old root", ...authority, toMs: NOW_MS - DAY_MS });
  const roots = [rsaRoot, oldRoot, root].map(({ der }) => new X509Certificate(der));
  const middle = issue({ name: "Middle", ...authority }, root);
  const lower = issue({ name: "Lower", ...authority, pathLength: 0 }, middle);
  const stranger = issue({ name: "Stranger", ...authority });

  const leafOf = (wishes: Partial<Wishes> = {}, issuer: Issued = root) =>
    issue({ name: "leaf", hosts: [HOST], ...wishes }, issuer);

  function rootFor(chain: readonly Issued[], hostname = HOST, nowMs = NOW_MS): string | undefined {
    const found = trustedRoot(
      chain.map(({ der }) => der),
      { hostname, roots, nowMs },
    );
    return found?.subject;
  }

  describe("trusts", () => {
    const underMiddle = leafOf({}, middle);
    const underLower = leafOf({}, lower);
    const CHAINS: readonly [string, readonly Issued[]][] = [
      ["a leaf under a root", [leafOf()]],
      ["an RSA leaf", [leafOf({ key: "rsa" })]],
      ["SHA-384 and P-384", [leafOf({ key: "ec384", hash: "sha384" })]],
      ["one intermediate", [underMiddle, middle]],
      ["two intermediates", [underLower, lower, middle]],
      ["intermediates out of order", [underLower, middle, lower]],
      ["a superfluous root", [underLower, lower, middle, root]],
      ["somebody else's certificates beside", [underMiddle, stranger, leafOf({}, stranger), middle]],
      ["an intermediate twice", [underMiddle, middle, middle]],
      ["a purpose of servers", [leafOf({ purposes: [CLIENT_AUTH, SERVER_AUTH] })]],
      ["any purpose", [leafOf({ purposes: [ANY_PURPOSE] })]],
      ["a key that signs", [leafOf({ keyUsage: DIGITAL_SIGNATURE })]],
      ["several names", [leafOf({ hosts: ["other.example", HOST] })]],
      ["a wildcard", [leafOf({ hosts: ["*.qq.example"] })]],
      ["capitals", [leafOf({ hosts: ["API.QQ.Example"] })]],
    ];
    it.each(CHAINS)("%s", (_name, chain) => {
      expect(rootFor(chain)).toBe("CN=Root");
    });

    it("until the last day and from the first", () => {
      const leaf = leafOf({ fromMs: NOW_MS - 5000, toMs: NOW_MS + 5000 });
      const second = Math.floor(NOW_MS / 1000) * 1000;
      expect([-6000, -4000, 4000, 6000].map((after) => rootFor([leaf], HOST, second + after) !== undefined)).toEqual([
        false,
        true,
        true,
        false,
      ]);
    });
  });

  describe("refuses", () => {
    const notAuthority = issue({ name: "Not CA", ca: false, keyUsage: KEY_CERT_SIGN }, root);
    const silent = issue({ name: "Silent" }, root);
    const cannotSign = issue({ name: "Cannot sign", ca: true, keyUsage: DIGITAL_SIGNATURE }, root);
    const expired = issue({ name: "Expired", ...authority, toMs: NOW_MS - DAY_MS }, root);
    const future = issue({ name: "Future", ...authority, fromMs: NOW_MS + DAY_MS, toMs: NOW_MS + 2 * DAY_MS }, root);
    const forClients = issue({ name: "For clients", ...authority, purposes: [CLIENT_AUTH] }, root);
    const constrained = issue({ name: "Constrained", ...authority, permits: ["other.example"] }, root);
    const loosely = issue({ name: "Loose", ...authority, permits: ["other.example"], permitsLoosely: true }, root);
    const odd = issue({ name: "Odd", ...authority, oddity: true }, root);
    const weak = issue({ name: "Weak", ...authority, key: "rsa1024" }, root);
    const old = issue({ name: "Old", ...authority, hash: "sha1" }, root);
    const belowLower = issue({ name: "Below", ...authority }, lower);
    const namesake = issue({ name: "Root", ...authority });
    const ordinary = leafOf();
    const signed = leafOf({ keyUsage: DIGITAL_SIGNATURE });
    const broken = Buffer.from(ordinary.der);
    broken[broken.length - 4] = (broken[broken.length - 4] ?? 0) ^ 1;

    const CHAINS: readonly [string, readonly Issued[]][] = [
      ["nothing", []],
      ["another name", [leafOf({ hosts: ["other.example"] })]],
      ["the name in the subject only", [issue({ name: HOST }, root)]],
      ["the name in the subject beside other names", [issue({ name: HOST, hosts: ["other.example"] }, root)]],
      ["the name in the subject beside an address", [issue({ name: HOST, addresses: ["127.0.0.1"] }, root)]],
      ["a name that begins like it", [leafOf({ hosts: [`${HOST}.evil.example`] })]],
      ["a name with a zero in it", [leafOf({ hosts: [`${HOST}\0.evil.example`] })]],
      ["the parent's name", [leafOf({ hosts: ["qq.example"] })]],
      ["a wildcard for everything", [leafOf({ hosts: ["*"] })]],
      ["a wildcard for a whole top level", [leafOf({ hosts: ["*.example"] })]],
      ["a wildcard over two labels", [leafOf({ hosts: ["*.example", "*.*.example"] })]],
      ["a wildcard in the middle", [leafOf({ hosts: ["api.*.example"] })]],
      ["a wildcard for a part of a label", [leafOf({ hosts: ["a*.qq.example"] })]],
      ["a name that only looks like it", [leafOf({ hosts: ["api.\u{440}\u{440}.example", "xn--api.qq.example"] })]],
      ["a name with blanks", [leafOf({ hosts: [` ${HOST}`, `${HOST} `, `${HOST}\n`] })]],
      ["a name in a line of names", [leafOf({ hosts: [`other.example, DNS:${HOST}`] })]],
      ["a name in quotes", [leafOf({ hosts: [`"${HOST}"`] })]],
      ["names in two extensions", [leafOf({ hosts: ["other.example"], again: { hosts: [HOST] } })]],
      ["its name in two extensions", [leafOf({ again: { hosts: [HOST] } })]],
      ["purposes in two extensions", [leafOf({ purposes: [CLIENT_AUTH], again: { purposes: [SERVER_AUTH] } })]],
      ["an empty name", [leafOf({ hosts: [""] })]],
      ["an expired one", [leafOf({ fromMs: NOW_MS - 2 * DAY_MS, toMs: NOW_MS - DAY_MS })]],
      ["one of tomorrow", [leafOf({ fromMs: NOW_MS + DAY_MS })]],
      ["a self-signed one", [issue({ name: "leaf", hosts: [HOST] })]],
      ["a self-signed authority", [issue({ name: "leaf", hosts: [HOST], ...authority })]],
      ["an unknown authority", [leafOf({}, stranger), stranger]],
      ["a changed signature", [{ ...ordinary, der: broken }]],
      ["another key under a root's name", [leafOf({}, namesake), namesake]],
      ["another key under a root's name, root beside", [leafOf({}, namesake), namesake, root]],
      ["a missing intermediate", [leafOf({}, middle)]],
      ["an intermediate that is none", [leafOf({}, notAuthority), notAuthority]],
      ["an intermediate without constraints", [leafOf({}, silent), silent]],
      ["an intermediate that may not sign", [leafOf({}, cannotSign), cannotSign]],
      ["a leaf as an authority", [leafOf({}, signed), signed]],
      ["a leaf of the same name as an authority", [leafOf({}, ordinary), ordinary]],
      ["an expired intermediate", [leafOf({}, expired), expired]],
      ["an intermediate of tomorrow", [leafOf({}, future), future]],
      ["an intermediate for clients only", [leafOf({}, forClients), forClients]],
      ["an intermediate that is constrained to names", [leafOf({}, constrained), constrained]],
      ["an intermediate that is constrained without stress", [leafOf({}, loosely), loosely]],
      ["an intermediate with a critical oddity", [leafOf({}, odd), odd]],
      ["an intermediate of 1024 bits", [leafOf({}, weak), weak]],
      ["an intermediate signed with SHA-1", [leafOf({}, old), old]],
      ["one intermediate too many", [leafOf({}, belowLower), belowLower, lower, middle]],
      ["an expired root", [leafOf({}, oldRoot)]],
      ["a leaf for clients only", [leafOf({ purposes: [CLIENT_AUTH] })]],
      ["a leaf for no purpose", [leafOf({ purposes: [] })]],
      ["a leaf that may not sign", [leafOf({ keyUsage: KEY_ENCIPHERMENT })]],
      ["a leaf with a critical oddity", [leafOf({ oddity: true })]],
      ["a leaf with constraints of names", [leafOf({ permits: [HOST] })]],
      ["a leaf of 1024 bits", [leafOf({ key: "rsa1024" })]],
      ["a leaf with a kind of key that no authority certifies", [leafOf({ key: "ed25519" })]],
      ["a leaf signed with SHA-1", [leafOf({ hash: "sha1" })]],
      ["an RSA leaf signed with SHA-1", [leafOf({ hash: "sha1", key: "rsa" }, rsaRoot)]],
      ["what is no certificate", [{ ...ordinary, der: Buffer.from("no") }]],
      ["half a certificate", [{ ...ordinary, der: ordinary.der.subarray(0, 200) }]],
      ["no certificate beside a good one", [ordinary, { ...ordinary, der: Buffer.from("no") }]],
      ["a very long chain", [ordinary, ...Array.from({ length: 8 }, () => root)]],
    ];
    it.each(CHAINS)("%s", (_name, chain) => {
      expect(rootFor(chain)).toBeUndefined();
    });

    it("a wildcard for the host's whole top level", () => {
      expect(rootFor([leafOf({ hosts: ["*.example"] })], "qq.example")).toBeUndefined();
      expect(rootFor([leafOf({ hosts: ["*.qq.example"] })], "qq.example")).toBeUndefined();
    });

    it("addresses, whatever the certificate says", () => {
      const both = leafOf({ addresses: ["127.0.0.1"], hosts: ["127.0.0.1", HOST] });
      expect(rootFor([both])).toBe("CN=Root");
      for (const hostname of ["127.0.0.1", "::1", "[::1]", ""])
        expect(rootFor([leafOf({}), both], hostname)).toBeUndefined();
      expect(rootFor([leafOf({ addresses: ["127.0.0.1"] })], "127.0.0.1")).toBeUndefined();
    });

    it("a chain of authorities that certify each other", () => {
      const one = newKeys("ec");
      const two = newKeys("ec");
      const first = issue({ name: "A", ...authority, keys: one }, { name: "B", privateKey: two.privateKey });
      const second = issue({ name: "B", ...authority, keys: two }, { name: "A", privateKey: one.privateKey });
      expect(rootFor([leafOf({}, first), first, second])).toBeUndefined();
    });
  });
}
