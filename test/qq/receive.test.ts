import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SignatureError } from "../../src/errors.ts";
import { Secret } from "../../src/log.ts";
import { type Delivery, receive, type WebhookBot } from "../../src/qq/receive.ts";
import { webhookKey } from "../../src/qq/signature.ts";
import message from "../fixtures/qq/C2C_MESSAGE_CREATE.json" with { type: "json" };
import vectors from "../fixtures/vectors.json" with { type: "json" };
import { APP_ID, APP_SECRET, bytesOf, type DeliveryOptions, signedHeaders } from "../support/signed-request.ts";

/** A minute after the message of the fixture was written. */
const NOW = Date.parse("2026-07-21T10:01:00+08:00");
const now = () => NOW;
const seconds = (ms: number) => String(Math.floor(ms / 1000));

const bot = (appId: string, secret: string): WebhookBot => ({ appId, appSecret: new Secret(secret) });
const ours = bot(APP_ID, APP_SECRET);
const other = bot("102000002", "123456abcdef");

const unsigned = (body: string | Uint8Array<ArrayBuffer>, appId: string | null = APP_ID): Delivery => ({
  body: typeof body === "string" ? bytesOf(body) : body,
  signature: null,
  timestamp: null,
  appId,
});

async function signed(body: string | Uint8Array<ArrayBuffer>, options: DeliveryOptions = {}): Promise<Delivery> {
  const headers = await signedHeaders(body, { timestamp: seconds(NOW), ...options });
  return {
    ...unsigned(body, headers["x-bot-appid"]),
    signature: headers["x-signature-ed25519"] ?? null,
    timestamp: headers["x-signature-timestamp"] ?? null,
  };
}

const check = (d: unknown) => JSON.stringify({ d, op: 13 });
const CHECK = check({ plain_token: "Arq0D5A61EgUu4OxUvOp", event_ts: "1725442341" });
const EVENT = JSON.stringify(message);

describe("signed deliveries", () => {
  it("become an event of the bot that signed them, with their age", async () => {
    const received = await receive(await signed(EVENT, { timestamp: seconds(NOW - 3_000) }), [ours], now);
    expect(received).toMatchObject({
      kind: "event",
      appId: APP_ID,
      ageMs: 3_000,
      event: { appId: APP_ID, id: message.d.id, eventId: message.id, receivedAtMs: NOW },
    });
  });

  it.each(["V2", "V2-PRINTED"])("are accepted as the documentation signs them: %s", async (id) => {
    const { delivery, bots, sentMs } = vector(id);
    // A made-up event name: genuine, and nothing to do.
    expect(await receive(delivery, bots, () => sentMs)).toMatchObject({ kind: "ignored" });
  });

  it("are verified over the bytes and not over the text: botgo's vector", async () => {
    const { delivery, bots, sentMs } = vector("V3");
    // It is the inner object of an event: verified, then found to be no envelope.
    expect(await receive(delivery, bots, () => sentMs)).toMatchObject({ kind: "malformed" });
  });

  // Among them N-RESPLIT-TIMESTAMP, whose signature is genuine.
  it.each(vectors.negative.map(({ id }) => id))("are refused when they are not genuine: %s", async (id) => {
    const { delivery, bots, sentMs } = vector(id);
    await expect(receive(delivery, bots, () => sentMs)).rejects.toThrow(SignatureError);
  });

  it("cannot be split elsewhere: N-RESPLIT-TIMESTAMP is refused for its timestamp alone", async () => {
    const { delivery, bots, sentMs } = vector("N-RESPLIT-TIMESTAMP");
    await expect(receive(delivery, bots, () => sentMs)).rejects.toThrow("malformed timestamp header");
  });

  it.each([
    "1725442341 ",
    " 1725442341",
    "+1725442341",
    "-1725442341",
    "1725442341.0",
    "1.7e9",
    "0x66d7f825",
    "１７２５４４２３４１",
    "17254423410000",
  ])("are refused with the timestamp header %j, although it is signed", async (timestamp) => {
    const delivery = await signed(EVENT, { timestamp });
    await expect(receive(delivery, [ours], now)).rejects.toThrow("malformed timestamp header");
  });

  it.each([
    ["none at all", { signature: null, timestamp: null }, "not signed"],
    ["the signature alone", { timestamp: null }, "one signature header without the other"],
    ["the timestamp alone", { signature: null }, "one signature header without the other"],
    ["an empty signature", { signature: "" }, "one signature header without the other"],
    ["an empty timestamp", { timestamp: "" }, "one signature header without the other"],
    ["two empty headers", { signature: "", timestamp: "" }, "one signature header without the other"],
    ["a signature sent twice", { signature: "00, 00" }, "signature does not verify"],
  ])("need both signature headers: %s", async (_, headers, reason) => {
    await expect(receive({ ...(await signed(EVENT)), ...headers }, [ours], now)).rejects.toThrow(reason);
  });
});

