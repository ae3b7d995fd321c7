import { RunlogError } from "../../src/ports/errors.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import type { ListedLog, ListOptions, LogPage } from "../../src/ports/log-store.ts";
import { behindAll } from "./keys.ts";
import type { BucketAccess } from "./log-end.ts";

const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 1000;

/** The keys below `prefix`, a page of the bucket at a time. */
export async function* listKeys(
  { bucket, retry }: Pick<BucketAccess, "bucket" | "retry">,
  prefix: string,
  after?: string,
): AsyncGenerator<string[]> {
  let startAfter = after ?? prefix;
  for (;;) {
    const options = { prefix, startAfter };
    const page = await retry.until((signal) => bucket.list({ ...options, signal }));
    yield page.objects.map(({ key }) => key);
    const last = page.objects.at(-1);
    if (!page.more || last === undefined) return;
    startAfter = last.key;
  }
}

/**
 * A page of the sessions, by the keys of their incarnations alone. `after` is the last session's
 * name, so that it stays valid whatever comes or goes.
 */
export async function listLogs(access: BucketAccess, options: ListOptions): Promise<LogPage> {
  const { limit = DEFAULT_LIMIT, project, after } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new RunlogError("invalid-input", `A page holds 1 to ${MAX_LIMIT} items`);
  const { keys } = access;
  const prefix = project === undefined ? keys.incarnations : keys.incarnationsOf(project);
  const items: ListedLog[] = [];
  for await (const page of listKeys(access, prefix, behindOf(access, after)))
    for (const name of page) {
      const incarnation = keys.parseIncarnation(name);
      if (incarnation === null) continue;
      const { logId, session } = incarnation;
      const item = { project: incarnation.project, session, logId, createdAtMs: logIdTime(logId) };
      const last = items.at(-1);
      // of two incarnations of a session the later one counts: the other is on its way out
      const isSame = last?.project === item.project && last.session === session;
      if (isSame) items.pop();
      // one more than the limit shows that there is another page
      else if (items.length === limit && last)
        return { items, next: `${last.project}/${last.session}` };
      items.push(item);
    }
  return { items, next: null };
}

function behindOf({ keys }: BucketAccess, after: string | undefined): string | undefined {
  if (after === undefined) return undefined;
  const [project, session, ...rest] = after.split("/");
  if (!project || !session || rest.length > 0)
    throw new RunlogError("invalid-input", "The page cursor is not one of this store");
  return behindAll(keys.incarnationsOf(project, session));
}
