/** The bundle as it is deployed: minified, on plain workerd. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { startBench } from "../support/bench.ts";
import { buildBundle } from "../support/bundle.ts";

describe("the deployable bundle", () => {
  it("starts on plain workerd and does not evaluate the agent before the first turn", async () => {
    const bench = await startBench({
      patches: [
        {
          file: "agent/agent.ts",
          find: "export interface StepLimits {",
          replace: `console.log(JSON.stringify({ event: "agent.evaluated" }));\nexport interface StepLimits {`,
        },
      ],
    });
    try {
      const evaluated = () => bench.worker.lines.filter(({ event }) => event === "agent.evaluated").length;
      const health = await fetch(`http://127.0.0.1:${bench.worker.port}/healthz`);
      expect(await health.json()).toEqual({ ok: true, bots: 1 });
      expect(await bench.qq.validateCallback()).toBe(true);
      expect(evaluated()).toBe(0);
      const { messageId } = await bench.qq.say({ text: "#first" });
      await bench.qq.until(() => bench.qq.ledger.answersTo(messageId).length > 0);
      expect(evaluated()).toBe(1);
    } finally {
      await bench.stop();
    }
  });

  it("holds no crash point", async () => {
    const bundle = await buildBundle();
    const withCrashPoints = await buildBundle({ crashPointUrl: "http://127.0.0.1:1" });
    try {
      const code = await readFile(bundle.file, "utf8");
      expect(await readFile(withCrashPoints.file, "utf8")).toContain("http://127.0.0.1:1");
      expect(code).not.toContain("CRASH_POINT_URL");
      // Every crash point awaits one function; without its body that function does nothing.
      expect(code.length).toBeLessThan((await readFile(withCrashPoints.file, "utf8")).length);
    } finally {
      await bundle.remove();
      await withCrashPoints.remove();
    }
  });
});
