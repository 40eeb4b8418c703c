/** Many chats at once, and what the ledger says became of every message. */
import { useState } from "preact/hooks";
import type { Scene } from "../../event.ts";
import { memo } from "./memo.ts";
import type { Actions, Tally } from "./protocol.ts";
import { words } from "./spoken.ts";

const SCENES: readonly Scene[] = ["c2c", "group", "guildChannel", "guildDm"];
const MOST_CHATS = 100;
const MOST_MESSAGES = 20;

/** Which figures are good news, and which are not. */
const GOOD = ["own", "joined", "told"] as const;
const BAD = ["lost", "torn", "doubled", "outOfOrder"] as const;

interface BurstProps {
  tally: Tally;
  onStart: (burst: Actions["burst"]) => void;
}

export const BurstView = memo(function BurstView({ tally, onStart }: BurstProps) {
  const [chats, setChats] = useState(20);
  const [messages, setMessages] = useState(3);
  const [scenes, setScenes] = useState<readonly Scene[]>(["c2c", "group"]);
  const turn = (scene: Scene, isChosen: boolean) =>
    setScenes(SCENES.filter((other) => (other === scene ? isChosen : scenes.includes(other))));
  return (
    <div class="burst">
      <h2>{words.burst}</h2>
      <p class="intro">{words.burstIntro}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onStart({ chats, messages, scenes });
        }}
      >
        <div class="numbers">
          <Count label={words.burstChats} value={chats} most={MOST_CHATS} onChange={setChats} />
          <Count label={words.burstMessages} value={messages} most={MOST_MESSAGES} onChange={setMessages} />
        </div>
        <fieldset class="scenes">
          <legend>{words.burstScenes}</legend>
          {SCENES.map((scene) => (
            <label key={scene}>
              <input
                type="checkbox"
                checked={scenes.includes(scene)}
                onChange={({ currentTarget }) => turn(scene, currentTarget.checked)}
              />
              {words[scene]}
            </label>
          ))}
        </fieldset>
        <button type="submit" class="primary" disabled={tally.isBursting || scenes.length === 0}>
          {tally.isBursting ? words.bursting : words.burstStart}
        </button>
      </form>
      <TallyView tally={tally} />
    </div>
  );
});

interface CountProps {
  label: string;
  value: number;
  most: number;
  onChange: (value: number) => void;
}

function Count({ label, value, most, onChange }: CountProps) {
  return (
    <label>
      {label}
      <input
        type="number"
        required
        min={1}
        max={most}
        value={value}
        onInput={({ currentTarget: { valueAsNumber } }) => !Number.isNaN(valueAsNumber) && onChange(valueAsNumber)}
      />
    </label>
  );
}

function TallyView({ tally }: { tally: Tally }) {
  const { asked, isBursting } = tally;
  const isBad = BAD.some((name) => tally[name] > 0 && !(isBursting && name === "lost"));
  const share = (count: number) => ({ width: `${asked === 0 ? 0 : Math.min(100, (100 * count) / asked)}%` });
  return (
    <section class="tally" aria-label={words.burstResult}>
      <h3>{words.burstResult}</h3>
      <div class="tally-bar" aria-hidden="true">
        {GOOD.map((name) => (
          <i key={name} class={name} style={share(tally[name])} />
        ))}
        {!isBursting && <i class="lost" style={share(tally.lost)} />}
      </div>
      <dl>
        <Figure name={words.tally.asked} count={asked} look="" />
        {GOOD.map((name) => (
          <Figure key={name} name={words.tally[name]} count={tally[name]} look={`good ${name}`} />
        ))}
        {BAD.map((name) => {
          // What has no answer yet may still get one.
          const isWaiting = name === "lost" && isBursting;
          const look = tally[name] > 0 && !isWaiting ? "bad" : "";
          return <Figure key={name} name={words.tally[isWaiting ? "waiting" : name]} count={tally[name]} look={look} />;
        })}
      </dl>
      <p role="status" class={`judgement ${isBad ? "bad" : "good"}`}>
        {asked > 0 && !isBursting && (isBad ? words.burstBad : words.burstClean)}
      </p>
    </section>
  );
}

function Figure({ name, count, look }: { name: string; count: number; look: string }) {
  return (
    <div class={`figure ${look}`}>
      <dt>{name}</dt>
      <dd>{count}</dd>
    </div>
  );
}
