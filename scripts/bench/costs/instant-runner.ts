import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { listenOnLoopback } from "../loopback.ts";

/** A runner in this process that ends each run at once. */
export interface InstantRunner {
  readonly port: number;
  close(): void;
}

export async function startInstantRunner(): Promise<InstantRunner> {
  const server = createServer((request, response) => {
    if (request.method !== "POST") {
      response.writeHead(404).end();
      return;
    }
    void json(request).then((body) => {
      const { threadId, runId }: { threadId?: string; runId?: string } = Object(body);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`data: ${JSON.stringify({ type: "RUN_FINISHED", threadId, runId })}\n\n`);
    });
  });
  return {
    port: await listenOnLoopback(server),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
