import { startBench } from "./support/bench.ts";

const bench = await startBench();
const { qq } = bench;
const t0 = Date.now();
const at = () => ((Date.now() - t0) / 1000).toFixed(1);
qq.onDelivered = ({ msgId, text }) =>
  console.log(at(), "delivered", msgId.slice(0, 14), text.length, JSON.stringify(text.slice(-60)));
qq.model.weather.set({ kind: "drip", ms: 360_000, words: 120 });
const asked = await qq.say({ scene: "group", chatId: "six", text: "#six !long6" });
console.log(at(), "asked");
await qq.until(() => qq.ledger.answersTo(asked.messageId).some(({ text }) => text.includes("继续")), 300_000);
console.log(at(), "told");
await new Promise((r) => setTimeout(r, 10_000));
const more = await qq.say({ scene: "group", chatId: "six", text: "继续" });
console.log(at(), "asked for the rest");
await qq
  .until(() => qq.ledger.judge().torn.length === 0 && qq.ledger.answersTo(more.messageId).length > 0, 300_000)
  .catch((e) => console.log(String(e)));
console.log(
  at(),
  "done",
  JSON.stringify(qq.ledger.judge(), (k, v) => (v instanceof Map ? [...v] : v)),
);
const said = qq.ledger.delivered.map(({ text }) => text).join("\n");
const n = [...said.matchAll(/,(\d+)\/(\d+)\)/g)].map(([, x]) => Number(x));
console.log(
  "stretches",
  n.length,
  "in order and whole:",
  n.every((x, i) => x === i + 1),
  "of",
  said.match(/,1\/(\d+)/)?.[1],
);
await bench.stop();
process.exit(0);