describe("freshness", () => {
  const { base, cases } = vectors.freshness;

  it.each(cases)("at $now_unix the delivery of 1725442341 is accepted: $accept", async ({ now_unix, accept }) => {
    const { delivery, bots } = vector(base);
    const received = receive(delivery, bots, () => now_unix * 1000);
    if (accept) expect(await received).toMatchObject({ kind: "ignored" });
    else await expect(received).rejects.toThrow(SignatureError);
  });

  it("reads more than eleven digits as milliseconds", async () => {
    expect(await receive(await signed(EVENT, { timestamp: String(NOW - 500) }), [ours], now)).toMatchObject({
      kind: "event",
      ageMs: 500,
    });
    const stale = await signed(EVENT, { timestamp: String(NOW - 16 * 60_000) });
    await expect(receive(stale, [ours], now)).rejects.toThrow(SignatureError);
  });

  it.each(["0", "17254423410", "172544234100"])("refuses the far past and future: %s", async (timestamp) => {
    await expect(receive(await signed(EVENT, { timestamp }), [ours], now)).rejects.toThrow(SignatureError);
  });

  it("holds for every signed delivery but the address check", async () => {
    const timestamp = seconds(NOW - 16 * 60_000);
    for (const body of [EVENT, '{"op":1,"d":42}', '{"op":99}', '{"op":0,"t":"UNKNOWN"}', "not JSON"]) {
      await expect(receive(await signed(body, { timestamp }), [ours], now)).rejects.toThrow(SignatureError);
    }
    expect(await receive(await signed(CHECK, { timestamp }), [ours], now)).toMatchObject({ kind: "validation" });
  });
});

