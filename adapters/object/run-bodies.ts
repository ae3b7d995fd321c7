import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import { concatBytes } from "../../src/stream/bytes/concat.ts";
import type { BucketAccess } from "./log-end.ts";
import { hashOf, type RunName } from "./marks.ts";
import type { OwnedSession } from "./owned-session.ts";
import { readWhole } from "./read-whole.ts";

/** Runs an operation on a log that is there. Throws `log-not-found`, and as the operation. */
export type WithLog = <T>(
  key: SessionKey,
  logId: string,
  operation: (session: OwnedSession) => Promise<T>,
) => Promise<T>;

/** The bodies of runs that wait: an object each beside the logs. */
export function createRunBodies(
  access: BucketAccess,
  withLog: WithLog,
): Pick<LogStore, "putRunBody" | "runBody" | "removeRunBody"> {
  return {
    putRunBody: async (key, logId, runId, body) =>
      withLog(key, logId, async (session) => {
        await session.hold();
        await putBody(access, { ...key, logId, runId }, concatBytes(body));
      }),

    runBody: async (key, logId, runId) =>
      withLog(key, logId, () => readBody(access, { ...key, logId, runId })),

    removeRunBody: async (key, logId, runId) =>
      withLog(key, logId, async (session) => {
        await session.hold();
        await removeBody(access, { ...key, logId, runId });
      }),
  };
}

async function putBody(
  { bucket, keys, retry }: BucketAccess,
  run: RunName,
  bytes: Uint8Array,
): Promise<void> {
  const key = keys.runBody(run, await hashOf(run.runId));
  await retry.until((signal) => bucket.put(key, bytes, { signal }));
}

async function readBody(
  { bucket, keys, retry }: BucketAccess,
  run: RunName,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const key = keys.runBody(run, await hashOf(run.runId));
  return retry.until(async (signal) => {
    const found = await bucket.get(key, { signal });
    return found && readWhole(found);
  });
}

async function removeBody({ bucket, keys, retry }: BucketAccess, run: RunName): Promise<void> {
  const key = keys.runBody(run, await hashOf(run.runId));
  await retry.until((signal) => bucket.delete([key], { signal }));
}
