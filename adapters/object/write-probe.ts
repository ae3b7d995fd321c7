import type { Clock } from "../../src/ports/clock.ts";
import type { BucketAccess } from "./log-end.ts";

export interface WriteProbeOptions {
  readonly access: BucketAccess;
  readonly clock: Clock;
}

/** Each try is a put, which costs money, and probes ask every few seconds. */
const BETWEEN_MS = 30_000;
/** One that failed is tried again sooner: somebody waits for it. */
const AFTER_FAILURE_MS = 2_000;

/**
 * Tries whether the bucket takes an object; rejects with what it says. One try, which is not repeated:
 * whoever asks comes again. All who ask while it is under way, or shortly after, share its outcome.
 */
export function createWriteProbe({ access, clock }: WriteProbeOptions): () => Promise<void> {
  const { bucket, keys, patience } = access;
  let last: Promise<void> | null = null;
  let freshUntilMs = 0;

  async function tryWrite(): Promise<void> {
    let forMs = AFTER_FAILURE_MS;
    try {
      const bytes = new TextEncoder().encode("written to see whether it can be\n");
      await patience.attempt((signal) => bucket.put(keys.probe, bytes, { signal }));
      forMs = BETWEEN_MS;
    } finally {
      freshUntilMs = clock.now() + forMs;
    }
  }

  return () => {
    if (last === null || clock.now() >= freshUntilMs) {
      freshUntilMs = Number.POSITIVE_INFINITY;
      last = tryWrite();
    }
    return last;
  };
}
