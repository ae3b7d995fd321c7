import { parseConfig } from "../../config.ts";
import { type ExitCode, UsageError } from "../exit.ts";
import { parseArgs } from "./arguments.ts";
import type { Command } from "./command.ts";
import { type Done, eachSession } from "./each-session.ts";
import { openAlone, readTarget } from "./local.ts";
import { createRemote } from "./remote.ts";
import { createReport, type Report } from "./report.ts";
import { nameOf, readSelection, select, type Selection, SELECTION_HELP } from "./selection.ts";
import { durationText } from "./units.ts";

const OPTIONS = {
  project: { type: "string" },
  from: { type: "string" },
  server: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** `runlog restore`. */
export const restoreCommand: Command = {
  name: "restore",
  summary: "bring archived sessions back",
  help: `Usage: runlog restore [<project>/<session> ...] [options]

Brings the bytes of archived sessions back into the store, verified, under the ids that they had: old
cursors hold. Archives of sessions that the store knows nothing of are restored as well. A session whose
bytes are here is left alone. The archive stays.

${SELECTION_HELP}  --from <url>              s3://<bucket>/<prefix> or file:<dir> (default RUNLOG_ARCHIVE_URL)
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
    if (values.server !== undefined) {
      if (values.from !== undefined)
        throw new UsageError(
          "--from and --server exclude each other: the server has its own archive",
        );
      return restoreRemotely(values.server, selection, report);
    }
    const target = values.from === undefined ? config.archive : readTarget("--from", values.from);
    if (!target) throw new UsageError("Say where the archive is: --from or RUNLOG_ARCHIVE_URL");
    const alone = await openAlone(config, target);
    try {
      await alone.store.makeMissingStubs();
      const keys = select(alone.store, selection, Date.now());
      return await eachSession(keys, report, async (key) => {
        const startedAtMs = Date.now();
        const { logId } = await alone.store.restore(key, {
          onProgress: (progress) => report.advance(nameOf(key), progress),
        });
        return restored(logId, Date.now() - startedAtMs);
      });
    } finally {
      await alone.closeAll();
    }
  },
};

function restoreRemotely(server: string, selection: Selection, report: Report): Promise<ExitCode> {
  const remote = createRemote(server, process.env["RUNLOG_TOKEN"] ?? "");
  return eachSession(remote.select(selection, Date.now()), report, async (key) => {
    const startedAtMs = Date.now();
    return restored(await remote.restore(key), Date.now() - startedAtMs);
  });
}

function restored(logId: string, ms: number): Done {
  return { text: `is here, in ${durationText(ms)}`, facts: { result: "restored", logId } };
}
