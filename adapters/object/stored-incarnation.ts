import {
  LOG_NAMES,
  type LogName,
  type LogNote,
  type SessionKey,
} from "../../src/ports/log-store.ts";
import { labelOf } from "../../src/stream/text/dns-label.ts";
import type { IncarnationName } from "./keys.ts";
import { listFolders } from "./listed-folders.ts";
import { type BucketAccess, findLogEnd, type LogEnd, logEndIn } from "./log-end.ts";
import { allObjects } from "./object-pages.ts";
import { mergedNotes } from "./session-notes.ts";
import { readValuesIn, type StoredValues, versionIn } from "./values.ts";

/** An incarnation of a session as it is stored in the bucket. */
export interface StoredIncarnation {
  readonly name: IncarnationName;
  readonly logs: Readonly<Record<LogName, LogEnd>>;
  readonly values: StoredValues;
  readonly notes: readonly LogNote[];
}

/** The current incarnation of the session, or null; one that is being deleted counts. */
export async function findIncarnation(
  access: BucketAccess,
  { project, session }: SessionKey,
): Promise<IncarnationName | null> {
  const { keys } = access;
  const objects = await allObjects(access, keys.incarnationsOf(project, labelOf(session)));
  const newest = objects.at(-1);
  const found = newest && keys.parseIncarnation(newest.key);
  return found ? { project, session, epoch: found.epoch, logId: found.logId } : null;
}

/** What is stored of an incarnation. */
export async function loadIncarnation(
  access: BucketAccess,
  name: IncarnationName,
): Promise<StoredIncarnation> {
  const { keys } = access;
  const { logId } = name;
  for (;;) {
    const folder = await listFolders(access, keys.incarnationFolder(name, logId));
    const endOf = async (log: LogName): Promise<LogEnd> =>
      logEndIn(folder(keys.logFolder(name, logId, log))) ?? findLogEnd(access, name, logId, log);
    const valuesFolder = keys.valuesFolder(name, logId);
    const [values, ...ends] = await Promise.all([
      readValuesIn(access, valuesFolder, folder(valuesFolder)),
      ...LOG_NAMES.map(async (log) => [log, await endOf(log)] as const),
    ]);
    const logs = logsOf(ends);
    const notes = await findNotes(access, logs.raw, values);
    if (notes !== null) return { name, logs, values, notes };
  }
}

/**
 * The notes by their value and by the last object of the raw log, which only a log is asked for that has
 * had a note. Null if they have changed since they were listed.
 */
async function findNotes(
  { bucket, keys, retry }: BucketAccess,
  { end, latest, closed }: LogEnd,
  { notes: content, storedAt }: StoredValues,
): Promise<readonly LogNote[] | null> {
  const version = storedAt.notes === undefined ? null : versionIn(keys, storedAt.notes);
  if (content === null || version === null || closed) return [];
  const last = latest.find((segment) => segment.end === end);
  if (last === undefined) return mergedNotes({ content, version }, "");
  const found = await retry.until((signal) => bucket.head(last.key, { signal }));
  return found && mergedNotes({ content, version }, found.notes ?? "");
}

const NO_VALUES: StoredValues = {
  head: null,
  document: null,
  notes: null,
  storedAt: { head: undefined, document: undefined, notes: undefined },
  old: [],
};

/** An incarnation of which only the name is stored. */
export function emptyIncarnation(name: IncarnationName): StoredIncarnation {
  const logs = LOG_NAMES.map((log) => [log, { end: 0, closed: false, latest: [] }] as const);
  return { name, logs: logsOf(logs), values: NO_VALUES, notes: [] };
}

/** Whether the incarnation was ended by a delete, whatever of it is still there. */
export function isOver({ logs }: StoredIncarnation): boolean {
  return logs.raw.closed;
}

/** The ends alone, as `LogStat` has them. */
export function endsOf(
  logs: Readonly<Record<LogName, { readonly end: number }>>,
): Record<LogName, number> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- LOG_NAMES holds every name
  return Object.fromEntries(LOG_NAMES.map((log) => [log, logs[log].end])) as Record<
    LogName,
    number
  >;
}

function logsOf(entries: readonly (readonly [LogName, LogEnd])[]): Record<LogName, LogEnd> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made from LOG_NAMES
  return Object.fromEntries(entries) as Record<LogName, LogEnd>;
}
