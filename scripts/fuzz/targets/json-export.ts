import * as fc from "fast-check";
import { createMemoryLogStore } from "../../../adapters/memory/index.ts";
import { createLocalDirectory } from "../../../adapters/local/index.ts";
import {
  createLegacyImports,
  type LegacyImports,
} from "../../../src/core/legacy/legacy-imports.ts";
import { systemClock } from "../../../src/entry/system-clock.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { exportDocument, exportLines } from "../../../src/core/export/export.ts";
import { concatBytes } from "../../../src/stream/bytes/concat.ts";
import type { ChunkSource } from "../../../src/stream/sse/paced-stream.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { event } from "../inputs.ts";

const silent = { info() {}, warn() {}, error() {} };
const KEY = { project: "p", session: "s" };

/** Whatever events a log holds, its export is one JSON document that holds the same, verbatim. */
export const target: FuzzTarget = fuzzTarget(
  "json-export",
  fc.array(event, { maxLength: 30 }),
  async (events) => {
    const store = createMemoryLogStore();
    const { logId } = await store.create(KEY);
    const lines = events.map((value) => `${JSON.stringify({ value })}\n`);
    let expectedEnd = 0;
    for (const line of lines)
      expectedEnd = await store.append(KEY, new TextEncoder().encode(line), { logId, expectedEnd });
    const stat = await store.stat(KEY);
    const readable = stat && { stat, from: 0, skippedLines: null };
    const options = {
      store,
      legacyImports: noLegacyLogs(store),
      key: KEY,
      readable,
      compacted: null,
      nowMs: 0,
    };
    if ((await textOf(exportLines(options))) !== lines.join(""))
      throw new Error("the lines are not those of the log");
    const text = await textOf(exportDocument(options));
    JSON.parse(text);
    const inside = lines.map((line) => line.trimEnd()).join(",");
    if (!text.endsWith(`"aguiEvents":[${inside}],"hasLegacy":false}`))
      throw new Error(`the document does not hold them: ${text}`);
  },
);

function noLegacyLogs(store: LogStore): LegacyImports {
  const directory = createLocalDirectory({ store, runnerUrl: "http://runner.invalid/" });
  return createLegacyImports({ store, directory, clock: systemClock, logger: silent });
}

async function textOf(source: ChunkSource): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let chunk = await source.next(); chunk !== null; chunk = await source.next())
    chunks.push(chunk.slice());
  source.close();
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(concatBytes(chunks));
}
