import type { LogName, LogReader, SessionKey } from "../../ports/log-store.ts";
import { JsonArrayJoiner } from "../../stream/json/json-array.ts";
import { type Chunks, generatedSource } from "../../stream/sse/generated-source.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import type { CompactPosition } from "../compaction/compact-log.ts";
import { EventSpans } from "../compaction/event-spans.ts";
import type { LegacyImports } from "../legacy/legacy-imports.ts";
import { wellFormedLines } from "../legacy/legacy-messages.ts";
import type { ByteRange } from "../model/byte-range.ts";
import type { ReadableLog } from "../log/readable-log.ts";

export interface ExportOptions {
  readonly store: Pick<LogReader, "stat" | "read">;
  readonly legacyImports: Pick<LegacyImports, "messages">;
  readonly key: SessionKey;
  /** The log at the time of the request, or null if the session has none. */
  readonly readable: ReadableLog | null;
  /**
   * How far the log is compacted, for an export of the compacted view; null for one of the raw log.
   */
  readonly compacted: CompactPosition | null;
  /** Epoch ms. */
  readonly nowMs: number;
}

/** Bytes of all events of an export, one event a line. */
export function exportLength(options: ExportOptions): number {
  const bytes = partsOf(options).reduce((sum, { start, end }) => sum + end - start, 0);
  return bytes - (options.compacted?.trailerBytes ?? 0);
}

/** The events as readers see them, one a line, up to the end in `readable`. */
export function exportLines(options: ExportOptions): ChunkSource {
  return generatedSource((signal) => visibleEvents(options, signal));
}

/**
 * One JSON document (PROTOCOL 6.1): the events as members of an array, then the lines of the older
 * format that came with an imported log; streamed. A failure on the way breaks the stream off, so
 * an export that ends is complete.
 */
export function exportDocument(options: ExportOptions): ChunkSource {
  return generatedSource((signal) => documentParts(options, signal));
}

/** Pieces of text are joined to chunks of so many characters. */
const TEXT_CHUNK_CHARS = 16 * 1024;

/** An export that comes as pieces of text, which may be many, short and empty. */
export function exportText(pieces: AsyncGenerator<string>): ChunkSource {
  return generatedSource((signal) => encodedChunks(pieces, signal));
}

async function* encodedChunks(pieces: AsyncGenerator<string>, signal: AbortSignal): Chunks {
  const encoder = new TextEncoder();
  let text = "";
  for await (const piece of pieces) {
    signal.throwIfAborted();
    text += piece;
    if (text.length < TEXT_CHUNK_CHARS) continue;
    yield encoder.encode(text);
    text = "";
  }
  if (text !== "") yield encoder.encode(text);
}

async function* documentParts(options: ExportOptions, signal: AbortSignal): Chunks {
  const { legacyImports, key, readable, nowMs } = options;
  const encoder = new TextEncoder();
  const head = JSON.stringify({
    sessionId: key.session,
    projectName: key.project,
    exportDate: new Date(nowMs).toISOString(),
  });
  yield encoder.encode(`${head.slice(0, -1)},"aguiEvents":[`);
  const joiner = new JsonArrayJoiner(exportLength(options));
  for await (const chunk of visibleEvents(options, signal)) yield joiner.push(chunk);
  const messages = readable && (await legacyImports.messages(key, readable.stat.logId));
  if (messages) {
    yield encoder.encode(`],"legacyMessages":[`);
    yield* wellFormedLines(messages);
  }
  yield encoder.encode(`],"hasLegacy":${messages !== null}}`);
}

/** A range of one of the logs. */
interface Part extends ByteRange {
  readonly log: LogName;
}

function partsOf({ readable, compacted }: ExportOptions): Part[] {
  const parts: Part[] = [];
  if (compacted) parts.push({ log: "compact", start: compacted.start, end: compacted.end });
  if (readable) {
    const start = Math.max(compacted?.rawEnd ?? 0, readable.from);
    parts.push({ log: "raw", start, end: readable.stat.end.raw });
  }
  return parts.filter(({ start, end }) => start < end);
}

async function* visibleEvents(options: ExportOptions, signal: AbortSignal): Chunks {
  const { store, key, readable } = options;
  for (const part of partsOf(options)) {
    const range = { ...part, logId: readable?.stat.logId ?? "", signal };
    const reader = store.read(key, range).getReader();
    const events = part.log === "compact" ? new EventSpans(part.start) : null;
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const spans = events?.push(value) ?? [{ bytes: value }];
        for (const { bytes } of spans) yield bytes;
      }
    } finally {
      await reader.cancel().catch(() => {
        // the read ended by the signal; its error has no receiver
      });
    }
  }
}
