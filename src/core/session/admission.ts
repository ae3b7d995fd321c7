import type { EventFacts } from "../../ports/runner-client.ts";
import type { PostedMessageIds } from "../model/posted-message-ids.ts";
import type { KnownRun } from "../model/session-state.ts";

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
