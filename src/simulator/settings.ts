/**
 * The settings of the Worker that `npm start` runs. `.dev.vars`, which wrangler reads itself, chooses the model and the
 * persona; all that would lead away from the local QQ is overruled.
 */
import { parseEnv } from "node:util";
import { DEMO_MODEL_NAME, DEMO_MODEL_PATH } from "./demo-model.ts";

/** Ways to the real QQ and to real people. An empty setting counts as absent. */
const NOT_HERE = {
  QQ_BOTS: "",
  QQ_TOKEN_URL: "",
  QQ_API_HEADERS: "",
  QQ_EGRESS_PROXY: "",
  ALERT_WEBHOOK: "",
};

interface Local {
  appId: string;
  appSecret: string;
  simulatorUrl: string;
}

/** @param model undefined for the demo model, whose failures are played and cost nobody anything. */
export function settingsOf({ appId, appSecret, simulatorUrl }: Local, model: string | undefined) {
  return {
    ...NOT_HERE,
    QQ_APP_ID: appId,
    QQ_APP_SECRET: appSecret,
    QQ_API_BASE: simulatorUrl,
    ACCESS: "open",
    ...(model === undefined && {
      MODEL: `openai-compatible/${DEMO_MODEL_NAME}`,
      MODEL_BASE_URL: simulatorUrl + DEMO_MODEL_PATH,
      MODEL_FALLBACKS: "",
    }),
  };
}

/** The real model that a `.dev.vars` names, if it names one. */
export function modelIn(devVars: string): string | undefined {
  return parseEnv(devVars).MODEL?.trim() || undefined;
}
