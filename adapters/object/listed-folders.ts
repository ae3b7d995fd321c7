import type { ListedObject } from "../../src/ports/object-bucket.ts";
import type { BucketAccess } from "./log-end.ts";

/** The first objects of a folder. */
export interface ListedFolder {
  readonly objects: readonly ListedObject[];
  /** Whether these are not all of them. */
  readonly more: boolean;
}

/**
 * Lists the folders that lie in `prefix`, as far as one page goes, which is all of them unless there are a
 * thousand objects. Most stores charge a listing as ten reads, and a session has nine folders.
 */
export async function listFolders(
  { bucket, retry }: Pick<BucketAccess, "bucket" | "retry">,
  prefix: string,
): Promise<(folder: string) => ListedFolder> {
  const { objects, more } = await retry.until((signal) => bucket.list({ prefix, signal }));
  const last = objects.at(-1)?.key ?? "";
  return (folder) => ({
    objects: objects.filter(({ key }) => key.startsWith(folder)),
    more: more && (last < folder || last.startsWith(folder)),
  });
}
