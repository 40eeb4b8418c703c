/** The ways out, each with a real program that calls the fake QQ from another address than the Worker's. */
import type { Patch } from "./bundle.ts";
import { trusting } from "./caller.ts";
import { type Program, startNginx, startTinyproxy, type TestCA } from "./programs.ts";
import type { WorkerdOptions } from "./workerd.ts";

export type WayName = "direct" | "relay" | "tunnel" | "binding";

/** From where the programs call. The Worker itself calls from 127.0.0.1. */
export const FIXED_ADDRESS = "127.0.0.2";
/** What must show up nowhere. */
export const WAY_SECRETS = {
  password: "p4ss-of-the-tunnel",
  basic: Buffer.from("worker:p4ss-of-the-tunnel").toString("base64"),
  relayKey: "k3y-of-the-relay",
};

export interface TestWay {
  settings: Record<string, string>;
  options?: WorkerdOptions;
  patches?: readonly Patch[];
  /** Absent where calls leave straight. */
  program?: Program;
}

/** `qqUrl` is of the fake QQ: https, under the authority, for the tunnel. */
export const WAYS: Record<WayName, (qqUrl: string, ca: TestCA) => Promise<TestWay>> = {
  direct: async (qqUrl) => ({ settings: { QQ_API_BASE: qqUrl } }),

  relay: async (qqUrl) => {
    const program = await startNginx(`
upstream qq { server ${new URL(qqUrl).host}; keepalive 16; }
server {
  listen 127.0.0.1:__PORT__;
  if ($http_x_relay_key != "${WAY_SECRETS.relayKey}") { return 403; }
  location / {
    proxy_pass http://qq;
    proxy_bind ${FIXED_ADDRESS};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Relay-Key "";
  }
}`);
    const headers = JSON.stringify({ "X-Relay-Key": WAY_SECRETS.relayKey });
    return { settings: { QQ_API_BASE: program.url, QQ_API_HEADERS: headers }, program };
  },

  tunnel: async (qqUrl, ca) => {
    const program = await startTinyproxy({
      auth: { user: "worker", password: WAY_SECRETS.password },
      bind: FIXED_ADDRESS,
    });
    // By this name it is no proxy of this machine: TLS is the library's, as it is when deployed.
    const proxy = `http://worker:${WAY_SECRETS.password}@0.0.0.0:${program.port}`;
    const settings = { QQ_API_BASE: qqUrl, QQ_EGRESS_PROXY: proxy };
    return { settings, patches: [trusting(ca.cert)], options: { trusts: [ca.cert] }, program };
  },

  // Workers VPC has no stand-in: this is a service that fetches any address, from the proxy's own.
  binding: async (qqUrl) => {
    const program = await startTinyproxy({ bind: FIXED_ADDRESS });
    return { settings: { QQ_API_BASE: qqUrl }, options: { egressBinding: `127.0.0.1:${program.port}` }, program };
  },
};
