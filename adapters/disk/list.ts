import { join } from "node:path";
import { isLabel } from "../../src/ports/label.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { ListedLog, ListOptions, LogPage } from "../../src/ports/log-store.ts";
import { nameInDocument } from "../../src/ports/naming-document.ts";
import { labelOf, textOfLabel } from "../../src/stream/text/dns-label.ts";
import { diskError } from "./errors.ts";
import type { Layout } from "./layout.ts";
import { namesIn, newestLogIdIn } from "./recovery.ts";
import { readDocument } from "./values.ts";

const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 1000;
/** Directories that are read at once. */
const AT_ONCE = 32;

/** The sessions of a project after the last one on a page, sorted. */
interface Rest {
  readonly project: string;
  readonly after: string;
  readonly labels: readonly string[];
  /** When the names were read, by a count of such reads. */
  readonly read: number;
}

/** Lists the sessions on disk. */
export type Lister = (options?: ListOptions) => Promise<LogPage>;

/**
 * Makes what gives pages of the sessions on disk, ordered by project, then by the session's label;
 * `after` is the last of them. The labels after a page are kept for the next one, so that a listing
 * reads a project's directory once and not for each page. What comes meanwhile may be missing on
 * it: no listing promises more.
 */
export function createLister(layout: Layout): Lister {
  let rest: Rest | null = null;
  let reads = 0;

  async function labelsAfter(project: string, after: string): Promise<Rest> {
    if (rest?.project === project && rest.after === after) return rest;
    const read = ++reads;
    const labels = (await namesIn(layout.project(project))).filter(isLabel);
    const first = after === "" ? 0 : labels.findIndex((label) => label > after);
    return { project, after, labels: first === -1 ? [] : labels.slice(first), read };
  }

  /** Keeps what a listing has to go on with; older labels would be too old for a younger listing. */
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
    const [afterProject = "", afterLabel = ""] = after?.split("/") ?? [];
    const items: ListedLog[] = [];
    let last = "";
    for (const name of project === undefined ? await namesIn(layout.projects) : [project]) {
      if (name < afterProject || !isLabel(name)) continue;
      const found = await labelsAfter(name, name === afterProject ? afterLabel : "");
      for (let at = 0; at < found.labels.length;) {
        // one more than the limit shows that there is another page
        const length = Math.min(AT_ONCE, limit + 1 - items.length);
        const labels = found.labels.slice(at, at + length);
        for (const [index, item] of (await listed(layout, name, labels)).entries()) {
          if (!item) continue;
          if (items.length === limit) {
            const [lastProject, lastLabel = ""] = last.split("/");
            if (lastProject === name)
              keep({ ...found, after: lastLabel, labels: found.labels.slice(at + index) });
            return { items, next: last };
          }
          items.push(item);
          last = `${name}/${labels[index]}`;
        }
        at += labels.length;
      }
      done(name);
    }
    return { items, next: null };
  };
}

function listed(
  layout: Layout,
  project: string,
  labels: readonly string[],
): Promise<(ListedLog | null)[]> {
  return Promise.all(labels.map((label) => listedLog(layout, project, label).catch(orNone)));
}

async function listedLog(
  layout: Layout,
  project: string,
  label: string,
): Promise<ListedLog | null> {
  const dir = join(layout.project(project), label);
  const logId = await newestLogIdIn(dir);
  if (logId === null) return null;
  const session = textOfLabel(label) ?? (await hashedName(label, join(dir, logId)));
  return { project, session, logId, createdAtMs: logIdTime(logId) };
}

/** The name that the document says; the label where that is damaged: the session is still there. */
async function hashedName(label: string, dir: string): Promise<string> {
  const name = nameInDocument(await readDocument(dir));
  return name !== null && labelOf(name) === label ? name : label;
}

/** One directory that cannot be read does not keep the others from being listed. */
function orNone(error: unknown): null {
  const failure = diskError(error);
  if (failure.code === "store-failed") return null;
  throw failure;
}
