import { type Read, type Setting, setting } from "./setting.ts";
import { readInteger } from "./values.ts";

/** What the server tells of itself to other programs. */
export interface TelemetryConfig {
  /** Where metrics are served as Prometheus' text; 0 takes a free port, null: nowhere. */
  readonly metricsPort: number | null;
}

export interface TelemetrySettings {
  readonly metricsPort: Setting<number | null>;
}

export const TELEMETRY_SETTINGS: TelemetrySettings = {
  metricsPort: setting<number | null>(
    "RUNLOG_METRICS_PORT",
    null,
    (given) => readInteger(given, 65_535),
    {
      shown: "",
      meaning: "port that serves /metrics for Prometheus, on HOST; 0 takes a free one",
      form: "a port number",
      flag: "metrics-port",
      group: "Telemetry",
    },
  ),
};

/** Null where nobody is told anything: then nothing of OpenTelemetry is loaded. */
export function readTelemetry(value: Read): TelemetryConfig | null {
  const metricsPort = value(TELEMETRY_SETTINGS.metricsPort);
  return metricsPort === null ? null : { metricsPort };
}
