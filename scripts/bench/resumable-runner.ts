import type { Clock } from "../../src/ports/clock.ts";

/** The runner of all sessions, whose runs can be taken up; their events come by a clock, which may be a simulated one. */
export interface ResumableRunner {
  fetch(url: string, init: RequestInit): Promise<Response>;
}

export interface ResumableRunnerOptions {
  readonly clock: Clock;
  /** Events of a run; 0: it begins, and goes on without a word. */
  readonly events: number;
  readonly eventsPerSecond: number;
}

/** A usual length of a token's event. */
const DELTA = "words ".repeat(8);

export function createResumableRunner(options: ResumableRunnerOptions): ResumableRunner {
  const { clock, events, eventsPerSecond } = options;
  const begunMs = new Map<string, number>();

  /** The frames of a run from this number on, each when its time has come. */
  function answer(runId: string, from: number, signal: AbortSignal | null | undefined): Response {
    const startMs = begunMs.get(runId) ?? clock.now();
    const encoder = new TextEncoder();
    let number = from;
    let cancel = (): void => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const next = (): void => {
          const event = eventOf(runId, number, clock.now());
          controller.enqueue(encoder.encode(`data: ${event}\nid: ${number}\n\n`));
          number++;
          if (events > 0 && number > events + 1) return controller.close();
          if (events > 0) wait();
        };
        const wait = (): void => {
          const dueMs = startMs + (number / eventsPerSecond) * 1_000;
          cancel = clock.after(Math.max(0, dueMs - clock.now()), next);
        };
        signal?.addEventListener("abort", () => {
          cancel();
          controller.error(signal.reason);
        });
        if (events > 0 || number === 0) wait();
      },
      cancel: () => cancel(),
    });
    return new Response(body, {
      headers: { "Content-Type": "text/event-stream", "X-Runlog-Resume": "1" },
    });
  }

  function eventOf(runId: string, number: number, timestamp: number): string {
    if (number === 0) return JSON.stringify({ type: "RUN_STARTED", threadId: "t", runId });
    if (number > events) return JSON.stringify({ type: "RUN_FINISHED", threadId: "t", runId });
    return JSON.stringify({
      type: "TEXT_MESSAGE_CHUNK",
      messageId: runId,
      role: "assistant",
      timestamp,
      delta: DELTA,
    });
  }

  return {
    async fetch(url, { body, headers, method, signal }) {
      const path = new URL(url).pathname.split("/").slice(2);
      if (method === "DELETE") return new Response(null, { status: 204 });
      if (path[0] === "events") return new Response(null, { status: 404 });
      if (method === "POST") {
        const { runId } = JSON.parse(await new Response(body).text()) as { runId: string };
        begunMs.set(runId, clock.now());
        return answer(runId, 0, signal);
      }
      const after = new Headers(headers).get("Last-Event-ID");
      const runId = decodeURIComponent(path[1] ?? "");
      return answer(runId, after === null ? 0 : Number(after) + 1, signal);
    },
  };
}
