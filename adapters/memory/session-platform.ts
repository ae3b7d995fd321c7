import { RunlogError } from "../../src/ports/errors.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import {
  DEFAULT_RUNNER_TYPE,
  type PodEnd,
  type PodEvent,
  type SessionPlatform,
} from "../../src/ports/session-platform.ts";
import { idOf } from "../../src/ports/session-id.ts";

/** One call of the platform. */
export interface PlatformNote extends SessionKey {
  readonly what: "run-started" | "event" | "run-ended" | "run-ended-unreached";
}

/** A SessionPlatform that remembers its calls, and whose pods end when `endPod` is called. */
export interface MemoryPlatform extends SessionPlatform {
  /** Oldest first. Grows with every note: for tests, not for servers. */
  readonly notes: readonly PlatformNote[];
  /** Ends the pod of a session for every `podEnd` that waits now. */
  endPod(key: SessionKey, end: PodEnd): void;
  /** How many wait for the end of this session's pod. */
  watchers(key: SessionKey): number;
}

export interface MemoryPlatformOptions {
  /** Environments by type of runner. Default: the type that every platform knows, and no other. */
  readonly runnerTypes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What has happened to every pod. */
  readonly podEvents?: readonly PodEvent[];
}

/**
 * A SessionPlatform for tests: it keeps every note, and a pod ends when `endPod` is called.
 *
 * @example
 * ```ts
 * import { createMemoryPlatform } from "runlog/memory";
 *
 * const platform = createMemoryPlatform();
 * ```
 */
export function createMemoryPlatform(options: MemoryPlatformOptions = {}): MemoryPlatform {
  const { podEvents = [] } = options;
  const { runnerTypes = { [DEFAULT_RUNNER_TYPE]: { RUNNER_TYPE: DEFAULT_RUNNER_TYPE } } } = options;
  const notes: PlatformNote[] = [];
  const waiting = new Map<string, Set<(end: PodEnd) => void>>();

  function waitingFor(key: SessionKey): Set<(end: PodEnd) => void> {
    const found = waiting.get(idOf(key)) ?? new Set();
    waiting.set(idOf(key), found);
    return found;
  }

  return {
    notes,

    noteActivity: ({ project, session }, what) => void notes.push({ project, session, what }),

    async runEnded({ project, session }, { reached }) {
      notes.push({ project, session, what: reached ? "run-ended" : "run-ended-unreached" });
    },

    podEnd: (key, signal) =>
      new Promise((resolve, reject) => {
        const ended = (end: PodEnd): void => {
          waitingFor(key).delete(ended);
          resolve(end);
        };
        signal.addEventListener("abort", () => {
          waitingFor(key).delete(ended);
          reject(signal.reason);
        });
        waitingFor(key).add(ended);
      }),

    endPod(key, end) {
      for (const ended of waitingFor(key)) ended(end);
    },

    watchers: (key) => waitingFor(key).size,

    podEvents: () => Promise.resolve(podEvents),

    async runnerEnvironment({ runnerType }) {
      const environment = runnerTypes[runnerType];
      if (environment) return environment;
      throw new RunlogError(
        "invalid-input",
        `Runner type '${runnerType}' is not enabled. Contact your platform administrator.`,
      );
    },

    check: () => Promise.resolve(),

    close: () => Promise.resolve(),
  };
}
