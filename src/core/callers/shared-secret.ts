import type { Clock } from "../../ports/clock.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { ObjectBucket } from "../../ports/object-bucket.ts";
import { createRetryingBucket } from "../archive/retrying-bucket.ts";

/** Where the processes that serve the same sessions find the secret that they share. */
export interface SecretPlace {
  readonly bucket: ObjectBucket;
  /** The object's key. */
  readonly key: string;
}

const SECRET_BYTES = 32;

/**
 * The secret of a place: 32 random bytes, which the first process that asks puts there. Who can read the place
 * knows it. Throws what the bucket throws, and `store-failed` for an object that is no such secret.
 */
export function sharedSecret(
  { bucket, key }: SecretPlace,
  clock: Clock,
): () => Promise<Uint8Array<ArrayBuffer>> {
  const retrying = createRetryingBucket({ place: "the object store", ...bucket }, clock);
  return async () => {
    const found = await retrying.read(key);
    if (found) return secretOf(found, key);
    const made = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
    // of processes that start at once one puts its own, and all read that
    await retrying.retry((signal) => bucket.putIfAbsent(key, made, { signal }));
    return secretOf((await retrying.read(key)) ?? new Uint8Array(), key);
  };
}

function secretOf(bytes: Uint8Array, key: string): Uint8Array<ArrayBuffer> {
  if (bytes.length === SECRET_BYTES) return new Uint8Array(bytes);
  throw new RunlogError(
    "store-failed",
    `${key} is not a secret of ${SECRET_BYTES} bytes; delete it and a new one is made`,
  );
}
