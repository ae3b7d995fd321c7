import { parseConfig } from "../../config.ts";
import { type Archives } from "../../core/archive/archives.ts";
import { packsOf } from "../../core/archive/manifest.ts";
import { decodeStub } from "../../core/archive/stub.ts";
import { CompactLog } from "../../core/compaction/compact-log.ts";
import { isExactlyCompacted } from "../../core/compaction/verify-compacted.ts";
import { verifyLog } from "../../core/export/verify-log.ts";
import { withOverlay } from "../../core/legacy/overlay-store.ts";
import { openReadableLog } from "../../core/legacy/scan-marks.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { LogStat, SessionKey } from "../../ports/log-store.ts";
import { parseArgs } from "./arguments.ts";
import type { Command } from "./command.ts";
import { type Done, eachSession } from "./each-session.ts";
import { type Look, openArchives, openToLook, readTarget } from "./local.ts";
import { createReport, type Report } from "./report.ts";
import { nameOf, readSelection, select, SELECTION_HELP } from "./selection.ts";
import { bytesText } from "./units.ts";

const OPTIONS = {
  project: { type: "string" },
  archive: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** `runlog verify`. */
export const verifyCommand: Command = {
  name: "verify",
  summary: "read logs and archives whole, and say what is damaged",
  help: `Usage: runlog verify [<project>/<session> ...] [options]

Reads every log: all lines are whole and JSON objects, and the head is within the log. Condenses it once
more, and compares the condensed log with that. One that is cut off or damaged is no error, since
the server sees that and makes it again; one that it would take for whole, and that is not what condensing
makes, is. Reads every archive: it unpacks to the sizes and SHA-256 of its manifest. It takes no lock, repairs nothing and may
run beside a server.

${SELECTION_HELP}  --archive <url>           s3://<bucket>/<prefix> or file:<dir> (default RUNLOG_ARCHIVE_URL)
  --json                    one JSON object a session
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    const selection = readSelection(positionals, values);
    const report = createReport({ json: values.json });
    const config = parseConfig(process.env);
    const target =
      values.archive === undefined ? config.archive : readTarget("--archive", values.archive);
    const opened = await openArchives(target);
    const { archives } = opened;
    const look = await openToLook(config, archives);
    try {
      const keys = select(look.stored, selection, Date.now());
      return await eachSession(keys, report, (key) => verify(key, look, archives, report));
    } finally {
      await look.close();
      opened.close();
    }
  },
};

async function verify(
  key: SessionKey,
  { stored, readable }: Look,
  archives: Archives | null,
  report: Report,
): Promise<Done> {
  const stat = await readable.stat(key);
  const isStub = decodeStub((await stored.stat(key))?.head ?? null) !== null;
  if (!stat) throw new RunlogError("session-not-found", "The session is gone");
  const total = stat.end.raw;
  let doneBytes = 0;
  const findings = await verifyLog(readable, key, stat, (bytes) => {
    doneBytes += bytes;
    report.advance(nameOf(key), { phase: "log", doneBytes, totalBytes: total });
  });
  const { events, badLines, isWhole, isCheckpointWithin } = findings;
  if (badLines.length > 0)
    throw damaged(
      `Lines that are no JSON objects, at ${badLines.join(", ")}: the server leaves them out of what it shows`,
    );
  if (!isWhole) throw damaged("The last line is not whole");
  if (!isCheckpointWithin) throw damaged("The head stands for an offset behind the log's end");
  const compacted = await compactedOf(key, readable, stat);
  const manifest = (await archives?.find(key)) ?? null;
  if (manifest)
    await archives?.verify(manifest, {
      onProgress: (progress) => report.advance(nameOf(key), progress),
    });
  const where = isStub ? "archived" : manifest ? "here and archived" : "here";
  return {
    text: `ok, ${where}: ${events} events, ${bytesText(total)}, ${compacted.text}`,
    facts: {
      result: "ok",
      where,
      events,
      bytes: total,
      condensedBytes: compacted.bytes,
      archive: manifest && packsOf(manifest),
    },
  };
}

/**
 * How many bytes of the raw log its compacted log stands for; null for one that is not usable. Throws
 * `archive-damaged` for one that is used and wrong.
 */
async function compactedOf(
  key: SessionKey,
  reader: Look["readable"],
  stat: LogStat,
): Promise<{ readonly bytes: number | null; readonly text: string }> {
  if (stat.end.compact === 0) return { bytes: 0, text: "not condensed" };
  const position = await new CompactLog(key, reader).find(stat);
  if (!position) return { bytes: null, text: "its condensed log is not usable and is made again" };
  const store = withOverlay(reader);
  const readable = await openReadableLog(reader, key, stat);
  const { signal } = new AbortController();
  if (!(await isExactlyCompacted({ key, store, readable, signal }, position)))
    throw damaged(
      "The condensed log is not what condensing the log makes: stop the server and remove the session's compact.jsonl, and it is made again",
    );
  return { bytes: position.rawEnd, text: `${bytesText(position.rawEnd)} of it condensed` };
}

function damaged(message: string): RunlogError {
  return new RunlogError("archive-damaged", message);
}
