import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A run as its agent knows it: one answer, which streams what the test says. */
export interface AgentRun {
  /** Whether whoever asked has gone before the end. */
  readonly isBroken: boolean;
  say(...events: readonly string[]): void;
  /** Sends half of an event's frame; the function that it gives sends the rest. */
  sayInPart(event: string): () => void;
  end(): void;
}

/** An agent as most are: it streams into a connection, and what comes after that has broken is lost. */
export interface AgentServer {
  readonly address: string;
  /** The run of this id, once it has been posted. */
  run(runId: string): AgentRun | null;
  /** How often runs were posted. */
  readonly posts: number;
}

/** Starts one without background events. Ends with the test. */
export async function startAgentServer(): Promise<AgentServer> {
  const runs = new Map<string, AgentRun>();
  let posts = 0;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") return void response.writeHead(404).end();
    const { runId } = JSON.parse((await request.toArray()).join("")) as { runId: string };
    posts++;
    // as agents do that wait for their model, it answers with its first event
    response.setHeader("Content-Type", "text/event-stream");
    runs.set(runId, runOf(response));
  }

  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    run: (runId) => runs.get(runId) ?? null,
    get posts() {
      return posts;
    },
  };
}

function runOf(response: ServerResponse): AgentRun {
  let isBroken = false;
  response.on("close", () => {
    isBroken = !response.writableEnded;
  });
  const frameOf = (event: string): string => `data: ${event}\n\n`;
  return {
    get isBroken() {
      return isBroken;
    },
    say: (...events) => void response.write(events.map(frameOf).join("")),
    sayInPart(event) {
      const frame = frameOf(event);
      const half = Math.floor(frame.length / 2);
      response.write(frame.slice(0, half));
      return () => void response.write(frame.slice(half));
    },
    end: () => void response.end(),
  };
}
