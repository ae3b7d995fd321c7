// Many viewers of one session, apart from the process that measures so that both have a core.
import { endWithParent, sendToParent } from "./child-script.ts";
import { createDeferred } from "./deadline.ts";
import { type HttpStream, openHttpStream } from "./http-stream.ts";
import { requireOk } from "./reading.ts";
import { createSequenceReader, type SequenceReader } from "./sequence.ts";

/** Sent when every viewer has its response head. */
export interface ViewersReady {
  readonly ready: true;
}

/** Sent when every viewer has seen all events, or when `timeoutMs` is over. */
export interface ViewersResult {
  readonly complete: number;
  /** Events that were changed or did not follow on the one before, over all viewers. */
  readonly breaks: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const LONGEST_DELAY_MS = 60_000;

endWithParent();
const {
  port,
  path,
  viewers,
  events,
  timeoutMs,
}: {
  readonly port: number;
  readonly path: string;
  readonly viewers: number;
  readonly events: number;
  readonly timeoutMs: number;
} = JSON.parse(process.argv[2] ?? "");

const delays = new Uint32Array(LONGEST_DELAY_MS + 1);
const readers: SequenceReader[] = [];
const streams: HttpStream[] = [];
const allComplete = createDeferred<void>();
let complete = 0;

for (let viewer = 0; viewer < viewers; viewer += 1) openViewer();
for (const stream of streams) requireOk(await stream.head, path);
const ready: ViewersReady = { ready: true };
sendToParent(ready);
setTimeout(() => allComplete.resolve(), timeoutMs);
await allComplete.promise;
sendToParent(result());

function openViewer(): void {
  let nowMs = 0;
  const reader = createSequenceReader((sentAtMs) => {
    const delayMs = Math.min(LONGEST_DELAY_MS, Math.max(0, nowMs - sentAtMs));
    delays[delayMs] = (delays[delayMs] ?? 0) + 1;
  });
  readers.push(reader);
  const stream = openHttpStream({
    port,
    path,
    onBody(bytes) {
      const before = reader.count;
      nowMs = Date.now();
      reader.add(bytes);
      if (before >= events || reader.count < events) return;
      complete += 1;
      if (complete === viewers) allComplete.resolve();
    },
  });
  streams.push(stream);
}

function result(): ViewersResult {
  return {
    complete,
    breaks: readers.reduce((sum, reader) => sum + reader.breaks, 0),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    maxMs: percentile(1),
  };
}

function percentile(share: number): number {
  const total = delays.reduce((sum, count) => sum + count, 0);
  let below = 0;
  return delays.findIndex((count) => (below += count) >= Math.max(1, share * total));
}
