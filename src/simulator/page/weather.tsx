/** Switches that make QQ or the model misbehave: once, or until they are switched off again. */
import { useState } from "preact/hooks";
import { findCodes } from "./find-codes.ts";
import { Icon } from "./icons.tsx";
import { memo } from "./memo.ts";
import type { Code, Switch } from "./protocol.ts";
import { language, words } from "./spoken.ts";

const GROUPS = ["qq", "callback", "model"] as const;
const CODES_SHOWN = 6;
/** The one switch whose codes are looked for by their words; the others take a number. */
const SEARCHED = "qq.refuse";

export type TurnSwitch = (name: string, left: number | "on", value?: number) => void;

interface WeatherProps {
  weather: readonly Switch[];
  codes: readonly Code[];
  onTurn: TurnSwitch;
}

const isOn = ({ left }: Switch) => left === "on" || left > 0;

export const WeatherView = memo(function WeatherView({ weather, codes, onTurn }: WeatherProps) {
  return (
    <div class="weather">
      <h2>{words.weather}</h2>
      <p class="intro">{words.weatherIntro}</p>
      {GROUPS.map((group) => (
        <section key={group} aria-labelledby={`weather-${group}`}>
          <h3 id={`weather-${group}`}>{words.weatherGroups[group]}</h3>
          <ul class="switches">
            {weather
              .filter((its) => its.group === group)
              .map((its) => (
                <SwitchRow key={its.name} its={its} codes={its.name === SEARCHED ? codes : undefined} onTurn={onTurn} />
              ))}
          </ul>
        </section>
      ))}
    </div>
  );
});

interface SwitchRowProps {
  its: Switch;
  codes: readonly Code[] | undefined;
  onTurn: TurnSwitch;
}

const SwitchRow = memo(function SwitchRow({ its, codes, onTurn }: SwitchRowProps) {
  const { name, left, unit } = its;
  const [value, setValue] = useState(its.value);
  const label = its.words[language];
  const choices: readonly [label: string, left: number | "on"][] = [
    [words.off, 0],
    [words.once, 1],
    [words.on, "on"],
  ];
  const offered = its.isState ? choices.filter(([, choice]) => choice !== 1) : choices;
  return (
    <li class={`switch${isOn(its) ? " is-on" : ""}`}>
      <div class="switch-row">
        <span class="switch-name">
          {label}
          {typeof left === "number" && left > 1 && <small> {words.leftCalls(left)}</small>}
          {codes && its.value !== undefined && <code>{its.value}</code>}
          {unit !== undefined && !codes && (
            <input
              type="number"
              min={0}
              aria-label={`${words.value}: ${label}`}
              value={value}
              onInput={({ currentTarget }) => setValue(currentTarget.valueAsNumber)}
              onChange={() => isOn(its) && onTurn(name, left, value)}
            />
          )}
        </span>
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would break the row. */}
        <div class="segments" role="group" aria-label={label}>
          {offered.map(([words, choice]) => (
            <button
              type="button"
              key={words}
              aria-pressed={choice === 0 ? !isOn(its) : choice === "on" ? left === "on" : left !== "on" && left > 0}
              onClick={() =>
                onTurn(name, choice, choice === 0 || Number.isNaN(value) ? undefined : (value ?? its.value))
              }
            >
              {words}
            </button>
          ))}
        </div>
      </div>
      {codes && <CodeSearch name={name} codes={codes} onTurn={onTurn} />}
    </li>
  );
});

function CodeSearch({ name, codes, onTurn }: { name: string; codes: readonly Code[]; onTurn: TurnSwitch }) {
  const [search, setSearch] = useState("");
  const found = findCodes(codes, search);
  return (
    <div class="code-search">
      <label>
        {words.searchCodes}
        <input
          type="search"
          placeholder={words.searchCodesHint}
          value={search}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
      </label>
      <p role="status" class="note">
        {search.trim() !== "" && words.codesFound(found.length)}
      </p>
      <ul class="codes">
        {found.slice(0, CODES_SHOWN).map(({ code, words: its }) => (
          <li key={code}>
            <code>{code}</code>
            <span class="code-words">{its[language]}</span>
            <button type="button" aria-label={`${code}: ${words.once}`} onClick={() => onTurn(name, 1, code)}>
              {words.once}
            </button>
            <button type="button" aria-label={`${code}: ${words.on}`} onClick={() => onTurn(name, "on", code)}>
              {words.on}
            </button>
          </li>
        ))}
      </ul>
      {found.length > CODES_SHOWN && <p class="note">{words.codesMore(found.length - CODES_SHOWN)}</p>}
    </div>
  );
}

/** So that nobody wonders why the bot is odd today. */
export const WeatherBanner = memo(function WeatherBanner({
  weather,
  onTurn,
  onOpen,
}: Omit<WeatherProps, "codes"> & { onOpen: () => void }) {
  const on = weather.filter(isOn);
  if (on.length === 0) return null;
  const clear = () => {
    for (const { name } of on) onTurn(name, 0);
  };
  return (
    <div class="banner storm" role="status">
      <Icon name="weather" />
      <button type="button" class="banner-text" onClick={onOpen}>
        {words.weatherOn(on.length)}
        <small>{on.map((its) => `${words.weatherGroups[its.group]}: ${its.words[language]}`).join(" · ")}</small>
      </button>
      <button type="button" class="banner-button" onClick={clear}>
        {words.allOff}
      </button>
    </div>
  );
});
