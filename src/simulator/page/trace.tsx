/** What happened underneath: QQ, the Worker and the model, step by step, with the time of each since QQ's first byte. */
import { useState } from "preact/hooks";
import { toCurl } from "./curl.ts";
import { memo } from "./memo.ts";
import type { Step, Trace } from "./protocol.ts";
import { clockOf, excerptOf, words } from "./spoken.ts";

const LANES = ["qq", "worker", "model"] as const;

interface TraceProps {
  trace: Trace | undefined;
  /** The words of its line. */
  of: string;
  /** One line was chosen, rather than the newest. */
  isPinned: boolean;
  on: { follow: () => void; replay: (id: string, asItWas: boolean) => void };
}

export const TraceView = memo(function TraceView({ trace, of, isPinned, on }: TraceProps) {
  const [note, setNote] = useState<{ text: string; isCopied: boolean } | undefined>();
  if (!trace) {
    return (
      <div class="empty">
        <h2>{words.noTrace}</h2>
        <p>{words.noTraceHint}</p>
      </div>
    );
  }
  const copy = async (text: string) => {
    const isCopied = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    setNote({ text, isCopied });
  };
  const steps = trace.steps.toSorted((a, b) => a.atMs - b.atMs);
  return (
    <div class="trace">
      <header class="trace-head">
        <h2 dir="auto">{words.traceOf(excerptOf(of, 24) || trace.id.slice(0, 12))}</h2>
        <p class="trace-sub">
          <time dateTime={new Date(trace.startedAtMs).toISOString()}>{clockOf(trace.startedAtMs)}</time>
          <span>{durationOf(lastOf(trace) - trace.startedAtMs)}</span>
          {isPinned && (
            <button type="button" class="link-button" onClick={on.follow}>
              {words.following}
            </button>
          )}
        </p>
        <div class="trace-actions">
          <button type="button" onClick={() => void copy(JSON.stringify(trace, undefined, 2))}>
            {words.copyJson}
          </button>
          <button type="button" onClick={() => void copy(toCurl(trace.callback))}>
            {words.copyCurl}
          </button>
          <button type="button" title={words.replayHint} onClick={() => on.replay(trace.id, false)}>
            {words.replay}
          </button>
          <button type="button" title={words.replayAsItWasHint} onClick={() => on.replay(trace.id, true)}>
            {words.replayAsItWas}
          </button>
        </div>
        <p role="status" class="trace-note">
          {note?.isCopied && words.copied}
        </p>
        {note && !note.isCopied && (
          <label class="by-hand">
            {words.copyFailed}
            <textarea readOnly rows={5} value={note.text} onFocus={({ currentTarget }) => currentTarget.select()} />
          </label>
        )}
      </header>
      <p class="lane-heads" aria-hidden="true">
        {LANES.map((lane) => (
          <span key={lane} class={`lane-head ${lane}`}>
            {words.lanes[lane]}
          </span>
        ))}
      </p>
      <ol class="steps" aria-label={words.steps}>
        {steps.map((step, n) => (
          <StepView key={n} step={step} sinceMs={step.atMs - trace.startedAtMs} />
        ))}
      </ol>
    </div>
  );
});

const StepView = memo(function StepView({ step, sinceMs }: { step: Step; sinceMs: number }) {
  const { by, what, level, status, tookMs, fields } = step;
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  const head = (
    <>
      <span class="step-time">+{durationOf(sinceMs)}</span>
      <span class="lanes" aria-hidden="true">
        {LANES.map((lane) => (
          <i key={lane} class={`lane ${lane}${lane === by ? ` here ${level}` : ""}`} />
        ))}
      </span>
      <span class="step-body">
        <span class="step-what">
          <span class="hidden">{words.lanes[by]}: </span>
          {words.stepNames[what]} {what.includes(".") && <code>{what}</code>}
          {words.stepNames[what] === undefined && !what.includes(".") && what}
        </span>
        <span class="step-chips">
          {status !== undefined && (
            <span class={`chip ${chipOf(status, level)}`} title={words.levels[level]}>
              {status === 0 ? words.noAnswer : status}
            </span>
          )}
          {level !== "info" && status === undefined && <span class={`chip ${level}`}>{words.levels[level]}</span>}
          {tookMs !== undefined && (
            <span class="took">
              <span class="hidden">{words.took} </span>
              {durationOf(tookMs)}
            </span>
          )}
        </span>
      </span>
    </>
  );
  return (
    <li class={`step ${by}`} data-what={what}>
      {entries.length === 0 ? (
        <div class="step-head">{head}</div>
      ) : (
        <details>
          <summary class="step-head">{head}</summary>
          <dl class="fields">
            {entries.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd dir="auto">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </li>
  );
});

function chipOf(status: number, level: Step["level"]): string {
  if (status === 0 || status >= 400) return level === "info" ? "error" : level;
  return "info";
}

function lastOf({ steps, startedAtMs }: Trace): number {
  return steps.reduce((last, { atMs, tookMs = 0 }) => Math.max(last, atMs + tookMs), startedAtMs);
}

export function durationOf(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}
