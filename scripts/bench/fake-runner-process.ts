// A runner that answers each run with numbered events, at a rate or as fast as the socket takes them.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithParent, sendToParent } from "./child-script.ts";
import { listenOnLoopback } from "./loopback.ts";
import { createNumberedFrames, MAX_FRAMES_PER_WRITE } from "./numbered-frames.ts";

const TICK_MS = 5;

endWithParent();
const {
  events,
  eventsPerSecond,
  largeBytes = 0,
  hasIds = false,
}: {
  readonly events: number;
  /** As fast as possible if it is not given. */
  readonly eventsPerSecond?: number;
  /** Length of the text of one large event among the others, half-way; none if it is not given. */
  readonly largeBytes?: number;
  /**
   * Whether each frame has an id. Then runs of sessions whose name begins with "resumable" are said to be ones
   * that can be taken up.
   */
  readonly hasIds?: boolean;
} = JSON.parse(process.argv[2] ?? "");

const server = createServer((request, response) => {
  if (request.method !== "POST" || request.url?.includes("events/")) response.writeHead(404).end();
  else answerRun(request, response).catch((error: unknown) => response.destroy(asError(error)));
});
// the health of a connection is the server's business; a run may be silent for as long as it likes
server.requestTimeout = 0;
sendToParent({ port: await listenOnLoopback(server) });

async function answerRun(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const input: { threadId?: string; runId?: string } = Object(await json(request));
  const { threadId, runId } = input;
  const isResumable = hasIds && request.url?.startsWith("/resumable") === true;
  response.writeHead(200, {
    "content-type": "text/event-stream",
    ...(isResumable && { "x-runlog-resume": "1" }),
  });
  const messageId = "bench-message";
  await send(response, { type: "RUN_STARTED", threadId, runId });
  await send(response, { type: "TEXT_MESSAGE_START", messageId, role: "assistant" });
  await sendNumbered(response);
  await send(response, { type: "TEXT_MESSAGE_END", messageId });
  await send(response, { type: "RUN_FINISHED", threadId, runId });
  response.end();
}

async function sendNumbered(response: ServerResponse): Promise<void> {
  const startedAtMs = performance.now();
  const frames = createNumberedFrames({ hasIds });
  let isLargeDue = largeBytes > 0;
  for (let sent = 0; sent < events && !response.destroyed;) {
    const due =
      eventsPerSecond === undefined
        ? events
        : Math.floor(((performance.now() - startedAtMs) / 1_000) * eventsPerSecond);
    const count = Math.min(due - sent, events - sent, MAX_FRAMES_PER_WRITE);
    if (count <= 0) await sleep(TICK_MS);
    else await write(response, frames.next(count, Date.now()));
    sent += Math.max(0, count);
    if (!isLargeDue || sent < events / 2) continue;
    isLargeDue = false;
    await send(response, { type: "CUSTOM", name: "large", value: "x".repeat(largeBytes) });
  }
}

function send(response: ServerResponse, event: Readonly<Record<string, unknown>>): Promise<void> {
  const id = hasIds ? `id: ${String(event["type"])}\n` : "";
  return write(response, Buffer.from(`data: ${JSON.stringify(event)}\n${id}\n`));
}

async function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  if (response.write(bytes) || response.destroyed) return;
  const gone = new AbortController();
  try {
    const { signal } = gone;
    await Promise.race([once(response, "drain", { signal }), once(response, "close", { signal })]);
  } finally {
    gone.abort();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