describe("callback-address check", () => {
  const [example] = vectors.vectors;
  const { secret } = vectors.op13;
  const docs = bot("11111111", secret);

  it("gets the answer of the documentation's example, unsigned", async () => {
    const received = await receive(unsigned(example?.request?.body ?? "", "11111111"), [docs], now);
    expect(received).toEqual({
      kind: "validation",
      appId: "11111111",
      signed: false,
      answer: example?.response_json,
    });
  });

  it("gets the same answer when it is signed, and a signature is checked", async () => {
    const { timestamp = "", signature_hex = "" } = example?.derived_request_signature ?? {};
    const delivery = { ...unsigned(example?.request?.body ?? "", "11111111"), timestamp, signature: signature_hex };
    expect(await receive(delivery, [docs], now)).toMatchObject({ signed: true, answer: example?.response_json });

    const answerAsSignature = { ...delivery, signature: example?.signature_hex ?? "" };
    await expect(receive(answerAsSignature, [docs], now)).rejects.toThrow("signature does not verify");
  });

  it.each(vectors.op13.must_sign)("is answered for $event_ts $plain_token ($why)", async ({ why: _, ...must }) => {
    const { event_ts, plain_token, signature_hex } = must;
    const received = await receive(unsigned(check({ event_ts, plain_token }), null), [docs], now);
    expect(received).toMatchObject({ answer: { plain_token, signature: signature_hex } });
  });

  it.each(vectors.op13.must_refuse)("is refused: $why", async ({ event_ts, plain_token }) => {
    const body = check({ event_ts, plain_token });
    await expect(receive(unsigned(body, null), [docs], now)).rejects.toThrow(SignatureError);
    // Not even QQ's own signature makes such a string signable.
    const genuine = await signed(body, { secret, appId: docs.appId });
    await expect(receive(genuine, [docs], now)).rejects.toThrow(SignatureError);
  });

  it.each([undefined, null, 42, "text", [], {}, { event_ts: "1" }, { plain_token: "a" }, [{ event_ts: "1" }]])(
    "is refused when d is %j",
    async (d) => {
      await expect(receive(unsigned(check(d)), [ours], now)).rejects.toThrow(SignatureError);
    },
  );

  it("is not confused by inherited or odd members", async () => {
    for (const body of [
      `{"__proto__":${CHECK}}`,
      `[${CHECK}]`,
      CHECK.replace("13", '"13"'),
      '{"op":13,"d":{"__proto__":{"plain_token":"a","event_ts":"1"}}}',
    ])
      await expect(receive(unsigned(body), [ours], now), body).rejects.toThrow(SignatureError);
    expect(await receive(unsigned(CHECK.replace("13", "13.0")), [ours], now)).toMatchObject({ kind: "validation" });
  });

  it.each([
    ["the signature alone", { timestamp: null }],
    ["the timestamp alone", { signature: null }],
    ["a signature of something else", { signature: "00".repeat(64) }],
    ["a signature that is no hex", { signature: "zz".repeat(64) }],
    ["another timestamp", { timestamp: "1" }],
  ])("is refused with %s, although unsigned it would be answered", async (_, headers) => {
    await expect(receive({ ...(await signed(CHECK)), ...headers }, [ours], now)).rejects.toThrow(SignatureError);
  });

  it("tells the operator which bot's check was refused, and whether it was signed", async () => {
    const forged = { ...(await signed(CHECK)), signature: "00".repeat(64) };
    await expect(receive(forged, [ours], now)).rejects.toMatchObject({ validation: { appId: APP_ID, signed: true } });
    await expect(receive(unsigned(check({})), [ours], now)).rejects.toMatchObject({
      validation: { appId: APP_ID, signed: false },
    });
    // Anything else is no check, whoever it claims to be.
    const event = { ...(await signed(EVENT)), signature: "00".repeat(64) };
    await expect(receive(event, [ours], now)).rejects.toMatchObject({ validation: undefined });
    await expect(receive({ ...forged, appId: null }, [ours, other], now)).rejects.toMatchObject({
      validation: undefined,
    });
  });

  it("cannot be used as a signing oracle", async () => {
    // The attack: have an event signed as if it were a check, then deliver it.
    const forged = vectors.op13.must_refuse.find((must) => "naive_signature_hex" in must && must.naive_signature_hex);
    const eventTs = String(forged?.event_ts);
    const eventBody = String(forged?.plain_token);
    const atThatTime = () => Number(eventTs) * 1000;
    const delivered = (signature: string) => ({ ...unsigned(eventBody, null), timestamp: eventTs, signature });

    // With the signature that an unguarded endpoint gives, the forgery would succeed: that is what must not be signed.
    const naive = forged?.naive_signature_hex ?? "";
    expect(await receive(delivered(naive), [docs], atThatTime)).toMatchObject({ kind: "event", event: { text: "hi" } });

    // First step: neither half of the event is signed, in whatever way it is cut.
    const whole = eventTs + eventBody;
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const d = { event_ts: whole.slice(0, cut), plain_token: whole.slice(cut) };
      await expect(receive(unsigned(check(d), null), [docs], atThatTime), JSON.stringify(d)).rejects.toThrow(
        SignatureError,
      );
    }
    // Second step: what can be had signed does not verify for it.
    for (const { signature_hex } of vectors.op13.must_sign)
      await expect(receive(delivered(signature_hex), [docs], atThatTime)).rejects.toThrow(SignatureError);
  });

  it("gives no signature that verifies for any event, however timestamp and body are cut", async () => {
    const digits = fc.stringMatching(/^\d{1,13}$/);
    const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
    const anything = fc.oneof(fc.string({ unit: "binary" }), fc.json(), digits, token);
    const asked = fc.record({
      event_ts: fc.oneof(digits, anything),
      plain_token: fc.oneof(token, anything, fc.constant(EVENT)),
    });
    const answered = async (d: unknown) => {
      const received = await receive(unsigned(check(d), null), [docs], now).catch(() => undefined);
      return received?.kind === "validation" ? received.answer.signature : undefined;
    };
    let answers = 0;
    await fc.assert(
      fc.asyncProperty(asked, async (d) => {
        const signature = await answered(d);
        if (signature === undefined) return;
        answers += 1;
        const whole = d.event_ts + d.plain_token;
        const key = await webhookKey(secret);
        expect(await key.verify(signature, bytesOf(whole))).toBe(true);
        for (let cut = 0; cut <= whole.length; cut += 1) {
          const timestamp = whole.slice(0, cut);
          const delivery = { ...unsigned(whole.slice(cut), null), timestamp, signature };
          const received = receive(delivery, [docs], () => Number(timestamp) * 1000);
          expect((await received.catch(() => undefined))?.kind ?? "refused").toMatch(/^(refused|malformed)$/);
        }
      }),
    );
    // Else the property would be true of an endpoint that never answers.
    expect(answers).toBeGreaterThan(5);
  });
});

