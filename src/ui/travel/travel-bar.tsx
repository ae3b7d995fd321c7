import { useEffect, useRef, useState } from "preact/hooks";
import type { SessionApi } from "../api/connection.ts";
import { Failure } from "../components/notice.tsx";
import type { Go } from "../router/use-link.ts";
import { type Place, placeAt, placeOf, type Step, stepFrom } from "./steps.ts";
import "./travel.css";

export interface TravelBarProps {
  readonly session: SessionApi;
  /** The position at which the session is shown; null now. */
  readonly at: string | null;
  readonly go: Go;
}

const SLIDER_STEPS = 1_000;
/** The slider is asked for at most so often while it is moved. */
const SETTLED_MS = 120;

const STEPS: readonly { step: Step; sign: string; title: string; keys: string }[] = [
  { step: "first", sign: "|◀", title: "First event", keys: "Alt+Home" },
  { step: "previous-run", sign: "◀◀", title: "End of the run before", keys: "Alt+PageUp" },
  { step: "previous-event", sign: "◀", title: "One event back", keys: "Alt+," },
  { step: "next-event", sign: "▶", title: "One event on", keys: "Alt+." },
  { step: "next-run", sign: "▶▶", title: "End of the next run", keys: "Alt+PageDown" },
];

/** Goes back and forth in a session's history: by a slider over all of it, event by event, and run by run. Forks it there. */
export function TravelBar({ session, at, go }: TravelBarProps) {
  const [place, setPlace] = useState<Place | null>(null);
  const [moved, setMoved] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const asking = useRef<AbortController | null>(null);

  const ask = async (
    question: (signal: AbortSignal) => Promise<Place | null>,
    then: (found: Place) => void,
  ): Promise<void> => {
    asking.current?.abort();
    const stop = new AbortController();
    asking.current = stop;
    setError(null);
    try {
      const found = await question(stop.signal);
      if (!stop.signal.aborted && found) then(found);
    } catch (failure) {
      if (!stop.signal.aborted) setError(failure);
    }
  };
  const show = (found: Place): void => {
    setPlace(found);
    setMoved(null);
    go({ at: found.cursor }, { replace: true });
  };
  const step = (to: Step): void => void ask((signal) => stepFrom(session, at, to, signal), show);

  useEffect(() => () => asking.current?.abort(), [session]);
  useEffect(() => {
    if (at === null) setPlace(null);
    else if (at !== place?.cursor) void ask((signal) => placeOf(session, at, signal), setPlace);
  }, [session, at]);
  useEffect(() => {
    if (moved === null) return undefined;
    const timer = setTimeout(() => {
      const share = moved / SLIDER_STEPS;
      const question = async (signal: AbortSignal): Promise<Place | null> => {
        const { size } = await session.page({ before: "", limit: 1, signal });
        return placeAt(session, Math.floor(share * size), signal);
      };
      if (moved === SLIDER_STEPS) go({ at: null }, { replace: true });
      else void ask(question, show);
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [moved]);
  useStepKeys(step);

  const share = place && at !== null ? place.offset / Math.max(1, place.size) : 1;
  const value = moved ?? Math.round(share * SLIDER_STEPS);
  const fork = async (cursor: string): Promise<void> => {
    setError(null);
    try {
      const { name } = await session.fork({ at: cursor });
      go({ session: name, at: null, run: null, view: "conversation" });
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <div class="travel" role="group" aria-label="Time travel">
      <div class="row travel-row">
        {STEPS.map(({ step: to, sign, title, keys }) => (
          <button
            key={to}
            type="button"
            aria-label={title}
            title={`${title} (${keys})`}
            aria-keyshortcuts={keys}
            disabled={at === null && to.startsWith("next")}
            onClick={() => step(to)}
          >
            {sign}
          </button>
        ))}
        <input
          class="grow"
          type="range"
          min={0}
          max={SLIDER_STEPS}
          value={value}
          aria-label="Position in the history"
          aria-valuetext={
            at === null && moved === null ? "now" : `${(value / 10).toFixed(1)} % of the log`
          }
          onInput={({ currentTarget }) => setMoved(currentTarget.valueAsNumber)}
        />
        <button
          type="button"
          aria-pressed={at === null}
          onClick={() => {
            setMoved(null);
            go({ at: null });
          }}
        >
          Now
        </button>
        <button type="button" disabled={at === null} onClick={() => at !== null && void fork(at)}>
          Fork from here
        </button>
      </div>
      {at !== null && (
        <p class="small" role="status">
          As it was after <code>{at}</code>
          {place && `, ${(share * 100).toFixed(1)} % of the log`}
        </p>
      )}
      {error !== null && <Failure what="That position could not be shown" error={error} />}
    </div>
  );
}

const BY_KEY: ReadonlyMap<string, Step> = new Map([
  ["Home", "first"],
  ["PageUp", "previous-run"],
  ["Comma", "previous-event"],
  ["Period", "next-event"],
  ["PageDown", "next-run"],
]);

/** Alt and a key step from anywhere on the page. */
function useStepKeys(step: (to: Step) => void): void {
  const latest = useRef(step);
  latest.current = step;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const to = BY_KEY.get(event.code);
      if (!event.altKey || event.ctrlKey || event.metaKey || !to) return;
      event.preventDefault();
      latest.current(to);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
