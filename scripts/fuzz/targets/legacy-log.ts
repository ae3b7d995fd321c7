import * as fc from "fast-check";
import { createMemoryLogStore } from "../../../adapters/memory/index.ts";
import { OverlayRecords } from "../../../src/ports/edits.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { concatBytes } from "../../../src/stream/bytes/concat.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { anyBytes, event, jsonBytes, jsonWith } from "../inputs.ts";
import { logLines } from "../log-inputs.ts";
import { assertObjectLines } from "../object-lines.ts";
import { startFuzzServer } from "../server.ts";

const KEY = { project: "p1", session: "s1" };
const LINES = "/api/projects/p1/agentic-sessions/s1/export";
const LF = 10;

const encoder = new TextEncoder();
const encoded = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);
const timed = fc.record({
  type: fc.constant("X"),
  timestamp: jsonWith(["2024-01-01T00:00:00Z", "2024-02-30T00:00:00+01:00", "timestamp"]),
});

/** Files that an older system may have left: events, garbage, torn ends. */
const legacyFile = fc
  .array(
    fc.oneof(
      { weight: 2, arbitrary: logLines.map((lines) => encoded(lines.join("\r\n"))) },
      { weight: 4, arbitrary: jsonBytes(event) },
      { weight: 3, arbitrary: jsonBytes(timed) },
      { weight: 2, arbitrary: fc.constantFrom("", " ", "\r", "\r\r", "\ufeff").map(encoded) },
      { weight: 1, arbitrary: anyBytes },
    ),
    { maxLength: 12 },
  )
  .map((lines) => concatBytes(lines.flatMap((line) => [line, Uint8Array.of(LF)])));

/**
 * Whatever an older system left in a file, what is shown of it are JSON objects, a line each, none of
 * which ends early for a reader of event streams or has a time as text; and all of the file is kept.
 */
export const target: FuzzTarget = fuzzTarget("legacy-log", legacyFile, async (file) => {
  const store = createMemoryLogStore();
  const logId = await imported(store, file);
  const server = await startFuzzServer([], store);
  try {
    for (const view of ["", "?view=raw"]) await assertShown(await server.fetch(linesOf(view)));
    const kept = await keptOf(store, logId, file.length);
    if (Buffer.compare(kept, file) !== 0) throw new Error("the file was changed");
  } finally {
    await server.close();
  }
});

/** Stores the file as an import does; resolves with the log's id. */
async function imported(store: LogStore, file: Uint8Array): Promise<string> {
  const { logId } = await store.create(KEY);
  const records = new OverlayRecords();
  records.addMark({ isDone: false, isOwn: false, offset: 0, skippedLines: 0, visibleFrom: 0 });
  await store.append(KEY, records.take(), { logId, log: "edits", expectedEnd: 0 });
  if (file.length > 0) await store.append(KEY, file, { logId, expectedEnd: 0 });
  return logId;
}

function linesOf(view: string): Request {
  return new Request(`http://127.0.0.1${LINES}${view}`, {
    headers: { Accept: "application/x-ndjson" },
  });
}

async function assertShown(response: Response): Promise<void> {
  const text = await response.text();
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${text}`);
  assertObjectLines(text);
  if (text.includes("\r")) throw new Error("a line ends early");
  for (const line of text.split("\n").slice(0, -1)) {
    const { timestamp }: { timestamp?: unknown } = JSON.parse(line);
    if (typeof timestamp === "string") throw new Error(`a time as text: ${line}`);
  }
}

/** The first bytes of the raw log, as they are stored. */
async function keptOf(store: LogStore, logId: string, end: number): Promise<Uint8Array> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of store.read(KEY, { logId, end })) pieces.push(piece.slice());
  return concatBytes(pieces);
}
