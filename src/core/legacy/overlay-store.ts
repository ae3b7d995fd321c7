import { RunlogError } from "../../ports/errors.ts";
import type { LogReader, LogStore, ReadOptions, SessionKey } from "../../ports/log-store.ts";
import { ownershipOf } from "../../ports/session-owner.ts";
import { bufferOf, lazyStream } from "../../stream/bytes/lazy-stream.ts";
import { BoundedMap } from "../../stream/sync/bounded-map.ts";
import { OverlayReader } from "./overlay-reader.ts";
import { hasOverlay, isImported, readMark } from "./scan-marks.ts";

/**
 * A LogStore over `store` whose raw logs are read as clients may see them: with the overlay of an
 * imported or a damaged log applied. All else, and every offset, is as in `store`. An imported log
 * must have been scanned (`Session.load`): reads of it fail before that (decision 029).
 */
export function createOverlayStore(store: LogStore): LogStore {
  const { stat, read } = withOverlay(store);
  return {
    changes: store.changes,
    ...ownershipOf(store),
    stat,
    read,
    list: (options) => store.list(options),
    create: (key, options) => store.create(key, options),
    append: (key, bytes, options) => store.append(key, bytes, options),
    dropNote: (key, logId, noteKey) => store.dropNote(key, logId, noteKey),
    document: (key, logId) => store.document(key, logId),
    setHead: (key, logId, head) => store.setHead(key, logId, head),
    setDocument: (key, logId, document) => store.setDocument(key, logId, document),
    markOpen: (key, logId, runId, data) => store.markOpen(key, logId, runId, data),
    clearOpen: (key, logId, runId) => store.clearOpen(key, logId, runId),
    openRuns: (key, options) => store.openRuns(key, options),
    putRunBody: (key, logId, runId, body) => store.putRunBody(key, logId, runId, body),
    runBody: (key, logId, runId) => store.runBody(key, logId, runId),
    removeRunBody: (key, logId, runId) => store.removeRunBody(key, logId, runId),
    delete: (key) => store.delete(key),
    check: () => store.check(),
    close: () => store.close(),
  };
}

type Reader = Pick<LogReader, "stat" | "read">;

/** Most logs that are remembered to have no overlay; others cost their readers one more `stat`. */
const MAX_PLAIN = 10_000;

/** As `createOverlayStore`, for what is only read. */
export function withOverlay(reader: Reader): Reader {
  /** Ids of logs without an overlay: a log is made with it or never has one. */
  const plain = new BoundedMap<string, true>(MAX_PLAIN);
  const noting: Reader = {
    read: (key, range) => reader.read(key, range),
    async stat(key) {
      const stat = await reader.stat(key);
      if (stat && stat.end.raw > 0 && !isImported(stat)) plain.set(stat.logId, true);
      return stat;
    },
  };
  return {
    stat: noting.stat,

    read(key, range) {
      const isRaw = range.log === undefined || range.log === "raw";
      if (!isRaw || plain.has(range.logId)) return reader.read(key, range);
      // a viewer whose server does not have the session asks for it here alone
      return lazyStream(() => openRaw(noting, key, range));
    },
  };
}

async function openRaw(
  reader: Reader,
  key: SessionKey,
  range: ReadOptions,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const stat = await reader.stat(key);
  // the read itself reports whatever is wrong with the log
  if (stat?.logId !== range.logId || !(await hasOverlay(reader, key, stat)))
    return reader.read(key, range);
  const mark = await readMark(reader, key, stat);
  if (!mark.isDone) throw new RunlogError("internal", "An old log is read before its time");
  const { start = 0, end = stat.end.raw, signal } = range;
  if (start >= mark.offset) return reader.read(key, range);
  const edits = await OverlayReader.open(reader, key, {
    logId: stat.logId,
    edits: stat.end.edits,
    start,
    ...(signal && { signal }),
  });
  const raw = reader.read(key, { ...range, end }).getReader({ mode: "byob" });
  return editedStream(raw, edits, { start, end });
}

function editedStream(
  raw: ReadableStreamBYOBReader,
  edits: OverlayReader,
  { start, end }: { readonly start: number; readonly end: number },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let position = start;

  async function pull(controller: ReadableByteStreamController): Promise<void> {
    const request = controller.byobRequest;
    // the reader's own memory goes down to the store and comes back filled
    const { value, done } = await raw.read(bufferOf(request));
    if (done) throw new RunlogError("store-failed", "A read came back short");
    await edits.apply(value, position);
    position += value.length;
    if (request) request.respondWithNewView(value);
    else controller.enqueue(value);
    if (position < end) return;
    controller.close();
    await edits.cancel();
  }

  return new ReadableStream(
    {
      type: "bytes",
      start(controller) {
        if (position === end) controller.close();
      },
      pull,
      async cancel(reason) {
        await Promise.all([raw.cancel(reason), edits.cancel()]);
      },
    },
    { highWaterMark: 0 },
  );
}
