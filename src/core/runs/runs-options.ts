import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import type { RunnerClient } from "../../ports/runner-client.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import type { KeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import type { ReadStreamed } from "./posted-transcript.ts";
import type { AdmittedRun } from "./run-request.ts";
import type { RunMarks } from "../log/open-run-marks.ts";
import type { OrphanedRuns } from "./recover-orphaned-runs.ts";
import type { Sessions } from "../session/session-registry.ts";

export interface RunsOptions {
  readonly store: LogStore;
  readonly marks: RunMarks;
  readonly admissions: KeyedMutex;
  readonly sessions: Sessions;
  readonly directory: SessionDirectory;
  readonly runner: RunnerClient;
  readonly platform: SessionPlatform;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly queueLimit: number;
  readonly idleMs: number | null;
  readonly maxMs: number | null;
  readonly podGraceMs: number;
  readonly reattachMs: number;
  readonly readStreamed: ReadStreamed;
  /** Called for each run that was admitted, once its posted messages are stored. */
  readonly onAdmitted: (key: SessionKey, run: AdmittedRun) => void;
  /**
   * Called when a run was refused of which the log may have events, so that its end has to be
   * stored later.
   */
  readonly onReleased: () => void;
  /** Ends the runs that the session's log has open and nobody works on. Never rejects. */
  readonly recover: OrphanedRuns["recover"];
}
