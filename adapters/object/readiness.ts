import type { Clock } from "../../src/ports/clock.ts";
import { checkBucket } from "./check-bucket.ts";
import { checkFormat } from "./format.ts";
import type { BucketAccess } from "./log-end.ts";

export interface ReadinessOptions {
  readonly access: BucketAccess;
  readonly clock: Clock;
  /** Of this process, so that others that start at once try the bucket on other objects. */
  readonly id: string;
}

/** Each try is a put, which costs money, and probes ask every few seconds. */
const BETWEEN_MS = 30_000;
/** One that failed is tried again sooner: somebody waits for it. */
const AFTER_FAILURE_MS = 2_000;

/**
 * Checks whether the store can work; rejects with what is wrong. Once: the format, and the bucket's
 * abilities, which do not change. Then whether the bucket takes an object: one attempt, not
 * repeated, since a probe comes again. Calls while one is under way, or shortly after, share its
 * result.
 */
export function createReadiness({ access, clock, id }: ReadinessOptions): () => Promise<void> {
  const { bucket, keys, retry } = access;
  let checked: Promise<void> | null = null;
  let last: Promise<void> | null = null;
  let freshUntilMs = 0;

  /** The format first: of another version's bucket nothing is touched. */
  async function checkOnce(): Promise<void> {
    try {
      await checkFormat(access);
      await checkBucket(access, id);
    } catch (error) {
      checked = null;
      throw error;
    }
  }

  async function tryWrite(): Promise<void> {
    let forMs = AFTER_FAILURE_MS;
    try {
      const bytes = new TextEncoder().encode("written to see whether it can be\n");
      await retry.attempt((signal) => bucket.put(keys.probe, bytes, { signal }));
      forMs = BETWEEN_MS;
    } finally {
      freshUntilMs = clock.now() + forMs;
    }
  }

  return async () => {
    await (checked ??= checkOnce());
    if (last === null || clock.now() >= freshUntilMs) {
      freshUntilMs = Number.POSITIVE_INFINITY;
      last = tryWrite();
    }
    await last;
  };
}
