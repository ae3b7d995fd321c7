import type { Clock } from "../../ports/clock.ts";
import { hasCode } from "../../ports/errors.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import type { RawLog } from "../log/raw-log.ts";
import type { ByteRange } from "../model/byte-range.ts";
import type { SharedReads } from "../replay/log-follower.ts";
import type { SessionUse } from "../session/session-registry.ts";
import { jsonArray, sourceOf } from "./json-part.ts";
import { formatOffset } from "./stream-offset.ts";
import type { StreamPlace } from "./find-stream.ts";

export interface LiveStreamOptions {
  /** Where it begins. */
  readonly place: StreamPlace;
  /** Where it goes on once a session has a log that has none yet. */
  readonly placeIn: (logId: string) => StreamPlace;
  readonly reads: SharedReads;
  readonly clock: Clock;
  /** How long in ms it goes on; clients connect again then. */
  readonly maxMs: number;
  /** `streamCursor` of the next control event. */
  readonly cursor: () => string;
}

const encoder = new TextEncoder();
const [DATA, END] = [encoder.encode("event: data\ndata: "), encoder.encode("\n\n")];

interface Progress {
  isAtBoundary: boolean;
}

/**
 * A stream as server-sent events: each part that there is as one `data` event, and after it, and at the
 * beginning, a `control` event. Ends when the stream is closed, when its log is deleted, and after `maxMs`.
 *
 * Takes over `use` and releases it when closed.
 */
export function createLiveStream(use: SessionUse, options: LiveStreamOptions): ChunkSource {
  const { clock, maxMs } = options;
  const { log } = use.session;
  const unwatch = log.watch();
  const over = new AbortController();
  const cancelTimer = clock.after(maxMs, () => over.abort());
  const progress: Progress = { isAtBoundary: true };
  const source = sourceOf(
    (closed) => frames(log, options, { closed, over: over.signal, progress }),
    () => progress.isAtBoundary,
  );
  return {
    next: () => source.next(),
    get atBoundary() {
      return source.atBoundary;
    },
    close() {
      cancelTimer();
      source.close();
      unwatch();
      use.release();
    },
  };
}

interface Ends {
  readonly closed: AbortSignal;
  readonly over: AbortSignal;
  readonly progress: Progress;
}

async function* frames(
  raw: RawLog,
  { place: begin, placeIn, reads, cursor }: LiveStreamOptions,
  { closed, over, progress }: Ends,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const signal = AbortSignal.any([closed, over]);
  let place = begin;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const seen = raw.changes;
    if (place.log === null && raw.position) place = placeIn(raw.position.logId);
    const { log, reader } = place;
    if (log && raw.position?.logId !== log.logId) return;
    const end = log ? (raw.position?.end ?? 0) : 0;
    const before = reader.offset;
    const ranges = await partOf(place, end, raw);
    if (log && ranges.length > 0) {
      progress.isAtBoundary = false;
      yield DATA;
      yield* jsonArray(log, ranges, { reads, signal: closed });
      yield END;
    }
    const isUpToDate = reader.offset >= end;
    if (isFirst || reader.offset !== before) {
      const said = controlOf(place, isUpToDate, cursor);
      progress.isAtBoundary = true;
      // no space after the colon, as other servers of the protocol have it: there are readers that go by it
      yield encoder.encode(`event: control\ndata:${said}\n\n`);
    }
    if (reader.isClosed) return;
    if (isUpToDate) await raw.grown(signal, seen);
  }
}

/** The next part; none where the log does not reach as far as was announced. */
async function partOf(
  { reader }: StreamPlace,
  end: number,
  raw: RawLog,
): Promise<readonly ByteRange[]> {
  try {
    return await reader.part(end);
  } catch (error) {
    if (!hasCode(error, "log-range") || !(await raw.correctEnd())) throw error;
    return [];
  }
}

function controlOf(place: StreamPlace, isUpToDate: boolean, cursor: () => string): string {
  const streamNextOffset = formatOffset(place.offset);
  if (place.reader.isClosed) return JSON.stringify({ streamNextOffset, streamClosed: true });
  return JSON.stringify({
    streamNextOffset,
    streamCursor: cursor(),
    ...(isUpToDate && { upToDate: true }),
  });
}
