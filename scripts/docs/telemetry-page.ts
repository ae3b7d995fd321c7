import { ALL_INSTRUMENTS, type Instrument } from "../../src/entry/telemetry/instruments.ts";

const HEAD = `# Telemetry

Nothing is measured, and nothing of OpenTelemetry is loaded, unless it is asked for. The packages are optional:
\`npm install @opentelemetry/api @opentelemetry/resources @opentelemetry/sdk-metrics @opentelemetry/exporter-prometheus\`

\`\`\`sh
RUNLOG_METRICS_PORT=9464 runlog      # curl http://127.0.0.1:9464/metrics
\`\`\`

Metrics are served on a port of their own, without authentication, at the address of \`HOST\`: whoever reaches it may read them. They
hold no name of a session, a project or a user, and no path.
\`OTEL_SERVICE_NAME\` and \`OTEL_RESOURCE_ATTRIBUTES\` are in \`target_info\`.

## Metrics

Prometheus writes the names with \`_\` for each dot, and the unit and \`_total\` behind them: \`runlog.append.size\` is
\`runlog_append_size_bytes_total\`. Most memory of a process, or its budgets: \`runlog_budget_used_bytes / runlog_budget_limit_bytes\`.

<!-- made by \`npm run docs:telemetry\` from src/entry/telemetry/instruments.ts -->

| name | kind | unit | what | attributes |
| --- | --- | --- | --- | --- |
`;

/** The page of all instruments, as Markdown. */
export function telemetryPage(): string {
  return `${HEAD}${ALL_INSTRUMENTS.map(row).join("")}`;
}

function row({ name, kind, unit, description, attributes }: Instrument): string {
  const list = Object.entries(attributes).map(
    ([key, values]) =>
      `\`${key}\`: ${typeof values === "string" ? values : values.map((value) => `\`${value}\``).join(", ")}`,
  );
  return `| \`${name}\` | ${kind} | ${unit} | ${description} | ${list.join("; ")} |\n`;
}
