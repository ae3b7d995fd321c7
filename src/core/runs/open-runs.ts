import type { LogStore } from "../../ports/log-store.ts";
import { findRun } from "../model/session-state.ts";
import type { Session } from "../session/session.ts";

/**
 * Which runs are open, whichever process works on them. That is what the log and the marks in the store say: a run is
 * marked before it is stored, and its mark goes after its end is stored.
 */
export interface OpenRuns {
  /**
   * Whether this run of the session is open, or any for null. What was stored until then is known to the
   * session's log afterwards. Asks nobody where this process has the session and nothing is open. Throws what the store throws.
   */
  isOpen(session: Session, runId: string | null): Promise<boolean>;
}

interface Answer {
  readonly changes: number;
  readonly byRun: Map<string | null, Promise<boolean>>;
}

export function createOpenRuns({ store }: { readonly store: LogStore }): OpenRuns {
  /** Readers of one session that ask at the same place of its log share the answer. */
  const answers = new WeakMap<Session, Answer>();

  async function isMarked(session: Session, runId: string | null): Promise<boolean> {
    const marked: string[] = [];
    for await (const mark of store.openRuns(session.key))
      if (runId === null || mark.runId === runId) marked.push(mark.runId);
    // after the marks: a run whose mark has gone is in the log with its end
    await session.reload();
    return marked.some((id) => findRun(session.state, id)?.phase !== "ended");
  }

  async function ask(session: Session, runId: string | null): Promise<boolean> {
    await session.load();
    const { openRun, runs } = session.state;
    const isAtRest = openRun === null && runs.every(({ phase }) => phase === "ended");
    if (store.owns(session.key) && isAtRest) return false;
    return isMarked(session, runId);
  }

  return {
    isOpen(session, runId) {
      const { changes } = session.log;
      let answer = answers.get(session);
      if (answer?.changes !== changes)
        answers.set(session, (answer = { changes, byRun: new Map() }));
      const known = answer.byRun.get(runId) ?? ask(session, runId);
      answer.byRun.set(runId, known);
      // a failure is no answer
      known.catch(() => answers.delete(session));
      return known;
    },
  };
}
