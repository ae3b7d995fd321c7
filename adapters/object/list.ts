import { RunlogError } from "../../src/ports/errors.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import type { ListedLog, ListOptions, LogPage } from "../../src/ports/log-store.ts";
import { behindAll, type IncarnationLabel } from "./keys.ts";
import type { BucketAccess } from "./log-end.ts";
import { objectPages } from "./object-pages.ts";
import type { SessionNames } from "./session-names.ts";

const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 1000;
/** Documents that are read at once. */
const READ_AT_ONCE = 16;

/** The keys below `prefix`, a page of the bucket at a time. */
export async function* listKeys(
  access: Pick<BucketAccess, "bucket" | "retry">,
  prefix: string,
  after?: string,
): AsyncGenerator<string[]> {
  for await (const page of objectPages(access, prefix, after)) yield page.map(({ key }) => key);
}

/**
 * A page of the sessions, by the keys of their incarnations, and by their documents where those do
 * not say the name. `after` is the last session's label, so that it stays valid whatever comes or
 * goes.
 */
export async function listLogs(
  access: BucketAccess,
  names: SessionNames,
  options: ListOptions,
): Promise<LogPage> {
  const { limit = DEFAULT_LIMIT, project, after } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new RunlogError("invalid-input", `A page holds 1 to ${MAX_LIMIT} items`);
  const { keys } = access;
  const prefix = project === undefined ? keys.incarnations : keys.incarnationsOf(project);
  const found: IncarnationLabel[] = [];
  for await (const page of listKeys(access, prefix, behindOf(access, after)))
    for (const key of page) {
      const incarnation = keys.parseIncarnation(key);
      if (incarnation === null) continue;
      const last = found.at(-1);
      // of two incarnations of a session the later one counts: the other is on its way out
      const isSame = last?.project === incarnation.project && last.label === incarnation.label;
      if (isSame) found.pop();
      // one more than the limit shows that there is another page
      else if (found.length === limit && last)
        return { items: await named(names, found), next: `${last.project}/${last.label}` };
      found.push(incarnation);
    }
  return { items: await named(names, found), next: null };
}

function behindOf({ keys }: BucketAccess, after: string | undefined): string | undefined {
  if (after === undefined) return undefined;
  const [project, label, ...rest] = after.split("/");
  if (!project || !label || rest.length > 0)
    throw new RunlogError("invalid-input", "The page cursor is not one of this store");
  return behindAll(keys.incarnationsOf(project, label));
}

/** The sessions by their names. */
async function named(
  names: SessionNames,
  found: readonly IncarnationLabel[],
): Promise<readonly ListedLog[]> {
  const items: ListedLog[] = [];
  for (let from = 0; from < found.length; from += READ_AT_ONCE) {
    const some = found.slice(from, from + READ_AT_ONCE).map(async (incarnation) => {
      const { project, logId } = incarnation;
      const session = await names.of(incarnation);
      return { project, session, logId, createdAtMs: logIdTime(logId) };
    });
    items.push(...(await Promise.all(some)));
  }
  return items;
}
