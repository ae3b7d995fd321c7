import type { Logger } from "../../ports/logger.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { SessionPlatform } from "../../ports/session-platform.ts";

/** Ends of runs on their way to the platform. */
export interface EndReports {
  report(key: SessionKey, how: { readonly reached: boolean }): void;
  /** Resolves when the platform knows of all. */
  settled(): Promise<unknown>;
}

/** Passes the ends of runs on to the platform. */
export function createEndReports(
  platform: Pick<SessionPlatform, "runEnded">,
  logger: Logger,
): EndReports {
  const open = new Set<Promise<void>>();
  return {
    report(key, how) {
      const report: Promise<void> = platform
        .runEnded(key, how)
        .catch((error: unknown) => logger.warn("run-end-not-told", { ...key, error }))
        .finally(() => open.delete(report));
      open.add(report);
    },
    settled: () => Promise.all(open),
  };
}
