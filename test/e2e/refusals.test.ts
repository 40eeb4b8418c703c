/** Every row of the error table, said by the local QQ in every scene: the real Worker does what the row says. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Remedy } from "../../src/errors.ts";
import type { Scene } from "../../src/event.ts";
import { API_ERRORS, type ErrorRow } from "../../src/qq/error-codes.ts";
import { refusal } from "../../src/simulator/codes.ts";
import type { Asked } from "../../src/simulator/ledger.ts";
import { type Bench, startBench } from "../support/bench.ts";

const SCENES: readonly Scene[] = ["c2c", "group", "guildChannel", "guildDm"];
const codeOf = ({ codes, ranges }: ErrorRow) => codes[0] ?? ranges?.[0]?.[0] ?? 0;
const withCode = (row: ErrorRow) => ({ row, code: codeOf(row) });
/** What is held back for review is below; a stream that is out of step concerns streams alone. */
const ROWS = API_ERRORS.filter((row) => row.remedy !== "alreadySent" && row.otherwise !== "alreadySent").map(withCode);
const FORBIDDING = ROWS.filter(({ row }) => row.forbids !== undefined);

/** What each remedy makes of a Markdown answer with a link that is refused once. */
const EXPECTED: Record<Remedy, "as it was" | "as text" | "defused" | "in more parts" | "kept"> = {
  refreshToken: "as it was",
  retryOnce: "as it was",
  backOff: "as it was",
  alreadySent: "as it was",
  degradeToText: "as text",
  stripLinks: "defused",
  split: "in more parts",
  reupload: "kept",
  drop: "kept",
  tellUser: "kept",
  tellOperator: "kept",
};

/** The questions of one bench: a chat of its own for each. */
function conversation(bench: Bench) {
  const { qq, worker } = bench;
  const answers = (asked: Asked) => qq.ledger.answersTo(asked.messageId);
  const refusals = (asked: Asked) => qq.ledger.refused.filter(({ msgId }) => msgId === asked.messageId);
  const answered = async (asked: Asked, parts = 1) => {
    await qq.until(() => answers(asked).length >= parts);
    return answers(asked);
  };
  const failed = (asked: Asked) =>
    worker.until(
      ({ event, outcome, messages }) =>
        event === "turn.ended" && outcome === "failed" && String(messages).includes(asked.messageId),
      30_000,
    );
  return { answers, refusals, answered, failed };
}

describe("a refusal", () => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await startBench();
    bench.qq.markdownAllowed = { c2c: true, group: true, guildChannel: true, guildDm: true };
  });
  afterAll(() => bench.stop());

  async function expectRemedy(scene: Scene, row: ErrorRow): Promise<void> {
    const { qq } = bench;
    const { answers, refusals, answered, failed } = conversation(bench);
    const code = codeOf(row);
    const marker = `#${scene}${code}`;
    const say = (text: string) => qq.say({ scene, chatId: `${scene}-${code}`, text });
    qq.weather.set(refusal(code), { about: marker });
    const asked = await say(`${marker} !md`);
    const expected = EXPECTED[row.remedy];
    switch (expected) {
      case "as it was": {
        const [answer, ...others] = await answered(asked);
        expect(others).toEqual([]);
        expect(answer).toMatchObject({ form: "markdown", msgSeq: refusals(asked)[0]?.msgSeq });
        break;
      }
      case "as text":
        expect(await answered(asked)).toMatchObject([{ form: "text" }]);
        break;
      case "defused": {
        const [answer] = await answered(asked);
        expect(answer?.text).toMatch(/\w\[\.\]\w/);
        expect(answer?.text).not.toContain("://");
        break;
      }
      case "in more parts":
        await answered(asked, 2);
        break;
      case "kept": {
        if (row.blocksText) {
          expect((await answered(asked))[0]?.text).toContain("没有通过 QQ 的审核");
          break;
        }
        await failed(asked);
        expect(answers(asked)).toEqual([]);
        const next = await say("and now?");
        expect((await answered(next))[0]?.text).toContain("没能送达");
        const more = await say("继续");
        expect((await answered(more))[0]?.text).toContain(marker.slice(1));
        break;
      }
      default:
        expected satisfies never;
    }
    expect(refusals(asked)).toHaveLength(1);
  }

  it.concurrent.each(ROWS.filter(({ row }) => row.forbids === undefined))(
    "with $code leads to what its row says ($row.remedy), in every scene",
    async ({ row }) => {
      await Promise.all(SCENES.map((scene) => expectRemedy(scene, row)));
    },
  );

  it("with 304023 is none: what is held back for review is not sent again, and a rejection is told with the next answer", async () => {
    const { qq } = bench;
    const { answers, answered } = conversation(bench);
    qq.audits = true;
    const say = (text: string) => qq.say({ scene: "guildChannel", chatId: "audit", text });
    const passed = await say("#passes");
    await qq.until(() => qq.underReview.size === 1);
    const [first] = qq.underReview.keys();
    await qq.passAudit(first ?? "");
    expect(answers(passed)).toHaveLength(1);
    const rejected = await say("#rejected");
    await qq.until(() => qq.underReview.size === 1);
    const [second] = qq.underReview.keys();
    await qq.rejectAudit(second ?? "");
    qq.audits = false;
    const next = await say("#next");
    expect((await answered(next))[0]?.text).toContain("没有通过 QQ 的审核");
    expect(answers(rejected)).toEqual([]);
    expect(answers(passed)).toHaveLength(1);
  });
});

describe("what QQ does not let a bot do", () => {
  it.each(FORBIDDING)("is remembered for all chats of the scene after $code ($row.forbids)", async ({ row, code }) => {
    const bench = await startBench();
    try {
      const { qq } = bench;
      const { answers, refusals, answered, failed } = conversation(bench);
      const scene = row.forbids === "replies" ? "guildChannel" : "group";
      qq.markdownAllowed[scene] = true;
      qq.weather.set(refusal(code));
      const first = await qq.say({ scene, chatId: "one", text: "#first !md" });
      const elsewhere = () => qq.say({ scene, chatId: "two", text: "#second !md" });
      if (row.forbids === "replies") {
        await failed(first);
        const calls = qq.model.calls.length;
        await failed(await qq.say({ scene, chatId: "one", text: "#again" }));
        expect(qq.model.calls).toHaveLength(calls);
        expect(answers(first)).toEqual([]);
        return;
      }
      await answered(first);
      const second = await elsewhere();
      const [answer] = await answered(second);
      expect(refusals(second)).toEqual([]);
      // Buttons are not sent yet: that they are refused says nothing of Markdown.
      expect(answer?.form).toBe(row.forbids === "keyboard" ? "markdown" : "text");
    } finally {
      await bench.stop();
    }
  });
});
