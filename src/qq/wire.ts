/**
 * QQ's payloads exactly as they travel: snake_case, seconds, numeric opcodes. Read leniently (unknown fields pass,
 * a missing one that we need is an error) and only inside this folder.
 */
import * as v from "valibot";

export const OP = { dispatch: 0, heartbeat: 1, heartbeatAck: 11, callbackAck: 12, validation: 13 } as const;

export const WireEnvelope = v.looseObject({
  op: v.number(),
  id: v.optional(v.string()),
  t: v.optional(v.string()),
  s: v.optional(v.nullable(v.number())),
  d: v.optional(v.unknown()),
});
export type WireEnvelope = v.InferOutput<typeof WireEnvelope>;

/**
 * The only strings that may be signed for the callback-address check. Together they can never spell a signed event,
 * which is digits followed by `{`: without this shape the endpoint would sign anything for anybody.
 */
export const WireValidation = v.object({
  event_ts: v.pipe(v.string(), v.regex(/^\d{1,13}$/)),
  plain_token: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/)),
});

const id = v.pipe(v.string(), v.nonEmpty());

/** Becomes part of an address, so nothing that an address takes apart. */
const openid = v.pipe(v.string(), v.regex(/^[^\s/\\?#%.]{1,128}$/));

/** RFC 3339 today; a Go time string and an integer have been seen before, so it is read leniently. */
const timestamp = v.optional(v.nullable(v.union([v.string(), v.number()])));

const WireAttachment = v.looseObject({
  content_type: v.optional(v.nullable(v.string())),
  filename: v.optional(v.nullable(v.string())),
});
export type WireAttachment = v.InferOutput<typeof WireAttachment>;

const message = {
  id,
  content: v.optional(v.nullable(v.string())),
  timestamp,
  attachments: v.optional(v.nullable(v.array(WireAttachment))),
};

export const WireC2CMessage = v.looseObject({
  ...message,
  author: v.looseObject({
    user_openid: openid,
    username: v.optional(v.nullable(v.string())),
    bot: v.optional(v.nullable(v.boolean())),
  }),
});

export const WireGroupMessage = v.looseObject({
  ...message,
  group_openid: openid,
  author: v.looseObject({
    member_openid: openid,
    username: v.optional(v.nullable(v.string())),
    bot: v.optional(v.nullable(v.boolean())),
    member_role: v.optional(v.nullable(v.string())),
  }),
});

/** `expires_in` is a number in the docs' table and a string in their example. */
export const WireToken = v.looseObject({
  access_token: v.pipe(v.string(), v.nonEmpty()),
  expires_in: v.pipe(v.union([v.string(), v.number()]), v.transform(Number), v.finite()),
});

/** A number; a gateway in between may have made it a string. */
const code = v.fallback(
  v.optional(v.pipe(v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/))]), v.transform(Number))),
  undefined,
);

/**
 * Both numbers are kept: `code` is going away, `err_code` is replacing it, and they can differ. Each field is read for
 * itself: an odd one beside a code must not hide the code.
 */
export const WireError = v.looseObject({
  code,
  err_code: code,
  trace_id: v.fallback(v.optional(v.string()), undefined),
  data: v.fallback(v.optional(v.looseObject({ message_audit: v.looseObject({ audit_id: v.string() }) })), undefined),
});

export const WireSent = v.looseObject({ id: v.pipe(v.string(), v.nonEmpty()) });

/** An answer that says no more than that it worked: it may be empty or plain text, but no refusal. */
export const WireDone = v.pipe(
  v.unknown(),
  v.check((answer) => {
    const { code, err_code } = v.is(WireError, answer) ? v.parse(WireError, answer) : {};
    return !code && !err_code;
  }),
);