describe("AppID", () => {
  it.each([
    ["header of a bot unknown here", { appId: "999" }, "unknown AppID"],
    ["empty header", { appId: "" }, "unknown AppID"],
    ["path of a bot unknown here", { appId: null, pathAppId: "999" }, "unknown AppID"],
    ["header and path of different bots", { pathAppId: other.appId }, "AppID of header and path differ"],
    ["header of another bot than the signer", { appId: other.appId }, "signature does not verify"],
    ["path of another bot than the signer", { appId: null, pathAppId: other.appId }, "signature does not verify"],
  ])("is refused: %s", async (_, named, reason) => {
    await expect(receive({ ...(await signed(EVENT)), ...named }, [ours, other], now)).rejects.toThrow(reason);
  });

  it("may stand in the header, in the path, in both, or nowhere", async () => {
    const delivery = await signed(EVENT);
    for (const named of [{}, { pathAppId: APP_ID }, { appId: null, pathAppId: APP_ID }, { appId: null }])
      expect(await receive({ ...delivery, ...named }, [ours], now)).toMatchObject({ kind: "event", appId: APP_ID });
  });

  it("may be missing with several bots: every key is tried, and the one that verifies tells the bot", async () => {
    const byOther = await signed(EVENT, { secret: "123456abcdef" });
    expect(await receive({ ...byOther, appId: null }, [ours, other], now)).toMatchObject({
      appId: other.appId,
      event: { appId: other.appId },
    });
    const byNobody = await signed(EVENT, { secret: "someone-else" });
    await expect(receive({ ...byNobody, appId: null }, [ours, other], now)).rejects.toThrow(SignatureError);
  });

  it("is needed for an unsigned check of several bots: else it is not known whose key shall sign", async () => {
    await expect(receive(unsigned(CHECK, null), [ours, other], now)).rejects.toThrow(SignatureError);
    const signatureOf = async (appId: string, secret: string) =>
      expect(await receive(unsigned(CHECK, appId), [ours, other], now)).toMatchObject({
        appId,
        answer: { signature: await (await webhookKey(secret)).sign(bytesOf("1725442341Arq0D5A61EgUu4OxUvOp")) },
      });
    await signatureOf(APP_ID, APP_SECRET);
    await signatureOf(other.appId, "123456abcdef");
  });

  it("may be missing in a signed check of several bots: the signer answers", async () => {
    const delivery = { ...(await signed(CHECK, { secret: "123456abcdef" })), appId: null };
    expect(await receive(delivery, [ours, other], now)).toMatchObject({ kind: "validation", appId: other.appId });
  });
});

