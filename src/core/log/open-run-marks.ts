import type { LogStore, OpenRunMark, SessionKey } from "../../ports/log-store.ts";
import { isObject } from "../model/json-fields.ts";

/** What the mark of an open run says of it. */
export interface MarkedRun {
  readonly threadId: string;
  /**
   * For a run that was posted: where the log ended when it was admitted. What its caller said is
   * after that, or was never stored.
   */
  readonly from?: number;
  /** Whether it waits for its turn, so that its runner knows nothing of it. Default false. */
  readonly waits?: boolean;
}

/** The marks of open runs that this process sets and clears. */
export interface RunMarks {
  /** Marks a run as open, as `LogStore.markOpen`; it is ours until it is cleared or given up. */
  markOpen(key: SessionKey, logId: string, runId: string, run: MarkedRun): Promise<void>;
  clearOpen(key: SessionKey, logId: string, runId: string): Promise<void>;
  /** Whether the mark was set by this process, which sees to the run's end. */
  isOurs(mark: MarkName): boolean;
  /**
   * Leaves the run to whoever looks for orphaned runs: its end could not be stored. That is
   * tried again soon. `reached` says whether its runner may know of it.
   */
  giveUp(mark: MarkName, options: { readonly reached: boolean }): void;
  /** A run that was given up needs nothing more: its log has gone, or another process finds its mark. */
  forget(mark: MarkName): void;
  /** The runs that were given up, but for those that have been cleared or marked again. */
  givenUp(): readonly GivenUpRun[];
}

type MarkName = Omit<OpenRunMark, "data">;

interface GivenUpRun {
  readonly mark: OpenRunMark;
  readonly reached: boolean;
}

/** Marks in `store`; ours are remembered, so that they can be told from those of other processes. */
export function createRunMarks(store: LogStore): RunMarks {
  /** The data of our marks. */
  const ours = new Map<string, string>();
  const givenUp = new Map<string, GivenUpRun>();

  return {
    async markOpen({ project, session }, logId, runId, run) {
      const id = idOf({ project, session, logId, runId });
      const data = JSON.stringify(run);
      ours.set(id, data);
      givenUp.delete(id);
      await store.markOpen({ project, session }, logId, runId, data);
    },

    async clearOpen({ project, session }, logId, runId) {
      await store.clearOpen({ project, session }, logId, runId);
      const id = idOf({ project, session, logId, runId });
      ours.delete(id);
      givenUp.delete(id);
    },

    isOurs: (mark) => ours.has(idOf(mark)),

    giveUp({ project, session, logId, runId }, { reached }) {
      const name = { project, session, logId, runId };
      const data = ours.get(idOf(name));
      if (data === undefined) return;
      ours.delete(idOf(name));
      givenUp.set(idOf(name), { mark: { ...name, data }, reached });
    },

    forget(mark) {
      givenUp.delete(idOf(mark));
    },

    givenUp: () => [...givenUp.values()],
  };
}

/** What a mark says; an odd one belongs to a run of the session's own thread. */
export function markedRun({ data, session }: OpenRunMark): MarkedRun {
  try {
    const said: unknown = JSON.parse(data);
    if (!isObject(said)) return { threadId: session };
    const { threadId, from, waits } = said;
    return {
      threadId: typeof threadId === "string" ? threadId : session,
      ...(Number.isSafeInteger(from) && { from: Number(from) }),
      waits: waits === true,
    };
  } catch {
    return { threadId: session };
  }
}

function idOf({ project, session, logId, runId }: MarkName): string {
  return JSON.stringify([project, session, logId, runId]);
}
