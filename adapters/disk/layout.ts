import { createHash } from "node:crypto";
import { join } from "node:path";
import type { LogName, SessionKey } from "../../src/ports/log-store.ts";
import { labelOf } from "../../src/stream/text/dns-label.ts";

/** Version of what lies on disk; another one is refused at start. */
export const FORMAT = 1;

/**
 * Where everything lies below a store's directory (see `index.ts` for what each is). Sessions go by
 * the labels of their names.
 */
export interface Layout {
  readonly dir: string;
  readonly formatFile: string;
  readonly lockFile: string;
  readonly projects: string;
  readonly openRuns: string;
  readonly trash: string;
  project(project: string): string;
  session(key: SessionKey): string;
  log(key: SessionKey, logId: string): string;
  /** Where an older system kept what it had of the session. */
  legacySession(session: string): string;
  mark(key: SessionKey, runId: string): string;
  /** The body of a run that waits. */
  runBody(key: SessionKey, logId: string, runId: string): string;
}

/** Where each log of a session lies in the directory of its log id. */
export const LOG_FILES: Readonly<Record<LogName, string>> = {
  raw: "raw.jsonl",
  compact: "compact.jsonl",
  edits: "edits.txt",
  runs: "runs.txt",
  keyframes: "keyframes.txt",
  times: "times.txt",
};

/** Whether a log can be made again from the others. */
export function isDerived(log: LogName): boolean {
  return log === "compact" || log === "runs" || log === "keyframes";
}

export const HEAD_FILE = "head.json";
export const DOCUMENT_FILE = "document.json";
export const NOTES_FILE = "notes.txt";
/**
 * There while the log may have bytes that the device has not. First line: the boot id of the machine;
 * second: up to where the device has the raw log for sure (nothing there: not known).
 */
export const UNCLEAN_FILE = "unclean";
/** After the name of a log that is being made with values. */
export const UNFINISHED = ".new";
/** After the name of a log that is being removed where it is. */
export const DOOMED = ".gone";

export function layoutOf(dir: string): Layout {
  const projects = join(dir, "projects");
  const openRuns = join(dir, "open-runs");
  const session = (key: SessionKey): string => join(projects, key.project, labelOf(key.session));
  return {
    dir,
    formatFile: join(dir, "runlog.json"),
    lockFile: join(dir, "lock.db"),
    projects,
    openRuns,
    trash: join(dir, "trash"),
    project: (project) => join(projects, project),
    session,
    log: (key, logId) => join(session(key), logId),
    legacySession: (name) => join(dir, "sessions", labelOf(name)),
    runBody: (key, logId, runId) => join(session(key), logId, `run-${hashOf(runId)}.body`),
    mark: (key, runId) => join(openRuns, `${markPrefix(key)}${hashOf(runId)}.json`),
  };
}

/** How the marks of a session begin; a dot is in no label. */
export function markPrefix({ project, session }: SessionKey): string {
  return `${project}.${labelOf(session)}.`;
}

/** A run id is any text of a client: no name of a file. */
function hashOf(runId: string): string {
  return createHash("sha256").update(runId).digest("hex").slice(0, 32);
}
