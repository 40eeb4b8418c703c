/**
 * What people here have chosen, and what counts for whom. A choice that the operator no longer offers, or has locked, counts as
 * none; it stays stored, so that it counts again.
 */
import {
  CHOICES,
  type ChoiceName,
  type ChoiceView,
  LANGUAGES,
  PERSONAS,
  type Scope,
  THINKING,
  type Thinking,
} from "../choice.ts";
import { OWN_PERSONA } from "../commands/persona.ts";
import type { BotConfig, Config } from "../config.ts";
import { modelName } from "../providers.ts";
import { defaultsOf } from "./lease.ts";
import { rows, run, type Storage } from "./storage.ts";

/** What the operator lets people do. */
export interface Terms {
  /** `<provider>/<model id>`, the default one first. */
  models: readonly string[];
  locked: readonly ChoiceName[];
  /** Of one person; 0 is no limit. */
  messagesPerMinute: number;
}

/** Where the settings are broken. */
export const NO_TERMS: Terms = { models: [], locked: [], messagesPerMinute: 0 };

export function termsOf({ lockedChoices: locked, messagesPerMinute }: Config, { offered }: BotConfig): Terms {
  return { models: offered.map(modelName), locked, messagesPerMinute };
}

export type Choices = Readonly<Record<ChoiceName, ChoiceView>>;

/** The chat itself among those who choose: nobody has this id. */
const CHAT = "";

export function choicesOf(storage: Storage, sender: string, terms: Terms): Choices {
  const stored = rows<{ owner: string; name: string; value: string }>(
    storage,
    "SELECT owner, name, value FROM choice WHERE owner IN (?, ?)",
    CHAT,
    sender,
  );
  const defaults = defaultsOf(storage);
  const views = CHOICES.map((name): [ChoiceName, ChoiceView] => {
    const isLocked = terms.locked.includes(name);
    const chosenBy = (owner: string) => stored.find((row) => row.owner === owner && row.name === name)?.value;
    const [from, value] = (
      [
        ["person", chosenBy(sender)],
        ["chat", chosenBy(CHAT)],
        ["owner", defaults[name]],
      ] as const
    ).find(([, value]) => !isLocked && value !== undefined && isOffered(name, value, terms)) ?? ["settings", undefined];
    return [name, { value, from, isLocked }];
  });
  return Object.fromEntries(views) as Record<ChoiceName, ChoiceView>; // each of CHOICES
}

function isOffered(name: ChoiceName, value: string, { models }: Terms): boolean {
  return name !== "model" || models.includes(value);
}

/** Undefined takes it back. */
export function choose(
  storage: Storage,
  { name, value, scope, sender }: { name: ChoiceName; value: string | undefined; scope: Scope; sender: string },
): void {
  const owner = scope === "chat" ? CHAT : sender;
  if (value === undefined) return run(storage, "DELETE FROM choice WHERE owner = ? AND name = ?", owner, name);
  run(storage, "INSERT OR REPLACE INTO choice (owner, name, value) VALUES (?, ?, ?)", owner, name, value);
}

/** The chosen model first; the others help out where it fails. */
export function modelsFor({ models, offered }: BotConfig, { model: { value } }: Choices): BotConfig["models"] {
  const chosen = offered.find((one) => modelName(one) === value);
  return chosen ? [chosen, ...models.filter((one) => one !== chosen)] : models;
}

/** What the model is told to be; undefined: what the settings say. */
export function personaOf({ persona: { value } }: Choices): string | undefined {
  if (value?.startsWith(OWN_PERSONA)) return value.slice(OWN_PERSONA.length);
  return value === undefined ? undefined : PERSONAS[value]?.text;
}

/** As the model is told. */
export function languageOf({ language: { value } }: Choices): string | undefined {
  return value === undefined ? undefined : LANGUAGES[value]?.zh;
}

export function thinkingOf({ thinking: { value } }: Choices): Thinking | undefined {
  return THINKING.find((level) => level === value);
}
