import { setTimeout as sleep } from "node:timers/promises";
import { openHttpStream } from "./http-stream.ts";
import { createSequenceReader } from "./sequence.ts";

/** A viewer that comes back by its cursor, as an EventSource does. */
export interface ReturningViewer {
  /** Events that came whole, once and in order before the first that did not. */
  readonly inOrder: number;
  /** The longest time in ms between two events since it was asked last; what goes on now counts. */
  takeLongestSilence(): number;
  stop(): void;
}

/** An EventSource waits so long until it connects again, unless the stream has said something else. */
const RETRY_MS = 2_000;
const FRAME_END = Buffer.from("\n\n");

/** Watches the raw log at a path of events, from its beginning on. */
export function watchReturning(port: number, path: string): ReturningViewer {
  const reader = createSequenceReader();
  let lastId = "";
  let retryMs = RETRY_MS;
  const stop = new AbortController();
  let lastAtMs: number | null = null;
  let longestMs = 0;
  let close = (): void => {};

  /** Takes whole frames alone: what was cut comes again. */
  function take(frames: Buffer): void {
    const before = reader.count;
    reader.add(frames);
    const text = frames.toString("latin1");
    lastId = [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? lastId;
    if (reader.count === before) return;
    const nowMs = performance.now();
    if (lastAtMs !== null) longestMs = Math.max(longestMs, nowMs - lastAtMs);
    lastAtMs = nowMs;
  }

  async function connect(): Promise<void> {
    let held: Buffer = Buffer.alloc(0);
    const stream = openHttpStream({
      port,
      path,
      headers: lastId === "" ? {} : { "Last-Event-ID": lastId },
      onBody(bytes) {
        held = Buffer.concat([held, bytes]);
        const end = held.lastIndexOf(FRAME_END);
        // a stream that ends says so in a line of its own
        retryMs = Number(/^retry: (\d+)$/m.exec(held.toString("latin1"))?.[1] ?? retryMs);
        if (end < 0) return;
        take(held.subarray(0, end + FRAME_END.length));
        held = Buffer.from(held.subarray(end + FRAME_END.length));
      },
    });
    close = () => stream.close();
    await stream.ended;
  }

  void (async () => {
    while (!stop.signal.aborted) {
      await connect();
      await sleep(retryMs, undefined, { ref: false });
    }
  })();
  return {
    get inOrder() {
      return reader.inOrder;
    },
    takeLongestSilence() {
      const longest = Math.max(longestMs, lastAtMs === null ? 0 : performance.now() - lastAtMs);
      longestMs = 0;
      return longest;
    },
    stop() {
      stop.abort();
      close();
    },
  };
}
