import type { LogStore, SessionKey } from "../ports/log-store.ts";
import { JsonArrayJoiner } from "../stream/json-array.ts";
import type { ChunkSource } from "../stream/paced-stream.ts";
import type { OldLogs } from "./legacy/old-logs.ts";
import { wellFormedLines } from "./legacy/old-messages.ts";
import { readShown } from "./legacy/read-shown.ts";
import type { ShownLog } from "./session.ts";

export interface ExportOptions {
  readonly store: LogStore;
  readonly oldLogs: OldLogs;
  readonly key: SessionKey;
  /** The log as it was when the export was asked for, or null if the session has none. */
  readonly shown: ShownLog | null;
  /** Epoch ms. */
  readonly nowMs: number;
}

type Chunks = AsyncGenerator<Uint8Array<ArrayBuffer>>;

/** Bytes that `exportLines` gives. */
export function exportedBytes(shown: ShownLog | null): number {
  return shown ? shown.stat.end.raw - shown.from : 0;
}

/** The events as readers see them, one a line, up to the end in `shown`. */
export function exportLines(options: ExportOptions): ChunkSource {
  return sourceOf((signal) => shownEvents(options, signal));
}

/**
 * One JSON document (contract 2.7): the events as members of an array, verbatim, then the lines of the
 * older format that came with an adopted log; streamed. A failure on the way breaks the stream off, so
 * what ends is always whole.
 */
export function exportDocument(options: ExportOptions): ChunkSource {
  return sourceOf((signal) => documentParts(options, signal));
}

async function* documentParts(options: ExportOptions, signal: AbortSignal): Chunks {
  const { oldLogs, key, shown, nowMs } = options;
  const encoder = new TextEncoder();
  const head = JSON.stringify({
    sessionId: key.session,
    projectName: key.project,
    exportDate: new Date(nowMs).toISOString(),
  });
  yield encoder.encode(`${head.slice(0, -1)},"aguiEvents":[`);
  const joiner = new JsonArrayJoiner(exportedBytes(shown));
  for await (const chunk of shownEvents(options, signal)) yield joiner.push(chunk);
  const messages = shown && (await oldLogs.messages(key, shown.stat.logId));
  if (messages) {
    yield encoder.encode(`],"legacyMessages":[`);
    yield* wellFormedLines(messages);
  }
  yield encoder.encode(`],"hasLegacy":${messages !== null}}`);
}

async function* shownEvents({ store, key, shown }: ExportOptions, signal: AbortSignal): Chunks {
  if (exportedBytes(shown) === 0 || shown === null) return;
  const { logId, end } = shown.stat;
  const range = { logId, start: shown.from, end: end.raw, signal };
  const reader = (await readShown(store, key, range)).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

function sourceOf(start: (signal: AbortSignal) => Chunks): ChunkSource {
  const abort = new AbortController();
  const chunks = start(abort.signal);
  return {
    async next() {
      const { value, done } = await chunks.next();
      return done ? null : value;
    },
    // a server that stops may end a stream at a boundary; here only the end is one
    atBoundary: false,
    close() {
      // in this order: the read that a generator waits for ends by the signal alone
      abort.abort();
      chunks.return(undefined).catch(() => {
        // the read ends by the signal; its error has nobody to go to
      });
    },
  };
}
