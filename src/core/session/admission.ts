import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { EventFacts } from "../../ports/runner-client.ts";
import type { PostedMessageIds } from "../model/posted-message-ids.ts";
import {
  admitRun,
  begunRun,
  forgetRun,
  type KnownRun,
  type SessionState,
} from "../model/session-state.ts";
import type { Session } from "./session.ts";
import { withLog } from "./with-log.ts";

/** Lines to append, and the facts of the events in them. */
export interface EventLines {
  readonly lines: readonly Uint8Array[];
  readonly events: readonly EventFacts[];
}

/** A run that asks to be admitted. */
export interface NewRun {
  readonly runId: string;
  readonly threadId: string;
  readonly mark: {
    /** Marks the run as open in the store; what is stored of it begins at `from` or after it. */
    set(logId: string, from: number): Promise<void>;
    /** Removes the mark. Never rejects. */
    clear(logId: string): Promise<void>;
    /** Leaves the run to the recovery: something of it may be stored. */
    release(logId: string): void;
  };
}

/** What is stored of a run when it is admitted. */
export interface PostedEvents extends EventLines {
  /** The transcript that it was posted with, as `PostedMessageIds.remember` takes it. */
  readonly transcript: Parameters<PostedMessageIds["remember"]>;
}

export interface Admission {
  readonly logId: string;
  /** The run, if it has begun before; then nothing was stored. Else null. */
  readonly known: KnownRun | null;
  /** Where the log ended with what was stored of it (`AppendLinesOptions.knownEnd`). */
  readonly knownEnd: number;
}

/**
 * Admits a run, in the one order in which a crash leaves no doubt about it: its mark, which also
 * gives this process the session; what other processes stored until then; its own lines; the
 * checkpoint. Makes the log if there is none. `linesOf` is called between the second and the
 * third. If something fails on the way the run is forgotten and its mark released, a log made
 * for it is removed, and the error thrown. One run at a time.
 */
export function admit(
  session: Session,
  { mark, runId, threadId }: NewRun,
  linesOf: (logId: string) => Promise<PostedEvents>,
): Promise<Admission> {
  return withLog(session, async (logId) => {
    let isStored = false;
    try {
      await mark.set(logId, session.log.position?.end ?? 0);
      await session.reload();
      const { offset: knownEnd } = session.state;
      const known = begunRun(session.state, runId);
      if (known) {
        await mark.clear(logId);
        return { logId, known, knownEnd };
      }
      const { lines, events, transcript } = await linesOf(logId);
      const change = (state: SessionState): SessionState => admitRun(state, runId, threadId);
      const end = await session.append({ lines, events }, { logId, change, knownEnd });
      isStored = true;
      session.messages.remember(...transcript);
      await session.save();
      return { logId, known, knownEnd: end };
    } catch (error) {
      session.update((state) => forgetRun(state, runId));
      mark.release(logId);
      // who is told that another process has the session takes it that nothing is stored
      if (isStored && hasCode(error, "log-not-owned")) throw notWritable(error);
      throw error;
    }
  });
}

function notWritable(cause: unknown): RunlogError {
  return new RunlogError("log-not-writable", "Event log is not writable", { cause });
}
