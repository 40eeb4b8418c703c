/** What the wizard knows and may do. */
import type { Vars } from "./dev-vars.ts";
import type { Bound } from "./live.ts";
import type { Options } from "./options.ts";

export interface Sitting extends Bound {
  options: Options;
  /** What `.dev.vars` holds. */
  vars: Vars;
  /** Whether somebody can be asked. */
  asks: boolean;
}
