import { isLabel } from "../../src/ports/label.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { ListedLog, ListOptions, LogPage } from "../../src/ports/log-store.ts";
import { diskError } from "./errors.ts";
import type { Layout } from "./layout.ts";
import { namesIn, newestLogId } from "./recovery.ts";

const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 1000;

/** A page of the sessions on disk, ordered by project, then session. `after` is the last name. */
export async function listLogs(layout: Layout, options: ListOptions = {}): Promise<LogPage> {
  const { limit = DEFAULT_LIMIT, project, after } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new RunlogError("invalid-input", `A page holds 1 to ${MAX_LIMIT} items`);
  const [afterProject = "", afterSession = ""] = after?.split("/") ?? [];
  const items: ListedLog[] = [];
  for (const name of project === undefined ? await namesIn(layout.projects) : [project]) {
    if (name < afterProject || !isLabel(name)) continue;
    for (const session of await namesIn(layout.project(name))) {
      if (name === afterProject && session <= afterSession) continue;
      const key = { project: name, session };
      const logId = isLabel(session) ? await newestLogId(layout, key).catch(orNone) : null;
      if (logId === null) continue;
      const last = items.at(-1);
      // one more than asked for tells that there is another page
      if (items.length === limit && last) return { items, next: `${last.project}/${last.session}` };
      items.push({ ...key, logId, createdAtMs: logIdTime(logId) });
    }
  }
  return { items, next: null };
}

/** One directory that cannot be read does not keep the others from being listed. */
function orNone(error: unknown): null {
  const failure = diskError(error);
  if (failure.code === "store-failed") return null;
  throw failure;
}
