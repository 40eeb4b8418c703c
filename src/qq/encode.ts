/**
 * Table: kind of reply -> body of a message POST. A kind missing here does not compile.
 */
import type { Reply, ReplyOf } from "../reply.ts";

/** Where a passive reply is booked. The same pair again is refused by QQ as a duplicate: that is the idempotency key. */
export interface ReplySlot {
  msgId: string;
  msgSeq: number;
}

export interface WireMessageBody {
  msg_type: number;
  content: string;
  msg_id: string;
  msg_seq: number;
}

const ENCODERS = {
  text: (reply) => ({ msg_type: 0, content: reply.text }),
} satisfies { [K in Reply["kind"]]: (reply: ReplyOf<K>) => { msg_type: number; content: string } };

export function encode(reply: Reply, slot: ReplySlot): WireMessageBody {
  return { ...ENCODERS[reply.kind](reply), msg_id: slot.msgId, msg_seq: slot.msgSeq };
}
