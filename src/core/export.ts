import type { LogReader, LogStat, SessionKey } from "../ports/log-store.ts";
import { JsonArrayJoiner } from "../stream/json-array.ts";
import type { ChunkSource } from "../stream/paced-stream.ts";

export interface ExportOptions {
  readonly store: Pick<LogReader, "read">;
  readonly key: SessionKey;
  /** The log as it was when the export was asked for, or null if the session has none. */
  readonly stat: LogStat | null;
  /** Epoch ms. */
  readonly nowMs: number;
}

/** The log's bytes as they are, one event a line, up to the end in `stat`. */
export function exportLines(options: ExportOptions): ChunkSource {
  return streamOf(options, (chunk) => chunk);
}

/**
 * One JSON document (contract 2.7): the stored events verbatim as members of an array, streamed.
 * A failure on the way breaks the stream off, so what ends is always whole.
 */
export function exportDocument(options: ExportOptions): ChunkSource {
  const { key, stat, nowMs } = options;
  const head = JSON.stringify({
    sessionId: key.session,
    projectName: key.project,
    exportDate: new Date(nowMs).toISOString(),
  });
  const encoder = new TextEncoder();
  const before = encoder.encode(`${head.slice(0, -1)},"aguiEvents":[`);
  const behind = encoder.encode(`],"hasLegacy":false}`);
  const joiner = new JsonArrayJoiner(stat?.end.raw ?? 0);
  return streamOf(options, (chunk) => joiner.push(chunk), before, behind);
}

function streamOf(
  { store, key, stat }: ExportOptions,
  convert: (chunk: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
  before: Uint8Array<ArrayBuffer> | null = null,
  behind: Uint8Array<ArrayBuffer> | null = null,
): ChunkSource {
  const abort = new AbortController();
  const parts = [before, stat && stat.end.raw > 0 ? stat : null, behind];
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | null = null;

  async function next(): Promise<Uint8Array<ArrayBuffer> | null> {
    while (parts.length > 0 || reader) {
      if (reader) {
        const { value, done } = await reader.read();
        if (!done) return convert(value);
        reader = null;
        continue;
      }
      const part = parts.shift() ?? null;
      if (part instanceof Uint8Array) return part;
      if (part === null) continue;
      const { logId, end } = part;
      reader = store.read(key, { logId, end: end.raw, signal: abort.signal }).getReader();
    }
    return null;
  }

  return {
    next,
    // a server that stops may end a stream at a boundary; here only the end is one
    atBoundary: false,
    close() {
      abort.abort();
      reader?.cancel().catch(() => {
        // the read ends by the signal; its error has nobody to go to
      });
    },
  };
}
