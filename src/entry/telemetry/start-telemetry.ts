import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import type { TelemetryConfig } from "../../config/telemetry.ts";
import type { Logger } from "../../ports/logger.ts";
import { version } from "../version.ts";
import { countRunEnds } from "./count-run-ends.ts";
import { measureRequests } from "./measure-requests.ts";
import { measuredRunner } from "./measured-runner.ts";
import { measuredStore } from "./measured-store.ts";
import { createMeters } from "./meters.ts";
import { createMetricsServer } from "./metrics-server.ts";
import { observeService } from "./observe-service.ts";
import type { Telemetry } from "./open-telemetry.ts";

interface Surroundings {
  readonly host: string;
  readonly logger: Logger;
}

/** Loads OpenTelemetry and begins to measure. */
export async function startTelemetry(
  { metricsPort }: TelemetryConfig,
  { host, logger }: Surroundings,
): Promise<Telemetry> {
  const resource = defaultResource()
    .merge(resourceFromAttributes({ "service.name": "runlog", "service.version": version() }))
    .merge(detectResources({ detectors: [envDetector] }));
  const server =
    metricsPort === null ? null : await createMetricsServer({ host, port: metricsPort, logger });
  const provider = new MeterProvider({ resource, readers: server ? [server.reader] : [] });
  const meters = createMeters(provider.getMeter("runlog", version()));
  let stopObserving: () => void = () => {};
  return {
    store: (store) => measuredStore(store, meters),
    runner: (runner) => measuredRunner(runner, meters),
    watch: (events) => countRunEnds(events, meters),
    observe(service, intake) {
      stopObserving = observeService(meters, service, intake);
    },
    follow: (httpServer) => measureRequests(httpServer, meters),
    async close() {
      stopObserving();
      await provider
        .shutdown()
        .catch((error: unknown) => logger.warn("telemetry-not-sent", { error }));
      await server?.close();
    },
  };
}
