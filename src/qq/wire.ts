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

/**
 * Becomes part of an address, so nothing that an address takes apart. Always a string, and in guilds one of digits: a
 * number is as good while it has not lost any on its way.
 */
const openid = v.pipe(
  v.union([v.string(), v.pipe(v.number(), v.safeInteger(), v.transform(String))]),
  v.regex(/^[^\s/\\?#%.]{1,128}$/),
);

/** RFC 3339 today; a Go time string and an integer have been seen before, so it is read leniently. */
const timestamp = v.optional(v.nullable(v.union([v.string(), v.number()])));

/** A number; a gateway in between may have made it a string. */
const number = v.pipe(v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/))]), v.transform(Number));

/** What an event can be understood without: odd is as good as missing, for it must not cost the person an answer. */
const spare = <const S extends v.GenericSchema>(schema: S) => v.fallback(v.optional(schema), undefined);
const spareText = spare(v.string());
const spareFlag = spare(v.boolean());
/** Empty where QQ has none. */
const spareId = spare(openid);

/** Odd items are left out. */
const list = <const S extends v.GenericSchema>(schema: S) =>
  v.pipe(
    v.array(v.unknown()),
    v.transform((items) =>
      items.flatMap((item): v.InferOutput<S>[] => {
        const result = v.safeParse(schema, item);
        return result.success ? [result.output] : [];
      }),
    ),
  );
const spareList = <const S extends v.GenericSchema>(schema: S) => v.fallback(v.optional(list(schema), []), []);

const WireAttachment = v.looseObject({
  content_type: spareText,
  filename: spareText,
  /** What QQ's speech recognition heard. */
  asr_refer_text: spareText,
});
export type WireAttachment = v.InferOutput<typeof WireAttachment>;

/** Two forms of a mention travel: a plain user, and one with `scope` and `is_you`. */
const WirePerson = v.looseObject({
  id: spareId,
  member_openid: spareId,
  user_openid: spareId,
  username: spareText,
  nickname: spareText,
  bot: spareFlag,
  is_you: spareFlag,
  scope: spareText,
});
export type WirePerson = v.InferOutput<typeof WirePerson>;

const WireCard = v.looseObject({
  ark_type: spareText,
  ark_name: spareText,
  prompt: spareText,
  fields: spare(
    v.looseObject({
      title: spareText,
      desc: spareText,
      source: spareText,
      nickname: spareText,
      address: spareText,
      jump_url: spareText,
    }),
  ),
});
export type WireCard = v.InferOutput<typeof WireCard>;

export const MESSAGE_TYPE = { card: 3, parallel: 101, record: 102, quote: 103 } as const;

/** What a message and a message inside a message have in common. */
const written = {
  message_type: spare(number),
  attachments: spareList(WireAttachment),
  ark_data: spare(WireCard),
  /** Each is a `WireElement`, and read one by one: a schema that calls itself would follow any depth. */
  msg_elements: spareList(v.unknown()),
};

/** A message inside a message: quoted, or one of a chat record. */
export const WireElement = v.looseObject({ ...written, content: spareText, author: spare(WirePerson) });

const WireMessage = v.looseObject({
  ...written,
  attachments: v.nullish(list(WireAttachment), []),
  id,
  content: v.optional(v.nullable(v.string())),
  timestamp,
  mentions: spareList(WirePerson),
  message_scene: spare(v.looseObject({ ext: spareList(v.string()) })),
  message_reference: spare(v.looseObject({ message_id: spare(id) })),
});
export type WireMessage = v.InferOutput<typeof WireMessage>;

const author = {
  username: spareText,
  bot: v.optional(v.nullable(v.boolean())),
};

export const WireC2CMessage = v.looseObject({
  ...WireMessage.entries,
  author: v.looseObject({ ...author, user_openid: openid }),
});

export const WireGroupMessage = v.looseObject({
  ...WireMessage.entries,
  group_openid: openid,
  author: v.looseObject({ ...author, member_openid: openid, member_role: spareText }),
});

const guildMessage = {
  ...WireMessage.entries,
  author: v.looseObject({ ...author, id: openid }),
  member: spare(v.looseObject({ nick: spareText })),
};

export const WireChannelMessage = v.looseObject({ ...guildMessage, channel_id: openid });

/** `guild_id` names the conversation here; the real guild is in `src_guild_id`. */
export const WireGuildDmMessage = v.looseObject({ ...guildMessage, guild_id: openid });

const recalled = { id, author: spare(v.looseObject({ bot: spareFlag })) };

export const WireChannelRecall = v.looseObject({ message: v.looseObject({ ...recalled, channel_id: openid }) });

export const WireGuildDmRecall = v.looseObject({ message: v.looseObject({ ...recalled, guild_id: openid }) });

export const WireFriendRelation = v.looseObject({ openid, timestamp });

/** Nobody in particular acts where a group is dissolved. */
export const WireGroupRelation = v.looseObject({ group_openid: openid, op_member_openid: spareId, timestamp });

export const WireAudit = v.looseObject({ audit_id: id, group_openid: spareId, user_openid: spareId });

/** The documentation knows no audit outside a channel. */
export const WireChannelAudit = v.looseObject({ channel_id: openid });

const WireResolved = v.looseObject({ button_data: spareText, feature_id: spareText });

export const WireInteraction = v.looseObject({
  id,
  type: spare(number),
  scene: spareText,
  chat_type: spare(number),
  group_openid: spareId,
  channel_id: spareId,
  // The documentation of 2025 misspells it.
  data: spare(v.looseObject({ type: spare(number), resolved: spare(WireResolved), resoloved: spare(WireResolved) })),
});
export type WireInteraction = v.InferOutput<typeof WireInteraction>;

export const WireC2CPlace = v.looseObject({ user_openid: openid });
export const WireGroupPlace = v.looseObject({ group_openid: openid, group_member_openid: openid });
export const WireChannelPlace = v.looseObject({
  channel_id: openid,
  data: v.looseObject({ resolved: v.looseObject({ user_id: openid }) }),
});

/** `expires_in` is a number in the docs' table and a string in their example. */
export const WireToken = v.looseObject({
  access_token: v.pipe(v.string(), v.nonEmpty()),
  expires_in: v.pipe(v.union([v.string(), v.number()]), v.transform(Number), v.finite()),
});

/** Who the bot is. Its name is empty for some. */
export const WireIdentity = v.looseObject({ id: v.pipe(v.string(), v.nonEmpty()), username: spareText });

/**
 * Both numbers are kept: `code` is going away, `err_code` is replacing it, and they can differ. Each field is read for
 * itself: an odd one beside a code must not hide the code.
 */
export const WireError = v.looseObject({
  code: spare(number),
  err_code: spare(number),
  trace_id: spareText,
  data: spare(v.looseObject({ message_audit: v.looseObject({ audit_id: v.string() }) })),
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
