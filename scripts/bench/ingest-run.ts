import { sessionPath } from "./data-dir.ts";
import { createDeferred, within } from "./deadline.ts";
import { openHttpStream } from "./http-stream.ts";
import { requireOk } from "./reading.ts";
import { createSequenceReader } from "./sequence.ts";
import { startRun } from "./start-run.ts";

/** What a viewer saw of a run of numbered events. */
export interface IngestedRun {
  /** Events a second, from the first to the last that was seen. */
  readonly perSecond: number;
  /** Events that came whole, once and in order before the first that did not. */
  readonly inOrder: number;
}

const TIMEOUT_MS = 120_000;
const START_TIMEOUT_MS = 10_000;

/** One run of so many events, sent as fast as they are taken, in a new session with one viewer. */
export async function ingestRun(
  port: number,
  session: string,
  events: number,
): Promise<IngestedRun> {
  const path = sessionPath(session);
  const allSeen = createDeferred<void>();
  let firstAtMs = 0;
  let lastAtMs = 0;
  const reader = createSequenceReader();
  const viewer = openHttpStream({
    port,
    path: `${path}/agui/events?view=raw`,
    onBody(bytes) {
      reader.add(bytes);
      if (reader.count === 0) return;
      if (firstAtMs === 0) firstAtMs = performance.now();
      lastAtMs = performance.now();
      if (reader.count >= events) allSeen.resolve();
    },
  });
  try {
    requireOk(await within(viewer.head, START_TIMEOUT_MS, "response head"), path);
    await startRun(port, path);
    // what was seen until then is worth a row even if it is not all
    await within(allSeen.promise, TIMEOUT_MS, "last event").catch(() => {});
  } finally {
    viewer.close();
  }
  const perSecond = (reader.count / Math.max(1, lastAtMs - firstAtMs)) * 1_000;
  return { perSecond, inOrder: reader.inOrder };
}
