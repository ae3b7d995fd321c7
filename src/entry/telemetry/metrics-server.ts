import { once } from "node:events";
import { createServer } from "node:http";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { MetricReader, ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { Logger } from "../../ports/logger.ts";

export interface MetricsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
}

/** Serves metrics to Prometheus. */
export interface MetricsServer {
  /** What the provider of the meters has to be made with. */
  readonly reader: MetricReader;
  close(): Promise<void>;
}

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What stands at the end of a name for the unit: the specification wants it there, and the serializer leaves it out. */
const SUFFIXES: ReadonlyMap<string, string> = new Map([
  ["s", "_seconds"],
  ["By", "_bytes"],
]);

/** Listens, and answers `GET /metrics`. Rejects with the system's error where it cannot listen. */
export async function createMetricsServer({
  host,
  port,
  logger,
}: MetricsServerOptions): Promise<MetricsServer> {
  const reader = new PrometheusExporter({ preventServerStart: true });
  // no attributes of the scope: they are the same for all
  const serializer = new PrometheusSerializer("", false, undefined, false, true);
  const server = createServer((request, response) => {
    if (request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404, { "Content-Type": "text/plain" }).end("Metrics are at /metrics\n");
      return;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { Allow: "GET, HEAD" }).end();
      return;
    }
    reader.collect().then(
      ({ resourceMetrics, errors }) => {
        for (const error of errors) logger.warn("metrics-not-collected", { error });
        response.writeHead(200, { "Content-Type": CONTENT_TYPE });
        response.end(serializer.serialize(withUnits(resourceMetrics)));
      },
      (error: unknown) => {
        logger.warn("metrics-not-collected", { error });
        response.writeHead(500).end();
      },
    );
  });
  server.listen(port, host);
  await once(server, "listening");
  // a server that does not come to listen ends
  server.unref();
  const address = server.address();
  const bound = typeof address === "object" && address ? address.port : port;
  logger.info("metrics-served", {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}/metrics`,
  });
  return {
    reader,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function withUnits({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics {
  return {
    resource,
    scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({
      scope,
      metrics: metrics.map((metric) => {
        const { name, unit } = metric.descriptor;
        const suffix = SUFFIXES.get(unit) ?? "";
        return { ...metric, descriptor: { ...metric.descriptor, name: `${name}${suffix}` } };
      }),
    })),
  };
}
