import { useEffect, useMemo, useState } from "preact/hooks";
import type { RunFacts } from "../../client/index.ts";
import type { SessionApi } from "../api/connection.ts";
import { useAnswer } from "../components/use-answer.ts";

/** The latest runs of a session, newest first. */
export interface KnownRuns {
  readonly runs: readonly RunFacts[] | null;
  /** Whether there are older ones than these. */
  readonly isCut: boolean;
  readonly error: unknown;
  readonly ask: () => void;
}

const EVERY_MS = 2_000;
const LATEST = 100;
const RUNS_A_PAGE = 2_000;
export const MAX_RUNS = 20_000;

/** The session's runs, at most 20,000 of them: the latest are asked for again and again, those before once. */
export function useRuns(session: SessionApi): KnownRuns {
  const latest = useAnswer((signal) => session.runs({ limit: LATEST, signal }), [session], {
    everyMs: EVERY_MS,
  });
  const [older, setOlder] = useState<readonly RunFacts[]>([]);
  const [isCut, setCut] = useState(false);
  const next = latest.value?.next ?? null;
  const isBegun = next !== null;
  useEffect(() => {
    setOlder([]);
    setCut(false);
    if (next === null) return undefined;
    const leaving = new AbortController();
    const { signal } = leaving;
    const read = async (): Promise<void> => {
      let runs: readonly RunFacts[] = [];
      for (let cursor: string | null = next; cursor !== null;) {
        const page = await session.runs({ cursor, limit: RUNS_A_PAGE, signal });
        runs = [...runs, ...page.runs];
        setOlder(runs);
        cursor = page.next;
        if (runs.length >= MAX_RUNS && cursor !== null) {
          setCut(true);
          return;
        }
      }
    };
    read().catch(() => !signal.aborted && setCut(true));
    return () => leaving.abort();
    // later ones come with the latest
  }, [session, isBegun]);
  const { value, error, ask } = latest;
  const runs = useMemo(() => {
    if (value === null) return null;
    const known = new Set(value.runs.map(({ runId }) => runId));
    return [...value.runs, ...older.filter(({ runId }) => !known.has(runId))];
  }, [value, older]);
  return { runs, isCut, error, ask };
}
