import type { LogStore, OpenRunMark, SessionKey } from "../../ports/log-store.ts";
import { hashText } from "../model/posted-message-ids.ts";
import { isObject } from "../model/json-fields.ts";

/** The data of an open run's mark. */
export interface MarkedRun {
  readonly threadId: string;
  /**
   * For a posted run: where the log ended when it was admitted. Its posted messages are after that,
   * or were never stored.
   */
  readonly from?: number;
  /** Whether it waits for its turn, so that its runner does not know it. Default false. */
  readonly waits?: boolean;
  /** Where the log ended when the runner was called, where that is another offset than `from`. */
  readonly startsAt?: number;
  /**
   * Whether its runner can be asked again for the run's events; not known before its answer.
   */
  readonly resumable?: boolean;
  /** Whether its runner began it by itself, and its events come with the thread's background events. */
  readonly background?: boolean;
  /** The producer that pushes its events, "" for one without a name; undefined for a run of a runner. */
  readonly pushedBy?: string;
}

/** The key of the notes that a thread's background events come with. */
export function threadNoteKey(threadId: string): string {
  return `events:${shortened(threadId)}`;
}

const SHORT_ID = /^[\u0021-\u007e]{1,200}$/;

/** The key of the notes that a run's events come with. */
export function noteKeyOf(runId: string): string {
  return `run:${shortened(runId)}`;
}

/** `prefix` and the id, or what stands for a long one. */
export function shortNoteKey(prefix: string, id: string): string {
  return `${prefix}${shortened(id)}`;
}

function shortened(id: string): string {
  return SHORT_ID.test(id) ? id : `#${id.length}-${hashText(id)}`;
}

/** The marks of open runs that this process sets and clears. */
export interface RunMarks {
  /**
   * Marks a run as open, as `LogStore.markOpen`; the mark is ours until it is cleared or released
   * by `release`.
   */
  markOpen(key: SessionKey, logId: string, runId: string, run: MarkedRun): Promise<void>;
  /**
   * Removes a mark once the notice of its run's end is stored. Where that fails the mark stays, and its run is
   * released, so that it is tried again soon. `data` is that of a mark which is not ours.
   */
  clearOpen(key: SessionKey, logId: string, runId: string, data?: string): Promise<void>;
  /** Whether ends are noticed: then a run is marked before any of it is stored. */
  readonly areNoticed: boolean;
  /** Whether the mark was set by this process, which then stores the run's end. */
  isOurs(mark: MarkName): boolean;
  /**
   * Leaves the run to the recovery of orphaned runs, since its end could not be stored. That is
   * tried again soon. `reached` is whether its runner may know of it.
   */
  release(mark: MarkName, options: { readonly reached: boolean }): void;
  /** Whether the runner of a released mark may know of its run; null for any other mark. */
  reachedOf(mark: MarkName): boolean | null;
  /** Leaves a run that is ours, or was released, to whoever finds its mark: its log is deleted, or another process has it. */
  forget(mark: MarkName): void;
  /** The runs released by `release`, without those that have been cleared or marked again. */
  released(): readonly OpenRunMark[];
}

type MarkName = Omit<OpenRunMark, "data">;

interface ReleasedRun {
  readonly mark: OpenRunMark;
  readonly reached: boolean;
}

/** Who wants to know of the ends of runs before their marks go. */
export interface EndNotices {
  /** Resolves when the end of the run is noticed, if it has ended; rejects where that failed. */
  settled(mark: OpenRunMark): Promise<void>;
}

/** Marks in `store`; ours are remembered, to tell them from those of other processes. Default: ends are not noticed. */
export function createRunMarks(store: LogStore, notices: EndNotices | null = null): RunMarks {
  /** The data of our marks. */
  const ours = new Map<string, string>();
  const released = new Map<string, ReleasedRun>();

  const isNoticed = (mark: OpenRunMark): Promise<boolean> =>
    notices?.settled(mark).then(
      () => true,
      () => false,
    ) ?? Promise.resolve(true);

  const marks: RunMarks = {
    areNoticed: notices !== null,

    async markOpen({ project, session }, logId, runId, run) {
      const id = idOf({ project, session, logId, runId });
      const data = JSON.stringify(run);
      ours.set(id, data);
      released.delete(id);
      await store.markOpen({ project, session }, logId, runId, data);
    },

    async clearOpen({ project, session }, logId, runId, given = "") {
      const name = { project, session, logId, runId };
      const id = idOf(name);
      const data = ours.get(id) ?? released.get(id)?.mark.data ?? given;
      if (notices && !(await isNoticed({ ...name, data })))
        return marks.release(name, { reached: true });
      await store.clearOpen({ project, session }, logId, runId);
      ours.delete(id);
      released.delete(id);
    },

    isOurs: (mark) => ours.has(idOf(mark)),

    release({ project, session, logId, runId }, { reached }) {
      const name = { project, session, logId, runId };
      const data = ours.get(idOf(name));
      if (data === undefined) return;
      ours.delete(idOf(name));
      released.set(idOf(name), { mark: { ...name, data }, reached });
    },

    forget(mark) {
      ours.delete(idOf(mark));
      released.delete(idOf(mark));
    },

    reachedOf: (mark) => released.get(idOf(mark))?.reached ?? null,

    released: () => [...released.values()].map(({ mark }) => mark),
  };
  return marks;
}

/** The data of a mark; one that cannot be read belongs to a run of the session's own thread. */
export function markedRun({ data, session }: OpenRunMark): MarkedRun {
  try {
    const said: unknown = JSON.parse(data);
    if (!isObject(said)) return { threadId: session };
    const { threadId, from, waits, startsAt, resumable, background, pushedBy } = said;
    return {
      threadId: typeof threadId === "string" ? threadId : session,
      ...(Number.isSafeInteger(from) && { from: Number(from) }),
      waits: waits === true,
      ...(Number.isSafeInteger(startsAt) && { startsAt: Number(startsAt) }),
      ...(typeof resumable === "boolean" && { resumable }),
      ...(background === true && { background }),
      ...(typeof pushedBy === "string" && { pushedBy }),
    };
  } catch {
    return { threadId: session };
  }
}

function idOf({ project, session, logId, runId }: MarkName): string {
  return JSON.stringify([project, session, logId, runId]);
}
