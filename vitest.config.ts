import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const WORKERS = "test/**/*.workers.test.ts";
const E2E = "test/e2e/**/*.test.ts";
const ARCHITECTURE = "test/architecture.test.ts";

export default defineConfig({
  test: {
    silent: "passed-only",
    projects: [
      { test: { name: "architecture", include: [ARCHITECTURE] } },
      // Pure parts, and those that need SQLite, on Node.
      { test: { name: "node", include: ["test/**/*.test.ts"], exclude: [WORKERS, E2E, ARCHITECTURE] } },
      // Inside workerd: routes and Durable Objects.
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            remoteBindings: false,
            miniflare: {
              bindings: {
                QQ_APP_ID: "102000001",
                QQ_APP_SECRET: "naOC0ocQE3shWLAfffVLB1rhYPG7",
                QQ_API_BASE: "http://qq.test",
                MODEL: "openai-compatible/demo",
                MODEL_BASE_URL: "http://model.test/v1",
                ACCESS: "open",
              },
            },
          }),
        ],
        test: { name: "workers", include: [WORKERS] },
      },
      // The deployable bundle on plain workerd, killed and started again. One at a time: they load the machine.
      {
        test: {
          name: "e2e",
          include: [E2E],
          fileParallelism: false,
          maxConcurrency: 16, // tests that wait for QQ's pauses wait together
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
