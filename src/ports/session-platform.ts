import type { Caller } from "./authorizer.ts";
import type { SessionKey } from "./log-store.ts";

/** How a session's pod ended. */
export interface PodEnd {
  /** In kebab-case, for the code of the run's RUN_ERROR: `oom-killed`, `evicted`, `exit-137`, `gone`. */
  readonly reason: string;
  /** For people: names the reason and, where there is one, the exit code. No address. */
  readonly message: string;
}

/** An event of a session's pod. */
export interface PodEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly timestamp: string;
  readonly count: number;
}

/** The type of runner of a session that asks for none; every platform knows it. */
export const DEFAULT_RUNNER_TYPE = "claude-agent-sdk";

/** The runner that a new session asks for. */
export interface RunnerChoice {
  readonly project: string;
  readonly runnerType: string;
  /** The model that was asked for. */
  readonly model: string;
  readonly caller: Caller;
}

/**
 * What runs the sessions. It is notified of what happens to them, and knows what their pods do.
 * Everything is done with runlog's own account unless a caller is named.
 *
 * **Consistency.** Notes are hints: they may be dropped or merged, never made up. `podEnd` resolves
 * only for a pod that was seen to end; a pod that cannot be seen is never reported dead.
 *
 * **Failures** are `RunlogError`s: `platform-failed` when it cannot be asked, `invalid-input` from
 * `runnerEnvironment` with the text for the client.
 */
export interface SessionPlatform {
  /** An event of the session was stored, or a run admitted. Never waits, never throws. */
  noteActivity(key: SessionKey, what: "run-started" | "event"): void;

  /**
   * A posted run has ended and none waits. `reached` is whether its runner ever answered. Stops a
   * session that is to be stopped when its run has finished.
   */
  runEnded(key: SessionKey, options: { readonly reached: boolean }): Promise<void>;

  /**
   * Resolves when the session's pod, which was alive at the call or comes up later, has ended;
   * never for a pod that merely cannot be seen. Rejects with the signal's reason only.
   */
  podEnd(key: SessionKey, signal: AbortSignal): Promise<PodEnd>;

  /** What happened to the session's pod, oldest first, as the caller may see it. */
  podEvents(key: SessionKey, caller: Caller): Promise<readonly PodEvent[]>;

  /**
   * The environment that a runner of this type needs; rejects if such a session may not be made.
   */
  runnerEnvironment(choice: RunnerChoice): Promise<Readonly<Record<string, string>>>;

  /** Whether the platform answers; rejects with what is wrong. For readiness probes. */
  check(): Promise<void>;

  /** Releases watches and timers; pending notes are written first, for a few seconds at most. */
  close(): Promise<void>;
}
