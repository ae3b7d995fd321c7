import { createFileBucket } from "../../adapters/file-bucket/index.ts";
import type { ArchiveConfig } from "../config/storage.ts";
import { hasCode } from "../ports/errors.ts";
import type { ObjectBucket } from "../ports/object-bucket.ts";
import { loadOptional } from "./optional-package.ts";
import { pause } from "../stream/sync/pause.ts";
import { systemClock as clock } from "./system-clock.ts";
import { watchedBucket } from "./watched-bucket.ts";

/** A bucket, and what the keys in it begin with. */
export interface OpenBucket {
  readonly bucket: ObjectBucket;
  readonly prefix: string;
  /**
   * Asks it until it answers, its bucket made if that is configured. Rejects as an ObjectBucket does, with
   * `store-busy` or `store-unanswered` after 10 s.
   */
  readonly reach: () => Promise<void>;
  /** Lets its connections go. */
  readonly close: () => void;
}

type S3Config = Extract<ArchiveConfig, { readonly kind: "s3" }>;

/** So long a store that has just been started, or is started beside this process, may take to answer. */
const REACH_MS = 10_000;
const AGAIN_MS = 500;

/** Opens a bucket for archives. `onLong` is called when the bucket does not answer for long. */
export async function openBucket(
  config: ArchiveConfig,
  onLong: (text: string) => void,
): Promise<OpenBucket> {
  if (config.kind === "s3") return openS3Bucket(config, onLong);
  const bucket = createFileBucket({ dir: config.dir });
  return { bucket, prefix: "", reach: async () => {}, close() {} };
}

/** As `openBucket`. Loaded when it is asked for: the SDK takes memory, and need not be installed. */
export async function openS3Bucket(
  { bucket: name, prefix, endpoint, createBucket }: S3Config,
  onLong: (text: string) => void,
): Promise<OpenBucket> {
  const { createS3Bucket } = await loadOptional(() => import("../../adapters/s3/index.ts"), {
    name: "@aws-sdk/client-s3",
    setting: "s3://",
  });
  const s3 = createS3Bucket({ bucket: name, ...(endpoint !== null && { endpoint }) });
  const watched = watchedBucket(s3, onLong);
  let isMade = !createBucket;
  const ask = async (signal: AbortSignal): Promise<void> => {
    if (!isMade) await s3.make({ signal });
    isMade = true;
    await watched.list({ prefix, limit: 1, signal });
  };
  return {
    bucket: watched,
    prefix,
    reach: () => reach(ask),
    close: () => s3.close(),
  };
}

async function reach(ask: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const late = new AbortController();
  const cancel = clock.after(REACH_MS, () => late.abort());
  try {
    for (;;) {
      try {
        return await ask(late.signal);
      } catch (error) {
        const mayHelp = hasCode(error, "store-busy", "store-unanswered");
        if (!mayHelp || late.signal.aborted) throw error;
        await pause(AGAIN_MS, clock, late.signal);
        // the bucket's own error is more precise than the time-out's
        if (late.signal.aborted) throw error;
      }
    }
  } finally {
    cancel();
  }
}
