import { RunlogError } from "../../ports/errors.ts";
import type { LegacyLogs } from "../../ports/legacy-logs.ts";
import type { LogReader, LogStat, ReadOptions, SessionKey } from "../../ports/log-store.ts";
import { rangeWithin } from "../../ports/log-values.ts";
import { lazyStream } from "../../stream/bytes/lazy-stream.ts";
import type { ByteRange } from "../model/byte-range.ts";
import type { Archives } from "./archives.ts";
import type { Manifest } from "./manifest.ts";
import type { PackName } from "./manifest.ts";
import { asIfNew, decodeStub } from "./stub.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** Reads logs, and the messages in an older format that came with them, wherever they are. */
export interface ArchivedReader extends LogReader, Pick<LegacyLogs, "messages"> {}

/**
 * A LogReader over one that holds archived sessions as stubs: they look as they were, with the same
 * ids, ends and bytes. Lists come from `store` alone, and so do stats, unless a stub had no room
 * for the head; the bytes of an archived log come from the archive. Without `archives`, reading
 * those is refused with `archive-not-configured`. `legacy` has the messages of sessions that are
 * not archived; null if there are none.
 */
export function createArchivedReader(
  store: LogReader,
  archives: Archives | null,
  legacy: Pick<LegacyLogs, "messages"> | null,
): ArchivedReader {
  async function open(key: SessionKey, options: ReadOptions): Promise<ReadableStream<Chunk>> {
    const stat = await store.stat(key);
    const stub = decodeStub(stat?.head ?? null);
    if (stub?.logId !== options.logId) return store.read(key, options);
    const { log = "raw" } = options;
    const range = rangeWithin(stub.end[log], options);
    const manifest = await manifestOf(archives, key, stub.logId);
    return openPack(manifest, { log, ...range }, options.signal);
  }

  function openPack(
    manifest: Manifest,
    range: ByteRange & { readonly log: PackName },
    signal?: AbortSignal,
  ): ReadableStream<Chunk> {
    const abort = new AbortController();
    const chunks = needArchives(archives).read(manifest, { ...range, signal: abort.signal });
    return streamOf(chunks, abort, signal);
  }

  return {
    async stat(key) {
      const stat = await store.stat(key);
      return stat && shown(stat, key);
    },
    read: (key, options) => lazyStream(() => open(key, options)),
    list: (options) => store.list(options),
    async messages(key, logId) {
      const stored = await legacy?.messages(key, logId);
      if (stored) return stored;
      // in this order: they may be released meanwhile
      const stub = decodeStub((await store.stat(key))?.head ?? null);
      if (stub?.logId !== logId) return null;
      const manifest = await manifestOf(archives, key, logId);
      const { messages } = manifest;
      return messages && openPack(manifest, { log: "messages", start: 0, end: messages.bytes });
    },
  };

  async function shown(stat: LogStat, key: SessionKey): Promise<LogStat> {
    const stub = decodeStub(stat.head);
    if (!stub) return asIfNew(stat);
    const { logId, end, notes } = stub;
    const head =
      stub.head === "in-archive" ? (await manifestOf(archives, key, logId)).head : stub.head;
    return { ...stat, logId, end, head, notes };
  }
}

/** Returns `archives`; throws `archive-not-configured` for null. */
export function needArchives(archives: Archives | null): Archives {
  if (archives) return archives;
  throw new RunlogError("archive-not-configured", "No archive is configured");
}

/** The manifest of an archived session. Throws `archive-damaged` if it is missing. */
export async function manifestOf(
  archives: Archives | null,
  key: SessionKey,
  logId: string,
): Promise<Manifest> {
  const manifest = await needArchives(archives).find(key);
  if (manifest?.logId === logId) return manifest;
  throw new RunlogError("archive-damaged", "The session's archive is not there");
}

/** The chunks as a byte stream, which releases what they hold however it ends. */
function streamOf(
  chunks: AsyncGenerator<Chunk>,
  abort: AbortController,
  signal: AbortSignal | undefined,
): ReadableStream<Chunk> {
  const stop = (): void => {
    signal?.removeEventListener("abort", stop);
    abort.abort(signal?.reason);
    void chunks.return(undefined).catch(() => {});
  };
  signal?.addEventListener("abort", stop);
  return new ReadableStream(
    {
      type: "bytes",
      async pull(controller: ReadableByteStreamController) {
        signal?.throwIfAborted();
        const { value, done } = await chunks.next();
        signal?.throwIfAborted();
        if (!done) return controller.enqueue(value);
        stop();
        controller.close();
        controller.byobRequest?.respond(0);
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  );
}
