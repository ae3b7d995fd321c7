import type { ListedObject } from "../../src/ports/object-bucket.ts";
import type { BucketAccess } from "./log-end.ts";

/** The objects below `prefix`, a page of the bucket at a time; a page may hold few although there are more. */
export async function* objectPages(
  { bucket, retry }: Pick<BucketAccess, "bucket" | "retry">,
  prefix: string,
  after: string = prefix,
): AsyncGenerator<readonly ListedObject[]> {
  for (let startAfter = after; ;) {
    const options = { prefix, startAfter };
    const { objects, more } = await retry.until((signal) => bucket.list({ ...options, signal }));
    yield objects;
    const last = objects.at(-1);
    if (!more || last === undefined) return;
    startAfter = last.key;
  }
}

/** All of them. */
export async function allObjects(
  access: Pick<BucketAccess, "bucket" | "retry">,
  prefix: string,
): Promise<readonly ListedObject[]> {
  const all: ListedObject[] = [];
  for await (const page of objectPages(access, prefix)) all.push(...page);
  return all;
}
