import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LiveFeed } from "../../ports/live-feed.ts";
import type { LogStore } from "../../ports/log-store.ts";
import type { RunnerClient } from "../../ports/runner-client.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";
import type { KeyedMutex } from "../../stream/sync/keyed-mutex.ts";
import type { ReadStreamed } from "./posted-transcript.ts";
import type { RunMarks } from "../log/open-run-marks.ts";
import type { RunsInFlight } from "./runs-in-flight.ts";
import type { SessionEvents } from "../session/session-events.ts";
import type { RunRecovery, Sessions } from "../session/session-registry.ts";

export interface RunsOptions {
  readonly store: LogStore;
  readonly feed: Pick<LiveFeed, "publish">;
  readonly marks: RunMarks;
  readonly admissions: KeyedMutex;
  readonly sessions: Sessions;
  readonly events: Pick<SessionEvents, "emit">;
  readonly directory: SessionDirectory;
  readonly runner: RunnerClient;
  readonly platform: SessionPlatform;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly queueLimit: number;
  readonly assertRoom: () => void;
  readonly idleMs: number | null;
  readonly maxMs: number | null;
  readonly podGraceMs: number;
  readonly reattachMs: number;
  readonly readStreamed: ReadStreamed;
  readonly recovery: RunRecovery;
  /** Where it is recorded which runs are in flight here. */
  readonly inFlight: RunsInFlight;
}
