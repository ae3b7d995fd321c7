import type { LogName, LogStat, LogStore, SessionKey } from "../ports/log-store.ts";
import { JsonArrayJoiner } from "../stream/json-array.ts";
import type { ChunkSource } from "../stream/paced-stream.ts";
import type { CompactPosition } from "./compaction/compact-log.ts";
import { EventStretches } from "./compaction/event-stretches.ts";

export interface ExportOptions {
  readonly store: LogStore;
  readonly key: SessionKey;
  /** The log as it was when the export was asked for, or null if the session has none. */
  readonly stat: LogStat | null;
  /** How far the log is condensed, for an export of the condensed view; null for one of the raw log. */
  readonly condensed: CompactPosition | null;
  /** Epoch ms. */
  readonly nowMs: number;
}

/** Bytes of all events of an export, one event a line. */
export function exportLength({ stat, condensed }: ExportOptions): number {
  if (!stat) return 0;
  if (!condensed) return stat.end.raw;
  const { start, end, trailerBytes, rawEnd } = condensed;
  return end - start - trailerBytes + stat.end.raw - rawEnd;
}

/** The events' bytes as they are, one event a line, up to the end in `stat`. */
export function exportLines(options: ExportOptions): ChunkSource {
  return streamOf(options, (chunk) => chunk);
}

/**
 * One JSON document (contract 2.7): the events as members of an array, streamed. A failure on the
 * way breaks the stream off, so what ends is always whole.
 */
export function exportDocument(options: ExportOptions): ChunkSource {
  const { key, nowMs } = options;
  const head = JSON.stringify({
    sessionId: key.session,
    projectName: key.project,
    exportDate: new Date(nowMs).toISOString(),
  });
  const encoder = new TextEncoder();
  const before = encoder.encode(`${head.slice(0, -1)},"aguiEvents":[`);
  const behind = encoder.encode(`],"hasLegacy":false}`);
  const joiner = new JsonArrayJoiner(exportLength(options));
  return streamOf(options, (chunk) => joiner.push(chunk), before, behind);
}

/** A range of one of the logs. */
interface Part {
  readonly log: LogName;
  readonly start: number;
  readonly end: number;
}

function partsOf({ stat, condensed }: ExportOptions): Part[] {
  const parts: Part[] = [];
  if (condensed) parts.push({ log: "compact", start: condensed.start, end: condensed.end });
  if (stat) parts.push({ log: "raw", start: condensed?.rawEnd ?? 0, end: stat.end.raw });
  return parts.filter(({ start, end }) => start < end);
}

function streamOf(
  options: ExportOptions,
  convert: (chunk: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
  before: Uint8Array<ArrayBuffer> | null = null,
  behind: Uint8Array<ArrayBuffer> | null = null,
): ChunkSource {
  const abort = new AbortController();
  const pieces = piecesOf();

  async function* piecesOf(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const { store, key, stat } = options;
    if (before) yield before;
    for (const part of partsOf(options)) {
      const range = { ...part, logId: stat?.logId ?? "", signal: abort.signal };
      const reader = store.read(key, range).getReader();
      const events = part.log === "compact" ? new EventStretches(part.start) : null;
      try {
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          const stretches = events?.push(value) ?? [{ bytes: value }];
          for (const { bytes } of stretches) yield convert(bytes);
        }
      } finally {
        await reader.cancel().catch(() => {
          // the read ended by the signal; its error has nobody to go to
        });
      }
    }
    if (behind) yield behind;
  }

  return {
    async next() {
      const { value } = await pieces.next();
      return value ?? null;
    },
    // a server that stops may end a stream at a boundary; here only the end is one
    atBoundary: false,
    close() {
      // first the signal: a generator that waits for a read returns only when that ends
      abort.abort();
      pieces.return().catch(() => {
        // as above
      });
    },
  };
}
