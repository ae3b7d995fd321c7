import { hasCode } from "../../src/ports/errors.ts";
import type { ObjectBucket } from "../../src/ports/object-bucket.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export interface PutOnce {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** Given to no other put of this key with other bytes: by it an earlier try is known again. */
  readonly tag: string;
  /** What is stored with the bytes. Default: nothing. */
  readonly notes?: string;
}

/**
 * Puts an object where there must be none, and finds out what became of it: "landed" by this try or
 * an earlier one, or "taken" by somebody else. A try without an answer may land at any later time,
 * so that giving up would leave the outcome open: then it is tried on until the store answers.
 * Rejects - with `store-busy` past the deadline, `store-failed` - only when nothing has landed and
 * nothing can land any more, or when the store is closed.
 */
export async function putOnce(
  { bucket, retry }: { readonly bucket: ObjectBucket; readonly retry: RetryPolicy },
  { key, bytes, ...about }: PutOnce,
): Promise<"landed" | "taken"> {
  const endMs = retry.deadline();
  const isOurs = async (): Promise<boolean> => {
    const found = await retry.until((signal) => bucket.head(key, { signal }));
    return found !== null && found.tag === about.tag && found.size === bytes.length;
  };
  let isOpen = false;
  for (let tries = 0; ; tries++) {
    try {
      const put = (signal: AbortSignal): Promise<boolean> =>
        bucket.putIfAbsent(key, bytes, { ...about, signal });
      if (await retry.attempt(put, { bytes: bytes.length })) return "landed";
      return (await isOurs()) ? "landed" : "taken";
    } catch (error) {
      if (hasCode(error, "store-unanswered")) isOpen = true;
      else if (!hasCode(error, "store-busy") && !(isOpen && hasCode(error, "store-failed")))
        throw error;
      if (!isOpen && retry.isOver(endMs)) {
        if (await isOurs()) return "landed";
        throw error;
      }
    }
    await retry.pause(tries);
  }
}
