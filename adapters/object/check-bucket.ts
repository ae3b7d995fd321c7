import { RunlogError } from "../../src/ports/errors.ts";
import type { BucketAccess } from "./log-end.ts";

const WHOLE = new TextEncoder().encode("0123456789");
const RANGE = { start: 3, end: 7 };
const TAG = "trial";

/**
 * Checks, on objects of its own, that the bucket does everything that the store relies on: a put
 * with `If-None-Match` refuses a second one, tags are kept, a range is exact, lists are ordered and
 * begin where they are asked to, and a deleted object is gone. Rejects with `store-failed` for a
 * bucket that does not: two servers would overwrite each other's logs without noticing.
 */
export async function checkBucket(access: BucketAccess, id: string): Promise<void> {
  const { bucket, keys, retry } = access;
  // in no order, so that a store that lists by age is found out
  const names = ["c", "a", "d", "b"].map((name) => keys.trial(id, name));
  const [first = ""] = names;
  const remove = (): Promise<void> => retry.until((signal) => bucket.delete(names, { signal }));
  try {
    for (const name of names)
      await retry.until((signal) => bucket.put(name, WHOLE, { tag: TAG, signal }));
    await checkConditions(access, first);
    await checkRanges(access, first);
    await checkOrder(access, keys.trial(id, ""), names.toSorted());
  } catch (error) {
    await remove().catch(() => {
      // a few bytes stay
    });
    throw error;
  }
  await remove();
  if ((await list(access, keys.trial(id, ""))).length > 0)
    throw unfit("lists objects that were deleted: sessions would come back");
}

async function checkConditions({ bucket, retry }: BucketAccess, key: string): Promise<void> {
  const isPut = await retry.until((signal) => bucket.putIfAbsent(key, WHOLE, { signal }));
  if (isPut) throw unfit("ignores If-None-Match on PUT: servers would overwrite each other's logs");
  const found = await retry.until((signal) => bucket.head(key, { signal }));
  if (found?.tag !== TAG)
    throw unfit("does not keep metadata of objects: nobody would know who has a session");
}

async function checkRanges({ bucket, retry }: BucketAccess, key: string): Promise<void> {
  const part = await retry.until(async (signal) => {
    const found = await bucket.get(key, { ...RANGE, signal });
    return found && new Uint8Array(await new Response(found.bytes).arrayBuffer());
  });
  if (part?.join() !== WHOLE.subarray(RANGE.start, RANGE.end).join())
    throw unfit("ignores Range on GET: logs would be read from the wrong place");
}

async function checkOrder(
  access: BucketAccess,
  prefix: string,
  sorted: readonly string[],
): Promise<void> {
  const [, second = ""] = sorted;
  const listed = [...(await list(access, prefix)), ...(await list(access, prefix, second))];
  if (listed.join() !== sorted.join())
    throw unfit("does not list keys in their order: the end of a log would not be found");
}

/** The first two keys. */
function list(
  { bucket, retry }: BucketAccess,
  prefix: string,
  startAfter?: string,
): Promise<string[]> {
  return retry.until(async (signal) => {
    const options = { prefix, limit: 2, ...(startAfter !== undefined && { startAfter }), signal };
    return (await bucket.list(options)).objects.map(({ key }) => key);
  });
}

function unfit(what: string): RunlogError {
  return new RunlogError("store-failed", `The object store ${what}`, { isUnfit: true });
}
