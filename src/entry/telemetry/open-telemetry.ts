import type { Config } from "../../config.ts";
import type { SessionEvents } from "../../core/session/session-events.ts";
import type { SessionService } from "../../core/service.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStore } from "../../ports/log-store.ts";
import type { RunnerClient } from "../../ports/runner-client.ts";
import type { ByteBudget } from "../../stream/sync/byte-budget.ts";
import type { HttpServer } from "../http-server.ts";
import { loadOptional } from "../optional-package.ts";

/** What stands beside a server and tells of it. It changes nothing of what the server does. */
export interface Telemetry {
  /** The store, with its calls measured. */
  store(store: LogStore): LogStore;
  /** The runners, with their calls measured. */
  runner(runner: RunnerClient): RunnerClient;
  /** For `SessionServiceOptions.watch`. */
  readonly watch: (events: Pick<SessionEvents, "on">) => void;
  /** Has what a service holds read from now on; `intake` is what its runner client may hold. */
  observe(service: SessionService, intake: ByteBudget): void;
  /** Measures the requests of a server from now on. */
  follow(server: HttpServer): void;
  /** Sends what is left, and lets everything go. */
  close(): Promise<void>;
}

/**
 * Telemetry as it is configured, or null if none is: then nothing of it is loaded. Throws `store-failed` with what to
 * install where a package is missing.
 */
export async function openTelemetry(
  { host, telemetry }: Pick<Config, "host" | "telemetry">,
  logger: Logger,
): Promise<Telemetry | null> {
  if (!telemetry) return null;
  const { startTelemetry } = await loadOptional(() => import("./start-telemetry.ts"), {
    name: "@opentelemetry/api @opentelemetry/resources @opentelemetry/sdk-metrics @opentelemetry/exporter-prometheus",
    setting: "RUNLOG_METRICS_PORT",
  });
  return startTelemetry(telemetry, { host, logger });
}
