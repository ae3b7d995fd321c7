import { useEffect, useState } from "preact/hooks";
import type { AgUiEvent, RunFacts } from "../../client/index.ts";
import type { SessionApi } from "../api/connection.ts";
import { type ToolBar, toolBars } from "./tool-bars.ts";

/** Tool calls are read for no more runs than can be told apart. */
const MAX_RUNS = 12;
const EVENTS_A_PAGE = 2_000;
const MAX_PAGES = 5;
/** They are asked for again so long in ms after that failed. */
const AGAIN_MS = 2_000;

/** The tool calls of some runs, by the runs' ids; read once each, and again while a run goes on. */
export function useTools(
  session: SessionApi,
  runs: readonly RunFacts[],
): ReadonlyMap<string, readonly ToolBar[]> {
  const [tools, setTools] = useState<ReadonlyMap<string, readonly ToolBar[]>>(new Map());
  const wanted = runs.length > MAX_RUNS ? [] : runs.filter(({ toolCalls }) => toolCalls > 0);
  const known = wanted.map(({ runId, events }) => `${runId} ${events}`).join("\n");
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const read = async (): Promise<void> => {
      for (const run of wanted) {
        const bars = await toolsOf(session, run, signal);
        if (signal.aborted) return;
        setTools((now) => new Map(now).set(run.runId, bars));
      }
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    // without them the runs are still what they are, until the server answers
    const readSoon = (): void => {
      read().catch(() => {
        if (!signal.aborted) timer = setTimeout(readSoon, AGAIN_MS);
      });
    };
    readSoon();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [session, known]);
  return tools;
}

async function toolsOf(
  session: SessionApi,
  { startCursor, events: count }: RunFacts,
  signal: AbortSignal,
): Promise<readonly ToolBar[]> {
  const events: AgUiEvent[] = [];
  const cursors: string[] = [];
  let after = startCursor;
  for (let pages = 0; pages < MAX_PAGES && after !== null && events.length < count; pages += 1) {
    const limit = Math.min(EVENTS_A_PAGE, count - events.length);
    const page = await session.page({ after, limit, view: "raw", signal });
    events.push(...page.events);
    cursors.push(...page.cursors);
    after = page.hasAfter ? page.end : null;
  }
  return toolBars(events, cursors);
}
