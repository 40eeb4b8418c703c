/** Many chats at once: what the ledger says of them, and that the page does not drown in them. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Scene } from "../../src/event.ts";
import type { Change, Tally } from "../../src/simulator/page/protocol.ts";
import { type Heard, type PageBench, pageBench } from "../support/page-bench.ts";

let bench: PageBench;

beforeEach(async () => {
  bench = await pageBench();
});

afterEach(() => bench.stop());

const SCENES = ["c2c", "group", "guildChannel", "guildDm"] as const;
const tally = (): Tally => bench.page.state.snapshot.tally;
const plan = (chats: number, messages: number, scenes: readonly Scene[] = SCENES) => ({ chats, messages, scenes });

/** Whom a callback is from, and how it is answered. */
function placeOf({ t, d }: Heard) {
  const { user_openid } = d.author as { user_openid?: string };
  if (t.startsWith("C2C")) return { scene: "c2c" as const, id: String(user_openid) };
  if (t.startsWith("GROUP")) return { scene: "group" as const, id: String(d.group_openid) };
  if (t.startsWith("DIRECT")) return { scene: "guildDm" as const, id: String(d.guild_id) };
  return { scene: "guildChannel" as const, id: String(d.channel_id) };
}

const markerOf = ({ d }: Heard) => /#b\d+/.exec(String(d.content))?.[0] ?? "";

function answer(heard: Heard, words: string, msg_seq = 1): Promise<unknown> {
  const chat = placeOf(heard);
  const isGuild = chat.scene === "guildChannel" || chat.scene === "guildDm";
  const content = isGuild ? { content: words } : { msg_type: 0, content: words, msg_seq };
  return bench.send(chat, { ...content, msg_id: heard.d.id });
}

describe("a burst", () => {
  it("is judged by the ledger, and ends when all is answered", async () => {
    let call = 0;
    bench.onHeard = (heard) => {
      call += 1;
      void answer(heard, `${markerOf(heard)} (回答 ${call},1/1)`);
    };
    expect(await bench.act("burst", plan(8, 3))).toEqual({ ok: true });
    await bench.until(() => tally().asked > 0 && !tally().isBursting);
    expect(tally()).toMatchObject({ asked: 24, own: 24, lost: 0, torn: 0, doubled: 0, outOfOrder: 0 });
    expect(new Set(bench.heard.map((heard) => placeOf(heard).id)).size).toBe(8);
    expect(new Set(bench.heard.map((heard) => placeOf(heard).scene))).toEqual(new Set(SCENES));
  });

  it("shows what was joined, told, torn, doubled, out of order, and what is still lost", async () => {
    await bench.act("burst", plan(1, 5, ["c2c"]));
    await bench.until(() => tally().asked === 5);
    const by = (n: number) => bench.heard.find((heard) => markerOf(heard) === `#b${n}`) ?? bench.heard[0];
    const say = (n: number, words: string, seq = 1) => answer(by(n) as Heard, words, seq); // all five were heard
    await say(2, "#b1 #b2 (回答 1,1/1)");
    await say(3, "出错了");
    await bench.until(() => tally().lost === 2);
    expect(tally()).toMatchObject({ asked: 5, own: 1, joined: 1, told: 1, lost: 2, doubled: 0, isBursting: true });
    await say(5, "#b5 (回答 2,1/2)");
    await bench.until(() => tally().torn === 1);
    await say(4, "#b4 (回答 3,1/1)");
    await bench.until(() => tally().outOfOrder === 1);
    await say(4, "#b4 (回答 3,1/1)", 2);
    await bench.until(() => tally().doubled === 1);
    await say(5, "尾巴 (回答 2,2/2)", 2);
    await bench.until(() => !tally().isBursting);
    expect(tally()).toMatchObject({ lost: 0, torn: 0 });
  });

  it("does not show its chats, and leaves what people say on the page out of its tally", async () => {
    const changes: Change[] = [];
    bench.onHeard = (heard) => {
      void answer(heard, `${markerOf(heard)} (回答 ${bench.heard.length},1/1)`);
    };
    await bench.act("say", { chat: { scene: "c2c", id: "USER0001" }, by: "USER0001", text: "#b1" });
    await bench.until(() => bench.lines("answered").length === 1);
    bench.page.state.subscribe((change) => changes.push(change));
    await bench.act("burst", plan(4, 2));
    await bench.until(() => tally().asked > 0 && !tally().isBursting);
    const { id } = placeOf(bench.heard.at(-1) as Heard); // it was heard
    expect(changes.some(({ kind }) => kind === "tally")).toBe(true);
    expect(changes.filter((change) => JSON.stringify(change).includes(id.slice(0, 5)))).toEqual([]);
    expect(id).toMatch(/^BURST/);
    expect(tally().asked).toBe(8);
    expect(bench.page.state.snapshot.chats).toHaveLength(4);
    expect(bench.page.state.snapshot.traces).toHaveLength(1);
  });

  it("is one at a time, and each is judged alone", async () => {
    bench.onHeard = (heard) => {
      void answer(heard, `${markerOf(heard)} (回答 ${bench.heard.length},1/1)`);
    };
    await bench.act("burst", plan(2, 2, ["c2c"]));
    expect(await bench.act("burst", plan(2, 2, ["c2c"]))).toMatchObject({ ok: false });
    await bench.until(() => tally().asked > 0 && !tally().isBursting);
    await bench.act("burst", plan(1, 1, ["group"]));
    await bench.until(() => tally().asked === 1 && !tally().isBursting);
    expect(tally()).toMatchObject({ own: 1, lost: 0 });
  });

  it.each([
    ["of too many chats", plan(101, 1)],
    ["of too many messages", plan(1, 21)],
    ["of none", plan(0, 1)],
    ["of half a chat", plan(1.5, 1)],
    ["in no scene", plan(1, 1, [])],
    ["in a scene that there is not", { chats: 1, messages: 1, scenes: ["moon"] }],
  ])("is refused %s", async (_, body) => {
    expect(await bench.act("burst", body)).toMatchObject({ ok: false });
    expect(bench.heard).toEqual([]);
  });
});
