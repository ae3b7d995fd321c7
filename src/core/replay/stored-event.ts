import { RunlogError } from "../../ports/errors.ts";
import type { LogStore, SessionKey } from "../../ports/log-store.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import type { ByteRange } from "../model/byte-range.ts";
import { type Cursor, parseCursor } from "../model/cursor.ts";

/** Where a stored event lies, without its LF. */
export interface StoredEvent extends ByteRange {
  readonly at: Cursor;
}

const LF = 10;
/** Bytes read in one step back to the beginning of a line. */
const STEP_BYTES = 64 * 1024;

/**
 * The event that a cursor stands after. Throws `invalid-input` for text that is no cursor, and
 * `event-not-found` for one of another log, beyond the end, or not after an event.
 */
export async function findStoredEvent(
  store: LogStore,
  key: SessionKey,
  cursor: string,
): Promise<StoredEvent> {
  const at = parseCursor(cursor);
  if (!at) throw new RunlogError("invalid-input", "Invalid cursor");
  const stat = await store.stat(key);
  const isThere = stat?.logId === at.logId && at.offset > 0 && at.offset <= stat.end[at.log];
  if (!isThere || (await lastLineFeed(store, key, at, at.offset)) !== at.offset - 1)
    throw notFound();
  const end = at.offset - 1;
  return { at, start: (await lastLineFeed(store, key, at, end)) + 1, end };
}

/** The event's bytes as readers see them. */
export function readStoredEvent(
  store: LogStore,
  key: SessionKey,
  { at: { logId, log }, start, end }: StoredEvent,
): ChunkSource {
  const abort = new AbortController();
  const { signal } = abort;
  const reader = store.read(key, { logId, log, start, end, signal }).getReader();
  return {
    async next() {
      const { value, done } = await reader.read();
      return done ? null : value;
    },
    // a stopping server may end a stream at a boundary; here the only boundary is the end
    atBoundary: false,
    close() {
      abort.abort();
      reader.cancel().catch(() => {
        // the read ends by the signal; its error has no receiver
      });
    },
  };
}

/** The offset of the last LF before `end`, or -1. */
async function lastLineFeed(
  store: LogStore,
  key: SessionKey,
  { logId, log }: Cursor,
  end: number,
): Promise<number> {
  for (let to = end; to > 0; to -= STEP_BYTES) {
    const start = Math.max(0, to - STEP_BYTES);
    let found = -1;
    let offset = start;
    for await (const chunk of store.read(key, { logId, log, start, end: to })) {
      const at = chunk.lastIndexOf(LF);
      if (at !== -1) found = offset + at;
      offset += chunk.length;
    }
    if (found !== -1) return found;
  }
  return -1;
}

function notFound(): RunlogError {
  return new RunlogError("event-not-found", "Event not found");
}
