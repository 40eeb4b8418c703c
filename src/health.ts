/**
 * What the operator is told of a running deployment, as plain data: made by `console/` and `bot/`, read by `cli/`. Holds no
 * secret, no address with credentials and no text that people wrote.
 */
import type { Problem, Refusal } from "./errors.ts";

/** Kept equal to package.json and wrangler.toml by a test: a Worker cannot read them. */
export const VERSION = "0.1.0";
export const COMPATIBILITY_DATE = "2026-11-01";

/** What a report may ask outside: QQ for the token and for who the bot is, and the models for a sentence. */
export type Probe = "none" | "qq" | "model";

/** The last callback-address check, for the operator: never called, or answered and refused. */
export interface ValidationNote {
  atMs: number;
  signed: boolean;
  answered: boolean;
}

/** Something that worked, or the refusal that says what to do. */
export type Tried<T> = ({ ok: true } & T) | ({ ok: false } & Pick<Refusal, "summary" | "advice" | "code" | "traceId">);

export interface BotHealth {
  /** Absent where QQ was not asked. */
  token?: Tried<{ expiresInMs: number }>;
  /** Who QQ says the bot is. Asked from where the chats ask from. Absent where QQ was not asked, or gave no token. */
  identity?: Tried<{ name: string }>;
  /** The address that QQ sees. Absent where QQ was not asked, or where calls leave from no address to rely on. */
  address?: Tried<{ address: string }>;
  lastValidation?: ValidationNote;
  /** The newest stored callback, up to a minute behind. */
  lastCallbackAtMs?: number;
  /** When a chat last got ready to speak: an active chat does so about every two hours only. */
  lastSpeakingAtMs?: number;
  chats: number;
  failures: {
    /** At most the 200 that are kept. */
    count: number;
    newest?: { reference: string; atMs: number; operation: string; summary: string; advice: string };
  };
}

export interface ModelHealth {
  /** `<provider>/<model id>`. */
  model: string;
  /** Absent where it was not asked. */
  answer?: Tried<{ tookMs: number }>;
}

export interface DeployedBot {
  appId: string;
  models: ModelHealth[];
  /** Its own object could not be asked: why. */
  unreachable?: string;
  health?: BotHealth;
}

export interface HealthReport {
  version: string;
  compatibilityDate: string;
  /** The Worker's clock. */
  atMs: number;
  settings: { ok: true } | { ok: false; problems: readonly Problem[] };
  egress?: {
    /** Through a proxy or a binding; else straight to QQ's own host, to QQ's sandbox, or to the host of QQ_API_BASE. */
    way: "direct" | "sandbox" | "relay" | "tunnel" | "binding";
    /** Of a proxy with its port, of a binding its name. */
    host: string;
    /** The proxy by which a relay is reached, with its port. */
    through?: string;
    advice: string;
  };
  bots: DeployedBot[];
}