describe("genuine deliveries", () => {
  const received = async (body: string | Uint8Array<ArrayBuffer>) => receive(await signed(body), [ours], now);

  it("answer a heartbeat as botgo does", async () => {
    expect(await received('{"op":1,"d":1314}')).toMatchObject({ kind: "heartbeat", answer: { op: 11, d: 1314 } });
    expect(await received('{"op":1}')).toMatchObject({ kind: "heartbeat", answer: { op: 11, d: null } });
  });

  it.each([
    ["an op of tomorrow", '{"op":99,"d":{}}'],
    ["the retired validation ACK", '{"op":14}'],
    ["an event of tomorrow", '{"op":0,"t":"TOMORROW_CREATE","d":{}}'],
    ["an event without a name", '{"op":0,"d":{}}'],
    ["an event named like a member of every object", '{"op":0,"t":"constructor","d":{}}'],
    ["an event named like the prototype", '{"op":0,"t":"__proto__","d":{}}'],
  ])("that mean nothing to the bot are ignored: %s", async (_, body) => {
    expect(await received(body)).toMatchObject({ kind: "ignored", appId: APP_ID });
  });

  it("keep the name of an ignored event short and plain, for the log", async () => {
    const outcome = await received(JSON.stringify({ op: 0, t: `A\n{"level":"error"}${"x".repeat(500)}`, d: {} }));
    expect(outcome).toMatchObject({ why: expect.stringMatching(/^no meaning for [\w.?-]{1,64}$/) });
  });

  it.each([
    ["nothing", {}],
    ["null", null],
    ["a list", []],
    ["text", "text"],
    ["no id", { ...message.d, id: undefined }],
    ["an empty id", { ...message.d, id: "" }],
    ["an id that is a number", { ...message.d, id: 1 }],
    ["no author", { ...message.d, author: undefined }],
    ["an author without an openid", { ...message.d, author: { id: "A1B2" } }],
    ["content that is no text", { ...message.d, content: { text: "hi" } }],
    ["attachments that are no list", { ...message.d, attachments: "none" }],
  ])("with a message that cannot be read are malformed: %s", async (_, d) => {
    expect(await received(JSON.stringify({ ...message, d }))).toMatchObject({ kind: "malformed", appId: APP_ID });
  });

  it("say which field was wrong, and not what was written", async () => {
    const d = { ...message.d, author: { username: "SECRET-NAME" }, content: "SECRET-WORDS" };
    const outcome = await received(JSON.stringify({ ...message, d }));
    expect(outcome).toMatchObject({ kind: "malformed", why: expect.stringContaining("author.user_openid") });
    expect(JSON.stringify(outcome)).not.toContain("SECRET");
  });

  const unreadable: readonly [string, string | Uint8Array<ArrayBuffer>][] = [
    ["no JSON", "hello"],
    ["half of it", EVENT.slice(0, -10)],
    ["a list", `[${EVENT}]`],
    ["null", "null"],
    ["a number", "13"],
    ["text", '"{\\"op\\":0}"'],
    ["an object without op", "{}"],
    ["op as text", '{"op":"0"}'],
    ["op as null", '{"op":null}'],
    ["a name that is no text", '{"op":0,"t":1}'],
    ["brackets without end", "[".repeat(200_000)],
    ["objects without end", '{"a":'.repeat(40_000)],
    ["bytes that are no UTF-8", Uint8Array.from([...bytesOf('{"op":0,"t":"'), 0xff, 0xfe, ...bytesOf('"}')])],
    ["UTF-16", Uint8Array.from([0xff, 0xfe, 0x7b, 0, 0x7d, 0])],
    ["a lone half of an emoji", Uint8Array.from([...bytesOf('{"op":0,"t":"'), 0xed, 0xa0, 0xbd, ...bytesOf('"}')])],
  ];

  it.each(unreadable)("that are no envelope are malformed: %s", async (_, body) => {
    expect(await received(body)).toMatchObject({ kind: "malformed", appId: APP_ID });
  });

  it.each(unreadable)("unsigned, the same are just not signed: %s", async (_, body) => {
    await expect(receive(unsigned(body), [ours], now)).rejects.toThrow("not signed");
  });

  it("are read with a byte order mark in front", async () => {
    expect(await received(`\ufeff${EVENT}`)).toMatchObject({ kind: "event" });
  });

  it("survive very deep nesting where nobody looks", async () => {
    const deep = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
    expect(await received(`{"op":0,"t":"UNKNOWN","d":${deep}}`)).toMatchObject({ kind: "ignored" });
  });
});

/** A vector as a delivery, with the bot of its secret and the time at which its header says that it was sent. */
function vector(id: string): { delivery: Delivery; bots: WebhookBot[]; sentMs: number } {
  const found = [...vectors.vectors, ...vectors.negative].find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no vector ${id}`);
  const { secret, signature_hex: signature, timestamp = "", body = "" } = found;
  return {
    delivery: { ...unsigned(body, null), signature, timestamp },
    bots: [bot(APP_ID, secret)],
    sentMs: Number.parseInt(timestamp || "1725442341", 10) * 1000,
  };
}
