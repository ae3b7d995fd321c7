import { RunlogError } from "../../src/ports/errors.ts";
import { DEFAULT_RUNNER_TYPE, type SessionPlatform } from "../../src/ports/session-platform.ts";

/**
 * A SessionPlatform for runners that are started by hand: it has no pods, ignores every note and
 * knows one type of runner.
 *
 * @example
 * ```ts
 * import { createLocalPlatform } from "runlog/local";
 *
 * const platform = createLocalPlatform();
 * ```
 */
export function createLocalPlatform(): SessionPlatform {
  return {
    noteActivity() {},

    runEnded: () => Promise.resolve(),

    podEnd: (_key, signal) =>
      new Promise((_resolve, reject) => {
        const stop = (): void => reject(signal.reason);
        if (signal.aborted) stop();
        else signal.addEventListener("abort", stop, { once: true });
      }),

    podEvents: () => Promise.resolve([]),

    async runnerEnvironment({ runnerType }) {
      if (runnerType === DEFAULT_RUNNER_TYPE) return { RUNNER_TYPE: runnerType };
      throw new RunlogError(
        "invalid-input",
        `Runner type '${runnerType}' is not enabled. Contact your platform administrator.`,
      );
    },

    check: () => Promise.resolve(),

    close: () => Promise.resolve(),
  };
}
