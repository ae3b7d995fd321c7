import { MAX_DELETED_KEYS } from "../../src/ports/object-bucket.ts";
import type { IncarnationName } from "./keys.ts";
import { listKeys } from "./list.ts";
import type { BucketAccess } from "./log-end.ts";
import { marksOf } from "./marks.ts";

/**
 * Removes an incarnation that was ended (`OwnedSession.end`), its name and what closes its raw log last:
 * until then it is found to be over, and a removal that broke off is begun again.
 */
export async function removeIncarnation(
  access: BucketAccess,
  incarnation: IncarnationName,
): Promise<void> {
  const { bucket, keys, retry } = access;
  for await (const marks of marksOf(access, incarnation)) await deleteAll(access, marks);
  const folder = keys.incarnationFolder(incarnation, incarnation.logId);
  const raw = keys.logFolder(incarnation, incarnation.logId, "raw");
  const page = await retry.until((signal) => bucket.list({ prefix: raw, limit: 1, signal }));
  const closing = page.objects.map(({ key }) => key);
  for await (const names of listKeys(access, folder))
    await deleteAll(
      access,
      names.filter((name) => !closing.includes(name)),
    );
  await deleteAll(access, [keys.incarnation(incarnation)]);
  await deleteAll(access, closing);
}

async function deleteAll(
  { bucket, retry }: Pick<BucketAccess, "bucket" | "retry">,
  keys: readonly string[],
): Promise<void> {
  for (let from = 0; from < keys.length; from += MAX_DELETED_KEYS) {
    const some = keys.slice(from, from + MAX_DELETED_KEYS);
    await retry.until((signal) => bucket.delete(some, { signal }));
  }
}
