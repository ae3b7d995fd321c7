import { isLabel } from "../../src/ports/label.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { ListedLog, ListOptions, LogPage } from "../../src/ports/log-store.ts";
import { diskError } from "./errors.ts";
import type { Layout } from "./layout.ts";
import { namesIn, newestLogId } from "./recovery.ts";

const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 1000;
/** Directories that are read at once. */
const AT_ONCE = 32;

/** The sessions of a project after the last one on a page, sorted. */
interface Rest {
  readonly project: string;
  readonly after: string;
  readonly names: readonly string[];
  /** When the names were read, by a count of such reads. */
  readonly read: number;
}

/** Lists the sessions on disk. */
export type Lister = (options?: ListOptions) => Promise<LogPage>;

/**
 * Makes what gives pages of the sessions on disk, ordered by project, then session; `after` is the
 * last name. The names after a page are kept for the next one, so that a listing reads a project's
 * directory once and not for each page. What comes meanwhile may be missing on it: no listing
 * promises more.
 */
export function createLister(layout: Layout): Lister {
  let rest: Rest | null = null;
  let reads = 0;

  async function namesAfter(project: string, after: string): Promise<Rest> {
    if (rest?.project === project && rest.after === after) return rest;
    const read = ++reads;
    const names = await namesIn(layout.project(project));
    const first = after === "" ? 0 : names.findIndex((name) => name > after);
    return { project, after, names: first === -1 ? [] : names.slice(first), read };
  }

  /** Keeps what a listing has to go on with; older names would be too old for a younger listing. */
  function keep(next: Rest): void {
    if (rest === null || next.read >= rest.read) rest = next;
  }

  function done(project: string): void {
    if (rest?.project === project) rest = null;
  }

  return async (options = {}) => {
    const { limit = DEFAULT_LIMIT, project, after } = options;
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
      throw new RunlogError("invalid-input", `A page holds 1 to ${MAX_LIMIT} items`);
    const [afterProject = "", afterSession = ""] = after?.split("/") ?? [];
    const items: ListedLog[] = [];
    for (const name of project === undefined ? await namesIn(layout.projects) : [project]) {
      if (name < afterProject || !isLabel(name)) continue;
      const found = await namesAfter(name, name === afterProject ? afterSession : "");
      for (let at = 0; at < found.names.length;) {
        // one more than the limit shows that there is another page
        const length = Math.min(AT_ONCE, limit + 1 - items.length);
        const names = found.names.slice(at, at + length);
        for (const item of await listed(layout, name, names)) if (item) items.push(item);
        at += names.length;
        if (items.length <= limit) continue;
        items.pop();
        const last = items.at(-1);
        const isHere = last?.project === name;
        if (isHere) {
          const left = found.names.slice(found.names.lastIndexOf(last.session, at) + 1);
          keep({ ...found, after: last.session, names: left });
        }
        return { items, next: `${last?.project}/${last?.session}` };
      }
      done(name);
    }
    return { items, next: null };
  };
}

function listed(
  layout: Layout,
  project: string,
  names: readonly string[],
): Promise<(ListedLog | null)[]> {
  return Promise.all(
    names.map(async (session) => {
      const key = { project, session };
      const logId = isLabel(session) ? await newestLogId(layout, key).catch(orNone) : null;
      return logId === null ? null : { ...key, logId, createdAtMs: logIdTime(logId) };
    }),
  );
}

/** One directory that cannot be read does not keep the others from being listed. */
function orNone(error: unknown): null {
  const failure = diskError(error);
  if (failure.code === "store-failed") return null;
  throw failure;
}
