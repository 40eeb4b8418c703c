/**
 * Buttons under a message: what QQ has against them, and who may press them. The docs of 2026 give no numbers for rows;
 * older ones say 5 by 5. How a label's 10 characters are counted is not published: here a Chinese one is one.
 */
import * as v from "valibot";

const ROWS = 5;
const BUTTONS_PER_ROW = 5;
const LABEL = 10;
const MODAL_TEXT = 40;
const MODAL_BUTTON = 4;
/** Plain or blue; the docs disagree about further ones. */
const STYLES = [0, 1];

/** 0 an address, 1 a callback, 2 a command. */
export type ActionType = 0 | 1 | 2;

const text = v.optional(v.string(), "");
const people = v.optional(v.array(v.string()), []);
const odd = v.optional(v.unknown());

const Button = v.strictObject({
  id: v.pipe(v.string(), v.nonEmpty()),
  group_id: v.optional(v.string()),
  render_data: v.strictObject({ label: v.string(), visited_label: text, style: v.optional(v.number(), 0) }),
  action: v.strictObject({
    type: v.number(),
    permission: v.strictObject({
      type: v.number(),
      specify_user_ids: people,
      specify_role_ids: people,
    }),
    data: text,
    enter: v.optional(v.boolean(), false),
    reply: v.optional(v.boolean(), false),
    anchor: v.optional(v.number()),
    unsupport_tips: text,
    modal: v.optional(v.strictObject({ content: v.string(), confirm_text: text, cancel_text: text })),
    click_limit: odd,
    at_bot_show_channel_list: odd,
  }),
});

/** A template by its `id`, or the buttons themselves. Read further by `readKeyboard`. */
export const Keyboard = v.union([
  v.strictObject({ id: v.string() }),
  v.strictObject({ content: v.strictObject({ rows: v.array(v.strictObject({ buttons: v.array(v.unknown()) })) }) }),
]);
export type Keyboard = v.InferOutput<typeof Keyboard>;

export interface KeyboardButton {
  id: string;
  /** One press greys the others of its group. */
  groupId: string | undefined;
  label: string;
  style: number;
  type: ActionType;
  data: string;
  /** A command is said at once, in private chats. */
  enter: boolean;
  /** 0 the listed people, 1 admins, 2 everybody, 3 the listed roles of a guild. */
  permission: { type: number; people: readonly string[] };
}

export type Rows = readonly (readonly KeyboardButton[])[];

/** The buttons, or the code of what QQ has against them. */
export function readKeyboard(keyboard: Keyboard): { rows: Rows } | { flaw: number } {
  // Which templates a bot has is not known here.
  if ("id" in keyboard) return { flaw: CODES.missing };
  const { rows } = keyboard.content;
  const isTooLarge = rows.length > ROWS || rows.some(({ buttons }) => buttons.length > BUTTONS_PER_ROW);
  if (isTooLarge || rows.length === 0 || rows.some(({ buttons }) => buttons.length === 0)) return { flaw: CODES.size };
  const read = rows.map(({ buttons }) => buttons.map((button) => v.safeParse(Button, button)));
  const buttons = read.flat().flatMap(({ success, output }) => (success ? [output] : []));
  if (buttons.length < read.flat().length) return { flaw: CODES.unparsable };
  const flaw = buttons.map(flawOf).find((code) => code !== undefined);
  if (flaw !== undefined) return { flaw };
  const ids = buttons.map(({ id }) => id);
  if (new Set(ids).size < ids.length) return { flaw: CODES.unparsable };
  return { rows: read.map((row) => row.flatMap(({ success, output }) => (success ? [buttonOf(output)] : []))) };
}

/** 304038 is missing, 304039 is unparsable, 305007 is its style, 40034029 its size: `qq/error-codes.ts` has them in one row. */
const CODES = { missing: 304038, unparsable: 304039, style: 305007, size: 40034029 };

type Button = v.InferOutput<typeof Button>;

function flawOf({ render_data: { label, visited_label, style }, action }: Button): number | undefined {
  const { type, permission, data, modal } = action;
  const lengthOf = (words: string) => Array.from(words).length;
  if (!STYLES.includes(style)) return CODES.style;
  if (label.trim() === "" || [label, visited_label].some((words) => lengthOf(words) > LABEL)) return CODES.unparsable;
  if (!isActionType(type) || ![0, 1, 2, 3].includes(permission.type)) return CODES.unparsable;
  if (type === 0 && !/^(https?|mqqapi):\/\//i.test(data)) return CODES.unparsable;
  if (modal && (lengthOf(modal.content) > MODAL_TEXT || /https?:/i.test(modal.content))) return CODES.unparsable;
  if ([modal?.confirm_text, modal?.cancel_text].some((words) => lengthOf(words ?? "") > MODAL_BUTTON))
    return CODES.unparsable;
  return undefined;
}

function buttonOf({ id, group_id: groupId, render_data: { label, style }, action }: Button): KeyboardButton {
  const { type, data, enter, permission } = action;
  const people = permission.type === 3 ? permission.specify_role_ids : permission.specify_user_ids;
  // `flawOf` has looked at the type.
  return {
    id,
    groupId,
    label,
    style,
    type: isActionType(type) ? type : 1,
    data,
    enter,
    permission: { type: permission.type, people },
  };
}

function isActionType(type: number): type is ActionType {
  return type === 0 || type === 1 || type === 2;
}

/** Whether this person may press it. */
export function mayPress(
  { permission: { type, people } }: KeyboardButton,
  { id, role, isAlone }: { id: string; role: string; isAlone: boolean },
): boolean {
  if (type === 0) return people.includes(id);
  // Roles of guilds are not played: their ids stand for admins here.
  if (type === 1 || type === 3) return isAlone || role !== "member";
  return true;
}
