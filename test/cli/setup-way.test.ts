/** Which settings make a way out, and what becomes of them when another one is chosen. */
import { describe, expect, it } from "vitest";
import { consoleSteps } from "../../src/cli/console-steps.ts";
import { bindsEgress, settingsOf } from "../../src/cli/live.ts";
import { readOptions } from "../../src/cli/options.ts";
import { givenWay, kindOf, kinds, straightWay, withRelayKey } from "../../src/cli/setup-way.ts";

const SIMULATOR = "http://127.0.0.1:8788";
const LEGACY = "https://api.sgroup.qq.com";
const RELAY = "https://relay.example.com/qq";
const PROXY = "http://qq:secret@proxy.example.com:3128";
const NONE = { QQ_API_BASE: undefined, QQ_API_HEADERS: undefined, QQ_EGRESS_PROXY: undefined };

describe("the way out", () => {
  it.each([
    [NONE, "straight"],
    [{ ...NONE, QQ_API_BASE: LEGACY }, "straight"],
    [{ ...NONE, QQ_API_BASE: SIMULATOR }, "straight"],
    [{ ...NONE, QQ_API_BASE: RELAY }, "relay"],
    [{ ...NONE, QQ_API_BASE: "not yet an address" }, "relay"],
    [{ ...NONE, QQ_API_BASE: RELAY, QQ_EGRESS_PROXY: PROXY }, "proxy"],
  ])("of %j is %s", (way, kind) => expect(kindOf(way)).toBe(kind));

  it("straight goes without relay, key and proxy", () => {
    expect(straightWay({ QQ_API_BASE: RELAY, QQ_API_HEADERS: '{"X-Relay-Key":"k"}', QQ_EGRESS_PROXY: PROXY })).toEqual(
      NONE,
    );
    expect(straightWay({ ...NONE, QQ_API_HEADERS: '{"X-Relay-Key":"k"}' })).toEqual(NONE);
  });

  it.each([LEGACY, SIMULATOR])("straight leaves alone what is called, such as %s", (QQ_API_BASE) => {
    const way = { ...NONE, QQ_API_BASE, QQ_API_HEADERS: "{}" };
    expect(straightWay({ ...way, QQ_EGRESS_PROXY: PROXY })).toEqual(way);
  });

  it("offers no proxy beside a binding, which the Worker would refuse", () => {
    expect(kinds({ isBound: false })).toContain("proxy");
    expect(kinds({ isBound: true })).not.toContain("proxy");
  });

  it("is what flags give, else what is kept", () => {
    const kept = { QQ_API_BASE: RELAY, QQ_API_HEADERS: '{"X-A":"b"}', QQ_EGRESS_PROXY: PROXY };
    expect(givenWay(readOptions([], {}), kept)).toEqual(kept);
    const flags = ["--qq-api-base", "https://other.example.com", "--relay-key", "new", "--egress-proxy", "http://p:1"];
    expect(givenWay(readOptions(flags, { QQ_EGRESS_PROXY: "http://of-the-environment:1" }), kept)).toEqual({
      QQ_API_BASE: "https://other.example.com",
      QQ_API_HEADERS: '{"X-A":"b","X-Relay-Key":"new"}',
      QQ_EGRESS_PROXY: "http://p:1",
    });
    const env = { QQ_API_HEADERS: '{"X-Relay-Key":"e"}', QQ_EGRESS_PROXY: "http://of-the-environment:1" };
    expect(givenWay(readOptions([], env), {})).toEqual({ QQ_API_BASE: undefined, ...env });
  });

  it.each([
    [undefined, '{"X-Relay-Key":"k"}'],
    ['{"x-relay-key":"old","X-A":"b"}', '{"X-A":"b","X-Relay-Key":"k"}'],
    ["no JSON", '{"X-Relay-Key":"k"}'],
    ["[1]", '{"X-Relay-Key":"k"}'],
  ])("puts the relay's key into %s", (headers, expected) => expect(withRelayKey(headers, "k")).toBe(expected));
});

describe("a binding", () => {
  it.each([
    ['[[vpc_networks]]\nbinding = "QQ_EGRESS"', true],
    ["services = [{ binding = 'QQ_EGRESS', service = 'relay' }]", true],
    ['# binding = "QQ_EGRESS"', false],
    ['binding = "QQ_EGRESS_2"', false],
    ['[vars]\nQQ_EGRESS_PROXY = "http://proxy"', false],
    ["", false],
  ])("is found in wrangler.toml: %j", (toml, is) => expect(bindsEgress(toml)).toBe(is));
});

describe("a text where a binding belongs", () => {
  it.each([true, false])("is refused, whether or not there is one beside it: %j", (isBound) => {
    const vars = { QQ_APP_ID: "1", QQ_APP_SECRET: "s", QQ_EGRESS: "http://proxy" };
    expect(settingsOf(vars, { isBound })).toMatchObject({ problems: [{ setting: "QQ_EGRESS" }] });
  });
});

describe("the steps in QQ's console", () => {
  it("leave the list empty, or name the address that QQ sees", () => {
    expect(consoleSteps()).toMatch(/IP白名单:留空 \/ leave the IP allow-list empty$/m);
    expect(consoleSteps("203.0.113.7")).toMatch(/IP白名单:留空 .*\n {3}或者填出口 IP 203\.0\.113\.7 /);
  });
});
