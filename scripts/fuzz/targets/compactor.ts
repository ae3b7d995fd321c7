import { createMemoryLogStore } from "../../../adapters/memory/index.ts";
import { CompactLog } from "../../../src/core/compaction/compact-log.ts";
import { compactSession } from "../../../src/core/compaction/compact-session.ts";
import { BlockCompactor } from "../../../src/core/compaction/block-compactor.ts";
import { SeenIds } from "../../../src/core/compaction/seen-ids.ts";
import { EventSpans } from "../../../src/core/compaction/event-spans.ts";
import { createLogId } from "../../../src/ports/log-id.ts";
import type { LogName, LogStat, LogStore } from "../../../src/ports/log-store.ts";
import { concatBytes } from "../../../src/stream/bytes/concat.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { type CutBytes, cutBytes, piecesOf } from "../inputs.ts";
import { bytesOfLines, logLines } from "../log-inputs.ts";
import { assertObjectLines } from "../object-lines.ts";

const KEY = { project: "p", session: "s" };
const LOG_ID = createLogId(0);

/**
 * Whatever events a log holds, compacting gives JSON objects, and the same ones however their bytes
 * come; what it stores is the same each time, and without its trailers is nothing but such objects.
 */
export const target: FuzzTarget = fuzzTarget(
  "compactor",
  cutBytes(logLines.map(bytesOfLines)),
  async (input) => {
    const cut = compacted(input);
    assertObjectLines(cut);
    if (cut !== compacted({ ...input, sizes: [Math.max(1, input.bytes.length)] }))
      throw new Error(`differs by how it was cut: ${cut}`);
    const stored = await storedFor(input.bytes);
    assertObjectLines(stored.events);
    if (stored.whole !== (await storedFor(input.bytes)).whole)
      throw new Error(`differs from one time to the next: ${stored.whole}`);
  },
);

function compacted(input: CutBytes): string {
  const out: Uint8Array<ArrayBuffer>[] = [];
  const blockCompactor = new BlockCompactor((bytes) => out.push(bytes.slice()), new SeenIds());
  for (const piece of piecesOf(input)) blockCompactor.push(piece);
  blockCompactor.finish();
  return textOf(out);
}

/** The compact log of a session with these bytes, and what readers take for its events. */
async function storedFor(
  bytes: Uint8Array,
): Promise<{ readonly whole: string; readonly events: string }> {
  const store = createMemoryLogStore();
  await store.create(KEY, { logId: LOG_ID });
  await store.append(KEY, bytes, { logId: LOG_ID, expectedEnd: 0 });
  const { signal } = new AbortController();
  const readable = { stat: await statOf(store), from: 0 };
  await compactSession({ key: KEY, store, log: new CompactLog(KEY, store), readable, signal });
  const found = await new CompactLog(KEY, store).find(await statOf(store));
  const pieces = await readWhole(store, "compact");
  if (found === null && pieces.length > 0) throw new Error(`not found again: ${textOf(pieces)}`);
  const spans = new EventSpans(0);
  const events = pieces.flatMap((piece) => spans.push(piece));
  return { whole: textOf(pieces), events: textOf(events.map((span) => span.bytes)) };
}

async function statOf(store: LogStore): Promise<LogStat> {
  const stat = await store.stat(KEY);
  if (stat === null) throw new Error("there is no log");
  return stat;
}

async function readWhole(store: LogStore, log: LogName): Promise<Uint8Array<ArrayBuffer>[]> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of store.read(KEY, { logId: LOG_ID, log })) pieces.push(piece.slice());
  return pieces;
}

function textOf(pieces: readonly Uint8Array<ArrayBuffer>[]): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
    concatBytes([...pieces]),
  );
}
