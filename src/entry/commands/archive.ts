import type { ArchiveConfig } from "../../config/storage.ts";
import { type Config, parseConfig } from "../../config.ts";
import { type ArchiveSummary, summaryOf } from "../../core/lifecycle/archive-session.ts";
import { openReadableLog } from "../../core/legacy/scan-marks.ts";
import { type ExitCode, UsageError } from "../exit.ts";
import { parseArgs } from "./arguments.ts";
import type { Command } from "./command.ts";
import { type Done, eachSession } from "./each-session.ts";
import { openAlone, readTarget } from "./local.ts";
import { createRemote } from "./remote.ts";
import { createReport, type Report } from "./report.ts";
import { nameOf, readSelection, select, type Selection, SELECTION_HELP } from "./selection.ts";
import { bytesText, durationText } from "./units.ts";

const OPTIONS = {
  project: { type: "string" },
  "older-than": { type: "string" },
  to: { type: "string" },
  "delete-local": { type: "boolean", default: false },
  server: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** `runlog archive`. */
export const archiveCommand: Command = {
  name: "archive",
  summary: "copy finished sessions to object storage, verified",
  help: `Usage: runlog archive [<project>/<session> ...] [options]

Writes every log of a session, gzip-packed, and a manifest with their sizes and SHA-256 to the archive;
reads it back and compares before anything else happens. What an interrupted archiving has
written is found again. A session with an open run is passed over, and an older system's log that
no server has shown yet.

${SELECTION_HELP}  --older-than <time>       only sessions that were made so long ago: 30d, 12h, 8w
  --to <url>                s3://<bucket>/<prefix> or file:<dir> (default RUNLOG_ARCHIVE_URL)
  --delete-local            give up the local bytes of what was verified; the session stays listed
                            and is read from the archive as before
  --server <url>            have a running server do it, with its own RUNLOG_ARCHIVE_URL; needed
                            while one uses the directory. RUNLOG_TOKEN is sent as bearer token
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
    const deleteLocal = values["delete-local"];
    if (values.server !== undefined) {
      if (values.to !== undefined)
        throw new UsageError(
          "--to and --server exclude each other: the server has its own archive",
        );
      return archiveRemotely(values.server, selection, deleteLocal, report);
    }
    const target = targetOf(config, values.to, deleteLocal);
    return archiveAlone(config, target, { selection, deleteLocal, report });
  },
};

function targetOf(config: Config, to: string | undefined, deleteLocal: boolean): ArchiveConfig {
  const target = to === undefined ? config.archive : readTarget("--to", to);
  if (!target) throw new UsageError("Say where to archive: --to or RUNLOG_ARCHIVE_URL");
  if (deleteLocal && config.archive && !isConfigured(config, target))
    throw new UsageError(
      "--delete-local leaves sessions to RUNLOG_ARCHIVE_URL, and --to names another place",
    );
  return target;
}

/** Whether a server of this store would read its archived sessions there. */
function isConfigured({ archive }: Config, target: ArchiveConfig): boolean {
  return JSON.stringify(archive) === JSON.stringify(target);
}

interface ArchiveJob {
  readonly selection: Selection;
  readonly deleteLocal: boolean;
  readonly report: Report;
}

async function archiveAlone(
  config: Config,
  target: ArchiveConfig,
  { selection, deleteLocal, report }: ArchiveJob,
): Promise<ExitCode> {
  const alone = await openAlone(config, target);
  try {
    // as a server does when it starts: a process that was killed while it released bytes has left
    // no stub
    if (isConfigured(config, target)) await alone.store.makeMissingStubs();
    const keys = select(alone.store, selection, Date.now());
    return await eachSession(keys, report, async (key) => {
      const startedAtMs = Date.now();
      const stat = await alone.store.stat(key);
      // the first reader of an imported log writes to it, which would bring its bytes back
      if (stat) await openReadableLog(alone.store, key, stat);
      const manifest = await alone.store.archive(key, {
        deleteLocal,
        onProgress: (progress) => report.advance(nameOf(key), progress),
      });
      return archived(summaryOf(manifest), Date.now() - startedAtMs);
    });
  } finally {
    await alone.closeAll();
  }
}

function archiveRemotely(
  server: string,
  selection: Selection,
  deleteLocal: boolean,
  report: Report,
): Promise<ExitCode> {
  const remote = createRemote(server, process.env["RUNLOG_TOKEN"] ?? "");
  return eachSession(remote.select(selection, Date.now()), report, async (key) => {
    const startedAtMs = Date.now();
    const summary = await remote.archive(key, { deleteLocal });
    return archived(summary, Date.now() - startedAtMs);
  });
}

function archived(summary: ArchiveSummary, ms: number): Done {
  const sum = (of: "bytes" | "storedBytes"): number =>
    summary.logs.reduce((total, log) => total + log[of], 0);
  return {
    text: `archived ${bytesText(sum("bytes"))} as ${bytesText(sum("storedBytes"))} in ${durationText(ms)}`,
    facts: { result: "archived", ...summary },
  };
}
