import { useState } from "preact/hooks";
import type { SessionApi } from "../api/connection.ts";
import { Confirm } from "../components/confirm.tsx";
import { Failure } from "../components/notice.tsx";
import { StatusBadge } from "../components/status-badge.tsx";
import { useAnswer } from "../components/use-answer.ts";
import { DownloadMenu } from "../download/download-menu.tsx";
import { count, tokensOf } from "../format/format.ts";

const EVERY_MS = 2_000;

/** What the session is and does now, and what can be done to all of it. */
export function SessionHead({
  session,
  onDeleted,
}: {
  readonly session: SessionApi;
  readonly onDeleted: () => void;
}) {
  const { value, error, ask } = useAnswer((signal) => session.get({ signal }), [session], {
    everyMs: EVERY_MS,
  });
  const [isAsking, setAsking] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);

  const act = async (what: () => Promise<unknown>): Promise<void> => {
    setFailure(null);
    try {
      await what();
      ask();
    } catch (reason) {
      setFailure(reason);
    }
  };

  const status = value?.status?.agentStatus ?? value?.status?.phase ?? null;
  const tokens = tokensOf(value?.status?.["usage"]);
  const agent = value?.spec["agent"];
  return (
    <>
      <div class="row">
        <h1 class="grow title" dir="auto">
          {value?.spec.displayName || session.name}
        </h1>
        {status !== null && (
          <span role="status" aria-label="Status of the session">
            <StatusBadge status={status} />
          </span>
        )}
        {typeof agent === "string" && <span class="small quiet">{agent}</span>}
        {tokens !== null && <span class="small quiet">{count(tokens)} tokens</span>}
        <DownloadMenu session={session} />
        <button
          type="button"
          disabled={value?.status?.activeRun === undefined}
          onClick={() => void act(() => session.cancel())}
        >
          Cancel the run
        </button>
        <button
          type="button"
          class="danger"
          disabled={value === null}
          onClick={() => setAsking(true)}
        >
          Delete…
        </button>
      </div>
      {failure !== null && <Failure what="That was not done" error={failure} />}
      {error !== null && (
        <Failure what="The session could not be read" error={error} onRetry={ask} />
      )}
      {isAsking && (
        <Confirm
          question={`Delete the session “${session.name}”?`}
          explanation="Its run ends, and everything that was stored of it is removed. It cannot be brought back."
          yes="Delete it"
          onNo={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            void act(async () => {
              await session.delete();
              onDeleted();
            });
          }}
        />
      )}
    </>
  );
}
