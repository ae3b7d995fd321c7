import { RunlogError } from "../../src/ports/errors.ts";
import type { BucketAccess } from "./log-end.ts";
import { readWhole } from "./read-whole.ts";

/** Version of what lies in the bucket; another one is refused. */
const FORMAT = 1;

/**
 * Checks that the bucket can be read and written and has a format that this version understands.
 * Rejects with `store-format`, and with the bucket's errors.
 */
export async function checkFormat({ bucket, keys, retry }: BucketAccess): Promise<void> {
  const text = await retry.until(async (signal) => {
    const found = await bucket.get(keys.format, { signal });
    if (!found) return null;
    const bytes = await readWhole(found).catch((cause: unknown) => {
      const place = bucket.place ?? "the object store";
      const problem = `What answers as ${place} does not give ${keys.format} whole: is its address right?`;
      throw new RunlogError("store-unanswered", problem, { cause });
    });
    return new TextDecoder().decode(bytes);
  });
  if (text === null) {
    const bytes = new TextEncoder().encode(`{"format":${FORMAT}}\n`);
    await retry.until((signal) => bucket.putIfAbsent(keys.format, bytes, { signal }));
    return;
  }
  if (formatOf(text) !== FORMAT)
    throw new RunlogError("store-format", "The bucket was written by another version of runlog");
}

function formatOf(text: string): unknown {
  try {
    const { format }: { format?: unknown } = JSON.parse(text);
    return format;
  } catch {
    return null;
  }
}
