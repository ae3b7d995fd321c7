import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { createMemoryLogStore } from "../../dist/adapters/memory/index.js";
import { createRunlog } from "../../dist/src/entry/embed.js";
import { securityHeaders } from "../../dist/src/http/security-headers.js";
import { createStreamRoutes } from "../../dist/src/http/stream-routes.js";

export interface ConformanceServer {
  readonly url: string;
  close(): Promise<void>;
}

/** The streams of one project at the path that the suite asks for. */
export async function startConformanceServer(): Promise<ConformanceServer> {
  const runlog = await createRunlog({
    storage: createMemoryLogStore(),
    runner: "http://127.0.0.1:9/",
    limits: { longPollMs: 500, drainMs: 0 },
    logger: { info() {}, warn() {}, error() {} },
  });
  const streams = createStreamRoutes(runlog.service, { project: "suite" });
  const app = new Hono().use("*", securityHeaders()).route("/v1/stream", streams);
  const answer = getRequestListener(app.fetch);
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      await runlog.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
