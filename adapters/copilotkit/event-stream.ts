import { concatBytes } from "../../src/stream/bytes/concat.ts";
import { SseParser } from "../../src/stream/sse/sse-parse.ts";
import { BackOff } from "../../src/stream/sync/back-off.ts";
import { pause } from "../../src/stream/sync/pause.ts";
import { systemClock as clock } from "../../src/stream/sync/system-clock.ts";

/** An event of a run, as it is in a frame. */
export interface StreamedEvent {
  readonly type: string;
}

export interface EventStreamOptions {
  /** Makes the request, with the header of where the stream goes on. */
  readonly open: (headers: Readonly<Record<string, string>>) => Promise<Response>;
  /** Whether the stream may end after this event. */
  readonly isEnd: (event: StreamedEvent) => boolean;
  /** Whether a stream without an event is one that has ended. */
  readonly mayBeEmpty: boolean;
  /** How long in ms it is tried in vain to go on. */
  readonly retryForMs: number;
  readonly signal: AbortSignal;
}

const BACK_OFF = { firstMs: 250, factor: 1.5, maxMs: 5_000, jitter: 0.3 } as const;
/** Answers that may be others a moment later. */
const PASSING: ReadonlySet<number> = new Set([408, 421, 429, 502, 503, 504]);

/**
 * The events of a run's or a session's stream, each once and in order: where its connection breaks it is asked for again
 * after the last event. Throws where the server refuses it, or cannot be reached for too long.
 */
export async function* streamEvents(
  options: EventStreamOptions,
): AsyncGenerator<StreamedEvent, void, undefined> {
  const { isEnd, mayBeEmpty, retryForMs, signal } = options;
  let lastId: string | null = null;
  let hasEvents = false;
  let isOver = mayBeEmpty;
  const backOff = new BackOff(BACK_OFF);
  for (let brokenAt = clock.now(); ;) {
    try {
      for await (const { event, id } of framesOf(await opened(options, lastId))) {
        lastId = id ?? lastId;
        hasEvents = true;
        isOver = isEnd(event);
        brokenAt = clock.now();
        backOff.reset();
        yield event;
      }
      if (isOver) return;
    } catch (error) {
      if (signal.aborted || error instanceof StreamRefusedError) throw error;
    }
    // without a place to go on from, all of it would come again
    const isLost = hasEvents && lastId === null;
    if (isLost || clock.now() - brokenAt > retryForMs)
      throw new Error("The event stream of runlog broke off");
    await pause(backOff.next(), clock, signal);
    signal.throwIfAborted();
  }
}

/** The server has answered, and will not answer otherwise. */
class StreamRefusedError extends Error {}

async function opened(
  { open }: EventStreamOptions,
  lastId: string | null,
): Promise<ReadableStream<Uint8Array>> {
  const response = await open(lastId === null ? {} : { "Last-Event-ID": lastId });
  const { body, headers, ok, status } = response;
  if (!ok || body === null) {
    const text = await detailOf(response);
    throw PASSING.has(status) ? new Error(text) : new StreamRefusedError(text);
  }
  if (lastId !== null && headers.get("X-Runlog-Replay") !== null) {
    await body.cancel();
    throw new StreamRefusedError(
      "The events after the last one are no longer there: connect again",
    );
  }
  return body;
}

/** The text of a problem document (RFC 9457), or what stands for it. */
export async function detailOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const { detail }: { readonly detail?: unknown } = JSON.parse(text);
    if (typeof detail === "string") return `runlog: ${detail}`;
  } catch {
    // no problem document
  }
  return `runlog answered ${response.status}`;
}

interface EventFrame {
  readonly event: StreamedEvent;
  readonly id: string | null;
}

async function* framesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<EventFrame> {
  const decoder = new TextDecoder();
  const frames: EventFrame[] = [];
  let data: Uint8Array[] = [];
  const parser = new SseParser({
    data: (bytes, from, to) => data.push(bytes.slice(from, to)),
    end() {
      const event: StreamedEvent = JSON.parse(decoder.decode(concatBytes(data)));
      data = [];
      frames.push({ event, id: parser.id });
    },
  });
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parser.push(next.value);
      yield* frames.splice(0);
    }
  } finally {
    reader.cancel().catch(() => {
      // it has ended, or its connection is gone
    });
  }
}
