import type { LogStore, SessionKey } from "../../src/ports/log-store.ts";
import type { Layout } from "./layout.ts";
import { readSmallFile, removeFile, replaceFile } from "./small-file.ts";

/** Runs an operation on a log that is there. Throws `log-not-found`, and as the operation. */
export type WithLog = <T>(
  key: SessionKey,
  logId: string,
  operation: () => Promise<T>,
) => Promise<T>;

/**
 * A request has 16 MiB at most. With the ids and senders that are spliced into it, it has more, by the
 * number of its messages, but never so much.
 */
const MAX_BODY_BYTES = 1024 * 1024 * 1024;

/** The bodies of runs that wait: a file each in the directory of their log. */
export function createRunBodies(
  layout: Layout,
  withLog: WithLog,
): Pick<LogStore, "putRunBody" | "runBody" | "removeRunBody"> {
  return {
    // no later process wants it
    putRunBody: async (key, logId, runId, body) =>
      withLog(key, logId, () =>
        replaceFile(layout.runBody(key, logId, runId), body, { durable: false }),
      ),

    runBody: async (key, logId, runId) =>
      withLog(key, logId, async () => {
        const body = await readSmallFile(layout.runBody(key, logId, runId), MAX_BODY_BYTES);
        return body && body.length <= MAX_BODY_BYTES ? body : null;
      }),

    removeRunBody: async (key, logId, runId) =>
      withLog(key, logId, () => removeFile(layout.runBody(key, logId, runId))),
  };
}
