/** What the demo model says, and how it misbehaves. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toPlainText, toQQMarkdown } from "../../src/qq/markdown.ts";
import { DEMO_MODEL_PATH } from "../../src/simulator/demo-model.ts";
import { FakeQQ } from "../../src/simulator/fake-qq.ts";
import { type Asked, Ledger } from "../../src/simulator/ledger.ts";

let qq: FakeQQ;
let url: string;

beforeEach(async () => {
  qq = new FakeQQ({ appId: "1", appSecret: "s" });
  url = `${await qq.start()}${DEMO_MODEL_PATH}/chat/completions`;
});

afterEach(() => qq.stop());

interface Delta {
  content?: string;
  reasoning_content?: string;
}

/** The deltas of an answer. */
async function ask(content: string): Promise<Delta[]> {
  const body = JSON.stringify({ messages: [{ role: "user", content }] });
  const text = await (await fetch(url, { method: "POST", body })).text();
  return [...text.matchAll(/^data: (\{.*)$/gm)].flatMap(([, json]) => {
    const { choices } = JSON.parse(json ?? "") as { choices: { delta: Delta }[] };
    return choices.map(({ delta }) => delta);
  });
}

const words = (deltas: readonly Delta[]) => deltas.map(({ content = "" }) => content).join("");

/** What the ledger makes of an answer to `#m1` that arrives in one message. */
function verdictOn(form: "text" | "markdown", text: string) {
  const ledger = new Ledger();
  const chat = { scene: "c2c" as const, id: "ann" };
  const asked: Asked = { messageId: "a", chat, sender: "ann", text: "#m1", askedAtMs: 0, deliveries: [200] };
  ledger.asked.push({ ...asked, acknowledgedAtMs: 0 });
  ledger.delivered.push({ id: "0", chat, form, msgId: "a", msgSeq: 1, text, atMs: 0 });
  return ledger.judge();
}

describe("the demo model", () => {
  it("answers in Markdown with everything in it", async () => {
    const answer = words(await ask("#m1 !md"));
    for (const mark of [/^## /m, /^- \*\*/m, /^\| --- /m, /^```python/m, /\[.+\]\(https:/])
      expect(answer).toMatch(mark);
    expect(answer).toMatch(/^#m1 \(回答 1,1\/6\)\n/);
  });

  it.each(["#m1 !md", "#m1 !md !long1", "#m1 !long2", "#m1"])(
    "leaves its markers and stretches to be found in both renderings: %s",
    async (question) => {
      const answer = words(await ask(question));
      const whole = { own: 1, torn: [], doubled: [] };
      expect(verdictOn("markdown", toQQMarkdown(answer))).toMatchObject(whole);
      expect(verdictOn("text", toPlainText(answer))).toMatchObject(whole);
      expect(answer).toMatch(/,(\d+)\/\1\)[^回]*$/);
    },
  );

  it("drips an answer in as many pieces as it is told", async () => {
    qq.model.weather.set({ kind: "drip", ms: 10, words: 4 });
    const dripped = await ask("#m1 !long1");
    expect(dripped.filter(({ content }) => content)).toHaveLength(4);
    expect(words(dripped)).toMatch(/^#m1 \(回答 1,1\/11\)[\s\S]+\(回答 1,11\/11\)$/);
  });

  it("thinks before it answers", async () => {
    qq.model.weather.set({ kind: "think", ms: 10 });
    const deltas = await ask("#m1");
    const thoughts = deltas.filter(({ reasoning_content }) => reasoning_content);
    expect(thoughts.length).toBeGreaterThan(1);
    expect(deltas.slice(0, thoughts.length)).toEqual(thoughts);
    expect(words(deltas)).toBe("#m1 (回答 1,1/1)");
  });
});
