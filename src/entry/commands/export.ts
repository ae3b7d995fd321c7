import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { dirname, join } from "node:path";
import { throwDiskError } from "../../../adapters/disk/errors.ts";
import { makeDirectory } from "../../../adapters/disk/sync-directory.ts";
import { pipeline } from "node:stream/promises";
import { parseConfig } from "../../config.ts";
import { exportDocument, exportLines } from "../../core/export/export.ts";
import { exportMarkdown } from "../../core/export/export-markdown.ts";
import { withOverlay } from "../../core/legacy/overlay-store.ts";
import { openReadableLog } from "../../core/legacy/scan-marks.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { ChunkSource } from "../../stream/sse/paced-stream.ts";
import { labelOf } from "../../stream/text/dns-label.ts";
import { EXIT, UsageError } from "../exit.ts";
import { parseArgs } from "./arguments.ts";
import type { Command } from "./command.ts";
import { eachSession } from "./each-session.ts";
import { type Look, openArchives, openToLook } from "./local.ts";
import { createReport } from "./report.ts";
import { readSelection, select, SELECTION_HELP } from "./selection.ts";
import { bytesText } from "./units.ts";

const EXTENSIONS = { json: "json", ndjson: "ndjson", markdown: "md" } as const;
type Format = keyof typeof EXTENSIONS;

const OPTIONS = {
  project: { type: "string" },
  format: { type: "string", default: "json" },
  output: { type: "string", short: "o" },
  json: { type: "boolean", default: false },
} as const;

/** `runlog export`. */
export const exportCommand: Command = {
  name: "export",
  summary: "write sessions to files or to the output",
  help: `Usage: runlog export [<project>/<session> ...] [options]

Writes one session to the output, or any number into a directory as <project>/<session>.<extension>,
the session by the label of its name (PROTOCOL 1.4).
It takes no lock and may run beside a server; archived sessions are read from RUNLOG_ARCHIVE_URL.

${SELECTION_HELP}  --format <format>         json (one document, as GET .../export answers), ndjson (the stored
                            bytes) or markdown (the conversation); default json
  -o, --output <directory>  needed for more than one session
  --json                    with --output: one JSON object a session
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    const { output } = values;
    const format = readFormat(values.format);
    const selection = readSelection(positionals, values);
    const config = parseConfig(process.env);
    const opened = await openArchives(config.archive);
    const look = await openToLook(config, opened.archives);
    try {
      const reader = look.readable;
      const keys = select(reader, selection, Date.now());
      if (output !== undefined)
        return await eachSession(keys, createReport({ json: values.json }), async (key) => {
          const path = join(output, key.project, `${labelOf(key.session)}.${EXTENSIONS[format]}`);
          const bytes = await writeFile(path, chunksOf(look, key, format));
          return {
            text: `exported ${bytesText(bytes)} to ${path}`,
            facts: { result: "exported", path, bytes },
          };
        });
      const [only, ...more] = selection.keys;
      if (!only || more.length > 0)
        throw new UsageError("Name one session, or a directory for all of them: --output");
      for await (const key of keys) await print(chunksOf(look, key, format));
      return EXIT.done;
    } finally {
      await look.close();
      opened.close();
    }
  },
};

function readFormat(text: string): Format {
  if (text === "json" || text === "ndjson" || text === "markdown") return text;
  throw new UsageError(`--format is json, ndjson or markdown, not "${text}"`);
}

/** A session in a format, piece by piece. */
async function* chunksOf(
  { readable: reader }: Look,
  key: SessionKey,
  format: Format,
): AsyncGenerator<Uint8Array | string> {
  const stat = await reader.stat(key);
  if (!stat) throw new RunlogError("session-not-found", "The session is gone");
  const readable = await openReadableLog(reader, key, stat);
  const store = withOverlay(reader);
  const options = {
    store,
    legacyImports: reader,
    key,
    readable,
    compacted: null,
    nowMs: Date.now(),
  };
  if (format === "markdown") yield* exportMarkdown(store, key, readable);
  else yield* fromSource(format === "json" ? exportDocument(options) : exportLines(options));
}

async function* fromSource(source: ChunkSource): AsyncGenerator<Uint8Array> {
  try {
    for (let chunk = await source.next(); chunk; chunk = await source.next()) yield chunk;
  } finally {
    source.close();
  }
}

async function writeFile(
  path: string,
  chunks: AsyncIterable<Uint8Array | string>,
): Promise<number> {
  await makeDirectory(dirname(path), { durable: false }).catch(throwDiskError);
  const file = createWriteStream(path);
  await pipeline(chunks, file);
  return file.bytesWritten;
}

/** Writes as fast as the output takes it; what ends the output ends the process (`guardOutput`). */
async function print(chunks: AsyncIterable<Uint8Array | string>): Promise<void> {
  for await (const chunk of chunks)
    if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
}
