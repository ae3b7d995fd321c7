import { projectName, sessionKey } from "../../core/model/names.ts";
import { RunlogError } from "../../ports/errors.ts";
import { listedLogs } from "../../ports/listed-logs.ts";
import type { LogReader, SessionKey } from "../../ports/log-store.ts";
import { UsageError } from "../exit.ts";

/** Which sessions a command is for. */
export interface Selection {
  /** Named ones; none means all that the rest allows. */
  readonly keys: readonly SessionKey[];
  readonly project: string | null;
  /** Only those that were made so long ago, ms. */
  readonly olderThanMs: number | null;
}

interface SelectionValues {
  readonly project?: string | undefined;
  readonly "older-than"?: string | undefined;
}

/** How sessions are chosen, for the help texts. */
export const SELECTION_HELP = `  <project>/<session> ...   these sessions (default: all)
  --project <project>       those of a project
`;

const PAGE = 500;
const UNIT_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** The selection that arguments ask for. Throws UsageError. */
export function readSelection(names: readonly string[], values: SelectionValues): Selection {
  const { project, "older-than": olderThan } = values;
  if (names.length > 0 && (project !== undefined || olderThan !== undefined))
    throw new UsageError("Name sessions, or choose them by --project and --older-than: not both");
  return {
    keys: names.map(readKey),
    project: project === undefined ? null : readProject(project),
    olderThanMs: olderThan === undefined ? null : readAge(olderThan),
  };
}

/** The sessions of a store that are selected. Throws `session-not-found` for a named one. */
export async function* select(
  reader: LogReader,
  { keys, project, olderThanMs }: Selection,
  nowMs: number,
): AsyncGenerator<SessionKey> {
  for (const key of keys) {
    if (!(await reader.stat(key)))
      throw new RunlogError("session-not-found", `There is no session ${nameOf(key)}`);
    yield key;
  }
  if (keys.length > 0) return;
  for await (const log of listedLogs(reader, { limit: PAGE, ...(project !== null && { project }) }))
    if (olderThanMs === null || nowMs - log.createdAtMs >= olderThanMs)
      yield { project: log.project, session: log.session };
}

export function nameOf({ project, session }: SessionKey): string {
  return `${project}/${session}`;
}

/** The project of that name. Throws UsageError. */
export function readProject(name: string): string {
  return named(name, () => projectName(name));
}

/** The session that a name stands for, `<project>/<session>`. Throws UsageError. */
export function readKey(name: string): SessionKey {
  const [project = "", session = "", ...rest] = name.split("/");
  if (rest.length > 0 || session === "")
    throw new UsageError(`A session is named <project>/<session>, not "${name}"`);
  return named(name, () => sessionKey(project, session));
}

function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new UsageError(`"${name}" is no name of a project or session`);
  }
}

function readAge(text: string): number {
  const [, number, unit = ""] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  if (number === undefined || unitMs === undefined)
    throw new UsageError(`--older-than is a time such as 30d or 12h, not "${text}"`);
  return Number(number) * unitMs;
}
