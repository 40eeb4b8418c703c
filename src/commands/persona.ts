import { PERSONAS } from "../choice.ts";
import { type Choosing, choosing } from "./choosing.ts";
import { type ReceivedCommand, text } from "./command.ts";

/** In characters: it is read anew with every message. */
const LONGEST = 2_000;
const SHORTEST = 5;

/** One of ours is stored by its name, somebody's own as `own:` and its words. */
export const OWN_PERSONA = "own:";

export const personaChoice: Choosing = {
  name: "persona",
  what: { zh: "人设", en: "persona" },
  options: Object.entries(PERSONAS).map(([value, { title }]) => ({ value, names: [title] })),
  readOwn(words) {
    if (words.length > LONGEST) {
      const why = `人设最多 ${LONGEST} 个字,这段有 ${words.length} 个。`;
      return { why: text(why, `A persona has ${LONGEST} characters at most; this one has ${words.length}.`) };
    }
    return words.length < SHORTEST ? undefined : { value: OWN_PERSONA + words };
  },
};

export const persona: ReceivedCommand = {
  when: "received",
  names: ["persona", "role", "人设", "角色"],
  aliases: [],
  summary: { zh: "换一个人设,或写一段自己的", en: "choose a persona, or write one" },
  usage: { zh: "[序号、名字或一段话] [全群]", en: "[NUMBER, NAME or your own words] [group]" },
  run: (chat, argument) => choosing(chat, argument, personaChoice),
};
