import type { LogStore, OpenRunMark } from "../ports/log-store.ts";

/** The marks of open runs that this process sets and clears. */
export interface RunMarks extends Pick<LogStore, "markOpen" | "clearOpen"> {
  /** Whether the mark was set by this process and not cleared since. */
  isOurs(mark: OpenRunMark): boolean;
}

/** Marks in `store`; ours are remembered, so that they can be told from those of other processes. */
export function createRunMarks(store: LogStore): RunMarks {
  const ours = new Set<string>();

  return {
    async markOpen(key, logId, runId, data) {
      ours.add(idOf({ ...key, logId, runId }));
      await store.markOpen(key, logId, runId, data);
    },

    async clearOpen(key, logId, runId) {
      await store.clearOpen(key, logId, runId);
      ours.delete(idOf({ ...key, logId, runId }));
    },

    isOurs: (mark) => ours.has(idOf(mark)),
  };
}

function idOf({ project, session, logId, runId }: Omit<OpenRunMark, "data">): string {
  return JSON.stringify([project, session, logId, runId]);
}
