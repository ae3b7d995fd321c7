import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore } from "../../ports/log-store.ts";
import type { RunnerStream } from "../../ports/runner-client.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import type { ByteBudget } from "../../stream/sync/byte-budget.ts";
import type { KeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import type { ReadStreamed } from "./posted-transcript.ts";
import type { QueuedRun } from "./queued-run.ts";
import type { RunMarks } from "../log/open-run-marks.ts";
import type { SessionEvents } from "../session/session-events.ts";
import type { Session } from "../session/session.ts";

export interface RunQueueOptions {
  readonly session: Session;
  readonly store: LogStore;
  readonly marks: RunMarks;
  readonly directory: Pick<SessionDirectory, "agents" | "get" | "logsMakeSessions" | "update">;
  readonly events: Pick<SessionEvents, "emit">;
  /** The mutex under which runs are admitted, by `idOf` the session's key. */
  readonly admissions: KeyedMutex;
  /** Memory for bodies of runs that have waited. */
  readonly waitedBodies: ByteBudget;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Most runs that may wait after the active one. */
  readonly queueLimit: number;
  /** Throws where no run may be admitted now. */
  readonly assertRoom: () => void;
  /** Silence in ms that ends a run, or null for none. */
  readonly idleMs: number | null;
  /** How long in ms a run may take, or null for as long as it wants. */
  readonly maxMs: number | null;
  readonly platform: Pick<SessionPlatform, "noteActivity" | "podEnd">;
  /** How long in ms a run that has lost its runner waits for the end of the pod to be known. */
  readonly podGraceMs: number;
  /** Posts a run to the session's runner. */
  readonly connect: (
    run: Pick<QueuedRun, "body" | "caller" | "headers">,
    signal: AbortSignal,
  ) => Promise<RunnerStream>;
  /** Asks the session's runner for the events of a run after one of its ids. */
  readonly resume: (
    run: Pick<QueuedRun, "isResumable" | "runId">,
    after: string | null,
    signal: AbortSignal,
  ) => Promise<RunnerStream>;
  /** Tells the session's runner that it may forget a run. Never rejects. */
  readonly acknowledge: (runId: string) => Promise<void>;
  /** How long in ms a runner that can be asked again is asked in vain. */
  readonly reattachMs: number;
  /** Called when a run turns out to be one that may be left open, or one that may not. */
  readonly onResumable: () => void;
  readonly readStreamed: ReadStreamed;
  /**
   * Called when a run has ended by itself and none waits; `reached` is whether its runner had
   * answered.
   */
  readonly onFinished: (options: { readonly reached: boolean }) => void;
  /** Called when no run is active, waiting or wrapping up any more. */
  readonly onIdle: () => void;
}
