import { useEffect, useState } from "preact/hooks";
import type { SessionApi } from "../api/connection.ts";
import { Empty, Failure, Loading } from "../components/notice.tsx";
import { useAnswer } from "../components/use-answer.ts";
import type { ViewProps } from "../session/view.ts";
import { JsonTree } from "./json-tree.tsx";
import { StateChanges } from "./state-changes.tsx";
import "./state.css";

const EVERY_MS = 2_000;

/** What is shown of a session at a position. */
interface StateThen {
  readonly cursor: string | null;
  readonly state: unknown;
}

/** The session's state now or at a position, and what changed since another one. */
export function State({ session, at, linkTo }: ViewProps) {
  const now = useAnswer((signal) => stateAt(session, at, signal), [session, at], {
    everyMs: at === null ? EVERY_MS : null,
  });
  const [base, setBase] = useState<StateThen | null>(null);
  useEffect(() => setBase(null), [session]);
  // an answer of the same state is drawn no second time
  const [shown, setShown] = useState<StateThen | null>(null);
  useEffect(() => {
    if (now.value === null || now.value.cursor !== shown?.cursor) setShown(now.value);
  }, [now.value]);
  return (
    <div class="state">
      {now.error !== null && (
        <Failure what="The state could not be read" error={now.error} onRetry={now.ask} />
      )}
      {!shown && now.isAsking && <Loading what="the state" />}
      {shown && (
        <>
          <div class="row">
            <span class="small quiet">
              {shown.cursor === null ? "There are no events yet" : "After event"}{" "}
              {shown.cursor !== null && (
                <a href={linkTo({ view: "events", at: shown.cursor })}>
                  <code>{shown.cursor}</code>
                </a>
              )}
            </span>
            <button type="button" onClick={() => setBase(shown)}>
              Compare from here
            </button>
            {base && (
              <button type="button" onClick={() => setBase(null)}>
                Show the state alone
              </button>
            )}
          </div>
          {base ? (
            <section aria-label="What changed">
              <p class="small quiet">
                Since <code>{base.cursor ?? "the start"}</code>. Go to another position to see what
                is different there.
              </p>
              <StateChanges before={base.state} after={shown.state} />
            </section>
          ) : isEmpty(shown.state) ? (
            <Empty>
              {shown.state === null
                ? "The state is too large to be read at once. Its events have it."
                : "Nothing has set a state here."}
            </Empty>
          ) : (
            <div class="json" key={shown.cursor}>
              <JsonTree name={null} value={shown.state} isOpen />
            </div>
          )}
        </>
      )}
    </div>
  );
}

async function stateAt(
  session: SessionApi,
  at: string | null,
  signal: AbortSignal,
): Promise<StateThen> {
  const { cursor, state } = await (at === null
    ? session.messages({ signal })
    : session.snapshot(at, { signal }));
  return { cursor, state };
}

function isEmpty(state: unknown): boolean {
  return state === null || (typeof state === "object" && Object.keys(state).length === 0);
}
