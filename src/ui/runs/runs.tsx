import { useEffect, useState } from "preact/hooks";
import type { RunFacts } from "../../client/index.ts";
import { Empty, Failure, Loading } from "../components/notice.tsx";
import { StatusBadge } from "../components/status-badge.tsx";
import { Time } from "../components/time.tsx";
import { useAnswer } from "../components/use-answer.ts";
import { bytes, count, duration, tokensOf } from "../format/format.ts";
import type { ViewProps } from "../session/view.ts";

const EVERY_MS = 3_000;
const PAGE = 100;

/** The session's runs, newest first, with what became of them and what they took. */
export function Runs({ session, run: chosen, linkTo }: ViewProps) {
  const latest = useAnswer((signal) => session.runs({ limit: PAGE, signal }), [session], {
    everyMs: EVERY_MS,
  });
  const [older, setOlder] = useState<Older>({ runs: [], next: undefined });
  const [error, setError] = useState<unknown>(null);
  useEffect(() => setOlder({ runs: [], next: undefined }), [session]);

  const next = older.next === undefined ? latest.value?.next : older.next;
  const more = async (cursor: string): Promise<void> => {
    setError(null);
    try {
      const page = await session.runs({ cursor, limit: PAGE });
      setOlder((now) => ({ runs: [...now.runs, ...page.runs], next: page.next }));
    } catch (failure) {
      setError(failure);
    }
  };

  const known = new Set(latest.value?.runs.map(({ runId }) => runId));
  const runs = [
    ...(latest.value?.runs ?? []),
    ...older.runs.filter(({ runId }) => !known.has(runId)),
  ];
  return (
    <>
      {latest.error !== null && (
        <Failure what="The runs could not be read" error={latest.error} onRetry={latest.ask} />
      )}
      {latest.value === null && latest.error === null && <Loading what="the runs" />}
      {latest.value !== null && runs.length === 0 && (
        <Empty>
          There is no run yet. Say something in{" "}
          <a href={linkTo({ view: "conversation" })}>the conversation</a>, and one begins.
        </Empty>
      )}
      {runs.length > 0 && (
        <div class="scroll" role="region" aria-label="Table of runs" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Run</th>
                <th scope="col">Status</th>
                <th scope="col">Began</th>
                <th scope="col" class="number">
                  Took
                </th>
                <th scope="col" class="number">
                  Tokens
                </th>
                <th scope="col" class="number">
                  Tools
                </th>
                <th scope="col" class="number">
                  Events
                </th>
                <th scope="col">See</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <RunRow
                  key={`${run.runId} ${run.startCursor}`}
                  {...{ run, linkTo }}
                  isChosen={run.runId === chosen}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {error !== null && <Failure what="Older runs could not be read" error={error} />}
      {next != null && (
        <p>
          <button type="button" onClick={() => void more(next)}>
            Show older runs
          </button>
        </p>
      )}
    </>
  );
}

interface Older {
  readonly runs: readonly RunFacts[];
  /** Not given: that of the latest. */
  readonly next: string | null | undefined;
}

function RunRow({
  run,
  linkTo,
  isChosen,
}: {
  readonly run: RunFacts;
  readonly linkTo: ViewProps["linkTo"];
  readonly isChosen: boolean;
}) {
  const { runId, status, startedAt, endedAt, endCursor, startCursor, error } = run;
  const began = startedAt === null ? null : Date.parse(startedAt);
  const ended = endedAt === null ? null : Date.parse(endedAt);
  const tokens = tokensOf(run.usage);
  return (
    <tr aria-current={isChosen ? "true" : undefined}>
      <td>
        <code class="name" dir="auto">
          {runId}
        </code>
        {error && (
          <p class="small failed" dir="auto">
            {error.message} {error.code && <code>{error.code}</code>}
          </p>
        )}
      </td>
      <td>
        <StatusBadge status={status} />
      </td>
      <td>{began === null ? "–" : <Time at={began} />}</td>
      <td class="number">
        {began === null || ended === null ? "–" : duration(Math.max(0, ended - began))}
      </td>
      <td class="number">{tokens === null ? "–" : count(tokens)}</td>
      <td class="number">{run.toolCalls}</td>
      <td class="number" title={bytes(run.bytes)}>
        {count(run.events)}
      </td>
      <td>
        <a href={linkTo({ view: "events", run: runId, at: startCursor })}>
          events<span class="unseen"> of run {runId}</span>
        </a>{" "}
        {endCursor !== null && (
          <a href={linkTo({ view: "conversation", run: runId, at: endCursor })}>
            then<span class="unseen"> , the conversation after run {runId}</span>
          </a>
        )}
      </td>
    </tr>
  );
}
